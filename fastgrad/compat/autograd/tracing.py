"""Tracers of a program's own: `trace` makes a node of a class of the program's for each call.

For graphs that are drawn, printed or replayed; derivatives are not taken in this way. Its boxes are
found by NumPy's protocols. A primitive, and a derivative of a function, are one call each.
"""

import contextlib
import itertools
import operator
import types
import warnings

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from fastgrad.compat.autograd.boxes import ArrayBox, Box, box_of
from fastgrad.trees import flatten, rebuild

levels = []  # of the traces that are going on, in whatever thread
numbers = itertools.count(1)


@contextlib.contextmanager
def new_trace():
    """A block with a trace of its own, which has a number."""
    level = next(numbers)
    levels.append(level)
    try:
        yield level
    finally:
        levels.remove(level)


trace_stack = types.SimpleNamespace(new_trace=new_trace)


class Node:
    """What a tracer makes of a call: a program derives from it."""

    __slots__ = ()

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        raise NotImplementedError(f"{type(self).__name__} has no __init__ for the node of a call")

    def initialize_root(self, *args, **kwargs):
        """Fill the node that a graph begins with."""
        raise NotImplementedError(f"{type(self).__name__} has no initialize_root")

    @classmethod
    def new_root(cls, *args, **kwargs):
        """A node for a graph to begin with."""
        root = cls.__new__(cls)
        root.initialize_root(*args, **kwargs)
        return root


class VJPNode(Node):
    """What reverse mode begins with: `new_box(x, 0, VJPNode.new_root())` is a box of `x`."""

    def initialize_root(self):
        """It has no parts."""


class JVPNode(Node):
    """The kind of trace that forward mode is, for `register_notrace`."""


class TraceBox(Box, NDArrayOperatorsMixin):
    """A value with the node that it came from."""

    __slots__ = ("_value", "_trace", "_node")
    __array_priority__ = 100.0

    def __init__(self, value, trace, node):
        self._value, self._trace, self._node = value, trace, node

    def __array_ufunc__(self, ufunc, method, *args, **kwargs):
        return traced(ufunc if method == "__call__" else getattr(ufunc, method), args, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return traced(function, args, kwargs)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._value, name)
        if not callable(found):
            return traced(np.transpose, (self,), {}) if name == "T" else found

        def method(x, *args, **kwargs):
            return getattr(x, name)(*args, **kwargs)

        method.__name__ = name
        return lambda *args, **kwargs: traced(method, (self, *args), kwargs)

    def __getitem__(self, index):
        return traced(operator.getitem, (self, index), {})

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __len__(self):
        return len(self._value)

    def __bool__(self):
        return bool(self._value)

    __hash__ = object.__hash__

    def __str__(self):
        return f"Autograd {type(self).__name__} with value {self._value}"


def traced(fun, args, kwargs):
    """`fun(*args, **kwargs)`, with a node, of those boxes that belong to the innermost trace."""
    if not any(isinstance(x, TraceBox) for x in args):  # they are in lists, as of concatenate
        args, structure = flatten(args)
        fun = taking_leaves(fun, structure)
    level = max(x._trace for x in args if isinstance(x, TraceBox))
    own = [(i, x) for i, x in enumerate(args) if isinstance(x, TraceBox) and x._trace == level]
    values = list(args)
    for i, x in own:
        values[i] = x._value
    value = fun(*values, **kwargs)
    argnums, parents = tuple(i for i, _ in own), tuple(x._node for _, x in own)
    node = type(parents[0])(value, fun, tuple(values), kwargs, argnums, parents)
    return new_box(value, level, node)


def taking_leaves(fun, structure):
    """`fun`, called with the leaves of its arguments."""

    def of_leaves(*leaves, **kwargs):
        return fun(*rebuild(structure, leaves), **kwargs)

    of_leaves.__name__ = getattr(fun, "__name__", "call")
    return of_leaves


def new_box(value, trace, node):
    """A box for a value, which belongs to the trace of that number; an ArrayBox for a VJPNode."""
    if isinstance(node, VJPNode):
        return box_of(value, False)[0]
    return TraceBox(value, trace, node)


def trace(start_node, fun, x):
    """The value of `fun(x)` and its node; None, and a warning, if it does not depend on `x`."""
    with new_trace() as level:
        y = fun(new_box(x, level, start_node))
    if isinstance(y, ArrayBox) or (isinstance(y, TraceBox) and y._trace == level):
        return y._value, y._node
    warnings.warn("Output seems independent of input.", stacklevel=2)
    return y, None
