"""Parts of an array: what `x[index]` does, taking, choosing, diagonals, sorting, unique elements.

Indices, masks and conditions are constants, and may be Variables: their values are used. Sorting
is differentiated through the permutation that it is; equal elements keep their order there. Of
equal elements `unique` takes the first, which gets all of the gradient.
"""

import functools
import operator

import numpy as np

from fastgrad._core.arguments import holds_variable, operand_of
from fastgrad._core.protocols import value
from fastgrad.functions._indexing import VIEWED, GetItem, add_at_index, selection
from fastgrad.functions.along import along, normalized, stable_order
from fastgrad.op import INPUTS, NOTHING, OTHERS, OUTPUT, implements, op, plain, refuse

__all__ = [
    "take", "take_along_axis", "compress", "extract", "choose", "select", "diag", "diagonal",
    "diagflat", "trace", "tril", "triu", "sort", "sort_complex", "partition", "unique",
    "unique_values", "unique_counts", "unique_inverse", "unique_all", "union1d", "piecewise",
    "apply_along_axis", "apply_over_axes",
]  # fmt: skip


# --- the transpose of taking ---


def scatter_forward(g, index, shape):
    """Zeros of `shape` with `g` added at `index`, as often as it selects an element."""
    y = np.zeros(shape, g.dtype)
    add_at_index(y, index, g)
    return y


# The transpose of `x[index]`: for VJPs that put gradients back to where they came from.
scatter = op(
    "scatter",
    scatter_forward,
    NOTHING,
    vjp=lambda xp, g, y, x, index, shape: g[index],
)


def getitem_rows(xp, g, y, x, index):
    """Where the index selects a view: others order the axes of what they select differently."""
    if selection(index) != VIEWED:
        return NotImplemented
    index = index if isinstance(index, tuple) else (index,)
    return scatter(g, (slice(None), *index), (len(g), *x.shape))


getitem = op(
    "getitem",
    operator.getitem,
    NOTHING,
    vjp=lambda xp, g, y, x, index: scatter(g, index, x.shape),
    batched=getitem_rows,
    fast=GetItem,
)


def put_back(g, places, x, xp):
    """The gradient for `x` of `x.ravel()[places]`."""
    return xp.reshape(scatter(g, places, (x.size,)), x.shape)


# --- taking ---


def take_vjp(xp, g, y, a, indices, axis=None, out=None, mode="raise"):
    """Add each gradient where its element was taken."""
    indices = np.asarray(value(indices), np.intp)
    axis = axis if axis is None else normalized(value(axis), a.ndim)[0]
    n = a.size if axis is None else a.shape[axis]
    if mode == "wrap" and n:
        indices = indices % n
    elif mode == "clip":
        indices = indices.clip(0, n - 1)
    if axis is None:
        return put_back(g, indices, a, xp)
    return scatter(g, along(axis, indices), a.shape)


take = op("take", np.take, OTHERS, vjp=(take_vjp, None))


def take_along_axis_vjp(xp, g, y, arr, indices, axis=-1):
    """Add each gradient where its element was taken: the other axes have their own numbers."""
    indices = np.asarray(value(indices), np.intp)
    if axis is None:
        return put_back(g, indices, arr, xp)
    axis = normalized(axis, arr.ndim)[0]
    index = [
        np.arange(n).reshape((n,) + (1,) * (arr.ndim - 1 - i)) for i, n in enumerate(arr.shape)
    ]
    index[axis] = indices
    return scatter(g, tuple(index), arr.shape)


take_along_axis = op("take_along_axis", np.take_along_axis, OTHERS, vjp=(take_along_axis_vjp, None))


def compress_vjp(xp, g, y, condition, a, axis=None, out=None):
    """Put each gradient where its element was."""
    places = np.flatnonzero(value(condition))
    if axis is None:
        return put_back(g, places, a, xp)
    return scatter(g, along(normalized(axis, a.ndim)[0], places), a.shape)


