"""Element by element: arithmetic, powers, exponentials, trigonometry, rounding, choosing.

Conventions where a derivative does not exist:

- `absolute`, `fabs`, `sign`, `copysign`, `hypot`, `arctan2` and `angle` have gradient 0 at 0, for
  complex numbers too.
- Ties of `maximum`, `minimum`, `fmax` and `fmin` share the gradient evenly; `clip` is a minimum of
  a maximum. Where the result of `maximum` or `minimum` is NaN, neither operand has a gradient.
- `x**0` is constant, also at 0; the exponent's gradient is 0 where the base is 0.
- Rounding, `floor_divide`, `spacing` and `heaviside` have gradient 0 in their steps too, and
  `mod`, `fmod`, `modf` and `unwrap` go on there as beside them.
- `logaddexp` and `logaddexp2` of the same infinity twice share the gradient evenly.

Complex gradients are not conjugated: `dL = Re(sum(gx * dx))`.
"""

import math

import numpy as np

from fastgrad._arithmetic import Abs, Add, Div, Mul, Neg, Pow, Sub
from fastgrad._elementwise import Cos, Exp, Log, Sin, Sqrt, Square, Tanh
from fastgrad._node import Handle
from fastgrad._protocols import value
from fastgrad._row import holds_variable
from fastgrad.op import INPUTS, NOTHING, OTHERS, OUTPUT, implements, op, plain, zero

__all__ = [
    "subtract", "multiply", "divide", "negative", "positive", "reciprocal", "square",
    "power", "float_power", "sqrt", "cbrt",
    "floor_divide", "remainder", "mod", "fmod", "divmod", "modf",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "hypot", "unwrap", "sinc",
    "degrees", "rad2deg", "radians", "deg2rad",
    "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "i0",
    "absolute", "fabs", "sign", "copysign", "heaviside",
    "maximum", "minimum", "fmax", "fmin", "clip", "where", "nan_to_num",
    "floor", "ceil", "rint", "trunc", "fix", "round", "spacing", "nextafter", "frexp", "ldexp",
    "real", "imag", "conjugate", "conj", "angle", "real_if_close",
]  # fmt: skip

LN2, LN10 = math.log(2), math.log(10)
MISSING = np._NoValue  # what NumPy has for an argument that was not passed


def is_complex(x):
    """Whether an array, or a Variable, is one of complex numbers."""
    return x.dtype.kind == "c"


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
    vjp=(lambda xp, g, y, a, b: g / b, lambda xp, g, y, a, b: -g / b * (a / b)),
    fast=Div,
)
negative = op("negative", np.negative, NOTHING, vjp=lambda xp, g, y, x: -g, fast=Neg)
positive = op("positive", np.positive, NOTHING, vjp=lambda xp, g, y, x: g)
reciprocal = op("reciprocal", np.reciprocal, OUTPUT, vjp=lambda xp, g, y, x: -g * y * y)
square = op("square", np.square, vjp=lambda xp, g, y, x: g * (2 * x), fast=Square)

# --- powers ---


def base_vjp(xp, g, y, a, b):
    """The slope b * a**(b - 1), and 0 for a**0, at a = 0 too, where that would be 0 * inf."""
    if type(b) in (bool, int, float, complex):  # NumPy has short cuts for such exponents
        if b == 2:
            return g * (b * a)
        return g * (b * a ** (b - 1)) if b != 0 else zeros(a)
    return g * (b * a ** xp.where(b == 0, 1, b - 1))


def exponent_vjp(xp, g, y, a, b):
    """a**b * log(a), and 0 where a is 0."""
    return g * (a**b * xp.log(xp.where(a == 0, 1, a)))


power = op("power", np.power, vjp=(base_vjp, exponent_vjp), fast=Pow)
float_power = op("float_power", np.float_power, vjp=(base_vjp, exponent_vjp))
sqrt = op("sqrt", np.sqrt, OUTPUT, vjp=lambda xp, g, y, x: g / (2 * y), fast=Sqrt)
cbrt = op("cbrt", np.cbrt, OUTPUT, vjp=lambda xp, g, y, x: g / (3 * y * y))

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
modf = op("modf", np.modf, NOTHING, vjp=lambda xp, g, y, x: g[0])

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

