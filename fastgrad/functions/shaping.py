"""The same elements in another arrangement: shapes, axes, joining, splitting, padding."""

import numpy as np

from fastgrad.op import NOTHING, op

__all__ = ["reshape", "broadcast_to", "concatenate"]

reshape = op(
    "reshape",
    np.reshape,
    NOTHING,
    vjp=lambda xp, g, y, x, shape=None, order="C", **_: xp.reshape(g, x.shape, order=order),
)
broadcast_to = op(
    "broadcast_to",
    np.broadcast_to,
    NOTHING,
    vjp=lambda xp, g, y, x, shape=None, subok=False: g,  # the engine sums it
)


def concatenate_vjp(xp, i, g, y, xs, axis=0, **_):
    """The part of `g` that operand `i` became."""
    if axis is None:
        start = sum(x.size for x in xs[:i])
        return xp.reshape(g[start : start + xs[i].size], xs[i].shape)
    start = sum(x.shape[axis] for x in xs[:i])
    index = [slice(None)] * g.ndim
    index[axis] = slice(start, start + xs[i].shape[axis])
    return g[tuple(index)]


concatenate = op("concatenate", np.concatenate, NOTHING, vjp=concatenate_vjp, sequence=True)