compress = op("compress", np.compress, OTHERS, vjp=(None, compress_vjp))
extract = op(
    "extract",
    np.extract,
    OTHERS,
    vjp=(
        None,
        lambda xp, g, y, condition, arr: put_back(g, np.flatnonzero(value(condition)), arr, xp),
    ),
)

# --- choosing ---


def choose_vjp(xp, i, g, y, choices, a, mode="raise", out=None):
    """The gradient where `a` is `i`."""
    a, n = np.asarray(a), len(choices)
    if mode != "raise":
        a = a % n if mode == "wrap" else a.clip(0, n - 1)
    return xp.where(a == i, g, 0)


choose_among = op(
    "choose",
    lambda choices, a, mode="raise", out=None: np.choose(a, choices, out, mode),
    NOTHING,
    vjp=choose_vjp,
    sequence=True,
)


@implements(np.choose)
def choose(a, choices, out=None, mode="raise"):
    """`np.choose`; the choices may be Variables."""
    return choose_among(choices, value(a), mode=mode, out=out)


def select_vjp(xp, i, g, y, choices, conditions):
    """The gradient where condition `i` is the first that holds; for the last, where none does."""
    before = np.logical_or.reduce(np.broadcast_arrays(False, *conditions[:i]))
    chosen = ~before & conditions[i] if i < len(conditions) else ~before
    return xp.where(chosen, g, 0)


select_among = op(
    "select",
    lambda choices, conditions: np.select(conditions, choices[:-1], choices[-1]),
    NOTHING,
    vjp=select_vjp,
    sequence=True,
)


@implements(np.select)
def select(condlist, choicelist, default=0):
    """`np.select`; the choices and the default may be Variables."""
    return select_among((*choicelist, default), [value(x) for x in condlist])


def placed_forward(x, mask, shape, dtype):
    """Zeros with `x` where the mask holds."""
    y = np.zeros(shape, dtype)
    y[mask] = x
    return y


placed = op(
    "placed", placed_forward, NOTHING, vjp=lambda xp, g, y, x, mask, shape, dtype: g[mask]
)  # fmt: skip


