"""Arrays made of Variables, of numbers between two of them, of other dtypes, in another layout."""

import numpy as np

from fastgrad._core.arguments import holds_variable
from fastgrad._core.node import Handle
from fastgrad._core.protocols import value
from fastgrad.functions.joining import assembled
from fastgrad.functions.shapes import as_operand, as_operand_rows, composed, expand_dims
from fastgrad.op import INPUTS, NOTHING, OUTPUT, implements, op, plain

__all__ = [
    "array", "asarray", "astype", "full", "full_like", "linspace", "logspace", "geomspace",
]  # fmt: skip

# --- of arrays, and of lists of them ---


def conversion(function):
    """`np.array` and its kin, for Variables and for lists of them."""
    row = op(function.__name__, function, NOTHING, vjp=as_operand, batched=as_operand_rows)

    def answer(*args, **kwargs):
        if args and not isinstance(args[0], Handle) and holds_variable(args[0]):
            dtype = args[1] if len(args) > 1 else kwargs.get("dtype")
            args = (assembled(args[0], dtype), *args[1:])
        if function in (np.asarray, np.asanyarray) and len(args) == 1 and not kwargs and (
            isinstance(args[0], Handle)
        ):  # fmt: skip
            return args[0]
        return row(*args, **kwargs)

    answer.__name__ = answer.__qualname__ = function.__name__
    answer.__wrapped__ = function
    return implements(function)(answer)


array = conversion(np.array)
asarray = conversion(np.asarray)
for function in (np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite,
                 np.require):  # fmt: skip
    conversion(function)

astype = op(
    "astype",
    getattr(np, "astype", None) or (lambda x, dtype, /, *, copy=True: x.astype(dtype, copy=copy)),
    NOTHING,
    vjp=as_operand,
    batched=as_operand_rows,
)

# --- filled ---

full = op("full", np.full, NOTHING, vjp=(None, lambda xp, g, y, shape, fill_value, *_, **__: g))
full_like_row = op(
    "full_like", np.full_like, NOTHING, vjp=(None, lambda xp, g, y, a, fill_value, *_, **__: g)
)


@implements(np.full_like)
def full_like(a, fill_value, *args, **kwargs):
    """`np.full_like`: of the fill value; plain, if that is no Variable."""
    if holds_variable(fill_value):
        return full_like_row(a, asarray(fill_value), *args, **kwargs)
    return np.full_like(value(a), value(fill_value), *args, **kwargs)


plain(np.zeros_like, np.ones_like, np.empty_like)

# --- between two numbers ---


def steps(g, start, stop, num, endpoint):
    """How far each sample is from the start, from 0 to 1; it has the axes of `start` after it."""
    t = np.arange(num) / max(num - bool(endpoint), 1)
    return t.reshape(-1, *(1,) * (g.ndim - 1))


def linspace_vjp(of_stop):
    """By linearity; with `retstep` a part of the step's gradient, too."""

    def vjp(xp, g, y, start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, **_):
        g, g_step = g if retstep else (g, None)
        t = steps(g, start, stop, num, endpoint)
        gx = xp.sum(xp.moveaxis(g, axis, 0) * (t if of_stop else 1 - t), axis=0)
        if retstep and num > endpoint:
            gx = gx + (g_step if of_stop else -g_step) / np.float64(num - bool(endpoint))
        return gx

    return vjp


def geomspace_vjp(of_stop):
    """`y = start * (stop / start) ** t`."""

    def vjp(xp, g, y, start, stop, num=50, endpoint=True, dtype=None, axis=0):
        t = steps(g, start, stop, num, endpoint)
        gx = xp.sum(xp.moveaxis(g * y, axis, 0) * (t if of_stop else 1 - t), axis=0)
        return gx / (stop if of_stop else start)

    return vjp


linspace = op("linspace", np.linspace, NOTHING, vjp=(linspace_vjp(False), linspace_vjp(True)))
geomspace = op(
    "geomspace", np.geomspace, INPUTS | OUTPUT, vjp=(geomspace_vjp(False), geomspace_vjp(True))
)
linspace.steps = geomspace.steps = (0,)  # with an integer for their dtype they are rounded


@composed(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """`np.logspace`: powers of `base`, with exponents from `linspace`."""
    if np.ndim(value(base)):
        ndim = np.broadcast(*map(value, (start, stop, base))).ndim
        start, stop, base = (array(x, copy=None, ndmin=ndim) for x in (start, stop, base))
        base = expand_dims(base, axis)
    y = np.power(base, linspace(start, stop, num=num, endpoint=endpoint, axis=axis))
    return y if dtype is None else astype(y, dtype, copy=False)
