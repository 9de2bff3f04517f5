"""Gamma and beta functions, complete and incomplete, and their inverses.

Formulas: DLMF 5.2, 5.5, 5.12 (complete), 8.8.13, 8.17.1 (incomplete). For the parameters of the
incomplete functions no formula is known here: these derivatives are NotImplementedErrors.
"""

import numpy as np
import scipy.special

from fastgrad._core.protocols import value
from fastgrad.functions.lengths import wide
from fastgrad.op import INPUTS, OUTPUT, op, zero
from fastgrad.scipy.rules import marked, nan_with_output, no_rule
from fastgrad.scipy.special.errors import xlog1py, xlogy

__all__ = [
    "gamma", "gammaln", "loggamma", "gammasgn", "rgamma", "multigammaln",
    "digamma", "psi", "polygamma", "zeta", "beta", "betaln",
    "gammainc", "gammaincc", "gammaincinv", "gammainccinv",
    "betainc", "betaincc", "betaincinv", "betainccinv",
]  # fmt: skip

# --- complete ---


def digamma_step(xp, a, b):
    """`digamma(a + b) - digamma(a)`, where the two are alike too.

    The pole at 0 apart; what is left is b times the mean of the derivative, in a Taylor series
    about the middle, whose terms fall by the square of at least 9.
    """
    a, b = wide(a), wide(b)
    pole = b / (a + b) / a
    a = a + 1
    alike = value(a) > 4 * np.abs(value(b))
    if not np.any(alike):
        return pole + digamma(a + b) - digamma(a)
    if np.all(alike):
        return pole + digamma_taylor(a, b)
    apart = xp.where(alike, 1, a)
    step = digamma(apart + xp.where(alike, 0, b)) - digamma(apart)
    near = digamma_taylor(xp.where(alike, a, 1), xp.where(alike, b, 0))
    return pole + xp.where(alike, near, step)


def digamma_taylor(a, b):
    """`digamma(a + b) - digamma(a)` by the series, of zeta for polygamma (DLMF 25.11.12)."""
    half, total = b / 2, 0
    for k in range(15, 0, -2):
        total = total * half * half + 2 * zeta(k + 1, a + half)
    return total * half


def rgamma_vjp(xp, g, y, x):
    """`-rgamma(x) digamma(x)`; left of 1/2, where digamma has poles, by the reflection formula.

    DLMF 5.5.3: rgamma(x) = sin(pi x) gamma(1 - x) / pi, which is smooth there.
    """
    left = np.real(value(x)) < 0.5
    if not np.any(left):
        return -g * (y * digamma(x))
    z = xp.where(left, x, 0)
    angle = np.pi * (z - 2 * np.rint(np.real(value(z)) / 2))  # less whole turns
    slope = gamma(1 - z) * (xp.cos(angle) - digamma(1 - z) * (xp.sin(angle) / np.pi))
    if np.all(left):
        return g * slope
    right = xp.where(left, 1, x)
    return g * xp.where(left, slope, -rgamma(right) * digamma(right))


def multigammaln_vjp(xp, g, y, a, d):
    """Of the sum of gammaln(a - j / 2) for j < d (DLMF 35.3.4)."""
    total = 0
    for j in range(int(d)):
        total = total + digamma(a - j / 2)
    return g * total


gamma = op(
    "gamma",
    scipy.special.gamma,
    INPUTS | OUTPUT,
    vjp=lambda xp, g, y, x: g * (y * digamma(x)),
)
gammaln = op("gammaln", scipy.special.gammaln, vjp=lambda xp, g, y, x: g * digamma(x))
loggamma = op(
    "loggamma",
    scipy.special.loggamma,
    INPUTS | OUTPUT,
    vjp=nan_with_output(lambda xp, g, y, x: g * digamma(x)),
)
gammasgn = op("gammasgn", scipy.special.gammasgn, vjp=zero)
rgamma = op("rgamma", scipy.special.rgamma, INPUTS | OUTPUT, vjp=rgamma_vjp)
digamma = psi = op(
    "digamma",
    scipy.special.digamma,
    vjp=lambda xp, g, y, x: g * polygamma(1, x),
)
polygamma = op(
    "polygamma",
    scipy.special.polygamma,
    INPUTS | OUTPUT,
    vjp=(
        no_rule("polygamma", "the order n"),
        nan_with_output(lambda xp, g, y, n, x: g * polygamma(n + 1, x)),
    ),
    batched=True,
)
zeta = op(
    "zeta",
    scipy.special.zeta,
    INPUTS | OUTPUT,
    vjp=(
        no_rule("zeta", "the exponent x"),
        nan_with_output(lambda xp, g, y, s, q: -g * s * zeta(s + 1, q)),
    ),
    batched=True,
)
multigammaln = op(
    "multigammaln",
    scipy.special.multigammaln,
    vjp=multigammaln_vjp,
    batched=True,
)
beta = op(
    "beta",
    scipy.special.beta,
    INPUTS | OUTPUT,
    vjp=(
        lambda xp, g, y, a, b: -g * (y * digamma_step(xp, a, b)),
        lambda xp, g, y, a, b: -g * (y * digamma_step(xp, b, a)),
    ),
)
betaln = op(
    "betaln",
    scipy.special.betaln,
    vjp=(
        lambda xp, g, y, a, b: -g * digamma_step(xp, a, b),
        lambda xp, g, y, a, b: -g * digamma_step(xp, b, a),
    ),
)

# --- incomplete ---


def gamma_density(xp, a, x):
    """`x ** (a - 1) * exp(-x) / gamma(a)`, with its limits at 0 and infinity; NaN left of 0."""
    x = wide(x)
    end = value(x) == np.inf
    if np.any(end):
        return xp.where(end, 0, gamma_density(xp, a, xp.where(end, 1, x)))
    return xp.exp(xlogy(a - 1, marked(x, value(x) < 0)) - x - gammaln(a))


def beta_density(xp, a, b, x):
    """`x ** (a - 1) * (1 - x) ** (b - 1) / beta(a, b)`, with its limits; NaN beside [0, 1]."""
    x = wide(x)
    x = marked(x, (value(x) < 0) | (value(x) > 1))
    return xp.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def incomplete(name, density, sign, inverse=False):
    """A row of a function of its last argument that has `sign` times that derivative.

    Or of its inverse. For the parameters before there is no rule.
    """
    parameters = "a" if density is gamma_density else "ab"

    def slope(xp, g, y, *args):
        return g * (sign * density(xp, *args))

    def inverse_slope(xp, g, y, *args):
        return sign * g / density(xp, *args[:-1], y)

    return op(
        name,
        getattr(scipy.special, name),
        INPUTS | OUTPUT,
        vjp=(
            *(no_rule(name, f"the parameter {parameter}") for parameter in parameters),
            inverse_slope if inverse else nan_with_output(slope),
        ),
    )


gammainc = incomplete("gammainc", gamma_density, 1)
gammaincc = incomplete("gammaincc", gamma_density, -1)
gammaincinv = incomplete("gammaincinv", gamma_density, 1, inverse=True)
gammainccinv = incomplete("gammainccinv", gamma_density, -1, inverse=True)
betainc = incomplete("betainc", beta_density, 1)
betaincc = incomplete("betaincc", beta_density, -1)
betaincinv = incomplete("betaincinv", beta_density, 1, inverse=True)
betainccinv = incomplete("betainccinv", beta_density, -1, inverse=True)
