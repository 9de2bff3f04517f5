"""Element by element: exponentials, logarithms, trigonometry, hyperbolic functions."""

import math

import numpy as np

from fastgrad._elementwise import Cos, Exp, Log, Sin, Tanh
from fastgrad.op import INPUTS, NOTHING, OUTPUT, op, with_operand

__all__ = [
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot", "unwrap", "sinc",
    "degrees", "rad2deg", "radians", "deg2rad",
    "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "i0",
]  # fmt: skip

LN2, LN10 = math.log(2), math.log(10)


# --- exponentials and logarithms ---

exp = op("exp", np.exp, OUTPUT, vjp=lambda xp, g, y, x: g * y, fast=Exp)
exp2 = op("exp2", np.exp2, OUTPUT, vjp=lambda xp, g, y, x: g * (LN2 * y))
expm1 = op("expm1", np.expm1, OUTPUT, vjp=lambda xp, g, y, x: g * (y + 1))
log = op("log", np.log, vjp=lambda xp, g, y, x: g / x, fast=Log)
log2 = op("log2", np.log2, vjp=lambda xp, g, y, x: g / (LN2 * x))
log10 = op("log10", np.log10, vjp=lambda xp, g, y, x: g / (LN10 * x))
log1p = op("log1p", np.log1p, vjp=lambda xp, g, y, x: g / (1 + x))


def part(xp, exp, logaddexp, a, b):
    """`exp(a) / (exp(a) + exp(b))`; where both are the same infinity, a half."""
    same = (a == b) & xp.isinf(a)
    return exp(-logaddexp(0, xp.where(same, 0, b) - xp.where(same, 0, a)))


logaddexp = op(
    "logaddexp",
    np.logaddexp,
    vjp=(
        lambda xp, g, y, a, b: g * part(xp, xp.exp, xp.logaddexp, a, b),
        lambda xp, g, y, a, b: g * part(xp, xp.exp, xp.logaddexp, b, a),
    ),
)
logaddexp2 = op(
    "logaddexp2",
    np.logaddexp2,
    vjp=(
        lambda xp, g, y, a, b: g * part(xp, xp.exp2, xp.logaddexp2, a, b),
        lambda xp, g, y, a, b: g * part(xp, xp.exp2, xp.logaddexp2, b, a),
    ),
)

# --- trigonometry ---

sin = op("sin", np.sin, vjp=lambda xp, g, y, x: g * xp.cos(x), fast=Sin)
cos = op("cos", np.cos, vjp=lambda xp, g, y, x: -g * xp.sin(x), fast=Cos)
tan = op("tan", np.tan, OUTPUT, vjp=lambda xp, g, y, x: g * (1 + y * y))
arcsin = op("arcsin", np.arcsin, vjp=lambda xp, g, y, x: g / xp.sqrt((1 - x) * (1 + x)))
arccos = op("arccos", np.arccos, vjp=lambda xp, g, y, x: -g / xp.sqrt((1 - x) * (1 + x)))
arctan = op("arctan", np.arctan, vjp=lambda xp, g, y, x: g / (1 + x * x))


def arctan2_vjp(xp, g, a, b, other):
    """`other / (a**2 + b**2)`, without overflow."""
    r = xp.hypot(a, b)
    r = xp.where(r == 0, 1, r)
    return g * (other / r / r)


arctan2 = op(
    "arctan2",
    np.arctan2,
    vjp=(
        lambda xp, g, y, a, b: arctan2_vjp(xp, g, a, b, b),
        lambda xp, g, y, a, b: arctan2_vjp(xp, -g, a, b, a),
    ),
)
hypot = op(
    "hypot",
    np.hypot,
    INPUTS | OUTPUT,
    vjp=(
        lambda xp, g, y, a, b: g * (a / xp.where(y == 0, 1, y)),
        lambda xp, g, y, a, b: g * (b / xp.where(y == 0, 1, y)),
    ),
)
unwrap = op("unwrap", np.unwrap, NOTHING, vjp=lambda xp, g, y, p, *_, **__: g)
# What was added is a whole number of periods.
with_operand(
    unwrap, "period", lambda xp, g, y, p, period, **_: g * xp.rint((y - p) / period)
)  # fmt: skip

degrees = op("degrees", np.degrees, NOTHING, vjp=lambda xp, g, y, x: xp.degrees(g))
rad2deg = op("rad2deg", np.rad2deg, NOTHING, vjp=lambda xp, g, y, x: xp.rad2deg(g))
radians = op("radians", np.radians, NOTHING, vjp=lambda xp, g, y, x: xp.radians(g))
deg2rad = op("deg2rad", np.deg2rad, NOTHING, vjp=lambda xp, g, y, x: xp.deg2rad(g))

# sin(t) / t is 1 - t**2 / 3! + t**4 / 5! - ...: its derivative divided by t, in powers of t**2.
SINC_SERIES = [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 11)]


def sinc_vjp(xp, g, y, x):
    """(cos(t) - sin(t) / t) / t of t = pi x; by its series about 0, where that would cancel."""
    t = np.pi * x
    near = xp.absolute(t) < 1
    s, u = 0, xp.where(near, t * t, 0)
    for c in reversed(SINC_SERIES):
        s = s * u + c
    return g * (np.pi * xp.where(near, t * s, (xp.cos(t) - y) / xp.where(near, 1, t)))


sinc = op("sinc", np.sinc, INPUTS | OUTPUT, vjp=sinc_vjp)

# --- hyperbolic functions ---

sinh = op("sinh", np.sinh, vjp=lambda xp, g, y, x: g * xp.cosh(x))
cosh = op("cosh", np.cosh, vjp=lambda xp, g, y, x: g * xp.sinh(x))
tanh = op("tanh", np.tanh, OUTPUT, vjp=lambda xp, g, y, x: g * (1 - y * y), fast=Tanh)
arcsinh = op("arcsinh", np.arcsinh, vjp=lambda xp, g, y, x: g / xp.sqrt(1 + x * x))
# Not the root of the product, which is the other one for complex x left of 0.
arccosh = op("arccosh", np.arccosh, vjp=lambda xp, g, y, x: g / (xp.sqrt(x - 1) * xp.sqrt(x + 1)))
arctanh = op("arctanh", np.arctanh, vjp=lambda xp, g, y, x: g / ((1 - x) * (1 + x)))


def i0_vjp(xp, g, y, x):
    """I1(x), which NumPy lacks: the mean of `cos(t) sinh(x cos(t))`, t over a quarter of a circle.

    That of 64 points is exact to rounding wherever I0 does not overflow: of a periodic analytic
    function the trapezoidal rule converges exponentially (Trefethen and Weideman 2014).
    """
    total = 0
    for c in np.cos((np.arange(64) + 0.5) * (np.pi / 128)).tolist():
        total = total + c * xp.sinh(c * x)
    return g * (total / 64)


i0 = op("i0", np.i0, vjp=i0_vjp)
