"""What the rows that work along axes share."""

import math

import numpy as np

MISSING = np._NoValue  # what NumPy's functions have for an argument that was not passed


def normalized(axis, ndim):
    """The axes that `axis` stands for: a tuple, none negative. A 0-d array is summed along 0."""
    if axis is None or ndim == 0:
        return tuple(range(ndim))
    return np.lib.array_utils.normalize_axis_tuple(axis, ndim)


def others(axes, ndim):
    """The axes that are not among `axes`."""
    return tuple(i for i in range(ndim) if i not in axes)


def order_of(axes):
    """The places of the axes in ascending order: NumPy's argsort takes microseconds for a list."""
    return sorted(range(len(axes)), key=axes.__getitem__)


def stable_order(x, axis):
    """`np.argsort(x, axis, kind="stable")` of an array, up to six times as fast.

    NumPy's unstable sort is that much faster on most processors. What it leaves in any order are
    equal elements: their places, sorted within each run of them.
    """
    if type(x) is not np.ndarray:  # under the log of a replay: that sees one function of NumPy
        return np.argsort(x, axis, kind="stable")
    n = x.shape[axis]
    if x.dtype.kind not in "fiu" or x.itemsize not in (4, 8) or not 256 < n < 1 << 31:
        return np.argsort(x, axis, kind="stable")
    order = np.argsort(x, axis)
    y = np.take_along_axis(x, order, axis)
    after, before = cut(axis, 1), cut(axis, None, -1)
    equal = y[after] == y[before]
    last = y[along(axis, -1)]
    if np.any(last != last):
        equal |= y[before] != y[before]  # from the first NaN on there are no others
    if not equal.any():
        return order
    runs = np.zeros(x.shape, np.int64)
    np.cumsum(~equal, axis, out=runs[after])
    runs *= n
    return np.sort(runs + order, axis) - runs


def spread(xp, g, x, axis, keepdims=False):
    """The gradient `g` of a reduction of `x` along `axis`, with the reduced axes back as ones."""
    axes = normalized(axis, x.ndim)
    return xp.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def count(x, axis, where=True):
    """How many elements of `x` a reduction along `axis` takes: a number, or an array as spread.

    A float64, where it is no float32 exactly, so that it is not rounded to the dtype of `x`.
    """
    axes = normalized(axis, x.ndim)
    if where is True:
        n = math.prod(x.shape[i] for i in axes)
        return n if n <= 1 << 24 else np.float64(n)
    return np.sum(np.broadcast_to(where, x.shape), axis=axes, keepdims=True)


def at_least_one(n):
    """A count to divide by: where it is 0 there is nothing that gets the quotient."""
    return np.maximum(n, 1) if isinstance(n, np.ndarray) else n or 1


def degrees_of_freedom(n, ddof):
    """`n - ddof`, but NaN where a variance is: of too few."""
    if isinstance(n, np.ndarray):
        return np.where(n > ddof, n - ddof, np.nan)
    return n - ddof if n > ddof else math.nan


def along(axis, part):
    """The index of a part along one axis, which is not negative."""
    return (slice(None),) * axis + (part,)


def cut(axis, start=None, stop=None, step=None):
    """The index of a slice along one axis, which is not negative."""
    return along(axis, slice(start, stop, step))


def padded(xp, g, axis, before, after):
    """`g` between as many zeros along an axis, which is not negative."""

    def zeros(n):
        return np.zeros((*g.shape[:axis], n, *g.shape[axis + 1 :]), g.dtype)

    parts = [*([zeros(before)] if before else []), g, *([zeros(after)] if after else [])]
    return xp.concatenate(parts, axis=axis) if len(parts) > 1 else g


def undiff(xp, g, axis):
    """The transpose of `x[1:] - x[:-1]` along an axis, which is not negative."""
    g = padded(xp, g, axis, 1, 1)
    return g[cut(axis, None, -1)] - g[cut(axis, 1)]
