"""Shapes and axes: reshaping, transposing, broadcasting, turning."""

import functools

import numpy as np

from fastgrad._core.arguments import holds_variable
from fastgrad._core.node import Handle
from fastgrad._core.protocols import value
from fastgrad.functions._shaping import BroadcastTo, Reshape, Transpose
from fastgrad.op import NOTHING, implements, op, plain

__all__ = [
    "reshape", "ravel", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis",
    "rollaxis", "expand_dims", "squeeze", "broadcast_to",
    "broadcast_arrays", "meshgrid", "flip", "fliplr", "flipud", "roll", "rot90", "copy",
]  # fmt: skip


def composed(function):
    """Decorate what answers for NumPy's `function` with Variables; without, NumPy answers."""

    def register(answer):
        @implements(function)
        @functools.wraps(answer)
        def call(*args, **kwargs):
            if holds_variable(*args, *kwargs.values()):
                return answer(*args, **kwargs)
            return function(*args, **kwargs)

        return call

    return register


def along(axis, index):
    """What selects `index` along an axis, counted from the first, and all of the others."""
    return (*(slice(None),) * axis, index)


def as_operand(xp, g, y, x, *_, **__):
    """Element for element, in the shape of the operand."""
    return g if g.shape == x.shape else xp.reshape(g, x.shape)


def as_operand_rows(xp, g, y, x, *_, **__):
    """That for many gradients."""
    return xp.reshape(g, (len(g), *x.shape))


def behind(axis, ndim):
    """An axis, or a tuple of several, or all for None, of gradients that have one more in front."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if np.ndim(axis):
        return tuple(behind(i, ndim) for i in axis)
    return axis + 1 if axis >= 0 else axis


# --- shapes ---

# `order` "A" and "K" ask for the layout in memory, which no VJP knows: these rows get "C" or "F".


def reshape_rows(xp, g, y, x, shape=None, order="C", **_):
    """For many gradients; those in Fortran's order one by one."""
    return xp.reshape(g, (len(g), *x.shape)) if order == "C" else NotImplemented


reshape_row = op(
    "reshape",
    np.reshape,
    NOTHING,
    vjp=lambda xp, g, y, x, shape=None, order="C", **_: xp.reshape(g, x.shape, order=order),
    batched=reshape_rows,
    fast=Reshape,
)
ravel_row = op(
    "ravel",
    np.ravel,
    NOTHING,
    vjp=lambda xp, g, y, x, order="C": xp.reshape(g, x.shape, order=order),
    batched=lambda xp, g, y, x, order="C": reshape_rows(xp, g, y, x, None, order),
)


def order_of(x):
    """What the order "A" means for it."""
    return "F" if np.asanyarray(value(x)).flags.fnc else "C"


def axes_in_memory(strides):
    """The axes from the outermost in memory, as NumPy's order "K" sorts them.

    Insertion from the innermost; an axis without a stride is never the reason to move one.
    """
    axes = []
    for i in reversed(range(len(strides))):
        place = len(axes)
        for k in reversed(range(len(axes))):
            if strides[i] and strides[axes[k]]:
                if abs(strides[axes[k]]) <= abs(strides[i]):
                    break
                place = k
        axes.insert(place, i)
    return axes[::-1]


@implements(np.reshape)
def reshape(a, *args, **kwargs):
    """`np.reshape`: the order "A" is looked up here."""
    if len(args) > 1:
        args, kwargs["order"] = args[:1], args[1]
    if kwargs.get("order") in ("A", "a"):
        kwargs["order"] = order_of(a)
    return reshape_row(a, *args, **kwargs)


@implements(np.ravel)
def ravel(a, order="C"):
    """`np.ravel`: the orders "A" and "K" are looked up here."""
    if order in ("A", "a"):
        order = order_of(a)
    if order in ("K", "k") and isinstance(a, Handle):
        a, order = transpose(a, axes_in_memory(value(a).strides)), "C"
    return ravel_row(a, order)


expand_dims = op("expand_dims", np.expand_dims, NOTHING, vjp=as_operand, batched=as_operand_rows)
squeeze = op("squeeze", np.squeeze, NOTHING, vjp=as_operand, batched=as_operand_rows)

plain(np.shape, np.ndim, np.size)

# --- axes ---


def transpose_vjp(xp, g, y, x, axes=None):
    """The inverse permutation."""
    return xp.transpose(g, None if axes is None else np.argsort([i % x.ndim for i in axes]))


