"""`scipy.stats.dirichlet`, differentiable: see `fastgrad.scipy.stats`.

The log density is the sum of `(alpha - 1) * log(x)`, less the logarithm of the beta function of
many variables. `x` has a row for each `alpha`, or one less: the last is then 1 less their sum.
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.op import INPUTS as _INPUTS
from fastgrad.op import OUTPUT as _OUTPUT
from fastgrad.op import op as _op
from fastgrad.scipy.rules import ratio as _ratio
from fastgrad.scipy.special.gammas import digamma_step as _digamma_step

__all__ = ["pdf", "logpdf"]


def _whole(xp, x, alpha):
    """`x` with all of its rows."""
    x, n = _as_array(x), alpha.shape[0]
    return x if x.shape[0] == n else xp.concatenate([x, 1 - xp.sum(x, axis=0, keepdims=True)])


def _as_array(x):
    return x if hasattr(x, "dtype") else _np.asarray(x, float)


def _x_vjp(xp, g, y, x, alpha):
    x, alpha = _as_array(x), _as_array(alpha)
    column = xp.reshape(alpha, (-1,) + (1,) * (x.ndim - 1))
    slope = _ratio(xp, column - 1, _whole(xp, x, alpha))
    n = x.shape[0]
    return g * (slope if n == slope.shape[0] else slope[:n] - slope[n:])


def _alpha_vjp(xp, g, y, x, alpha):
    alpha = _as_array(alpha)
    x = _whole(xp, x, alpha)
    slope = xp.log(x)
    step = _digamma_step(xp, alpha, xp.sum(alpha) - alpha)
    slope = slope + xp.reshape(step, (-1,) + (1,) * (x.ndim - 1))
    return xp.sum(xp.reshape(g * slope, (alpha.shape[0], -1)), axis=1)


def _forward(name):
    method = getattr(_scipy.dirichlet, name)

    def forward(x, alpha):
        return method(x, alpha)

    return forward


logpdf = _op("dirichlet_logpdf", _forward("logpdf"), vjp=(_x_vjp, _alpha_vjp))
pdf = _op(
    "dirichlet_pdf",
    _forward("pdf"),
    _INPUTS | _OUTPUT,
    vjp=(
        lambda xp, g, y, x, alpha: _x_vjp(xp, g * y, y, x, alpha),
        lambda xp, g, y, x, alpha: _alpha_vjp(xp, g * y, y, x, alpha),
    ),
)

__getattr__, __dir__ = _namespace_of(_scipy.dirichlet, globals())
