"""Arrays joined, and split.

A split is one Function of many outputs, whose gradient is one array for all of them. Where an
operand begins in what many were joined to is found once for all of them: else the gradients of n
operands would take n**2 steps.
"""

import itertools

import numpy as np

from fastgrad._core.arguments import holds_variable, operand_of, set_assembled
from fastgrad._core.node import Handle
from fastgrad._core.protocols import value
from fastgrad.functions.indexing import scatter
from fastgrad.functions.shapes import (
    along,
    as_operand,
    as_operand_rows,
    composed,
    ravel,
    reshape,
    transpose,
)  # fmt: skip
from fastgrad.op import NOTHING, implements, op

__all__ = [
    "concatenate", "concat", "stack", "atleast_1d", "atleast_2d", "atleast_3d", "hstack", "vstack",
    "dstack", "column_stack", "block", "append", "split", "array_split", "hsplit", "vsplit",
    "dsplit", "unstack",
]  # fmt: skip

# --- joining ---


def concatenate_vjp(xp, i, g, y, xs, axis=0, starts=None, **_):
    """The part of `g` that operand `i` became."""
    place = 0 if axis is None else axis % g.ndim
    return as_operand(xp, g[along(place, part_of(i, xs, axis, starts))], y, xs[i])


def concatenate_rows(xp, i, g, y, xs, axis=0, starts=None, **_):
    """That for many gradients."""
    place = 1 if axis is None else axis % (g.ndim - 1) + 1
    return as_operand_rows(xp, g[along(place, part_of(i, xs, axis, starts))], y, xs[i])


def part_of(i, xs, axis, starts):
    """Where operand `i` is, along the axis."""
    if not starts:
        sizes = (np.size(x) if axis is None else np.shape(x)[axis] for x in xs)
        starts[:] = list(itertools.accumulate(sizes, initial=0))  # at once: other threads look
    return slice(starts[i], starts[i + 1])


# `starts`, where the operands begin, is an empty list that the first VJP fills for all of them:
# else n operands would take n**2 steps.
concatenate_row = op(
    "concatenate",
    lambda xs, axis, starts, **kwargs: np.concatenate(xs, axis, **kwargs),
    NOTHING,
    vjp=concatenate_vjp,
    batched=concatenate_rows,
    sequence=True,
)


@implements(np.concatenate)
def concatenate(arrays, /, axis=0, out=None, **kwargs):
    """`np.concatenate`."""
    return concatenate_row(arrays, axis, [], out=out, **kwargs)


concat = concatenate
stack = op(
    "stack",
    np.stack,
    NOTHING,
    vjp=lambda xp, i, g, y, xs, axis=0, **_: g[along(axis % g.ndim, i)],
    batched=lambda xp, i, g, y, xs, axis=0, **_: g[along(axis % (g.ndim - 1) + 1, i)],
    sequence=True,
)


def assembled(xs, dtype=None):
    """A Variable of nested lists with Variables, as `np.array` of arrays; all else as it is."""
    if isinstance(xs, Handle) or not holds_variable(xs):
        return xs
    dtype = np.array(value(xs), dtype=dtype).dtype

    def made(x):
        if isinstance(x, Handle):
            return x
        if holds_variable(x):
            return stack([made(part) for part in x], dtype=dtype, casting="unsafe")
        return np.array(x, dtype=dtype)

    return made(xs)


set_assembled(assembled)


def at_least(n, function, place):
    """`np.atleast_1d` and its kin: operands with less than `n` axes get the rest."""

    @composed(function)
    def answer(*arys):
        ys = [
            function(x) if not holds_variable(x)
            else reshape(x, place(x.shape)) if x.ndim < n else x
            for x in map(assembled, arys)
        ]  # fmt: skip
        return ys[0] if len(ys) == 1 else tuple(ys)

    answer.__name__ = answer.__qualname__ = function.__name__
    return answer


atleast_1d = at_least(1, np.atleast_1d, lambda shape: (1,))
atleast_2d = at_least(2, np.atleast_2d, lambda shape: (1, *shape) if shape else (1, 1))
atleast_3d = at_least(3, np.atleast_3d, lambda shape: [(1, 1, 1), (1, *shape, 1), (*shape, 1)][
    len(shape)
])  # fmt: skip


