"""Error functions, the normal distribution, logistic functions, logarithms and exponentials.

Conventions where a derivative does not exist: `xlogy` and `xlog1py` have gradient 0 for x where x
is 0 and the logarithm does not exist, and 0 for y where x is 0.

Formulas: DLMF 7.2 and 7.10 (https://dlmf.nist.gov/7) for the error functions; the others are
elementary.
"""

import math

import numpy as np
import scipy.special

from fastgrad._core.protocols import value
from fastgrad.functions.lengths import wide
from fastgrad.functions.special import ROOT_2PI, density, exp_of_square
from fastgrad.op import INPUTS, OUTPUT, op
from fastgrad.scipy.rules import marked, nan_with_output, ratio

__all__ = [
    "erf", "erfc", "erfcx", "erfi", "erfinv", "erfcinv", "ndtr", "ndtri", "log_ndtr",
    "expit", "logit", "log_expit", "xlogy", "xlog1py", "entr", "rel_entr", "kl_div",
    "exp2", "exp10", "expm1", "log1p", "cbrt",
]  # fmt: skip

ROOT_PI = math.sqrt(math.pi)

# --- error functions ---

erf = op(
    "erf",
    scipy.special.erf,
    vjp=lambda xp, g, y, x: g * (2 / ROOT_PI * exp_of_square(xp, x, -1)),
)
erfc = op(
    "erfc",
    scipy.special.erfc,
    vjp=lambda xp, g, y, x: g * (-2 / ROOT_PI * exp_of_square(xp, x, -1)),
)
erfcx = op(
    "erfcx",
    scipy.special.erfcx,
    INPUTS | OUTPUT,
    vjp=lambda xp, g, y, x: g * (2 * x * y - 2 / ROOT_PI),
)
erfi = op(
    "erfi",
    scipy.special.erfi,
    vjp=lambda xp, g, y, x: g * (2 / ROOT_PI * exp_of_square(xp, x, 1)),
)
erfinv = op(
    "erfinv",
    scipy.special.erfinv,
    OUTPUT,
    vjp=lambda xp, g, y, x: g * (ROOT_PI / 2 * xp.exp(y * y)),
)
erfcinv = op(
    "erfcinv",
    scipy.special.erfcinv,
    OUTPUT,
    vjp=lambda xp, g, y, x: g * (-ROOT_PI / 2 * exp_of_square(xp, y, 1)),
)

# --- the normal distribution ---

# Of density / ndtr at -t, in odd powers of 1 / t: what is left of the division of the two
# asymptotic series. Beyond 50 the next term is below a rounding.
LOG_NDTR_SERIES, LOG_NDTR_FAR = [1, -2, 10, -74, 706], -50


def log_ndtr_slope(xp, x):
    """The density by ndtr; left of -1, where that loses all digits, by the scaled `erfcx`.

    Far left by the series, for the next derivatives, to which erfcx is too close to 1 / x.
    """
    x = wide(x)
    left, far = value(x) < -1, value(x) < LOG_NDTR_FAR
    a = xp.where(left & ~far, x, -1)
    slope = math.sqrt(2 / math.pi) / erfcx(a / -math.sqrt(2))
    b = xp.where(left, 0, x)
    slope = xp.where(left, slope, density(xp, b) / ndtr(b))
    if np.any(far):
        t = -xp.where(far, x, LOG_NDTR_FAR)
        u, total = 1 / t, 0
        for c in reversed(LOG_NDTR_SERIES):
            total = total * u * u + c
        slope = xp.where(far, t + total * u, slope)
    return slope


ndtr = op("ndtr", scipy.special.ndtr, vjp=lambda xp, g, y, x: g * density(xp, x))
ndtri = op(
    "ndtri",
    scipy.special.ndtri,
    OUTPUT,
    vjp=lambda xp, g, y, x: g * (ROOT_2PI * exp_of_square(xp, y, 0.5)),
)
log_ndtr = op(
    "log_ndtr",
    scipy.special.log_ndtr,
    vjp=lambda xp, g, y, x: g * log_ndtr_slope(xp, x),
)

# --- logistic functions ---

expit = op("expit", scipy.special.expit, OUTPUT, vjp=lambda xp, g, y, x: g * (y * (1 - y)))
logit = op(
    "logit",
    scipy.special.logit,
    INPUTS | OUTPUT,
    vjp=nan_with_output(lambda xp, g, y, x: g / (x * (1 - x))),
)
log_expit = op("log_expit", scipy.special.log_expit, vjp=lambda xp, g, y, x: g * expit(-x))

# --- logarithms and exponentials ---


def xlogy_a_vjp(xp, g, a, b, log):
    """`log(b)`; 0 where a is 0 and there is no logarithm, as of b < 0."""
    none = (value(a) == 0) & np.logical_not(value(b) > (0 if log == "log" else -1))
    b = xp.where(none, 1, b) if np.any(none) else b
    return g * xp.where(none, 0, getattr(xp, log)(b))


def product_with(log, least):
    """A row of `a` times that logarithm of b: of `least + b`."""
    return op(
        f"x{log}y",
        getattr(scipy.special, f"x{log}y"),
        INPUTS | OUTPUT,
        vjp=(
            nan_with_output(lambda xp, g, y, a, b: xlogy_a_vjp(xp, g, a, b, log)),
            nan_with_output(lambda xp, g, y, a, b: g * ratio(xp, a, least + b)),
        ),
    )


xlogy, xlog1py = product_with("log", 0), product_with("log1p", 1)


def in_domain(x, *others):
    """`x`, and NaN where an entropy is infinite on a whole side: of what is negative."""
    return marked(x, np.any([value(z) < 0 for z in np.broadcast_arrays(value(x), *others)], axis=0))


entr = op("entr", scipy.special.entr, vjp=lambda xp, g, y, x: g * (-xp.log(x) - 1))
rel_entr = op(
    "rel_entr",
    scipy.special.rel_entr,
    vjp=(
        lambda xp, g, y, a, b: g * (xp.log(a / b) + 1),
        lambda xp, g, y, a, b: -g * ratio(xp, in_domain(a, value(b)), b),
    ),
)
kl_div = op(
    "kl_div",
    scipy.special.kl_div,
    INPUTS | OUTPUT,
    vjp=(
        nan_with_output(lambda xp, g, y, a, b: g * xp.log(a / b)),
        nan_with_output(lambda xp, g, y, a, b: g * (1 - ratio(xp, in_domain(a, value(b)), b))),
    ),
)
exp2 = op("exp2", scipy.special.exp2, OUTPUT, vjp=lambda xp, g, y, x: g * (y * math.log(2)))
exp10 = op("exp10", scipy.special.exp10, OUTPUT, vjp=lambda xp, g, y, x: g * (y * math.log(10)))
expm1 = op("expm1", scipy.special.expm1, vjp=lambda xp, g, y, x: g * xp.exp(x))
log1p = op(
    "log1p",
    scipy.special.log1p,
    INPUTS | OUTPUT,
    vjp=nan_with_output(lambda xp, g, y, x: g / (1 + x)),
)
cbrt = op("cbrt", scipy.special.cbrt, OUTPUT, vjp=lambda xp, g, y, x: g / (3 * y * y))
