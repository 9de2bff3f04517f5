"""Operands of a call in memory: how their numbers lie, which of them are constants."""

import math

from fastgrad.replay._executor import FEW_LOOPS
from fastgrad.replay.constants import Opaque
from fastgrad.replay.values import Tree

FEW = 128  # numbers, up to which our own loops are as fast as NumPy's


class Operand:
    """Where an operand is, and how it lies there."""

    __slots__ = ("dtype", "shape", "slot", "strides")

    def __init__(self, slot, form):
        self.slot = slot
        self.shape, self.dtype, self.strides = form

    def is_number(self):
        """Whether it is one number, seen from everywhere."""
        return all(n == 1 or step == 0 for n, step in zip(self.shape, self.strides, strict=True))

    def lies_like(self, other):
        """Whether its numbers lie one after the other in the same order."""
        return self.shape == other.shape and dense_strides(self) == dense_strides(other) is not None


def dense_strides(x):
    """The strides of what lies without gaps, axes of length 1 left out; else None."""
    axes = [(step, n) for n, step in zip(x.shape, x.strides, strict=True) if n != 1]
    expected = x.dtype.itemsize
    for step, n in sorted(axes):
        if step != expected:
            return None
        expected *= n
    return tuple(step for step, _ in axes)


def size_of(shape):
    """How many elements."""
    return math.prod(shape)


def number_at(x, index):
    """The one element that a basic index selects, as a part of `x`."""
    index = index if type(index) is tuple else (index,)
    return x[(*index, None)].reshape(())


def is_basic(index):
    """Whether it selects a part without making a copy."""
    parts = index if type(index) is tuple else (index,)
    return all(type(part) in (int, slice) or part is None or part is Ellipsis for part in parts)


def is_constant(x):
    """Whether no value of the log is in it."""
    return type(x) is Opaque or (type(x) is Tree and all(map(is_constant, x.parts)))


def constant_of(x):
    """The constant itself."""
    return x.filled(constant_of) if type(x) is Tree else x.x


def address(x):
    """Where its first element is."""
    return x.__array_interface__["data"][0]


def is_c_dense(x):
    """Whether its elements lie one after the other in C order."""
    expected = x.dtype.itemsize
    for n, step in zip(x.shape[::-1], x.strides[::-1], strict=True):
        if n != 1 and step != expected:
            return False
        expected *= n
    return True


def is_f_dense(x):
    """The same in that of Fortran."""
    expected = x.dtype.itemsize
    for n, step in zip(x.shape, x.strides, strict=True):
        if n != 1 and step != expected:
            return False
        expected *= n
    return True


def dense_like(x, out):
    """Whether `x`, of another dtype maybe, has the shape of `out` and both are in C order."""
    return x.shape == out.shape and is_c_dense(x)


def few_of(loop, double, slots, n, steps):
    """Our own loop over few numbers, or None."""
    if not double or n > FEW or loop not in FEW_LOOPS or steps[-1] != 8:
        return None
    if any(step not in (0, 8) for step in steps) or not any(steps[:-1]):
        return None
    return {"kind": "few", "loop": FEW_LOOPS[loop], "slots": slots, "n": n, "steps": steps}
