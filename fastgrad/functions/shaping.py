"""The same elements in another arrangement: shapes, axes, joining, splitting, padding, repeating.

All of these are linear but for a few modes of `pad`, so nothing is saved. The chapter is told in
five files: `shapes`, `joining`, `padding`, `creation`, and the rest here.
"""

import itertools

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.functions import creation, joining, padding, shapes
from fastgrad.functions.creation import *  # noqa: F403
from fastgrad.functions.indexing import scatter
from fastgrad.functions.joining import *  # noqa: F403
from fastgrad.functions.padding import *  # noqa: F403
from fastgrad.functions.shapes import *  # noqa: F403
from fastgrad.functions.shapes import along, as_operand, composed
from fastgrad.op import NOTHING, op

__all__ = [
    *shapes.__all__, *joining.__all__, *padding.__all__,
    *creation.__all__, "tile", "repeat", "resize", "delete", "insert", "trim_zeros",
]  # fmt: skip

# --- repeating ---


def tile_vjp(xp, g, y, x, reps):
    """The sum over the copies, each of which gets an axis."""
    reps = tuple(reps) if np.ndim(reps) else (int(reps),)
    reps = (1,) * (x.ndim - len(reps)) + reps
    shape = (1,) * (len(reps) - x.ndim) + x.shape
    g = xp.reshape(g, tuple(itertools.chain(*zip(reps, shape, strict=True))))
    return xp.reshape(xp.sum(g, axis=tuple(range(0, g.ndim, 2))), x.shape)


def repeat_vjp(xp, g, y, x, repeats, axis=None):
    """The sum over what an element became."""
    shape, axis = (x.shape, axis % x.ndim) if axis is not None and x.ndim else ((x.size,), 0)
    repeats = np.asarray(repeats)
    if repeats.size == 1:
        g = xp.reshape(g, (*shape[: axis + 1], repeats.item(), *shape[axis + 1 :]))
        return xp.reshape(xp.sum(g, axis=axis + 1), x.shape)
    places = np.repeat(np.arange(shape[axis]), repeats)
    return xp.reshape(scatter(g, along(axis, places), shape), x.shape)


def resize_vjp(xp, g, y, x, new_shape):
    """As often as the elements fill the new shape."""
    if x.size == 0:
        return np.zeros(x.shape)
    places = np.arange(g.size) % x.size
    return xp.reshape(scatter(xp.reshape(g, -1), places, (x.size,)), x.shape)


tile = op("tile", np.tile, NOTHING, vjp=tile_vjp)
repeat = op("repeat", np.repeat, NOTHING, vjp=repeat_vjp)
resize = op("resize", np.resize, NOTHING, vjp=resize_vjp)

# --- adding and removing elements ---


def delete_vjp(xp, g, y, x, obj, axis=None):
    """Back to where the elements that are left came from."""
    shape, axis = (x.shape, axis % x.ndim) if axis is not None else ((x.size,), 0)
    places = np.delete(np.arange(shape[axis]), obj)
    return xp.reshape(scatter(g, along(axis, places), shape), x.shape)


def insert_arr_vjp(xp, g, y, x, obj, values, axis=None):
    """The elements that were there before."""
    n, axis = (x.shape[axis], axis % x.ndim) if axis is not None else (x.size, 0)
    inserted = np.full(g.shape[axis] - n, -1)
    places = np.flatnonzero(np.insert(np.arange(n), obj, inserted) >= 0)
    return as_operand(xp, g[along(axis, places)], y, x)


def insert_values_vjp(xp, g, y, x, obj, values, axis=None):
    """Those that were inserted, in the order of the values; a scalar `obj` has them in axis 0."""
    n, axis = (np.shape(x)[axis], axis % np.ndim(x)) if axis is not None else (np.size(x), 0)
    numbers = np.insert(np.full(n, -1), obj, np.arange(g.shape[axis] - n))
    places = np.flatnonzero(numbers >= 0)
    g = g[along(axis, places[np.argsort(numbers[places])])]
    if not isinstance(obj, slice) and np.ndim(obj) == 0:
        g = xp.moveaxis(g, axis, 0)
    return xp.reshape(g, (*(1,) * (values.ndim - g.ndim), *g.shape))  # NumPy drops leading ones


delete = op("delete", np.delete, NOTHING, vjp=delete_vjp)
insert = op("insert", np.insert, NOTHING, vjp=(insert_arr_vjp, None, insert_values_vjp))


@composed(np.trim_zeros)
def trim_zeros(filt, trim="fb", *args, **kwargs):
    """`np.trim_zeros`: a slice, which the values decide."""
    trimmed = np.asarray(np.trim_zeros(value(filt), trim, *args, **kwargs))
    places = np.argwhere(value(filt))
    first = places.min(axis=0) if len(places) and "f" in trim.lower() else [0] * trimmed.ndim
    index = tuple(
        slice(None) if n == n_before else slice(start, start + n)
        for start, n, n_before in zip(first, trimmed.shape, np.shape(value(filt)), strict=True)
    )
    return filt[index] if len(index) > 1 else filt[index[0]]
