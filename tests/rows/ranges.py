"""The derivatives of the elementwise rows, by mpmath, and what numbers they are compared at.

`ONE` and `SCIPY`, of one operand: name, derivative of a number of mpmath, and for which numbers
there is one. `TWO`: both derivatives. `SCALES` are the exceptions of docs/accuracy.md.
"""

from __future__ import annotations

import mpmath
import numpy as np
from mpmath import mp, mpf

mp.prec = 200

DTYPES = ["float16", "float32", "float64"]


def points(dtype):
    """Numbers of any size and sign: ends, subnormal ones, next to 1 and to multiples of a half."""
    info = np.finfo(dtype)
    sizes = np.concatenate(
        [
            np.geomspace(float(info.smallest_subnormal), float(info.max) / 4, 30),
            np.geomspace(1e-2, 1e2, 20) * 1.0137,
            [info.smallest_subnormal, info.tiny, info.eps, info.max, 1 - info.eps, 1 + info.eps],
            [0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 8, 10, 12, 17, 26, 37, 88, 300, 700, 709],
        ]
    ).astype(dtype)
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return np.unique(np.concatenate([sizes, -sizes]))


def everywhere(x):
    return True


def positive(x):
    return x > 0


def inside(x):
    return abs(x) < 1


def exp(x):
    """That of mpmath, which takes seconds where the result is beyond any dtype."""
    return mpmath.exp(min(max(x, -1e6), 1e6))


def sigmoid(x):
    return 1 / (1 + exp(-x))


def density(x):
    return exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)


