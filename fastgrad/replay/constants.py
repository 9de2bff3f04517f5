"""What can be compared of arrays and constants: their forms, their bits, their places in memory."""

import types

import numpy as np


def form_of(x):
    """Shape, dtype and strides."""
    return x.shape, x.dtype, x.strides


def contents_of(x):
    """What two arrays that are alike, bit for bit, have in common."""
    return x.shape, x.dtype, x.tobytes()


def is_same_place(x, y):
    """Whether two arrays are the same elements in the same order."""
    return x.__array_interface__["data"][0] == y.__array_interface__["data"][0] and form_of(
        x
    ) == form_of(y)


def is_same_view(x, y):
    """Whether two arrays are the same part of a third."""
    base, other = x.base, y.base
    return base is not None and base is other and is_same_place(x, y)


NUMBERS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
NAMED = (
    type, np.dtype, np.ufunc, types.FunctionType, types.BuiltinFunctionType, types.MethodType,
    types.ModuleType, type(np._NoValue), type(np.sum),
)  # fmt: skip


class Opaque:
    """A constant operand: a number with its type and bits, or an object known by its identity."""

    __slots__ = ("key", "x")

    def __init__(self, x, key):
        self.x, self.key = x, key

    @classmethod
    def of(cls, x, error):
        """That of `x`; `error` for what may change without its identity."""
        key = key_of(x)
        if key is None:
            raise error(f"an operand is a {type(x).__name__}, which may change out of sight")
        return cls(x, key)


def key_of(x):
    """What two constants that are the same have in common; None for what may change."""
    if isinstance(x, np.generic):
        return type(x), x.dtype.str, x.tobytes()
    if type(x) in NUMBERS:
        # (-0.0 == 0.0, and NaN is no NaN; repr tells these apart, and floats exactly.)
        return type(x), repr(x) if isinstance(x, (float, complex)) else x
    if isinstance(x, NAMED):
        return id, id(x)
    return None
