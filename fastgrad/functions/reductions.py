"""Many elements to one: sums, products, extremes, variances; the running kinds; integrals.

Conventions where a derivative does not exist: ties of `max` and `min` share the gradient evenly
(HIPS autograd's and JAX's convention), `initial` being one more of them if it is as large; where
the result is NaN, the NaNs do. `std` has gradient zero where the variance is zero, as in PyTorch.
What `where` masks out, and the NaNs that `nansum` and the like skip, get zero, whatever they hold.
A `mean` that is passed to `var` or `std` is an operand of its own.
"""

import numpy as np

from fastgrad._core.arguments import holds_variable, operand_of
from fastgrad.functions import differences, statistics
from fastgrad.functions._along import products_of_others
from fastgrad.functions._reductions import Mean, Sum
from fastgrad.functions.along import (
    MISSING,
    at_least_one,
    count,
    cut,
    degrees_of_freedom,
    normalized,
    order_of,
    others,
    spread,
)
from fastgrad.functions.differences import *  # noqa: F403
from fastgrad.functions.differences import diff
from fastgrad.functions.lengths import floating, masked_ratio, slope_at_zero
from fastgrad.functions.statistics import *  # noqa: F403
from fastgrad.op import INPUTS, NOTHING, OUTPUT, implements, op, plain, refuse, with_operand

__all__ = [
    "sum", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "prod", "cumsum", "cumprod",
    "nansum", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanprod", "nancumsum",
    "nancumprod", "trapezoid", *differences.__all__, *statistics.__all__,
]  # fmt: skip


# --- sums ---


