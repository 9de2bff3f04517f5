"""Bessel functions and modified ones: derivatives by their neighbours in the order.

Formulas: DLMF 10.6.1 and 10.29.1. There is none for the order: that derivative is a
NotImplementedError. Those of the scaled functions cancel for large arguments: at x they have an
error of x roundings.
"""

import numpy as np
import scipy.special

from fastgrad._core.protocols import value
from fastgrad.functions.lengths import is_complex
from fastgrad.op import INPUTS, OUTPUT, op
from fastgrad.scipy.rules import no_rule

__all__ = [
    "j0", "j1", "jn", "jv", "y0", "y1", "yn", "yv",
    "i0", "i1", "i0e", "i1e", "iv", "ive", "k0", "k1", "kn", "kv",
]  # fmt: skip


def of_order(name, neighbours):
    """A row with the derivative `neighbours(row(order - 1, x), row(order + 1, x)) / 2`."""

    def vjp(xp, g, y, order, x):
        return g * (neighbours(row(order - 1, x), row(order + 1, x)) / 2)

    row = op(name, getattr(scipy.special, name), vjp=(no_rule(name, "the order"), vjp))
    return row


def difference(below, above):
    """Of the Bessel functions J and Y."""
    return below - above


def total(below, above):
    """Of the modified function I."""
    return below + above


def opposite(below, above):
    """Of the modified function K."""
    return -(below + above)


# --- J and Y ---

jn = jv = of_order("jv", difference)
yn = of_order("yn", difference)
yv = of_order("yv", difference)
j0 = op("j0", scipy.special.j0, vjp=lambda xp, g, y, x: -g * j1(x))
j1 = op("j1", scipy.special.j1, vjp=lambda xp, g, y, x: g * ((j0(x) - jv(2, x)) / 2))
y0 = op("y0", scipy.special.y0, vjp=lambda xp, g, y, x: -g * y1(x))
y1 = op("y1", scipy.special.y1, vjp=lambda xp, g, y, x: g * ((y0(x) - yn(2, x)) / 2))

# --- I and K ---


def bessel(n):
    """The function of x alone that is the modified one, I, of integer order `n`."""
    return (i0, i1)[n] if n < 2 else lambda x: bessel_of_order(x, n=n)


def bessel_forward(x, n):
    """SciPy's `iv` for n > 1; 0 for tiny x, where that is NaN before SciPy 1.17."""
    return scipy.special.iv(n, np.where(np.abs(x) < 1e-30, 0, x))


bessel_of_order = op(
    "bessel_of_order",
    bessel_forward,
    vjp=lambda xp, g, y, x, n: g * ((bessel(n - 1)(x) + bessel(n + 1)(x)) / 2),
)

iv = of_order("iv", total)
kv = of_order("kv", opposite)
i0 = op("i0", scipy.special.i0, vjp=lambda xp, g, y, x: g * i1(x))
# Not I0(x) - I1(x) / x, whose next derivatives lose all digits about 0.
i1 = op("i1", scipy.special.i1, vjp=lambda xp, g, y, x: g * ((i0(x) + bessel(2)(x)) / 2))
k0 = op("k0", scipy.special.k0, vjp=lambda xp, g, y, x: -g * k1(x))
k1 = op("k1", scipy.special.k1, vjp=lambda xp, g, y, x: g * ((k0(x) + kn(2, x)) / -2))


def kn_vjp(xp, g, y, order, x):
    """The order is even: K of -n is that of n (DLMF 10.27.3), which SciPy's `kn` does not know."""
    return g * ((kn(np.abs(order - 1), x) + kn(order + 1, x)) / -2)


kn = op("kn", scipy.special.kn, vjp=(no_rule("kn", "the order"), kn_vjp))

# --- I, scaled by exp(-abs(x)) ---


def ive_vjp(xp, g, y, order, x):
    """As of `iv`, less the function itself; at 0 the mean of the two sides."""
    if is_complex(x):
        raise NotImplementedError(
            "ive: of complex x it has no derivative, being no analytic function; use iv, or "
            "exp(-abs(x.real)) * iv(v, x)"
        )
    return g * ((ive(order - 1, x) + ive(order + 1, x)) / 2 - np.sign(value(x)) * y)


ive = op(
    "ive",
    scipy.special.ive,
    INPUTS | OUTPUT,
    vjp=(no_rule("ive", "the order"), ive_vjp),
)
i0e = op(
    "i0e",
    scipy.special.i0e,
    INPUTS | OUTPUT,
    vjp=lambda xp, g, y, x: g * (i1e(x) - np.sign(value(x)) * y),
)
i1e = op(
    "i1e",
    scipy.special.i1e,
    INPUTS | OUTPUT,
    vjp=lambda xp, g, y, x: g * ((i0e(x) + ive(2, x)) / 2 - np.sign(value(x)) * y),
)
