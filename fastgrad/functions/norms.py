"""Norms of vectors and matrices: see `linalg`."""

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fastgrad._core.protocols import value
from fastgrad.functions.decompositions import conj
from fastgrad.functions.degenerate import resolution, touched
from fastgrad.functions.lengths import masked_ratio, slope_at_zero
from fastgrad.op import INPUTS, OUTPUT, op

__all__ = ["norm", "vector_norm", "matrix_norm"]


def direction(xp, x):
    """The derivative of |x|: for complex numbers conj(x) / |x|; 0 at 0."""
    if x.dtype.kind == "c":
        return masked_ratio(xp, xp.conj(x), xp.abs(x))
    return xp.sign(x)


def shared(chosen, axes):
    """The share of each of those that were chosen along `axes`."""
    return chosen / np.maximum(chosen.sum(axes, keepdims=True), 1)


def ties(s, y, n):
    """The shares of those singular values of matrices of size `n` that are `y` but for rounding."""
    return shared(np.abs(value(s) - y) <= resolution(s, n)[..., 0], -1)


def unit(xp, x, y, axes):
    """`x / y`, and 0 at 0; also where the squares that y is the root of over- or underflow."""
    r, info = value(y), np.finfo(y.dtype)
    odd = ~((r < np.inf) & (r > 2 * np.sqrt(info.tiny)))
    if np.any(odd):
        m = np.max(np.abs(value(x)), axis=axes, keepdims=True, initial=0)
        odd &= (m > 0) & np.isfinite(m)
    if not np.any(odd):
        return masked_ratio(xp, x, y)
    _, n = np.frexp(np.where(odd, m, 1))
    u = x * np.ldexp(m.dtype.type(1), np.clip(-n, 2 - info.maxexp, info.maxexp - 2))
    square = xp.sum(xp.real(u * xp.conjugate(u)), axis=axes, keepdims=True)
    length = xp.sqrt(xp.where(odd, square, 1))
    return xp.where(odd, u / length, masked_ratio(xp, x, xp.where(odd, 1, y)))


def length_vjp(xp, g, y, x, axes, order):
    """Of the norm of vectors."""
    slope = slope_at_zero(xp, g, y) if order == 2 else None
    ones = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    g, y = xp.reshape(g, ones), xp.reshape(y, ones)
    if order == 2:
        gx = g * unit(xp, conj(xp, x), y, axes)
        return gx if slope is None else gx + xp.reshape(slope, ones) * conj(xp, x)
    if order == 0:
        return np.zeros(x.shape, g.dtype)
    if order == 1:
        return g * direction(xp, x)
    r = xp.abs(x)
    if order in (np.inf, -np.inf):
        return g * direction(xp, x) * shared(r == y, axes)
    # Where x is 0 a constant is, and all of its derivatives: x | x |**(order - 2) has a kink there
    # for most orders.
    zero = r == 0
    ratio = masked_ratio(xp, r, y)
    if np.any(zero):
        ratio = xp.where(zero, 1, ratio)
    return g * direction(xp, x) * ratio ** (order - 1)


def matrix_norm_vjp_of(xp, g, x, axes, order):
    """Of the norm of matrices, that is no norm of their elements; `g` with their axes as ones."""
    if order in ("nuc", 2, -2):
        u, s, vh = xp.linalg.svd(xp.moveaxis(x, axes, (-2, -1)), full_matrices=False)
        gs = xp.moveaxis(g, axes, (-2, -1))[..., 0]
        if order == "nuc":
            gs = gs * np.ones(s.shape, s.dtype)
        else:
            n = max(x.shape[axis] for axis in axes)
            gs = gs * ties(s, value(s)[..., :1] if order == 2 else value(s)[..., -1:], n)
            gs = gs if xp is np else touched(gs, s)  # which of them is the largest may change
        return xp.moveaxis(conj(xp, (u * gs[..., None, :]) @ vh), (-2, -1), axes)
    summed, other = axes if order in (1, -1) else axes[::-1]
    sums = xp.sum(xp.abs(x), axis=summed, keepdims=True)
    extreme = (xp.max if order > 0 else xp.min)(sums, axis=other, keepdims=True)
    return g * direction(xp, x) * shared(sums == extreme, other)


def norm_vjp(xp, g, y, x, ord=None, axis=None, keepdims=False):
    """Of vectors or matrices, as NumPy decides."""
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    if ord is None or ord in ("fro", "f"):
        return length_vjp(xp, g, y, x, axes, 2)
    if len(axes) == 1:
        return length_vjp(xp, g, y, x, axes, ord)
    ones = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    return matrix_norm_vjp_of(xp, xp.reshape(g, ones), x, axes, ord)


def vector_norm_vjp(xp, g, y, x, *, axis=None, keepdims=False, ord=2):
    """Of the vector of all elements along the axes."""
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return length_vjp(xp, g, y, x, axes, 2 if ord is None else ord)


def matrix_norm_vjp(xp, g, y, x, *, keepdims=False, ord="fro"):
    """As of `norm`."""
    return norm_vjp(xp, g, y, x, ord, (-2, -1))


norm = op("norm", np.linalg.norm, INPUTS | OUTPUT, vjp=norm_vjp)
vector_norm = op("vector_norm", np.linalg.vector_norm, INPUTS | OUTPUT, vjp=vector_norm_vjp)
matrix_norm = op("matrix_norm", np.linalg.matrix_norm, INPUTS | OUTPUT, vjp=matrix_norm_vjp)
