"""Nested tuples, lists and dicts as one vector, and back."""

import math

import fastgrad.numpy as xp
from fastgrad.compat.autograd.boxes import boxed


def flatten(value):
    """All elements of a nest of tuples, lists and dicts, as a vector; and the function back.

    Those of a dict come in the order of its sorted keys. `unflatten(vector)` has the structure and
    the shapes of `value`, and real numbers where that has them.

    >>> vector, unflatten = flatten({"b": 1.0, "a": (2.0, 3.0)})
    >>> vector
    array([2., 3., 1.])
    >>> unflatten(vector * 2)["b"]
    np.float64(2.0)
    """
    leaves = []
    make = taken_apart(value, leaves)

    def unflatten(vector):
        """The nest of the elements of a vector."""
        start, parts = 0, []
        for leaf in leaves:
            stop = start + math.prod(xp.shape(leaf))
            part = xp.reshape(vector[start:stop], xp.shape(leaf))[()]
            parts.append(part if xp.iscomplexobj(leaf) else xp.real(part))
            start = stop
        return boxed(make(iter(parts)))

    return xp.concatenate([xp.ravel(x) for x in leaves]) if leaves else xp.zeros(0), unflatten


def taken_apart(value, leaves):
    """Append the leaves; what makes such a nest of an iterator of leaves."""
    if isinstance(value, dict):
        makers = {key: taken_apart(value[key], leaves) for key in sorted(value)}
        return lambda parts: {key: make(parts) for key, make in makers.items()}
    if isinstance(value, (tuple, list)):
        kind = list if isinstance(value, list) else tuple
        makers = [taken_apart(x, leaves) for x in value]
        return lambda parts: kind([make(parts) for make in makers])
    leaves.append(value)
    return next


def flatten_func(func, example):
    """`func` of vectors in place of nests like `example`; the way back; and that as a vector."""
    vector, unflatten = flatten(example)

    def of_vector(vector, *args):
        return flatten(func(unflatten(vector), *args))[0]

    return of_vector, unflatten, vector
