"""Differences of neighbours, and finite differences."""

import numpy as np

from fastgrad._core.arguments import holds_variable
from fastgrad._core.protocols import value
from fastgrad.functions.along import (
    MISSING,
    cut,
    normalized,
    others,
    padded,
    undiff,
)
from fastgrad.op import NOTHING, implements, op

__all__ = ["diff", "ediff1d", "gradient"]


# --- diff ---


def diff_vjp(part):
    """The VJP for the `part` of what is differenced: "prepend", "a" or "append"."""

    def vjp(xp, g, y, a, n=1, axis=-1, prepend=MISSING, append=MISSING):
        n = value(n)
        if n == 0:  # then NumPy adds nothing, before or after
            return g if part == "a" else None
        axis = normalized(axis, g.ndim)[0]
        for _ in range(n):
            g = undiff(xp, g, axis)
        start = length(prepend, axis)
        stop = start + a.shape[axis]
        return g[cut(axis, *{"prepend": (0, start), "a": (start, stop), "append": (stop,)}[part])]

    return vjp


def length(x, axis):
    """How many elements along `axis` it adds: a scalar one."""
    if x is MISSING:
        return 0
    shape = np.shape(value(x))
    return shape[axis] if shape else 1


differences = op(
    "diff",
    np.diff,
    NOTHING,
    vjp=(diff_vjp("a"), None, None, diff_vjp("prepend"), diff_vjp("append")),
)


@implements(np.diff)
def diff(a, n=1, axis=-1, prepend=MISSING, append=MISSING):
    """`np.diff`; `a`, `prepend` and `append` may be Variables."""
    return differences(a, n, axis, prepend, append)


# --- ediff1d ---


def ediff1d_vjp(i):
    """The VJP for `ary`, `to_end` or `to_begin`, which are operands 0, 1 and 2."""

    def vjp(xp, g, y, ary, to_end=None, to_begin=None):
        start = np.size(value(to_begin)) if to_begin is not None else 0
        stop = g.size - (np.size(value(to_end)) if to_end is not None else 0)
        if i == 0:
            gx = undiff(xp, g[start:stop], 0)[: ary.size]  # of no elements there is one too many
            return xp.reshape(gx, ary.shape)
        return xp.reshape(g[stop:], to_end.shape) if i == 1 else xp.reshape(
            g[:start], to_begin.shape
        )  # fmt: skip

    return vjp


flat_differences = op(
    "ediff1d", np.ediff1d, NOTHING, vjp=(ediff1d_vjp(0), ediff1d_vjp(1), ediff1d_vjp(2))
)


@implements(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    """`np.ediff1d`; each argument may be a Variable."""
    return flat_differences(ary, to_end, to_begin)


# --- gradient ---
#
# Inside, `y = (h2 s1 + h1 s2) / (h1 + h2)` from the slopes `s` and lengths `h` of the intervals on
# both sides. At the ends it is the slope; for edge_order 2 `s1 + h1 (s1 - s2) / (h1 + h2)`, from
# the interval at the end (1) and the next (2): derivatives of the parabola through three points.


def intervals(xp, f, spacing, axis):
    """The lengths of the intervals, in a shape that broadcasts against `f`."""
    n = f.shape[axis] - 1
    spacing = spacing if hasattr(spacing, "shape") else np.asarray(spacing)
    spacing = spacing if spacing.dtype.kind in "fc" else value(spacing) + 0.0  # unsigned ones, too
    h = xp.broadcast_to(spacing, (n,)) if spacing.ndim == 0 else spacing[1:] - spacing[:-1]
    return xp.reshape(h, (n,) + (1,) * (f.ndim - 1 - axis))


def for_slopes(xp, g, h, axis, edge_order):
    """The gradient for the slopes of the intervals."""
    n = g.shape[axis] - 1
    first, inside, last = g[cut(axis, 0, 1)], g[cut(axis, 1, -1)], g[cut(axis, -1)]
    share = h[1:] / (h[:-1] + h[1:])  # of the slope before
    gs = padded(xp, inside * share, axis, 0, 1) + padded(xp, inside * (1 - share), axis, 1, 0)
    if edge_order == 2:
        r0, r1 = 1 - share[:1], share[-1:]
        gs = gs - padded(xp, first * r0, axis, 1, n - 2) - padded(xp, last * r1, axis, n - 2, 1)
        first, last = first * (1 + r0), last * (1 + r1)
    return gs + padded(xp, first, axis, 0, n - 1) + padded(xp, last, axis, n - 1, 0)


def gradient_vjp(xp, g, y, f, spacing, axis, edge_order):
    """Back through the slopes `diff(f) / h`."""
    h = intervals(xp, f, spacing, axis)
    return undiff(xp, for_slopes(xp, g, h, axis, edge_order) / h, axis)


def spacing_vjp(xp, g, y, f, spacing, axis, edge_order):
    """Through the slopes, and through the weights that they have in `y`."""
    h = intervals(xp, f, spacing, axis)
    s = (f[cut(axis, 1)] - f[cut(axis, None, -1)]) / h
    gh = -for_slopes(xp, g, h, axis, edge_order) * s / h
    h1, h2 = h[:-1], h[1:]
    bend = (s[cut(axis, 1)] - s[cut(axis, None, -1)]) / ((h1 + h2) * (h1 + h2))
    weights = g[cut(axis, 1, -1)]
    if edge_order == 2:  # at the ends the weights of `bend` have other signs, else the same form
        n = g.shape[axis] - 2
        weights = weights - padded(xp, g[cut(axis, 0, 1)], axis, 0, n - 1)
        weights = weights - padded(xp, g[cut(axis, -1)], axis, n - 1, 0)
    bend = weights * bend
    gh = gh + padded(xp, bend * h2, axis, 0, 1) - padded(xp, bend * h1, axis, 1, 0)
    if np.ndim(value(spacing)) == 0:
        return xp.sum(gh)
    return undiff(xp, xp.sum(gh, axis=others((axis,), gh.ndim)), 0)


gradient_along = op(
    "gradient",
    lambda f, spacing, axis, edge_order: np.gradient(f, spacing, axis=axis, edge_order=edge_order),
    vjp=(gradient_vjp, spacing_vjp),
)


@implements(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """`np.gradient`; `f` and the spacings may be Variables."""
    if not holds_variable(f, *varargs):
        return np.gradient(f, *varargs, axis=axis, edge_order=edge_order)
    axes = normalized(axis, np.ndim(value(f)))
    if not varargs:
        spacings = (1.0,) * len(axes)
    elif len(varargs) == 1 and np.ndim(value(varargs[0])) == 0:
        spacings = varargs * len(axes)
    elif len(varargs) == len(axes):
        spacings = varargs
    else:  # NumPy says what is wrong
        return np.gradient(value(f), *value(varargs), axis=axis, edge_order=edge_order)
    ys = tuple(gradient_along(f, h, i, edge_order) for i, h in zip(axes, spacings, strict=True))
    return ys[0] if len(ys) == 1 else ys
