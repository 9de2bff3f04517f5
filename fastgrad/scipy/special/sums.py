"""`logsumexp`, `softmax` and `log_softmax` with SciPy's arguments: as in `fastgrad.special`."""

import functools

import numpy as np
import scipy.special

from fastgrad._core.protocols import value
from fastgrad.functions import special
from fastgrad.functions.along import normalized, spread
from fastgrad.functions.lengths import floating
from fastgrad.op import INPUTS, OUTPUT, op, with_operand
from fastgrad.scipy.rules import marked

__all__ = ["logsumexp", "softmax", "log_softmax"]


def parts_of(xp, g, y, a, axis, b, return_sign):
    """The gradient along the axes, and `exp(a)` by the sum of `b * exp(a)`, without overflow."""
    if return_sign:
        g, y = g[0], y[0]
    axes = normalized(axis, a.ndim)
    counted = np.where(np.equal(value(b), 0), -np.inf, np.real(value(a)))
    m = np.max(counted, axes, keepdims=True, initial=-np.inf)
    e = xp.exp(a - np.where(np.isfinite(m), m, 0))
    total = xp.sum(b * e, axis=axes, keepdims=True)
    if not return_sign and total.dtype.kind != "c":
        total = marked(total, value(total) < 0)  # as the logarithm
    return spread(xp, g, e, axes), e / total


def logsumexp_vjp(xp, g, y, a, axis=None, b=None, keepdims=False, return_sign=False):
    """`b * exp(a)` by its sum; the sign changes in steps."""
    if b is None and not return_sign:
        return special.logsumexp_vjp(xp, g, y, a, axis, keepdims)
    b = 1 if b is None else b
    shape = np.broadcast_shapes(a.shape, np.shape(b))
    a = xp.broadcast_to(a, shape)
    g, weights = parts_of(xp, g, y, a, axis, b, return_sign)
    return g * (b * weights)


def logsumexp_b_vjp(xp, g, y, a, b, axis=None, keepdims=False, return_sign=False):
    """`exp(a)` by the sum."""
    a = xp.broadcast_to(a, np.broadcast_shapes(a.shape, b.shape))
    g, weights = parts_of(xp, g, y, a, axis, b, return_sign)
    return g * weights


def of_floating(function):
    """SciPy's function of floating-point numbers: of unsigned integers it may overflow."""

    @functools.wraps(function)
    def forward(x, *args, **kwargs):
        return function(floating(x), *args, **kwargs)

    return forward


logsumexp = op(
    "logsumexp", of_floating(scipy.special.logsumexp), INPUTS | OUTPUT, vjp=logsumexp_vjp
)
with_operand(logsumexp, "b", logsumexp_b_vjp)
softmax = op(
    "softmax",
    of_floating(scipy.special.softmax),
    OUTPUT,
    vjp=lambda xp, g, y, x, axis=None: special.softmax_vjp(xp, g, y, x, axis),
)
log_softmax = op(
    "log_softmax",
    of_floating(scipy.special.log_softmax),
    OUTPUT,
    vjp=lambda xp, g, y, x, axis=None: special.log_softmax_vjp(xp, g, y, x, axis),
)
