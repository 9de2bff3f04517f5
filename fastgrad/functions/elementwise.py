"""Element by element: arithmetic, powers, exponentials, trigonometry, rounding, choosing.

Conventions where a derivative does not exist: `absolute` and `sign` have 0 at 0, and ties of
`maximum` and `minimum` share the gradient evenly.
"""

import numpy as np

from fastgrad._arithmetic import Add, Div, Mul, Neg, Sub
from fastgrad.op import NOTHING, OTHERS, OUTPUT, op, plain, zero

__all__ = [
    "subtract", "multiply", "divide", "negative", "exp", "log", "tanh", "floor", "where",
]  # fmt: skip


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

# --- exponentials ---

exp = op("exp", np.exp, OUTPUT, vjp=lambda xp, g, y, x: g * y)
log = op("log", np.log, vjp=lambda xp, g, y, x: g / x)
tanh = op("tanh", np.tanh, OUTPUT, vjp=lambda xp, g, y, x: g * (1 - y * y))

# --- rounding ---

floor = op("floor", np.floor, NOTHING, vjp=zero)

# --- choosing ---

where = op(
    "where",
    np.where,
    vjp=(
        None,
        lambda xp, g, y, condition, a, b: xp.where(condition, g, 0),
        lambda xp, g, y, condition, a, b: xp.where(condition, 0, g),
    ),
)

# --- comparisons ---

plain(
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isfinite, np.isinf, np.isnan, np.signbit,
)  # fmt: skip

# --- complex numbers ---

real = op("real", np.real, NOTHING, vjp=lambda xp, g, y, x: g)  # the engine makes it complex
