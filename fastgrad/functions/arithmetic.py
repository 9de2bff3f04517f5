"""Element by element: arithmetic, powers, division with a remainder, rounding."""

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.functions._arithmetic import Add, Div, Mul, Neg, Pow, Sub
from fastgrad.functions._elementwise import Sqrt, Square
from fastgrad.functions.lengths import wide
from fastgrad.op import INPUTS, NOTHING, OTHERS, OUTPUT, op, zero

__all__ = [
    "subtract", "multiply", "divide", "negative", "positive", "reciprocal", "square",
    "power", "float_power", "sqrt", "cbrt",
    "floor_divide", "remainder", "mod", "fmod", "divmod", "modf",
    "floor", "ceil", "rint", "trunc", "fix", "round", "spacing", "nextafter", "frexp", "ldexp",
]  # fmt: skip


def zeros(x):
    """A gradient for `x` of zeros."""
    return np.zeros(x.shape, x.dtype)


# --- arithmetic ---

add = op(
    "add",
    np.add,
    NOTHING,
    vjp=(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: g),
    fast=Add,
)
subtract = op(
    "subtract",
    np.subtract,
    NOTHING,
    vjp=(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: -g),
    fast=Sub,
)
multiply = op(
    "multiply",
    np.multiply,
    OTHERS,
    vjp=(lambda xp, g, y, a, b: g * b, lambda xp, g, y, a, b: g * a),
    fast=Mul,
)
divide = op(
    "divide",
    np.divide,
    vjp=(lambda xp, g, y, a, b: g / b, lambda xp, g, y, a, b: xp.multiply(-(g / b), a / b)),
    fast=Div,
)
negative = op("negative", np.negative, NOTHING, vjp=lambda xp, g, y, x: -g, fast=Neg)
positive = op("positive", np.positive, NOTHING, vjp=lambda xp, g, y, x: g)
reciprocal = op("reciprocal", np.reciprocal, OUTPUT, vjp=lambda xp, g, y, x: -g * y * y)
reciprocal.steps = (0,)  # of integers it is an integer division
square = op("square", np.square, vjp=lambda xp, g, y, x: g * (2 * x), fast=Square)

# --- powers ---


def base_vjp(xp, g, y, a, b):
    """The slope b * a**(b - 1), and 0 for a**0, at a = 0 too, where that would be 0 * inf."""
    if type(b) in (bool, int, float, complex):  # NumPy has short cuts for such exponents
        if b == 2:
            return g * (b * a)
        return g * (b * a ** (b - 1)) if b != 0 else zeros(a)
    a, b = wide(a), wide(b)
    zero = value(a) == 0
    low = (value(b) < 1) & np.logical_not(zero)
    if xp is not np and np.any(zero):  # the exponent of 0 is a constant, in the next derivative too
        b = xp.where(zero, value(b), b)
    if not np.any(low | (value(b) == 0)):
        return g * (b * a ** (b - 1))
    # Below 1, b - 1 is rounded, and a power of it may overflow; 0 stands for it where it is not
    # used. For b = 0 this has the derivative 1 / a for b, which its value 0 does not show.
    slope = b * a ** xp.where(low | (value(b) == 0), 0, b - 1)
    if np.any(low):
        slope = xp.where(low, b * a**b / xp.where(low, a, 1), slope)
    return g * slope


def exponent_vjp(xp, g, y, a, b):
    """a**b * log(a), and 0 where a is 0."""
    a, b = wide(a), wide(b)
    a = xp.where(value(a) == 0, 1, a)
    return g * (a**b * xp.log(a))


power = op("power", np.power, vjp=(base_vjp, exponent_vjp), fast=Pow)
float_power = op("float_power", np.float_power, vjp=(base_vjp, exponent_vjp))
sqrt = op("sqrt", np.sqrt, OUTPUT, vjp=lambda xp, g, y, x: g / (2 * y), fast=Sqrt)
# Not of y * y, which is subnormal in float16 where x is.
cbrt = op("cbrt", np.cbrt, OUTPUT, vjp=lambda xp, g, y, x: g / (3 * y) / y)

# --- division with a remainder ---

floor_divide = op("floor_divide", np.floor_divide, NOTHING, vjp=(zero, zero))
remainder = op(
    "remainder",
    np.remainder,
    vjp=(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: -g * xp.floor_divide(a, b)),
)
mod = remainder
fmod = op(
    "fmod",
    np.fmod,
    INPUTS | OUTPUT,
    # The quotient is an integer, that of the rounded a / b is not always the same one.
    vjp=(lambda xp, g, y, a, b: g, lambda xp, g, y, a, b: -g * xp.rint((a - y) / b)),
)
divmod = op(
    "divmod",
    np.divmod,
    OUTPUT,
    vjp=(lambda xp, g, y, a, b: g[1], lambda xp, g, y, a, b: -g[1] * y[0]),
)
divmod.steps = (0,)
modf = op("modf", np.modf, NOTHING, vjp=lambda xp, g, y, x: g[0])

# --- rounding, and the parts of a floating-point number ---

floor = op("floor", np.floor, NOTHING, vjp=zero)
ceil = op("ceil", np.ceil, NOTHING, vjp=zero)
rint = op("rint", np.rint, NOTHING, vjp=zero)
trunc = op("trunc", np.trunc, NOTHING, vjp=zero)
fix = op("fix", np.fix, NOTHING, vjp=zero)
round = op("round", np.round, NOTHING, vjp=zero, implements=(np.round, np.around))
spacing = op("spacing", np.spacing, NOTHING, vjp=zero)
nextafter = op("nextafter", np.nextafter, NOTHING, vjp=(lambda xp, g, y, a, b: g, zero))
ldexp = op("ldexp", np.ldexp, OTHERS, vjp=(lambda xp, g, y, a, b: xp.ldexp(g, b), None))
frexp = op("frexp", np.frexp, OUTPUT, vjp=lambda xp, g, y, x: xp.ldexp(g[0], -y[1]))
