"""Parts of an array: what `x[index]` does, taking, sorting, partitioning."""

import numpy as np

from fastgrad.op import NOTHING, op

__all__ = []


def scatter_forward(g, index, shape):
    """Zeros of `shape` with `g` added at `index`, as often as it selects an element."""
    y = np.zeros(shape, g.dtype)
    np.add.at(y, index, g)
    return y


# The transpose of `x[index]`: for VJPs that put gradients back to where they came from.
scatter = op("scatter", scatter_forward, NOTHING, vjp=lambda xp, g, y, x, index, shape: g[index])