@composed(np.hstack)
def hstack(tup, **kwargs):
    """`np.hstack`, by `concatenate`."""
    xs = [atleast_1d(x) for x in tup]
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1, **kwargs)


@composed(np.vstack)
def vstack(tup, **kwargs):
    """`np.vstack`, by `concatenate`."""
    return concatenate([atleast_2d(x) for x in tup], **kwargs)


@composed(np.dstack)
def dstack(tup):
    """`np.dstack`, by `concatenate`."""
    return concatenate([atleast_3d(x) for x in tup], 2)


@composed(np.column_stack)
def column_stack(tup):
    """`np.column_stack`, by `concatenate`."""
    xs = [operand_of(x) for x in tup]
    return concatenate([x if x.ndim > 1 else transpose(atleast_2d(x)) for x in xs], 1)


@composed(np.append)
def append(arr, values, axis=None):
    """`np.append`, by `concatenate`."""
    if axis is None:
        return concatenate((ravel(arr), ravel(values)))
    return concatenate((arr, values), axis)


def block_forward(xs, structure, places):
    """`structure` is the nested list, with numbers in place of the arrays."""

    def rebuilt(part):
        return list(map(rebuilt, part)) if isinstance(part, list) else xs[part]

    return np.block(rebuilt(structure))


def block_vjp(xp, i, g, y, xs, structure, places):
    """The block that operand `i` became. The first VJP fills `places`, for all of them."""

    def place(part, axis, corner):
        """The shape of a part whose first element is at `corner`."""
        if not isinstance(part, list):
            shape = (*(1,) * (g.ndim - xs[part].ndim), *xs[part].shape)
            found[part] = tuple(slice(c, c + n) for c, n in zip(corner, shape, strict=True))
            return shape
        start = corner[axis]
        for sub in part:
            shape = place(sub, axis + 1, corner)
            corner = (*corner[:axis], corner[axis] + shape[axis], *corner[axis + 1 :])
        return (*shape[:axis], corner[axis] - start, *shape[axis + 1 :])

    if not places:
        depth, part = 0, structure
        while isinstance(part, list):
            depth, part = depth + 1, part[0]
        found = {}
        place(structure, g.ndim - depth, (0,) * g.ndim)
        places.update(found)  # at once: other threads look
    return as_operand(xp, g[places[i]], y, xs[i])


block_row = op("block", block_forward, NOTHING, vjp=block_vjp, sequence=True)


@composed(np.block)
def block(arrays):
    """`np.block`."""
    xs = []

    def numbered(part):
        if isinstance(part, list):
            return list(map(numbered, part))
        xs.append(part if isinstance(part, (Handle, tuple)) else np.asanyarray(part))
        return len(xs) - 1

    structure = numbered(arrays)
    return block_row(xs, structure, {})


# --- splitting ---


def split_vjp(xp, g, y, x, indices_or_sections, axis=0):
    """The gradients of the parts, joined; where parts overlap or leave gaps, they are added up."""
    axis %= x.ndim
    if sum(part.shape[axis] for part in g) == x.shape[axis]:
        return xp.concatenate(g, axis)
    ends = itertools.pairwise([0, *map(int, indices_or_sections), x.shape[axis]])
    return sum(
        scatter(part, along(axis, slice(*pair)), x.shape)
        for part, pair in zip(g, ends, strict=True)
    )


def hsplit_vjp(xp, g, y, x, indices_or_sections):
    """Along the second axis, or the only one."""
    return split_vjp(xp, g, y, x, indices_or_sections, min(x.ndim - 1, 1))


split = op("split", np.split, NOTHING, vjp=split_vjp)
array_split = op("array_split", np.array_split, NOTHING, vjp=split_vjp)
hsplit = op("hsplit", np.hsplit, NOTHING, vjp=hsplit_vjp)
vsplit = op("vsplit", np.vsplit, NOTHING, vjp=split_vjp)
dsplit = op(
    "dsplit",
    np.dsplit,
    NOTHING,
    vjp=lambda xp, g, y, x, indices_or_sections: split_vjp(xp, g, y, x, indices_or_sections, 2),
)
unstack = op(
    "unstack",
    getattr(np, "unstack", None) or (lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0))),
    NOTHING,
    vjp=lambda xp, g, y, x, axis=0: xp.stack(g, axis),
)
