"""Many elements to one: sums, products, extremes, statistics; and the running kinds."""

import numpy as np

from fastgrad.op import NOTHING, op

__all__ = ["sum"]

MISSING = np._NoValue  # what NumPy's reductions have for an argument that was not passed


def spread(xp, g, x, axis, keepdims):
    """The gradient `g` of a reduction of `x` along `axis`, with the reduced axes back as ones."""
    if axis is None:
        return xp.reshape(g, (1,) * x.ndim)
    if keepdims is True:
        return g
    axes = np.lib.array_utils.normalize_axis_tuple(axis, x.ndim)
    return xp.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(x.shape)))


def sum_vjp(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """Each element that is summed gets the gradient of the sum."""
    g = xp.broadcast_to(spread(xp, g, x, axis, keepdims), x.shape)
    return g if where is True else xp.where(where, g, 0)


sum = op("sum", np.sum, NOTHING, vjp=sum_vjp)