def transpose_rows(xp, g, y, x, axes=None):
    """For many gradients, whose first axis stays."""
    inverse = range(x.ndim)[::-1] if axes is None else np.argsort([i % x.ndim for i in axes])
    return xp.transpose(g, (0, *(int(i) + 1 for i in inverse)))


def rollaxis_vjp(xp, g, y, x, axis, start=0):
    """Back from where the axis went."""
    axis, start = axis % x.ndim, start + x.ndim if start < 0 else start
    return xp.moveaxis(g, start - (axis < start), axis)


transpose = permute_dims = op(
    "transpose",
    np.transpose,
    NOTHING,
    vjp=transpose_vjp,
    batched=transpose_rows,
    fast=Transpose,
)
matrix_transpose = op(
    "matrix_transpose",
    np.matrix_transpose,
    NOTHING,
    vjp=lambda xp, g, y, x: xp.matrix_transpose(g),
    batched=True,
)
swapaxes = op(
    "swapaxes",
    np.swapaxes,
    NOTHING,
    vjp=lambda xp, g, y, x, axis1, axis2: xp.swapaxes(g, axis1, axis2),
    batched=lambda xp, g, y, x, *axes: xp.swapaxes(g, *behind(axes, x.ndim)),
)
moveaxis = op(
    "moveaxis",
    np.moveaxis,
    NOTHING,
    vjp=lambda xp, g, y, x, source, destination: xp.moveaxis(g, destination, source),
    batched=lambda xp, g, y, x, source, destination: xp.moveaxis(
        g, behind(destination, x.ndim), behind(source, x.ndim)
    ),
)
rollaxis = op("rollaxis", np.rollaxis, NOTHING, vjp=rollaxis_vjp)

# --- broadcasting ---

broadcast_to = op(
    "broadcast_to",
    np.broadcast_to,
    NOTHING,
    vjp=lambda xp, g, y, x, shape=None, subok=False: g,  # the engine sums it
    batched=True,
    fast=BroadcastTo,
)


@composed(np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    """`np.broadcast_arrays`: a `broadcast_to` each."""
    shape = np.broadcast_shapes(*(np.shape(value(x)) for x in args))
    return tuple(
        x if isinstance(x, Handle) and x.shape == shape else broadcast_to(x, shape) for x in args
    )


copy = op("copy", np.copy, NOTHING, vjp=as_operand, batched=as_operand_rows)


@composed(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """`np.meshgrid`: a `reshape` each, broadcast."""
    if indexing not in ("xy", "ij"):
        return np.meshgrid(indexing=indexing)  # raises
    axes = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        axes[:2] = 1, 0
    ys = [reshape(x, tuple(-1 if i == axis else 1 for i in range(len(xi))))
          for x, axis in zip(xi, axes, strict=True)]  # fmt: skip
    if not sparse:
        ys = broadcast_arrays(*ys)
    made = type(np.meshgrid(copy=copy, sparse=sparse))  # sparse views: a list before NumPy 2.5
    return made(map(np.copy, ys) if copy else ys)


# --- turning ---

flip = op(
    "flip",
    np.flip,
    NOTHING,
    vjp=lambda xp, g, y, x, axis=None: xp.flip(g, axis),
    batched=lambda xp, g, y, x, axis=None: xp.flip(g, behind(axis, x.ndim)),
)
fliplr = op(
    "fliplr",
    np.fliplr,
    NOTHING,
    vjp=lambda xp, g, y, x: xp.fliplr(g),
    batched=lambda xp, g, y, x: xp.flip(g, 2),
)
flipud = op(
    "flipud",
    np.flipud,
    NOTHING,
    vjp=lambda xp, g, y, x: xp.flipud(g),
    batched=lambda xp, g, y, x: xp.flip(g, 1),
)


def roll_rows(xp, g, y, x, shift, axis=None):
    """For many gradients; of the elements in a row, without an axis."""
    if axis is None:
        rows = xp.roll(xp.reshape(g, (len(g), x.size)), -np.sum(shift), 1)
        return xp.reshape(rows, g.shape)
    return xp.roll(g, np.negative(shift), behind(axis, x.ndim))


roll = op(
    "roll",
    np.roll,
    NOTHING,
    vjp=lambda xp, g, y, x, shift, axis=None: xp.roll(g, np.negative(shift), axis),
    batched=roll_rows,
)
rot90 = op(
    "rot90",
    np.rot90,
    NOTHING,
    vjp=lambda xp, g, y, x, k=1, axes=(0, 1): xp.rot90(g, -k, axes),
    batched=lambda xp, g, y, x, k=1, axes=(0, 1): xp.rot90(g, -k, behind(axes, x.ndim)),
)
