"""Polynomials: arrays of coefficients, the highest power first.

Conventions: `roots` is differentiated where the roots are simple, double ones (up to rounding)
have gradient NaN; its leading zeros have no gradient; what `polymul` trims has none either.
"""

import warnings

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.functions.creation import asarray
from fastgrad.functions.indexing import scatter
from fastgrad.functions.joining import atleast_1d, concatenate, stack
from fastgrad.functions.shapes import composed, transpose
from fastgrad.functions.shaping import trim_zeros
from fastgrad.op import INPUTS, NOTHING, OUTPUT, op, refuse

__all__ = [
    "polyval", "poly", "roots", "polyfit", "polyadd", "polysub", "polymul", "polyder",
    "polyint",
]  # fmt: skip


def polyval_p_vjp(xp, g, y, p, x):
    """The powers of `x`."""
    powers = np.arange(p.shape[0])[::-1].reshape(-1, *(1,) * g.ndim)
    products = g * xp.asarray(x) ** powers
    return xp.sum(products, axis=tuple(range(1, g.ndim + 1))) if p.ndim == 1 else products


def polyval_x_vjp(xp, g, y, p, x):
    """The value of the derivative."""
    p = xp.asarray(p)
    return g * xp.polyval(p[:-1] * np.arange(p.shape[0] - 1, 0, -1), x)


def is_multiple(slopes, y_powers, p):
    """Which roots are double, or more, up to the rounding of the polynomial's value.

    That rounding, e, moves a root by `e / p'`, and so changes p' by `p'' e / p'`: where this is not
    less than p', nothing is known of its derivative.
    """
    powers = np.arange(p.size - 1, -1, -1)
    curvatures = np.abs(np.sum(y_powers[:, 2:] * (p * powers * (powers - 1))[:-2], axis=1))
    e = 8 * p.size * np.finfo(y_powers.dtype).eps * np.sum(np.abs(y_powers * p), axis=1)
    return np.abs(slopes) <= np.sqrt(curvatures) * np.sqrt(e)


# NaN where `x` is not 0, and a derivative of NaN: for what must not depend on `x`.
if_used = op(
    "if_used",
    lambda x: np.where(x == 0, x, np.asarray(np.nan, x.dtype)),
    NOTHING,
    vjp=lambda xp, g, y, x: np.where(value(g) != 0, np.nan, 0),
)


def roots_vjp(xp, g, y, p):
    """`p(y) = 0` differentiated: `p'(y) dy + dp(y) = 0`."""
    if y.size == 0:
        return np.zeros(p.shape)
    first = np.flatnonzero(p != 0)[0]
    p_ = p[first:]
    powers = np.arange(y.size, -1, -1)
    y_powers = y[:, None] ** powers
    slopes = xp.sum(y_powers[:, 1:] * (p_[:-1] * powers[:-1]), axis=1)
    # A double root has no derivative; where nothing depends on it, it must not spoil the others'.
    double = is_multiple(value(slopes), value(y_powers), value(p_))
    steps = g / xp.where(double, 1, slopes) * np.where(double & (value(g) != 0), np.nan, 1)
    if xp is not np and np.any(double):
        steps = xp.where(double, if_used(g), steps)
    gp = -xp.sum(steps[:, None] * y_powers, axis=0)
    return scatter(gp, (slice(first, None),), p.shape)


polyval = op("polyval", np.polyval, INPUTS, vjp=(polyval_p_vjp, polyval_x_vjp))
roots = op("roots", np.roots, INPUTS | OUTPUT, vjp=roots_vjp)


@composed(np.poly)
def poly(seq_of_zeros):
    """`np.poly`: a convolution for each root, of floating numbers.

    Of unsigned integers, whose negatives wrap around, NumPy's own makes another polynomial.
    """
    zeros = atleast_1d(seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        zeros = np.linalg.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    dtype = np.dtype(np.mintypecode(zeros.dtype.char))
    zeros = zeros.astype(dtype)
    y = np.ones(1, dtype)
    for i in range(zeros.size):
        y = np.convolve(y, stack([1, -zeros[i]], dtype=dtype, casting="unsafe"))
    xs = value(zeros)
    if y.dtype.kind == "c" and np.all(np.sort(xs) == np.sort(xs.conj())):
        y = np.real(y)
    return y


def padded(p, n):
    """With zeros of the other's length in front."""
    return concatenate((np.zeros(n, p.dtype), p)) if n > 0 else p


@composed(np.polyadd)
def polyadd(a1, a2):
    """`np.polyadd`: the sum, the shorter one with zeros in front."""
    a1, a2 = atleast_1d(a1), atleast_1d(a2)
    return padded(a1, a2.size - a1.size) + padded(a2, a1.size - a2.size)


@composed(np.polysub)
def polysub(a1, a2):
    """`np.polysub`: the difference, the shorter one with zeros in front."""
    a1, a2 = atleast_1d(a1), atleast_1d(a2)
    return padded(a1, a2.size - a1.size) - padded(a2, a1.size - a2.size)


@composed(np.polymul)
def polymul(a1, a2):
    """`np.polymul`: a convolution, without zeros in front."""
    trimmed = [trim_zeros(atleast_1d(a), "f") for a in (a1, a2)]
    return np.convolve(*(a if a.size else np.zeros(1, a.dtype) for a in trimmed))


@composed(np.polyder)
def polyder(p, m=1):
    """`np.polyder`, coefficient by coefficient."""
    if int(m) < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = asarray(p)
    for _ in range(int(m)):
        p = p[:-1] * np.arange(p.size - 1, 0, -1)
    return p


@composed(np.polyint)
def polyint(p, m=1, k=None):
    """`np.polyint`, coefficient by coefficient."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = np.zeros(m) if k is None else atleast_1d(k)
    if k.size == 1 and m > 1:
        k = k[0] * np.ones(m)
    if k.size < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = asarray(p)
    for i in range(m):
        p = concatenate((p / np.arange(p.size, 0, -1), k[i : i + 1]))
    return p


@composed(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """`np.polyfit`: least squares with the powers of `x`; not with `full` or `cov`."""
    if full or cov:
        raise TypeError(
            "np.polyfit: with full=True or cov=True not implemented for Variables; use "
            "np.linalg.lstsq with np.vander(x, deg + 1)"
        )
    x, y = asarray(x) + 0.0, asarray(y) + 0.0
    w = None if w is None else asarray(w) + 0.0
    if deg < 0 or x.ndim != 1 or x.size == 0 or y.shape[:1] != x.shape or y.ndim > 2 or (
        w is not None and w.shape != x.shape
    ):  # fmt: skip
        return np.polyfit(*map(value, (x, y, deg, rcond, full, w)))  # raises
    lhs, rhs = np.vander(x, int(deg) + 1), y
    rcond = len(x) * np.finfo(lhs.dtype).eps if rcond is None else rcond
    if w is not None:
        lhs = lhs * w[:, None]
        rhs = rhs * (w[:, None] if rhs.ndim == 2 else w)
    scale = np.sqrt(np.sum(lhs * lhs, axis=0))
    c, _, rank, _ = np.linalg.lstsq(lhs / scale, rhs, rcond)
    if value(rank) != lhs.shape[1]:
        text = "Polyfit may be poorly conditioned"
        warnings.warn(text, np.exceptions.RankWarning, stacklevel=2)
    return transpose(transpose(c) / scale)


refuse("divides in place, step by step; multiply with np.polymul, or evaluate the quotient "
       "with np.polyval", np.polydiv)  # fmt: skip