def normal(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2 if abs(x) < 1e4 else mpf(x > 0)


def silu_slope(x):
    return sigmoid(x) * (1 + x * sigmoid(-x))


C = 2 * mpmath.sqrt(2 / mpmath.pi)
D = mpf(0.044715) * C


def gelu_slope(x):
    v = x * (C + D * x * x)
    return sigmoid(v) * (1 + x * sigmoid(-v) * (C + 3 * D * x * x))


def sinc_slope(x):
    return (mpmath.cospi(x) - mpmath.sinpi(x) / (mpmath.pi * x)) / x


ONE = {
    "exp": (exp, everywhere),
    "exp2": (lambda x: mpmath.log(2) * exp(x * mpmath.log(2)), everywhere),
    "expm1": (exp, everywhere),
    "log": (lambda x: 1 / x, positive),
    "log2": (lambda x: 1 / x / mpmath.log(2), positive),
    "log10": (lambda x: 1 / x / mpmath.log(10), positive),
    "log1p": (lambda x: 1 / (1 + x), lambda x: x > -1),
    "sin": (mpmath.cos, everywhere),
    "cos": (lambda x: -mpmath.sin(x), everywhere),
    "tan": (lambda x: mpmath.sec(x) ** 2, everywhere),
    "arcsin": (lambda x: 1 / mpmath.sqrt((1 - x) * (1 + x)), inside),
    "arccos": (lambda x: -1 / mpmath.sqrt((1 - x) * (1 + x)), inside),
    "arctan": (lambda x: 1 / (1 + x * x), everywhere),
    "sinh": (lambda x: (exp(x) + exp(-x)) / 2, everywhere),
    "cosh": (lambda x: mpmath.sinh(min(max(x, -1e6), 1e6)), everywhere),
    "tanh": (lambda x: 4 * sigmoid(2 * x) * sigmoid(-2 * x), everywhere),
    "arcsinh": (lambda x: 1 / mpmath.sqrt(1 + x * x), everywhere),
    "arccosh": (lambda x: 1 / mpmath.sqrt((x - 1) * (x + 1)), lambda x: x > 1),
    "arctanh": (lambda x: 1 / ((1 - x) * (1 + x)), inside),
    "sinc": (sinc_slope, everywhere),
    "i0": (lambda x: mpmath.besseli(1, x), lambda x: abs(x) < 1000),
    "degrees": (lambda x: 180 / mpmath.pi, everywhere),
    "radians": (lambda x: mpmath.pi / 180, everywhere),
    "reciprocal": (lambda x: -1 / x / x, lambda x: x != 0),
    "square": (lambda x: 2 * x, everywhere),
    "sqrt": (lambda x: 1 / mpmath.sqrt(x) / 2, positive),
    "cbrt": (lambda x: 1 / mpmath.cbrt(x * x) / 3, lambda x: x != 0),
    "absolute": (mpmath.sign, everywhere),
    "special.sigmoid": (lambda x: sigmoid(x) * sigmoid(-x), everywhere),
    "special.log_sigmoid": (lambda x: sigmoid(-x), everywhere),
    "special.softplus": (sigmoid, everywhere),
    "special.silu": (silu_slope, everywhere),
    "special.relu": (lambda x: mpf(x > 0), everywhere),
    "special.leaky_relu": (lambda x: mpf(1) if x > 0 else mpf(0.01), everywhere),
    "special.elu": (lambda x: mpf(1) if x > 0 else exp(x), everywhere),
    "special.gelu": (gelu_slope, everywhere),
}


def log_ndtr_slope(x):
    if x < -1000:
        return -x - 1 / x + 2 / x**3 - 10 / x**5 + 74 / x**7 - 706 / x**9
    return density(x) / normal(x)


SCIPY = {
    "erf": (lambda x: 2 / mpmath.sqrt(mpmath.pi) * exp(-x * x), everywhere),
    "erfc": (lambda x: -2 / mpmath.sqrt(mpmath.pi) * exp(-x * x), everywhere),
    "erfinv": (
        lambda x: mpmath.sqrt(mpmath.pi) / 2 * exp(mpmath.erfinv(x) ** 2),
        lambda x: inside(x) and abs(x) > 1e-60,
    ),
    "ndtr": (density, everywhere),
    "log_ndtr": (log_ndtr_slope, everywhere),
    "gamma": (lambda x: mpmath.gamma(x) * mpmath.digamma(x), lambda x: 0 < x < 500),
    "gammaln": (mpmath.digamma, positive),
    "digamma": (lambda x: mpmath.polygamma(1, x), positive),
    "expit": (lambda x: sigmoid(x) * sigmoid(-x), everywhere),
    "logit": (lambda x: 1 / (x * (1 - x)), lambda x: 0 < x < 1),
    "i0": (lambda x: mpmath.besseli(1, x), lambda x: abs(x) < 1000),
    "i1": (
        lambda x: (mpmath.besseli(0, x) + mpmath.besseli(2, x)) / 2,
        lambda x: abs(x) < 1000,
    ),
    "gelu": (lambda x: normal(x) + x * density(x), everywhere),
}


# --- two operands ---


TWO = {
    "divide": (lambda a, b: 1 / b, lambda a, b: -a / b / b, lambda a, b: True),
    "hypot": (
        lambda a, b: a / mpmath.sqrt(a * a + b * b),
        lambda a, b: b / mpmath.sqrt(a * a + b * b),
        lambda a, b: True,
    ),
    "arctan2": (
        lambda a, b: b / (a * a + b * b),
        lambda a, b: -a / (a * a + b * b),
        lambda a, b: True,
    ),
    "power": (
        lambda a, b: b * a ** (b - 1),
        lambda a, b: a**b * mpmath.log(a),
        lambda a, b: a > 0 and abs(b) < 1e4,
    ),
    "logaddexp": (
        lambda a, b: sigmoid(a - b),
        lambda a, b: sigmoid(b - a),
        lambda a, b: True,
    ),
    "logaddexp2": (
        lambda a, b: sigmoid((a - b) * mpmath.log(2)),
        lambda a, b: sigmoid((b - a) * mpmath.log(2)),
        lambda a, b: True,
    ),
    "special.xlogy": (lambda a, b: mpmath.log(b), lambda a, b: a / b, lambda a, b: b > 0),
    "special.xlog1py": (
        lambda a, b: mpmath.log1p(b),
        lambda a, b: a / (1 + b),
        lambda a, b: b > -1,
    ),
    "special.betaln": (
        lambda a, b: mpmath.digamma(a) - mpmath.digamma(a + b),
        lambda a, b: mpmath.digamma(b) - mpmath.digamma(a + b),
        lambda a, b: 1e-12 < a < 1e12 and 1e-12 < b < 1e12,
    ),
}


# --- docs/accuracy.md ---

# The error may be 4 ulp of this, in place of the derivative: a function of it, and of the operands.
SATURATED = 1


def gelu_scale(exact, x):
    v = x * (C + D * x * x)
    return sigmoid(v) * (1 + abs(x) * (C + 3 * D * x * x)) * (1 + abs(v))


SCALES = {
    "tanh": lambda exact, x: SATURATED,
    "special.sigmoid": lambda exact, x: SATURATED,
    "expit": lambda exact, x: SATURATED,
    "special.silu": lambda exact, x: sigmoid(x) * (1 + abs(x)),
    "special.gelu": gelu_scale,
    "gelu": lambda exact, x: normal(x) + abs(x) * density(x),
    "sinc": lambda exact, x: mpmath.pi / (1 + abs(x)),
    "erfinv": lambda exact, x: exact * (1 + mpmath.log(exact)),
    "logaddexp": lambda exact, a, b: exact * (1 + abs(a - b)),
    "logaddexp2": lambda exact, a, b: exact * (1 + abs(a - b)),
    # As exact as SciPy's functions that they are made of.
    **dict.fromkeys(
        "log_ndtr gamma gammaln digamma i0 i1 special.betaln".split(),
        lambda exact, *xs: 8 * abs(exact),
    ),
}
