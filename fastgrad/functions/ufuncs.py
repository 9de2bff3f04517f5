"""What ufuncs do beyond a plain call, with Variables: `out`, `where`, `reduce`, `outer`, ..."""

import numpy as np

from fastgrad._core.node import Handle
from fastgrad._core.protocols import (
    GO_ON,
    answer_of,
    full_name,
    not_implemented,
    set_special,
    value,
)
from fastgrad._core.row import INPUTS, OUTPUT, Row
from fastgrad.functions import reductions, shaping
from fastgrad.op import op, zero

REDUCTIONS = {
    (np.add, "reduce"): "sum",
    (np.multiply, "reduce"): "prod",
    (np.maximum, "reduce"): "max",
    (np.minimum, "reduce"): "min",
    (np.add, "accumulate"): "cumsum",
    (np.multiply, "accumulate"): "cumprod",
}


def special(ufunc, method, inputs, kwargs):
    """`ufunc.method(*inputs, **kwargs)`, of Variables: see `array_ufunc` in _core/protocols.pyx."""
    out = kwargs.pop("out", None)
    if out is not None:
        out = out if isinstance(out, tuple) else (out,)
        if any(isinstance(x, Handle) for x in out):
            raise TypeError(
                f"{full_name(ufunc)}: out is a Variable, which is never written to: the graph that "
                "was recorded with it would be wrong; use the result: y = "
                f"{full_name(ufunc)}(...)"
            )
        if not any(isinstance(x, Handle) for x in (*inputs, kwargs.get("where"))):
            return NotImplemented
        kwargs["out"] = out if method == "__call__" else out[0]
    if method == "__call__":
        return call(ufunc, inputs, kwargs)
    if method == "outer":
        return outer(ufunc, *inputs, **kwargs)
    if (ufunc, method) in REDUCTIONS:
        return reduced(ufunc, method, *inputs, **kwargs)
    return plain_method(ufunc, method, inputs, kwargs)


def call(ufunc, inputs, kwargs):
    """A call with keywords, or of a ufunc that has no row."""
    answer = answer_of(ufunc)
    if answer is None:
        raise not_implemented(ufunc)
    where = kwargs.pop("where", True)
    if where is True:
        return answer(*inputs, **kwargs)
    if not isinstance(answer, Row):  # plain
        return ufunc(*map(value, inputs), where=value(where), **kwargs)
    if ufunc.nout > 1:
        raise TypeError(
            f"{full_name(ufunc)}: where= is not implemented for Variables where there are many "
            f"outputs; choose afterwards with np.where; {GO_ON}"
        )
    return masked(answer)(*inputs, value(where), **kwargs)


# What stands in for the operands where a mask is off: a point in the middle of the domains.
POINTS = {np.arccosh: 2.0}


def masked(row):
    """The row of the same ufunc with a mask: elsewhere the result is 0, or what `out` had there."""
    if not hasattr(row, "masked"):
        row.masked = with_mask(row)
    return row.masked


def with_mask(row):
    """See `masked`."""
    ufunc, n = row.forward, row.forward.nin
    # An operand without gradient may be an integer, as the exponent of ldexp is.
    points = [1 if rule is None else POINTS.get(ufunc, 0.5) for rule in row.vjp]

    def forward(*args, **kwargs):
        *xs, where = args
        out = kwargs.pop("out", None)
        if not isinstance(out, tuple) or not isinstance(out[0], np.ndarray):
            shape = np.broadcast_shapes(*(np.shape(x) for x in (*xs, where)))
            with np.errstate(all="ignore"):  # of ones, for the dtype
                dtype = ufunc(*(np.ones((), np.asarray(x).dtype) for x in xs), **kwargs).dtype
            out = np.zeros(shape, dtype)
        return ufunc(*xs, out=out, where=where, **kwargs)

    def vjp_of(i):
        if row.vjp[i] in (zero, None):
            return row.vjp[i]

        def vjp(xp, g, y, *args, **kwargs):
            *xs, where = args
            # Where the mask is off, operands may be outside of the domain.
            xs = [xp.where(where, x, p) for x, p in zip(xs, points, strict=True)]
            y = xp.where(where, y, float(ufunc(*points)))
            return xp.where(where, row.vjp[i](xp, xp.where(where, g, 0), y, *xs), 0)

        return vjp

    vjps = tuple(vjp_of(i) for i in range(n))
    return op(row.name, forward, INPUTS | OUTPUT, vjps, implements=())


def reduced(ufunc, method, x, axis=0, dtype=None, **kwargs):
    """`np.add.reduce` and the like, by the function that does the same."""
    function = getattr(reductions, REDUCTIONS[ufunc, method], None)
    if function is None:
        raise not_implemented(ufunc)
    if dtype is not None:
        kwargs["dtype"] = dtype
    return function(x, axis=axis, **kwargs)


def outer(ufunc, x0, x1, **kwargs):
    """`ufunc` of every pair of elements."""
    shape = (*np.shape(value(x0)), *(1,) * np.ndim(value(x1)))
    return ufunc(shaping.reshape(x0, shape), x1, **kwargs)


def plain_method(ufunc, method, inputs, kwargs):
    """Of a ufunc whose results are plain; else an error."""
    answer = answer_of(ufunc)
    if answer is not None and not isinstance(answer, Row) and method != "at":
        return getattr(ufunc, method)(*value(inputs), **{k: value(x) for k, x in kwargs.items()})
    name = f"{full_name(ufunc)}.{method}"
    if method == "at":
        raise TypeError(f"{name}: writes into its operand; {GO_ON}")
    raise TypeError(f"{name}: not implemented for Variables; {GO_ON}")


set_special(special)
