"""When a log may stand for a call: what of its arguments must be alike, and when two logs agree."""

import numpy as np

from fastgrad._core.node import Handle
from fastgrad.replay.constants import Opaque, contents_of, is_same_view, key_of
from fastgrad.replay.values import Tree


class NoArrays(Exception):
    """The arguments are none that a log can be replayed for: the reason."""


class Differentiated(Exception):
    """An argument is a Variable: somebody outside may differentiate."""


def signature(args, kwargs):
    """What calls must have in common, hashable, and the arrays and numbers among the arguments.

    Of an array that is its form, of anything else its value.
    """
    key, leaves = [], []
    take(args, key, leaves)
    if kwargs:
        take(kwargs, key, leaves)
    return tuple(key), leaves


def take(tree, key, leaves):
    """Add what there is to a part of the arguments."""
    kind = type(tree)
    if kind is np.ndarray:
        if tree.dtype.kind not in "biufc":
            raise NoArrays(f"an argument is an array of dtype {tree.dtype}")
        key.append((tree.shape, tree.dtype, tree.strides, tree.flags.aligned))
        leaves.append(tree)
    elif isinstance(tree, (np.floating, np.complexfloating)):
        key.append(kind)
        leaves.append(tree)
    elif kind is tuple or kind is list:
        key.append((kind, len(tree)))
        for part in tree:
            take(part, key, leaves)
    elif isinstance(tree, dict):
        key.append((kind, *tree))
        for name in tree:
            take(tree[name], key, leaves)
    elif isinstance(tree, (tuple, list)):
        key.append((kind, len(tree)))
        for part in tree:
            take(part, key, leaves)
    elif isinstance(tree, Handle):
        raise Differentiated
    else:
        found = key_of(tree)
        if found is None:
            raise NoArrays(f"an argument is a {kind.__name__}, which may change out of sight")
        key.append((found, tree if callable(tree) else None))  # kept alive: ids count


OTHER_PATH = "another path"


def disagreement(a, b):
    """Why two logs of one signature do not agree: a text, OTHER_PATH, or None if they do."""
    n_guards = 0
    for k in range(max(len(a.entries), len(b.entries)) + 1):
        while n_guards < len(a.guards) and n_guards < len(b.guards):
            g, h = a.guards[n_guards], b.guards[n_guards]
            if max(g.at, h.at) > k:
                break
            alike = g.at == h.at and g.i == h.i and g.what[0] == h.what[0]
            if alike and (key_of(g.seen) != key_of(h.seen) or key_of(g.seen) is None):
                return OTHER_PATH
            n_guards += 1
        if k < len(a.entries) and k < len(b.entries):
            reason = difference(a, b, a.entries[k], b.entries[k])
            if reason is not None:
                return reason
    if len(a.entries) != len(b.entries) or len(a.guards) != len(b.guards):
        return "the first two calls made different numbers of operations"
    return None


def difference(a, b, e, f):
    """Between two calls in two logs."""
    where = "{}:{}".format(*f.place)
    if e.kind != f.kind or not is_same_target(e, f):
        return f"the first two calls did different operations ({where})"
    if e.forms != f.forms or e.outs != f.outs:
        return f"the first two calls made results of different shapes ({where})"
    pairs = list(zip(e.args, f.args, strict=False)) + [
        (e.kwargs[key], f.kwargs.get(key)) for key in e.kwargs
    ]
    if len(e.args) != len(f.args) or set(e.kwargs) != set(f.kwargs):
        return f"the first two calls had different operands ({where})"
    for i, (x, y) in enumerate(pairs):
        if not is_same(a, b, x, y):
            return (
                f"operand {i} of {name_of(f)} is a constant that differed between the first two "
                f"calls ({where}): a random number, the time, or something that grows"
            )
    return None


def name_of(entry):
    """What it is called."""
    target = entry.target[0] if entry.kind == "function" else entry.target
    if entry.kind == "function":
        return type(target).__name__
    return getattr(target, "__name__", str(target))


def is_same_target(e, f):
    """Whether both call the same; Functions, which are made anew, with the same attributes."""
    if e.kind != "function":
        return e.target is f.target
    (_, kind, before), (_, other, then) = e.target, f.target
    return (
        kind is other
        and before.keys() == then.keys()
        and all(is_same_constant(before[name], then[name]) for name in before)
    )


def is_same_constant(x, y):
    """Whether two attributes are the same."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return contents_of(x) == contents_of(y)
    key = key_of(x)
    if key is None and type(x) in (tuple, list) and type(y) is type(x):
        return len(x) == len(y) and all(map(is_same_constant, x, y))
    return key is not None and key == key_of(y)


def is_same(a, b, x, y):
    """Whether two operands are the same."""
    if type(x) is not type(y):
        return False
    if type(x) is Opaque:
        return x.key == y.key
    if type(x) is Tree:
        return (
            x.kind is y.kind
            and x.keys == y.keys
            and len(x.parts) == len(y.parts)
            and all(is_same(a, b, p, q) for p, q in zip(x.parts, y.parts, strict=True))
        )
    if x.i != y.i or (x.i in a.sources) != (y.i in b.sources):
        return False
    if x.i not in a.sources:
        return True
    return mode_of(a.sources[x.i], b.sources[y.i]) is not None


def mode_of(s, t):
    """How to come by a source in calls to come, or None if two calls had different ones.

    "argument"; "variable" and "array" by reference; "constant", which each call makes anew.
    """
    if s.kind == t.kind == "argument":
        return "argument" if s.origin == t.origin else None
    if "argument" in (s.kind, t.kind):
        return None
    if s.kind == t.kind == "variable" and s.origin is t.origin:
        return "variable"
    if s.array is t.array or is_same_view(s.array, t.array):
        return "array"
    return "constant" if contents_of(s.array) == contents_of(t.array) else None
