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
    """The structure: None for a leaf, else (how to make the container, structures, keys)."""
    if isinstance(tree, dict):
        keys = list(tree)
        parts = [take_apart(tree[key], leaves) for key in keys]
        return lambda parts: dict(zip(keys, parts, strict=True)), parts, keys
    if isinstance(tree, (tuple, list)):
        make = tree._make if hasattr(tree, "_make") else type(tree)
        return make, [take_apart(part, leaves) for part in tree], None
    leaves.append(tree)
    return None


def flatten_as(structure, tree, what):
    """The leaves of a tree that must have that structure, in its order; ValueError if it has not.

    Dicts match by their keys, tuples and lists by their lengths; `what` names the tree.
    """
    if structure is None:
        return [tree]
    _, parts, keys = structure
    if keys is None:
        if not isinstance(tree, (tuple, list)) or len(tree) != len(parts):
            raise ValueError(f"{what} has {described(tree)}, expected {len(parts)} entries")
        children = tree
    else:
        if not isinstance(tree, dict) or set(tree) != set(keys):
            raise ValueError(f"{what} has {described(tree)}, expected a dict of {keys}")
        children = [tree[key] for key in keys]
    return [x for s, t in zip(parts, children, strict=True) for x in flatten_as(s, t, what)]


def described(tree):
    """What a tree is, for an error."""
    if isinstance(tree, dict):
        return f"a dict of {list(tree)}"
    return f"{len(tree)} entries" if isinstance(tree, (tuple, list)) else f"a {type(tree).__name__}"


def rebuild(structure, leaves):
    """A tree of that structure, with these leaves."""
    return put_together(structure, iter(leaves))


def put_together(structure, leaves):
    """The part of a tree that the next leaves make."""
    if structure is None:
        return next(leaves)
    make, parts, _ = structure
    return make([put_together(part, leaves) for part in parts])


def is_float(x):
    """Whether derivatives can be taken for it, or of it: a real or complex floating value."""
    if isinstance(x, (Handle, np.ndarray, np.generic)):
        return x.dtype.kind in "fc"
    return isinstance(x, (float, complex))
