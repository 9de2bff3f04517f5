"""Element by element: exponentials, logarithms, trigonometry, hyperbolic functions."""

import math

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.functions._elementwise import Cos, Exp, Log, Sin, Tanh
from fastgrad.functions.lengths import is_complex, masked_ratio, slope_at_zero, wide
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
# Not y + 1, which is rounded to 0 far left.
expm1 = op("expm1", np.expm1, vjp=lambda xp, g, y, x: g * xp.exp(x))
log = op("log", np.log, vjp=lambda xp, g, y, x: g / x, fast=Log)
# Not of LN2 * x, which loses digits where x is subnormal, or overflows.
log2 = op("log2", np.log2, vjp=lambda xp, g, y, x: g / LN2 / x)
log10 = op("log10", np.log10, vjp=lambda xp, g, y, x: g / LN10 / x)
log1p = op("log1p", np.log1p, vjp=lambda xp, g, y, x: g / (1 + x))


def part(xp, exp, a, b):
    """`exp(a) / (exp(a) + exp(b))`; where both are the same infinity, a half."""
    a, b = wide(a), wide(b)
    same = (a == b) & xp.isinf(a)
    d = xp.where(same, 0, a) - xp.where(same, 0, b)
    left = d < 0
    e = exp(xp.where(left, d, -d))
    return xp.where(left, e, 1) / (1 + e)


logaddexp = op(
    "logaddexp",
    np.logaddexp,
    vjp=(
        lambda xp, g, y, a, b: g * part(xp, xp.exp, a, b),
        lambda xp, g, y, a, b: g * part(xp, xp.exp, b, a),
    ),
)
logaddexp2 = op(
    "logaddexp2",
    np.logaddexp2,
    vjp=(
        lambda xp, g, y, a, b: g * part(xp, xp.exp2, a, b),
        lambda xp, g, y, a, b: g * part(xp, xp.exp2, b, a),
    ),
)

# --- trigonometry ---

sin = op("sin", np.sin, vjp=lambda xp, g, y, x: g * xp.cos(x), fast=Sin)
cos = op("cos", np.cos, vjp=lambda xp, g, y, x: -g * xp.sin(x), fast=Cos)
tan = op("tan", np.tan, OUTPUT, vjp=lambda xp, g, y, x: g * (1 + y * y))
arcsin = op("arcsin", np.arcsin, vjp=lambda xp, g, y, x: g / xp.sqrt((1 - x) * (1 + x)))
arccos = op("arccos", np.arccos, vjp=lambda xp, g, y, x: -g / xp.sqrt((1 - x) * (1 + x)))


def arctan_vjp(xp, g, y, x):
    """1 / (1 + x**2), without overflow."""
    if is_complex(x):
        return g / (1 + x * x)
    r = xp.hypot(1, x)
    return g / r / r


arctan = op("arctan", np.arctan, vjp=arctan_vjp)


def scaled(xp, a, b):
    """`a` and `b` less a power of two, so that their squares are ordinary; and its exponent.

    Where one is infinite the other counts as 0, and two infinities as equal; the exponent is 0.
    """
    u, v = value(a), value(b)
    m = np.maximum(np.abs(u), np.abs(v))
    infinite = np.isinf(m)
    _, n = np.frexp(np.where(infinite, 0, m))
    if np.any(infinite):
        u, v = (np.where(np.isinf(x), np.sign(x), 0) for x in (u, v))
        a, b = xp.where(infinite, u, a), xp.where(infinite, v, b)
    return xp.ldexp(a, -n), xp.ldexp(b, -n), n


def arctan2_vjp(xp, g, a, b):
    """`b / (a**2 + b**2)`, and 0 at 0."""
    infinite = np.isinf(value(a)) | np.isinf(value(b))
    a, b, n = scaled(xp, a, b)
    slope = masked_ratio(xp, xp.ldexp(b, -n), a * a + b * b)
    return g * xp.where(infinite, 0, slope)


arctan2 = op(
    "arctan2",
    np.arctan2,
    vjp=(
        lambda xp, g, y, a, b: arctan2_vjp(xp, g, a, b),
        lambda xp, g, y, a, b: arctan2_vjp(xp, -g, b, a),
    ),
)


