"""What programs write their own rules with."""

import numpy as np

import fastgrad.numpy as xp
from fastgrad.compat.autograd.boxes import getval
from fastgrad.compat.autograd.numpy.differing import metadata
from fastgrad.functions.indexing import scatter


def unbroadcast(x, target_meta, broadcast_idx=0):
    """The gradient `x` summed to what `metadata` says of an operand that was broadcast."""
    shape, ndim, _, is_complex = target_meta
    while np.ndim(getval(x)) > ndim:
        x = xp.sum(x, axis=broadcast_idx)
    for axis, n in enumerate(shape):
        if n == 1:
            x = xp.sum(x, axis=axis, keepdims=True)
    return x if is_complex or not np.iscomplexobj(getval(x)) else xp.real(x)


def unbroadcast_f(target, f):
    """`f`, whose result is a gradient for `target`, which was broadcast."""
    meta = metadata(target)
    return lambda g: unbroadcast(f(g), meta)


def match_complex(target, x):
    """`x`, real or complex as `target` is."""
    is_complex = np.iscomplexobj(getval(x))
    if np.iscomplexobj(getval(target)):
        return x if is_complex else x + 0j
    return xp.real(x) if is_complex else x


def replace_zero(x, val):
    """`x`, with `val` where it is zero."""
    return xp.where(getval(x) != 0, x, val)


def balanced_eq(x, z, y):
    """What share of the gradient of `z`, the extreme of both, `x` has beside `y`."""
    x, y, z = getval(x), getval(y), getval(z)
    return (x == z) / (1.0 + (x == y))


def repeat_to_match_shape(g, shape, dtype, axis, keepdims):
    """The gradient of a sum over `axis` for what was summed, and how many these are."""
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis) % max(len(shape), 1)
    ones = tuple(1 if i in axes else n for i, n in enumerate(shape))
    size = int(np.prod(shape)) // max(int(np.prod(ones)), 1)
    return xp.broadcast_to(xp.reshape(g, ones), shape), size


def untake(x, idx, vs):
    """An array of the space `vs` of zeros, to which `x` is added at the index."""
    return scatter(xp.asarray(x), idx, vs.shape)
