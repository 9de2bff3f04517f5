"""Sums of products of shifted arrays, and of values of a table: convolution, interpolation.

`correlate` conjugates its second operand, and nothing else does. Where `interp` has a kink, at a
point of `xp`, the slope is that of the piece to the right (at the last point: to the left); outside
of `xp`, and of equal points, it is 0.
"""

from functools import partial

import numpy as np

from fastgrad.functions.indexing import scatter
from fastgrad.functions.products import arrays, of_both
from fastgrad.op import OTHERS, implements, op

__all__ = ["convolve", "correlate", "interp", "vander"]

# --- convolution ---


def whole(xp, g, a, v, late=False):
    """`g` with zeros around it, where `mode` had left elements out; the odd one is in front."""
    missing = a.size + v.size - 1 - g.size
    before = missing - missing // 2 if late else missing // 2
    zeros = [np.zeros(n, g.dtype) for n in (before, missing - before)]
    return xp.concatenate([zeros[0], g, zeros[1]]) if missing else g


def convolve_vjp(xp, i, g, y, a, v, mode="full"):
    """The convolution of `g` with the other operand, reversed."""
    a, v = arrays(a, v)
    other = v if i == 0 else a
    return xp.convolve(whole(xp, g, a, v), xp.reshape(other, (other.size,))[::-1], "valid")


def correlate_vjp(xp, i, g, y, a, v, mode="valid"):
    """Of the convolution of `a` with the conjugate of `v`, reversed."""
    a, v = arrays(a, v)
    g = whole(xp, g, a, v, late=v.size > a.size)
    if i == 0:
        return xp.convolve(g, xp.conj(xp.reshape(v, (v.size,))), "valid")
    return xp.conj(xp.convolve(g, xp.reshape(a, (a.size,))[::-1], "valid")[::-1])


convolve = op("convolve", np.convolve, OTHERS, vjp=of_both(convolve_vjp))
correlate = op("correlate", np.correlate, OTHERS, vjp=of_both(correlate_vjp))

# --- interpolation, polynomials ---


def interp_pieces(xp, x, points, values, period):
    """Of each `x` the end points of its piece and where they come from; and where `x` lies.

    Returns `(x, x0, x1, f0, f1, i0, i1, inside)`; with a period, `x` and the points are shifted by
    multiples of it.
    """
    order = np.arange(points.size)
    shift = np.zeros(points.size)
    if period is not None:
        period = abs(period)
        x = xp.remainder(x, period)
        points = xp.remainder(points, period)
        order = xp.argsort(points)
        order = np.concatenate([order[-1:], order, order[:1]])
        shift = np.concatenate([[-period], shift, [period]])
    knots = points[order] + shift
    left = np.clip(xp.searchsorted(knots, x, side="right") - 1, 0, max(knots.size - 2, 0))
    right = np.minimum(left + 1, knots.size - 1)
    inside = (x >= knots[0]) & (x <= knots[-1])
    i0, i1 = order[left], order[right]
    return x, knots[left], knots[right], values[i0], values[i1], i0, i1, inside


def interp_vjp(xp, i, g, y, x, points, values, left=None, right=None, period=None):
    """The slope of the piece for `x`; for its end points what moving each of them changes."""
    x, points, values = arrays(x, points, values)
    at, x0, x1, f0, f1, i0, i1, inside = interp_pieces(xp, x, points, values, period)
    below, above = ~inside & (at < x0), ~inside & (at > x0)
    if i >= 3:
        return xp.sum(xp.where(below if i == 3 else above, g, 0))
    width = x1 - x0
    flat = width == 0
    width = xp.where(flat, 1, width)
    slope = xp.where(inside & ~flat, (f1 - f0) / width, 0)
    if i == 0:
        return g * slope
    part = xp.where(flat, 0, (at - x0) / width)  # of the way through the piece
    if i == 1:
        g0, g1 = g * slope * (part - 1), -g * slope * part
        like = points
    else:
        part = xp.where(inside, part, 0)
        g0 = xp.where(inside | (below & (left is None)), g, 0) * (1 - part)
        g1 = xp.where(inside, g, 0) * part + xp.where(above & (right is None), g, 0)
        like = values
    return scatter(g0, i0, like.shape) + scatter(g1, i1, like.shape)


interp_at = op(
    "interp",
    lambda x, xp, fp, left, right, period: np.interp(x, xp, fp, left, right, period),
    vjp=tuple(partial(lambda i, xp, *args: interp_vjp(xp, i, *args), i) for i in range(5)),
)


@implements(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """`np.interp`, for Variables too; differentiable for all but the period."""
    return interp_at(x, xp, fp, left, right, period)


def vander_vjp(xp, g, y, x, N=None, increasing=False):
    """The derivatives of the powers are powers again, but for the factors."""
    n = y.shape[1]
    if n < 2:
        return np.zeros(x.shape)
    factors = np.arange(1, n).astype(y.dtype)
    g = g[:, 1:] * factors if increasing else g[:, :-1] * factors[::-1]
    return xp.sum(g * xp.vander(x, n - 1, increasing), axis=-1)


vander = op("vander", np.vander, vjp=vander_vjp)