@implements(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    """`np.piecewise`; the functions are called with Variables, and may return them."""
    known = holds_variable(x, condlist, funclist, args, list(kw.values()))
    x = operand_of(x)
    masks = conditions_of(x, value(condlist), len(funclist))
    parts = [
        function(x[mask], *args, **kw) if callable(function) and mask.any() else function
        for mask, function in zip(masks, funclist, strict=True)
    ]
    if not known and not holds_variable(*parts):  # what the functions captured might be Variables
        return np.piecewise(x, masks, [part if callable(part) else as_function(part)
                                       for part in parts])  # fmt: skip
    y = np.zeros_like(value(x))
    for mask, part in zip(masks, parts, strict=True):
        if callable(part):
            continue
        put = placed if holds_variable(part) else placed_forward
        whole = np.zeros(x.shape, bool)
        whole[mask] = True
        y = np.where(whole, put(part, mask, x.shape, x.dtype), y)
    return y


def as_function(part):
    """What returns `part`, whatever it is called with."""
    return lambda *args, **kwargs: part


def conditions_of(x, condlist, n):
    """The masks of `np.piecewise`, that of "otherwise" included, for `n` functions."""
    one = np.isscalar(condlist) or (x.ndim != 0 and not isinstance(condlist[0], (list, np.ndarray)))
    masks = np.asarray([condlist] if one else condlist, dtype=bool)
    if len(masks) == n - 1:
        return [*masks, ~masks.any(axis=0)]
    if len(masks) != n:  # NumPy says what is wrong
        np.piecewise(value(x), condlist, [0] * n)
    return list(masks)


@implements(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """`np.apply_along_axis`; the function is called with Variables, and may return them."""
    known = holds_variable(arr, args, list(kwargs.values()))
    arr = operand_of(arr)
    axis = normalized(axis, arr.ndim)[0]
    around = arr.shape[:axis], arr.shape[axis + 1 :]
    if 0 in around[0] + around[1]:  # NumPy says what is wrong
        return np.apply_along_axis(func1d, axis, value(arr), *args, **kwargs)
    parts = [
        func1d(arr[(*i, slice(None), *j)], *args, **kwargs)
        for i in np.ndindex(around[0])
        for j in np.ndindex(around[1])
    ]
    if not known and not holds_variable(*parts):  # what the function captured might be Variables
        rest = iter(parts)
        return np.apply_along_axis(lambda *_: next(rest), axis, arr)
    parts = [np.stack(x) if isinstance(x, (list, tuple)) else x for x in parts]
    shape, dtype = np.shape(value(parts[0])), np.asarray(value(parts[0])).dtype
    rows = [np.reshape(x, (1, *shape)) for x in parts]
    y = np.reshape(
        np.concatenate(rows, dtype=dtype, casting="unsafe"), around[0] + around[1] + shape
    )
    order = list(range(y.ndim))
    return np.transpose(y, [*order[:axis], *order[arr.ndim - 1 :], *order[axis : arr.ndim - 1]])


@implements(np.apply_over_axes)
def apply_over_axes(func, a, axes):
    """`np.apply_over_axes`; the function is called with Variables, and may return them."""
    if not holds_variable(a):
        return np.apply_over_axes(func, a, axes)
    for axis in normalized(axes, a.ndim) if np.ndim(axes) else [normalized(axes, a.ndim)[0]]:
        y = func(a, axis)
        if y.ndim != a.ndim:
            y = np.reshape(y, (*y.shape[:axis], 1, *y.shape[axis:]))
        if y.ndim != a.ndim:
            raise ValueError("function is not returning an array of the correct shape")
        a = y
    return a


# --- diagonals and triangles ---


def diagonal_vjp(xp, g, y, a, offset=0, axis1=0, axis2=1):
    """Back on the diagonal."""
    places = np.arange(a.size).reshape(a.shape).diagonal(offset, axis1, axis2)
    return put_back(g, places, a, xp)


diagonal = op("diagonal", np.diagonal, NOTHING, vjp=diagonal_vjp)


def trace_vjp(xp, g, y, a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """Each element of the diagonal gets the gradient of its sum."""
    places = np.arange(a.size).reshape(a.shape).diagonal(offset, axis1, axis2)
    g = xp.broadcast_to(xp.reshape(g, (*g.shape, 1)), places.shape)
    return put_back(g, places, a, xp)


trace = op("trace", np.trace, NOTHING, vjp=trace_vjp)
diag = op(
    "diag",
    np.diag,
    NOTHING,
    vjp=lambda xp, g, y, v, k=0: xp.diagonal(g, k) if v.ndim == 1 else diagonal_vjp(xp, g, y, v, k),
)
diagflat = op(
    "diagflat",
    np.diagflat,
    NOTHING,
    vjp=lambda xp, g, y, v, k=0: xp.reshape(xp.diagonal(g, k), v.shape),
)
tril = op("tril", np.tril, NOTHING, vjp=lambda xp, g, y, m, k=0: xp.tril(g, k), batched=True)
triu = op("triu", np.triu, NOTHING, vjp=lambda xp, g, y, m, k=0: xp.triu(g, k), batched=True)

# --- sorting ---


def permuted_forward(g, places, axis):
    """`g` with its elements put at these places, of which none is named twice."""
    y = np.empty(g.shape, g.dtype)
    np.put_along_axis(y, places, g, axis)
    return y


# The transpose of `np.take_along_axis(x, places, axis)`, where that is a permutation.
permuted = op(
    "permuted",
    permuted_forward,
    NOTHING,
    vjp=(lambda xp, g, y, x, places, axis: xp.take_along_axis(g, places, axis), None),
)


def sort_vjp(xp, g, y, a, axis=-1, *_, **__):
    """The permutation undone."""
    x = value(a if axis is not None else xp.reshape(a, -1))
    axis = 0 if axis is None else normalized(axis, x.ndim)[0]
    ga = permuted(g, stable_order(x, axis), axis)
    return ga if ga.shape == a.shape else xp.reshape(ga, a.shape)


sort = op("sort", np.sort, vjp=sort_vjp)
sort_complex = op("sort_complex", np.sort_complex, vjp=sort_vjp)


def partition_vjp(xp, g, y, a, kth, axis=-1, *_, **__):
    """The permutation undone: found by sorting both, as `np.argpartition` may give another."""
    x = value(a if axis is not None else xp.reshape(a, -1))
    axis = 0 if axis is None else normalized(axis, x.ndim)[0]
    g = xp.take_along_axis(g, stable_order(value(y), axis), axis)
    return xp.reshape(permuted(g, stable_order(x, axis), axis), a.shape)


partition = op("partition", np.partition, INPUTS | OUTPUT, vjp=(partition_vjp, None))

# --- unique elements ---


def unique_vjp(
    xp, g, y, ar, return_index=False, return_inverse=False, return_counts=False, axis=None, **_
):
    """The first of the equal elements gets the gradient."""
    if isinstance(g, tuple):
        g, y = g[0], y[0]
    if axis is not None and ar.ndim != 1:
        places = np.unique(value(ar), return_index=True, axis=axis)[1]
        return scatter(g, along(normalized(axis, ar.ndim)[0], places), ar.shape)
    flat = xp.reshape(ar, -1)
    order = xp.argsort(flat, kind="stable")
    return put_back(g, order[np.searchsorted(value(flat)[order], value(y))], ar, xp)


def unique_like(function):
    """`np.unique` and kin: the first result is the elements; indices and counts are plain."""
    row = op(
        function.__name__, function, INPUTS | OUTPUT, unique_vjp, implements=(),
    )  # fmt: skip

    @implements(function)
    @functools.wraps(function)
    def answer(*args, **kwargs):
        ys = row(*args, **kwargs)
        if not isinstance(ys, tuple):
            return ys
        ys, make = (ys[0], *(value(y) for y in ys[1:])), type(ys)
        return make(*ys) if hasattr(make, "_fields") else ys

    answer.__doc__ = f"`np.{function.__name__}`, for Variables too; indices and counts are plain."
    return answer


unique = unique_like(np.unique)
unique_values = unique_like(np.unique_values)
unique_counts = unique_like(np.unique_counts)
unique_inverse = unique_like(np.unique_inverse)
unique_all = unique_like(np.unique_all)


@implements(np.union1d)
def union1d(ar1, ar2):
    """`np.union1d`, for Variables too."""
    if not holds_variable(ar1, ar2):
        return np.union1d(ar1, ar2)
    return unique(np.concatenate([ar1, ar2], axis=None))


refuse(
    "which elements remain is discrete; take them: x[np.isin(x, other)], or np.unique of that",
    np.intersect1d, np.setdiff1d, np.setxor1d,
)  # fmt: skip

# --- indices ---

plain(
    np.argsort, np.argpartition, np.lexsort, np.nonzero, np.flatnonzero, np.argwhere, np.isin,
    np.ix_, np.indices, np.unravel_index, np.ravel_multi_index, np.diag_indices,
    np.diag_indices_from, np.mask_indices, np.tril_indices, np.tril_indices_from, np.triu_indices,
    np.triu_indices_from,
)  # fmt: skip

if (in1d := getattr(np, "in1d", None)) is not None:  # before NumPy 2.4
    plain(in1d)

# --- in place ---

refuse(
    "writes into its operand; make a new array: np.where(mask, values, x)",
    np.copyto, np.putmask, np.place,
)  # fmt: skip
refuse(
    "writes into its operand; make a new array: np.where(np.eye(*x.shape, dtype=bool), value, x)",
    np.fill_diagonal,
)
refuse(
    "writes into its operand; make a new array: np.where(mask, values, x), with a mask of the "
    "indices, mask[indices] = True",
    np.put, np.put_along_axis,
)  # fmt: skip
