"""Element by element: arithmetic, transcendental functions, choosing, complex numbers.

The chapter is told in four files: `arithmetic`, `transcendental`, `choosing`, and the rest here.
Conventions where a derivative does not exist:

- `absolute`, `fabs`, `sign`, `copysign`, `hypot`, `arctan2` and `angle` have gradient 0 at 0, for
  complex numbers too.
- Ties of `maximum`, `minimum`, `fmax` and `fmin` share the gradient evenly; `clip` is a minimum of
  a maximum. Where the result of `maximum` or `minimum` is NaN, neither operand has a gradient.
- `x**0` is constant, also at 0; the exponent is one where the base is 0.
- Rounding, `floor_divide`, `spacing` and `heaviside` have gradient 0 in their steps too, and
  `mod`, `fmod`, `modf` and `unwrap` go on there as beside them.
- `logaddexp` and `logaddexp2` of the same infinity twice share the gradient evenly. Next to an
  infinity, the other operand of `hypot` counts as 0; `arctan2` has gradient 0 at any.

docs/accuracy.md has those for the next derivatives.

Complex gradients are not conjugated: `dL = Re(sum(gx * dx))`.
"""

import numpy as np

from fastgrad.functions import arithmetic, choosing, transcendental
from fastgrad.functions.arithmetic import *  # noqa: F403
from fastgrad.functions.arithmetic import zeros
from fastgrad.functions.choosing import *  # noqa: F403
from fastgrad.functions.choosing import is_complex
from fastgrad.functions.transcendental import *  # noqa: F403
from fastgrad.op import NOTHING, op, plain

__all__ = [
    *arithmetic.__all__, *transcendental.__all__, *choosing.__all__,
    "real", "imag", "conjugate", "conj", "angle", "real_if_close",
]  # fmt: skip

# --- complex numbers ---


def angle_vjp(xp, g, y, z, deg=False):
    """Im(dz / z); zero of real z, whose angle is 0 or pi."""
    if not is_complex(z):
        return zeros(z)
    g = xp.where(z == 0, 0, xp.degrees(g) if deg else g)
    return -1j * g / xp.where(z == 0, 1, z)


real = op("real", np.real, NOTHING, vjp=lambda xp, g, y, x: g, batched=True)  # made complex later
imag = op("imag", np.imag, NOTHING, vjp=lambda xp, g, y, x: -1j * g, batched=True)
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