def hypot_vjp(xp, g, y, a, b):
    """`a / y`, and 0 at 0."""
    r, info = value(y), np.finfo(y.dtype)
    zero = r == 0
    slope = slope_at_zero(xp, g, y)
    if np.all(zero | ((r < np.inf) & (r > info.tiny / info.eps))):
        gx = g * masked_ratio(xp, a, y)
    else:
        u, v, _ = scaled(xp, a, b)
        square = u * u + v * v
        if np.any(zero):
            u, square = xp.where(zero, 0, u), xp.where(zero, 1, square)
        gx = g * (u / xp.sqrt(square))
    return gx if slope is None else gx + slope * a


hypot = op(
    "hypot",
    np.hypot,
    INPUTS | OUTPUT,
    vjp=(
        lambda xp, g, y, a, b: hypot_vjp(xp, g, y, a, b),
        lambda xp, g, y, a, b: hypot_vjp(xp, g, y, b, a),
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
    near = np.absolute(value(t)) < 1
    t0 = xp.where(near, t, 0)
    s, u = 0, t0 * t0
    for c in reversed(SINC_SERIES):
        s = s * u + c
    # The cosine of a remainder: in a large t nothing is left of the angle.
    cos = xp.cos(t if is_complex(x) else np.pi * (x - 2 * xp.rint(x / 2)))
    return g * (np.pi * xp.where(near, t0 * s, (cos - y) / xp.where(near, 1, t)))


sinc = op("sinc", np.sinc, INPUTS | OUTPUT, vjp=sinc_vjp)

# --- hyperbolic functions ---

sinh = op("sinh", np.sinh, vjp=lambda xp, g, y, x: g * xp.cosh(x))
cosh = op("cosh", np.cosh, vjp=lambda xp, g, y, x: g * xp.sinh(x))
tanh = op("tanh", np.tanh, OUTPUT, vjp=lambda xp, g, y, x: g * (1 - y * y), fast=Tanh)


def arcsinh_vjp(xp, g, y, x):
    """1 / sqrt(1 + x**2), without overflow."""
    return g / (xp.sqrt(1 + x * x) if is_complex(x) else xp.hypot(1, x))


arcsinh = op("arcsinh", np.arcsinh, vjp=arcsinh_vjp)
# Not the root of the product, which is the other one for complex x left of 0.
arccosh = op("arccosh", np.arccosh, vjp=lambda xp, g, y, x: g / (xp.sqrt(x - 1) * xp.sqrt(x + 1)))
arctanh = op("arctanh", np.arctanh, vjp=lambda xp, g, y, x: g / ((1 - x) * (1 + x)))


def i0_vjp(xp, g, y, x):
    """I1(x), which NumPy lacks: the mean of `cos(t) sinh(x cos(t))`, t over a quarter of a circle.

    That of 64 points is exact to rounding wherever I0 does not overflow: of a periodic analytic
    function the trapezoidal rule converges exponentially (Trefethen and Weideman 2014). With
    c = cos(t) and x >= 0, `2 sinh(c x)` is `exp(x) exp((c - 1) x) (1 - exp(-2 c x))`: where the
    terms are large the product (c - 1) x is small, and with it its rounding.
    """
    x = x.astype(np.float64) if x.dtype.itemsize < 8 else x
    sign = np.where(value(x) < 0, -1, 1).astype(x.dtype)
    x = sign * x

    def total(ts):
        """In pairs, as NumPy sums, for few roundings."""
        if len(ts) > 1:
            half = len(ts) // 2
            return total(ts[:half]) + total(ts[half:])
        c, less = math.cos(ts[0]), 2 * math.sin(ts[0] / 2) ** 2
        return -c * (xp.exp(-less * x) * xp.expm1(-2 * c * x))

    half = xp.exp(x / 2)  # exp(x) may overflow
    mean = total(((np.arange(64) + 0.5) * (np.pi / 128)).tolist()) / 128
    return g * (sign * (mean * half * half))


i0 = op("i0", np.i0, vjp=i0_vjp)