# --- sizes and signs ---


def absolute_vjp(xp, g, y, x):
    """sign(x); conj(x) / |x| of complex x; 0 at 0."""
    if not is_complex(x):
        return g * xp.sign(x)
    r = xp.absolute(x)
    return g * (xp.conjugate(x) / xp.where(r == 0, 1, r))


def sign_vjp(xp, g, y, x):
    """Zero; of complex x / |x| what turns it: dy = (dx - y Re(conj(y) dx)) / |x|."""
    if not is_complex(x):
        return zeros(x)
    r = xp.absolute(x)
    across = g - xp.real(g * y) * xp.conjugate(y)
    return xp.where(r == 0, 0, across) / xp.where(r == 0, 1, r)


absolute = op("absolute", np.absolute, vjp=absolute_vjp, fast=Abs)
fabs = op("fabs", np.fabs, vjp=lambda xp, g, y, x: g * xp.sign(x))
sign = op("sign", np.sign, INPUTS | OUTPUT, vjp=sign_vjp)
copysign = op(
    "copysign",
    np.copysign,
    vjp=(lambda xp, g, y, a, b: g * (xp.sign(a) * xp.copysign(1, b)), zero),
)
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
)
minimum = op(
    "minimum",
    np.minimum,
    vjp=(
        lambda xp, g, y, a, b: won(xp, g, b, a),
        lambda xp, g, y, a, b: won(xp, g, a, b),
    ),
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
    mask = kwargs.pop("where", True)
    if mask is not True and holds_variable(a, a_min, a_max, mask, out):
        y = clip(a, a_min, a_max, **kwargs)
        y = where(value(mask), y, np.zeros((), y.dtype) if out is None else out.copy())
        if out is not None:
            np.copyto(out, value(y), casting="same_kind")
        return y
    if mask is not True:
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
)


def nan_to_num_vjp(xp, g, y, x, *_, **__):
    """Zero where x is not finite; of complex x each part by itself."""
    if not is_complex(x):
        return xp.where(xp.isfinite(x), g, 0)
    re = xp.where(xp.isfinite(xp.real(x)), xp.real(g), 0)
    im = xp.where(xp.isfinite(xp.imag(x)), xp.imag(g), 0)
    return re + 1j * im


nan_to_num_copied = op("nan_to_num", np.nan_to_num, vjp=nan_to_num_vjp, implements=())


@implements(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """`np.nan_to_num`, for Variables too, but for `copy=False`: those are never written to."""
    if isinstance(x, Handle) and not copy:
        raise TypeError(
            "nan_to_num: copy=False would write into a Variable, whose graph would be wrong then; "
            "use the result of copy=True"
        )
    return nan_to_num_copied(x, copy, nan, posinf, neginf)


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

# --- complex numbers ---


def angle_vjp(xp, g, y, z, deg=False):
    """Im(dz / z); zero of real z, whose angle is 0 or pi."""
    if not is_complex(z):
        return zeros(z)
    g = xp.where(z == 0, 0, xp.degrees(g) if deg else g)
    return -1j * g / xp.where(z == 0, 1, z)


real = op("real", np.real, NOTHING, vjp=lambda xp, g, y, x: g)  # the engine makes it complex
imag = op("imag", np.imag, NOTHING, vjp=lambda xp, g, y, x: -1j * g)
conjugate = op("conjugate", np.conjugate, NOTHING, vjp=lambda xp, g, y, x: xp.conjugate(g))
conj = conjugate
angle = op("angle", np.angle, vjp=angle_vjp)
real_if_close = op("real_if_close", np.real_if_close, NOTHING, vjp=lambda xp, g, y, a, tol=100: g)

# --- what is true, and integers ---

plain(
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isfinite, np.isinf, np.isnan, np.isnat, np.isneginf, np.isposinf, np.signbit,
    np.isreal, np.isrealobj, np.iscomplex, np.iscomplexobj,
    np.isclose, np.allclose, np.array_equal, np.array_equiv,
    np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_count, np.invert,
    np.left_shift, np.right_shift, np.gcd, np.lcm,
)  # fmt: skip
