"""Nested tuples, lists and dicts of arrays and numbers, taken apart and put together again.

A container comes back as what it was: an OrderedDict, a defaultdict with its factory, a namedtuple,
and any other subclass that `copy.copy` copies.
"""

import copy

import numpy as np

from fastgrad._core.node import Handle


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
        # (Not `tree[key]`, which a subclass may answer in its own way.)
        parts = [take_apart(dict.__getitem__(tree, key), leaves) for key in keys]
        return dict_maker(tree, keys), parts, keys
    if isinstance(tree, (tuple, list)):
        parts = [take_apart(part, leaves) for part in tree]
        return tuple_maker(tree) if isinstance(tree, tuple) else list_maker(tree), parts, None
    leaves.append(tree)
    return None


# Each makes a container of the kind of `tree`, of parts. Of a subclass there is more to it than its
# entries: a default factory, attributes. So a copy gets the parts, past what the class does when
# they are assigned; and meanwhile a copy without entries, which may be large, is kept.


def dict_maker(tree, keys):
    """A function that makes a dict like `tree` of its values."""
    if type(tree) is dict:
        return lambda parts: dict(zip(keys, parts, strict=True))
    empty = copied(tree, dict)
    for key in keys:
        dict.__setitem__(empty, key, None)

    def make(parts):
        made = copied(empty, dict)
        for key, part in zip(keys, parts, strict=True):
            dict.__setitem__(made, key, part)
        return made

    return make


def list_maker(tree):
    """A function that makes a list like `tree` of its elements."""
    if type(tree) is list:
        return list
    empty = copied(tree, list)
    list.__setitem__(empty, slice(None), [None] * len(tree))

    def make(parts):
        made = copied(empty, list)
        list.__setitem__(made, slice(None), parts)
        return made

    return make


def tuple_maker(tree):
    """A function that makes a tuple, or namedtuple, like `tree` of its elements."""
    kind, attributes = type(tree), dict(getattr(tree, "__dict__", ()))
    if kind is tuple:
        return tuple

    def make(parts):
        made = tuple.__new__(kind, parts)
        if attributes:
            made.__dict__.update(attributes)
        return made

    return make


def copied(tree, base):
    """A copy of a dict or a list of another class, with the same entries; else TypeError."""
    made, entries = copy.copy(tree), list(tree)
    if getattr(tree, "__dict__", None) is tree:  # whose keys are its attributes
        made.__dict__ = made
    same = type(made) is type(tree) and made is not tree and base.__len__(made) == len(entries)
    if not same or (base is dict and list(made) != entries):
        raise TypeError(
            f"copy.copy makes no {type(tree).__name__} of the same entries of a "
            f"{type(tree).__name__}: pass a plain {base.__name__}"
        )
    return made


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
    """What a tree is, as text for an error."""
    if isinstance(tree, dict):
        return f"a dict of {list(tree)}"
    return f"{len(tree)} entries" if isinstance(tree, (tuple, list)) else f"a {type(tree).__name__}"


def path_of(tree, leaf):
    """The path to that leaf, as text for an error: `["w"][0]`; None if the tree has none."""
    if isinstance(tree, dict):
        entries = [(key, dict.__getitem__(tree, key)) for key in tree]
    elif isinstance(tree, (tuple, list)):
        entries = enumerate(tree)
    else:
        return "" if tree is leaf else None
    paths = ((key, path_of(part, leaf)) for key, part in entries)
    return next((f"[{key!r}]{path}" for key, path in paths if path is not None), None)


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
    """Whether `x` can be differentiated, or differentiated for: it is real or complex floating."""
    if isinstance(x, (Handle, np.ndarray, np.generic)):
        return x.dtype.kind in "fc"
    return isinstance(x, (float, complex))
