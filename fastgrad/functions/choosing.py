"""Element by element: sizes and signs, choosing."""

import numpy as np

from fastgrad._core.arguments import holds_variable, operand_of
from fastgrad._core.node import Handle
from fastgrad._core.protocols import value
from fastgrad.functions._arithmetic import Abs
from fastgrad.functions._choosing import Maximum, Minimum, Where
from fastgrad.functions.arithmetic import zeros
from fastgrad.functions.lengths import is_complex, masked_ratio, slope_at_zero
from fastgrad.op import INPUTS, OTHERS, OUTPUT, implements, op, zero

__all__ = [
    "absolute", "fabs", "sign", "copysign", "heaviside",
    "maximum", "minimum", "fmax", "fmin", "clip", "where", "nan_to_num",
]  # fmt: skip

MISSING = np._NoValue  # what NumPy has for an argument that was not passed


# --- sizes and signs ---


def absolute_vjp(xp, g, y, x):
    """sign(x); conj(x) / |x| of complex x; 0 at 0."""
    if is_complex(x):
        r = np.absolute(x) if xp is np else y  # which is not saved
        gx = g * masked_ratio(xp, xp.conjugate(x), r)
    else:
        gx = g * xp.sign(x)
    if xp is np or not np.any(value(x) == 0):
        return gx
    slope = slope_at_zero(xp, g, y)
    return gx if slope is None else gx + slope * xp.conjugate(x)


def sign_vjp(xp, g, y, x):
    """Zero; of complex x / |x| what turns it: dy = (dx - y Re(conj(y) dx)) / |x|."""
    if not is_complex(x):
        return zeros(x)
    return masked_ratio(xp, g - xp.real(g * y) * xp.conjugate(y), xp.absolute(x))


absolute = op("absolute", np.absolute, vjp=absolute_vjp, fast=Abs)
fabs = op("fabs", np.fabs, INPUTS | OUTPUT, vjp=absolute_vjp)
sign = op("sign", np.sign, INPUTS | OUTPUT, vjp=sign_vjp)
sign.steps = (0,)


def copysign_vjp(xp, g, y, a, b):
    """1 or -1, and 0 at 0."""
    slope = slope_at_zero(xp, g, y)
    gx = g * (xp.sign(a) * xp.copysign(1, b))
    return gx if slope is None else gx + slope * a


copysign = op("copysign", np.copysign, INPUTS | OUTPUT, vjp=(copysign_vjp, zero))
heaviside = op(
    "heaviside",
    np.heaviside,
    OTHERS,
    vjp=(zero, lambda xp, g, y, a, b: xp.where(a == 0, g, 0)),
)

# --- choosing ---


def won(xp, g, a, b):
    """The gradient of the greater of a and b, for a."""
    return xp.where(a == b, g / 2, xp.where(a > b, g, 0))


maximum = op(
    "maximum",
    np.maximum,
    vjp=(
        lambda xp, g, y, a, b: won(xp, g, a, b),
        lambda xp, g, y, a, b: won(xp, g, b, a),
    ),
    fast=Maximum,
)
minimum = op(
    "minimum",
    np.minimum,
    vjp=(
        lambda xp, g, y, a, b: won(xp, g, b, a),
        lambda xp, g, y, a, b: won(xp, g, a, b),
    ),
    fast=Minimum,
)
fmax = op(
    "fmax",
    np.fmax,
    vjp=(
        lambda xp, g, y, a, b: xp.where(xp.isnan(b), g, won(xp, g, a, b)),
        lambda xp, g, y, a, b: xp.where(xp.isnan(a), g, won(xp, g, b, a)),
    ),
)
fmin = op(
    "fmin",
    np.fmin,
    vjp=(
        lambda xp, g, y, a, b: xp.where(xp.isnan(b), g, won(xp, g, b, a)),
        lambda xp, g, y, a, b: xp.where(xp.isnan(a), g, won(xp, g, a, b)),
    ),
)


def clip_vjp_of(operand):
    """The VJP of `minimum(maximum(a, low), high)` for one of the three."""

    def vjp(xp, g, y, a, low=None, high=None, *_, where=True, **__):
        if where is not True:
            g = xp.where(where, g, 0)
        raised = a if low is None or low is MISSING else xp.maximum(a, low)
        if high is not None and high is not MISSING:
            if operand == "high":
                return won(xp, g, raised, high)
            g = won(xp, g, high, raised)
        if raised is a:
            return g
        return won(xp, g, a, low) if operand == "a" else won(xp, g, low, a)

    return vjp


clip_by_position = op(
    "clip",
    np.clip,
    vjp=(clip_vjp_of("a"), clip_vjp_of("low"), clip_vjp_of("high")),
    batched=True,
    implements=(),
)


@implements(np.clip)
def clip(a, a_min=MISSING, a_max=MISSING, out=None, *, min=MISSING, max=MISSING, **kwargs):
    """`np.clip`, for Variables too, the bounds included; arguments and errors are NumPy's."""
    if a_min is MISSING and a_max is MISSING and not (min is MISSING and max is MISSING):
        a_min = None if min is MISSING else min
        a_max = None if max is MISSING else max
        min = max = MISSING
    for name, x in (("min", min), ("max", max)):
        if x is not MISSING:  # next to a_min or a_max: for NumPy to refuse
            kwargs[name] = x
    mask = value(kwargs.pop("where", True))
    if mask is not True:
        if out is None and holds_variable(a, a_min, a_max):  # else elements would be left unset
            return where(mask, clip_by_position(a, a_min, a_max, **kwargs), 0)
        kwargs["where"] = mask
    return clip_by_position(a, a_min, a_max, out=out, **kwargs)


where = op(
    "where",
    np.where,
    OTHERS,
    vjp=(
        None,
        lambda xp, g, y, condition, a, b: xp.where(condition, g, 0),
        lambda xp, g, y, condition, a, b: xp.where(condition, 0, g),
    ),
    batched=True,
    fast=Where,
)


def nan_to_num_vjp(xp, g, y, x, *_, **__):
    """Zero where x is not finite; of complex x each part by itself."""
    if not is_complex(x):
        return xp.where(xp.isfinite(x), g, 0)
    re = xp.where(xp.isfinite(xp.real(x)), xp.real(g), 0)
    im = xp.where(xp.isfinite(xp.imag(x)), xp.imag(g), 0)
    return re + 1j * im


def replacement_vjp(is_replaced):
    """The VJP for what stands in place of the numbers of a kind; of complex x in each part."""

    def vjp(xp, g, y, x, *_):
        if not is_complex(x):
            return xp.where(is_replaced(value(x)), g, 0)
        x = value(x)
        re = xp.where(is_replaced(x.real), xp.real(g), 0)
        return re - xp.where(is_replaced(x.imag), xp.imag(g), 0)

    return vjp


nan_to_num_copied = op(
    "nan_to_num",
    np.nan_to_num,
    vjp=(
        nan_to_num_vjp,
        None,
        replacement_vjp(np.isnan),
        replacement_vjp(np.isposinf),
        replacement_vjp(np.isneginf),
    ),
    implements=(),
)


@implements(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """`np.nan_to_num`, for Variables too, but for `copy=False`: those are never written to."""
    if isinstance(x, Handle) and not copy:
        raise TypeError(
            "nan_to_num: copy=False would write into a Variable, whose graph would be wrong then; "
            "use the result of copy=True"
        )
    if holds_variable(nan, posinf, neginf):
        x = operand_of(x)
    return nan_to_num_copied(x, copy, nan, posinf, neginf)
