"""What programs write their own rules with."""

import numpy as np

import fastgrad.numpy as xp
from fastgrad.compat.autograd.boxes import getval
from fastgrad.compat.autograd.numpy.differing import metadata


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
