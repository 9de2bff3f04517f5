"""Nested tuples, lists and dicts of arrays and numbers, taken apart and put together again."""

import numpy as np

from fastgrad._node import Handle


def flatten(tree):
    """The leaves of a tree, in order, and its structure for `rebuild`.

    >>> leaves, structure = flatten({"a": (1.0, [2.0]), "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> rebuild(structure, [x * 10 for x in leaves])
    {'a': (10.0, [20.0]), 'b': 30.0}
    """
    leaves = []
    return leaves, take_apart(tree, leaves)


def take_apart(tree, leaves):
    """The structure: None for a leaf, else (how to make the container, structures)."""
    if isinstance(tree, dict):
        keys = list(tree)
        return lambda parts: dict(zip(keys, parts, strict=True)), [
            take_apart(tree[key], leaves) for key in keys
        ]
    if isinstance(tree, (tuple, list)):
        make = tree._make if hasattr(tree, "_make") else type(tree)
        return make, [take_apart(part, leaves) for part in tree]
    leaves.append(tree)
    return None


def rebuild(structure, leaves):
    """A tree of that structure, with these leaves."""
    return put_together(structure, iter(leaves))


def put_together(structure, leaves):
    """The part of a tree that the next leaves make."""
    if structure is None:
        return next(leaves)
    make, parts = structure
    return make([put_together(part, leaves) for part in parts])


def is_float(x):
    """Whether derivatives can be taken for it, or of it: a real or complex floating value."""
    if isinstance(x, (Handle, np.ndarray, np.generic)):
        return x.dtype.kind in "fc"
    return isinstance(x, (float, complex))