def sum_vjp(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """Each element that is summed gets the gradient of the sum."""
    g = xp.broadcast_to(spread(xp, g, x, axis, keepdims), x.shape)
    return g if where is True else xp.where(where, g, 0)


def sum_rows(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """That for many gradients."""
    axes = normalized(axis, x.ndim)
    ones = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    g = xp.broadcast_to(xp.reshape(g, (len(g), *ones)), (len(g), *x.shape))
    return g if where is True else xp.where(where, g, 0)


sum = op("sum", np.sum, NOTHING, vjp=sum_vjp, batched=sum_rows, fast=Sum)


def mean_vjp(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """The gradient of the sum, divided by how many there are."""
    g = spread(xp, g, x, axis) / at_least_one(count(x, axis, where))
    return sum_vjp(xp, g, y, x, axis, where=where)


def mean_rows(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """That for many gradients."""
    if where is not True:
        return NotImplemented
    return sum_rows(xp, g / at_least_one(count(x, axis)), y, x, axis)


mean = op("mean", np.mean, NOTHING, vjp=mean_vjp, batched=mean_rows, fast=Mean)


def var_vjp(
    xp, g, y, x, axis=None, dtype=None, out=None, ddof=0, keepdims=False,
    *, where=True, mean=MISSING, correction=MISSING,
):  # fmt: skip
    """2 conj(x - mean) / (n - ddof); that the mean changes too adds nothing."""
    ddof = ddof if correction is MISSING else correction
    n = count(x, axis, where)
    x = x if where is True else xp.where(where, x, 0)
    if mean is MISSING:
        mean = spread(xp, xp.sum(x, axis=axis), x, axis) / at_least_one(n)
    d = xp.conj(x - mean) if x.dtype.kind == "c" else x - mean
    g = spread(xp, g, x, axis) * 2 / degrees_of_freedom(n, ddof) * d
    return g if where is True else xp.where(where, g, 0)


def rows_of_slope(rule):
    """For many gradients, of what is a product of the gradient with numbers that it has no part in.

    That is, of a VJP that multiplies: the numbers are the VJP of ones.
    """

    def rows(xp, g, y, x, axis=None, *args, **kwargs):
        slope = rule(xp, np.ones_like(y), y, x, axis, *args, **kwargs)
        return sum_rows(xp, g, y, x, axis) * slope

    return rows


var = op("var", np.var, vjp=var_vjp, batched=rows_of_slope(var_vjp))


def std_vjp(xp, g, y, x, *args, **kwargs):
    """That of the variance through the square root; zero at zero."""
    slope = slope_at_zero(xp, g, y)
    g = masked_ratio(xp, g, 2 * y)
    return var_vjp(xp, g if slope is None else g + slope / 2, y, x, *args, **kwargs)


std = op("std", np.std, INPUTS | OUTPUT, vjp=std_vjp, batched=rows_of_slope(std_vjp))

# (With an integer for their dtype they are rounded.)
mean.steps = var.steps = std.steps = (0,)

# --- extremes ---


def max_vjp(xp, g, y, x, axis=None, out=None, keepdims=False, initial=MISSING, where=True):
    """The elements that are as large share the gradient."""
    g, y = spread(xp, g, x, axis), spread(xp, y, x, axis)
    ties = ((x == y) | ((x != x) & (y != y))) & where
    n = np.sum(ties, axis=normalized(axis, x.ndim), keepdims=True, dtype=float)
    if initial is not MISSING:
        n = n + (y == initial)
    return xp.where(ties, g / np.maximum(n, 1), 0)


max_rows = rows_of_slope(max_vjp)
max = op(
    "max", np.max, INPUTS | OUTPUT, vjp=max_vjp, batched=max_rows, implements=(np.max, np.amax)
)
min = op(
    "min", np.min, INPUTS | OUTPUT, vjp=max_vjp, batched=max_rows, implements=(np.min, np.amin)
)
amax, amin = max, min


def ptp_vjp(xp, g, y, x, axis=None, out=None, keepdims=False):
    """That of the maximum less that of the minimum."""
    largest, least = xp.max(x, axis=axis), xp.min(x, axis=axis)
    return max_vjp(xp, g, largest, x, axis) - max_vjp(xp, g, least, x, axis)


ptp = op("ptp", np.ptp, vjp=ptp_vjp)

# --- running sums and products ---


def cumsum_vjp(xp, g, y, x, axis=None, dtype=None, out=None):
    """The sum of the gradients from there on."""
    backwards = cut(0 if axis is None else normalized(axis, g.ndim)[0], None, None, -1)
    return xp.reshape(xp.cumsum(g[backwards], axis=axis)[backwards], x.shape)


def cumsum_rows(xp, g, y, x, axis=None, dtype=None, out=None):
    """That for many gradients."""
    axis = 0 if axis is None else normalized(axis, g.ndim - 1)[0]
    backwards = cut(axis + 1, None, None, -1)
    return xp.reshape(xp.cumsum(g[backwards], axis=axis + 1)[backwards], (len(g), *x.shape))


cumsum = op("cumsum", np.cumsum, NOTHING, vjp=cumsum_vjp, batched=cumsum_rows)


def before(xp, y, axis):
    """The running products `y` without the element itself: a one, then all but the last."""
    one = np.ones((*y.shape[:axis], 1, *y.shape[axis + 1 :]), y.dtype)
    return xp.concatenate([one, y[cut(axis, None, -1)]], axis=axis)


def cumprod_vjp(xp, g, y, x, axis=None, dtype=None, out=None):
    """The product before `x[i]`, times `s[i] = g[i] + x[i+1] s[i+1]`: no division, exact at zeros.

    The recurrence is done in log2(n) steps (Hillis and Steele 1986): after each, `s` has the terms
    of twice as many elements, and `a` is the product that leads over them.
    """
    if x.size == 0:
        return g
    axis, shape = (0, g.shape) if axis is None or x.ndim == 0 else (axis, x.shape)
    axis = normalized(axis, len(shape))[0]
    s, a = g, xp.reshape(x, shape)[cut(axis, 1)]
    n, step = shape[axis], 1
    while step < n:
        here, there = cut(axis, None, -step), cut(axis, step)
        s = xp.concatenate([s[here] + a * s[there], s[cut(axis, n - step)]], axis=axis)
        a = a[here] * a[there]
        step *= 2
    return xp.reshape(before(xp, y, axis) * s, x.shape)


cumprod = op("cumprod", np.cumprod, INPUTS | OUTPUT, vjp=cumprod_vjp)


def product_of_others(xp, rows):
    """Of each element the product of all before in its row times that of all after."""
    if xp is np:  # in one pass, with the same bits
        rest = products_of_others(rows.reshape(-1, rows.shape[-1]))
        if rest is not None:
            return rest if rest.shape == rows.shape else rest.reshape(rows.shape)
    last = rows.ndim - 1
    left = before(xp, xp.cumprod(rows, axis=-1), last)
    right = before(xp, xp.cumprod(rows[..., ::-1], axis=-1), last)[..., ::-1]
    return left * right


def prod_vjp(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
    """The product of all before times that of all after: no division, exact at zeros."""
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    g = spread(xp, g * initial, x, axis)
    axes = normalized(axis, x.ndim)
    x = x if where is True else xp.where(where, x, 1)
    order = others(axes, x.ndim) + axes
    shape = tuple(x.shape[i] for i in order)
    rows = xp.reshape(xp.transpose(x, order), (*shape[: x.ndim - len(axes)], -1))
    rest = product_of_others(xp, rows)
    if xp is np and rest.shape == shape and [*order] == sorted(order) and rest.dtype == g.dtype:
        g = np.multiply(g, rest, out=rest)
    else:
        g = g * xp.transpose(xp.reshape(rest, shape), order_of(order))
    return g if where is True else xp.where(where, g, 0)


prod = op("prod", np.prod, vjp=prod_vjp, batched=rows_of_slope(prod_vjp))


def with_initial(rule):
    """For the kinds of the array API: without the gradient of the initial element."""

    def vjp(xp, g, y, x, *, axis=None, dtype=None, out=None, include_initial=False):
        if include_initial:
            start = cut(0 if axis is None else normalized(axis, g.ndim)[0], 1)
            g, y = g[start], y[start]
        return rule(xp, g, y, x, axis)

    return vjp


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    cumulative_sum = op("cumulative_sum", np.cumulative_sum, NOTHING, vjp=with_initial(cumsum_vjp))
    cumulative_prod = op(
        "cumulative_prod", np.cumulative_prod, INPUTS | OUTPUT, vjp=with_initial(cumprod_vjp)
    )
    __all__ += ["cumulative_sum", "cumulative_prod"]

# --- the same, as if the NaNs were not there ---


def nansum_vjp(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """That of the sum where there is a number."""
    return sum_vjp(xp, g, y, x, axis, where=(x == x) & where)


nansum = op("nansum", np.nansum, vjp=nansum_vjp, batched=rows_of_slope(nansum_vjp))


def nanmean_vjp(xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """That of the mean where there is a number."""
    return mean_vjp(xp, g, y, x, axis, where=(x == x) & where)


nanmean = op("nanmean", np.nanmean, vjp=nanmean_vjp, batched=rows_of_slope(nanmean_vjp))


def where_numbers(rule):
    """The VJP of `var` or `std`, where there is a number."""

    def vjp(xp, g, y, x, *args, where=True, **kwargs):
        return rule(xp, g, y, x, *args, where=(x == x) & where, **kwargs)

    return vjp


nanmean.steps = (0,)
nanvar = op("nanvar", np.nanvar, vjp=where_numbers(var_vjp))
nanstd = op("nanstd", np.nanstd, INPUTS | OUTPUT, vjp=where_numbers(std_vjp))
nanvar.steps = nanstd.steps = (0,)


def nanmax_vjp(xp, g, y, x, axis=None, out=None, keepdims=False, initial=MISSING, where=True):
    """That of the maximum where there is a number."""
    return max_vjp(xp, g, y, x, axis, initial=initial, where=(x == x) & where)


nanmax = op("nanmax", np.nanmax, INPUTS | OUTPUT, vjp=nanmax_vjp)
nanmin = op("nanmin", np.nanmin, INPUTS | OUTPUT, vjp=nanmax_vjp)


def nanprod_vjp(
    xp, g, y, x, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True
):
    """That of the product where there is a number."""
    return prod_vjp(xp, g, y, x, axis, initial=initial, where=(x == x) & where)


nanprod = op("nanprod", np.nanprod, vjp=nanprod_vjp)
nancumsum = op(
    "nancumsum",
    np.nancumsum,
    vjp=lambda xp, g, y, x, axis=None, *_, **__: xp.where(x == x, cumsum_vjp(xp, g, y, x, axis), 0),
)


def nancumprod_vjp(xp, g, y, x, axis=None, dtype=None, out=None):
    """That of the product of the numbers, with ones for the NaNs."""
    g = cumprod_vjp(xp, g, y, xp.where(x == x, x, 1), axis)
    return xp.where(x == x, g, 0)


nancumprod = op("nancumprod", np.nancumprod, INPUTS | OUTPUT, vjp=nancumprod_vjp)

# --- `initial` and `mean` that are Variables ---


def extreme_initial_vjp(xp, g, y, x, initial, axis=None, keepdims=False, where=True):
    """Its share, as one more element."""
    y, g = spread(xp, y, x, axis), spread(xp, g, x, axis)
    ties = ((x == y) | ((x != x) & (y != y))) & where
    n = np.sum(ties, axis=normalized(axis, x.ndim), keepdims=True)
    return xp.where((y == initial) | ((y != y) & (initial != initial)), g / (n + 1), 0)


def numbers_alone(rule):
    """The VJP for `initial`, where there is a number."""
    return lambda xp, g, y, x, initial, axis=None, where=True, **rest: rule(
        xp, g, y, x, initial, axis=axis, where=(x == x) & where, **rest
    )


def prod_initial_vjp(xp, g, y, x, initial, axis=None, dtype=None, keepdims=False, where=True):
    """The product of the elements."""
    x = x if where is True else xp.where(where, x, 1)
    return g * xp.prod(x, axis=axis, keepdims=keepdims)


for row in (sum, nansum):
    with_operand(row, "initial", lambda xp, g, *_, **__: g)  # the engine sums it
with_operand(prod, "initial", prod_initial_vjp)
with_operand(nanprod, "initial", numbers_alone(prod_initial_vjp))
for row in (max, min):
    with_operand(row, "initial", extreme_initial_vjp)
for row in (nanmax, nanmin):
    with_operand(row, "initial", numbers_alone(extreme_initial_vjp))
for row in (var, std):
    with_operand(  # of x - mean
        row, "mean", lambda xp, g, y, x, mean, _row=row, **rest: -_row.vjp[0](
            xp, g, y, x, mean=mean, **rest
        )
    )  # fmt: skip

# --- integrals ---


@implements(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """`np.trapezoid`; each of `y`, `x` and `dx` may be a Variable."""
    if not holds_variable(y, x, dx):
        return np.trapezoid(y, x, dx, axis)
    y = floating(operand_of(y))  # the result is: sums of integers in between would wrap around
    along = normalized(axis, y.ndim)[0]
    if x is not None:
        x = floating(operand_of(x))
        dx = diff(x, axis=axis if x.ndim > 1 else -1)
        if x.ndim == 1:
            dx = np.reshape(dx, (-1,) + (1,) * (y.ndim - 1 - along))
    return sum(dx * (y[cut(along, 1)] + y[cut(along, None, -1)]) / 2.0, axis)


if (trapz := getattr(np, "trapz", None)) is not None:  # before NumPy 2.4
    refuse("its name is np.trapezoid now", trapz)

# --- discrete ---

plain(
    np.all, np.any, np.count_nonzero, np.argmax, np.argmin, np.nanargmax, np.nanargmin,
)  # fmt: skip
