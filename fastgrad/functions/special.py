"""Functions that NumPy lacks: activations; and with SciPy installed, those of `scipy.special`.

SciPy's (`SCIPY` has their names) are read from `fastgrad.scipy` when they are first asked for,
`special.erf`; then `scipy.special.erf(x)` takes Variables too. Importing fastgrad does not import
SciPy.

Conventions where a derivative does not exist: at 0 `relu` has gradient 0, and `leaky_relu` and
`elu` that of their left side. Elements that are infinite share the gradient of `logsumexp` evenly
where the result is.
"""

import math
from importlib import import_module

import numpy as np

from fastgrad._core.protocols import handlers, value
from fastgrad.functions.lengths import floating, is_complex, wide
from fastgrad.functions.reductions import spread
from fastgrad.op import INPUTS, OUTPUT, op

__all__ = [
    "sigmoid", "log_sigmoid", "softplus", "silu", "relu", "leaky_relu", "elu", "gelu",
    "softmax", "log_softmax", "logsumexp",
]  # fmt: skip


def __getattr__(name):
    if name in SCIPY:
        return scipys(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *SCIPY})


# --- one element: sigmoids ---


def sigmoid_forward(x):
    """`1 / (1 + exp(-x))`, by the exponential that does not overflow."""
    x = floating(x)
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1) / (1 + e)


sigmoid = op(
    "sigmoid",
    sigmoid_forward,
    OUTPUT,
    vjp=lambda xp, g, y, x: g * (y * (1 - y)),
    doc="""`1 / (1 + exp(-x))`, without overflow.

    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """,
)
log_sigmoid = op(
    "log_sigmoid",
    lambda x: -np.logaddexp(0, np.negative(floating(x))),
    vjp=lambda xp, g, y, x: g * sigmoid(-x),
    doc="`log(sigmoid(x))`, exact for large negative x too.",
)
softplus = op(
    "softplus",
    lambda x: np.logaddexp(floating(x), 0),
    vjp=lambda xp, g, y, x: g * sigmoid(x),
    doc="`log(1 + exp(x))`, without overflow.",
)


# Beyond these, where exp(-x) is 0 in any dtype, `x sigmoid(x)` and so on are x or 0, and would be
# inf * 0 at infinity.
SILU_END, GELU_END, NDTR_END = 2e4, 60, 200


def silu_vjp(xp, g, y, x):
    """Of `y = x s(x)`, where `s'(x) = s(x) s(-x)`."""
    x = xp.clip(wide(x), -SILU_END, SILU_END)
    return g * (sigmoid(x) * (1 + x * sigmoid(-x)))


silu = op(
    "silu",
    lambda x: np.maximum(floating(x), -SILU_END) * sigmoid_forward(x),
    vjp=silu_vjp,
    doc="`x * sigmoid(x)`, which is also called swish.",
)

# --- one element: rectifiers ---

relu = op(
    "relu",
    lambda x: np.maximum(x, 0),
    OUTPUT,
    vjp=lambda xp, g, y, x: xp.where(y > 0, g, 0),
    doc="`maximum(x, 0)`, with gradient 0 at 0.",
)


def leaky_relu_forward(x, negative_slope=0.01):
    """See `leaky_relu`."""
    x = floating(x)
    return np.where(np.greater(x, 0), x, np.multiply(x, negative_slope))[()]


leaky_relu = op(
    "leaky_relu",
    leaky_relu_forward,
    vjp=lambda xp, g, y, x, negative_slope=0.01: xp.where(x > 0, g, g * negative_slope),
    doc="`leaky_relu(x, negative_slope=0.01)`: x where it is positive, else `negative_slope * x`.",
)


def elu_forward(x, alpha=1.0):
    """See `elu`."""
    x = floating(x)
    return np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))[()]


def elu_vjp(xp, g, y, x, alpha=1.0):
    """1 where x is positive, else alpha * exp(x)."""
    right = value(x) > 0
    return xp.where(right, g, g * (alpha * xp.exp(xp.where(right, 0, x))))


elu = op(
    "elu",
    elu_forward,
    vjp=elu_vjp,
    doc="`elu(x, alpha=1.0)`: x where it is positive, else `alpha * (exp(x) - 1)`.",
)

# With tanh(u) = 2 sigmoid(2 u) - 1, which is as exact far left: gelu(x) = x sigmoid(c x + d x**3).
GELU_C = 2 * math.sqrt(2 / math.pi)
GELU_D = 0.044715 * GELU_C


def gelu_forward(x, approximate=True):
    """See `gelu`."""
    x = floating(x)
    if not approximate:
        return np.maximum(x, -NDTR_END) * scipys("ndtr")(x)
    u = np.clip(x, -GELU_END, GELU_END)
    return np.maximum(x, -GELU_END) * sigmoid_forward(u * (GELU_C + GELU_D * np.square(u)))


def gelu_vjp(xp, g, y, x, approximate=True):
    """Of `y = x p(x)`: p + x p'."""
    if not approximate:
        x = xp.clip(wide(x), -NDTR_END, NDTR_END)
        return g * (scipys("ndtr")(x) + x * density(xp, x))
    x = xp.clip(wide(x), -GELU_END, GELU_END)
    u = x * x
    v = x * (GELU_C + GELU_D * u)
    return g * (sigmoid(v) * (1 + x * sigmoid(-v) * (GELU_C + 3 * GELU_D * u)))


gelu = op(
    "gelu",
    gelu_forward,
    vjp=gelu_vjp,
    doc="""`gelu(x, approximate=True)`: x times the probability that a normal number is less.

    The usual approximation of Hendrycks and Gimpel 2016, by tanh; exact with `approximate=False`,
    for which SciPy is needed.
    """,
)

# --- along axes ---


def shifted(x, axis):
    """`x`, less its greatest elements along `axis` where those are finite; and these, axes kept.

    float16 comes back as float32: its sums end at 65504, and its counts.
    """
    x = wide(np.asanyarray(floating(x)))
    m = np.max(x, axis, keepdims=True, initial=-np.inf)
    m = np.where(np.isfinite(m), m, 0)
    return x - m, m


def narrow(y, x):
    """`y`, which was computed of `shifted(x)`, in the precision of `x`."""
    return y.astype(np.float16) if getattr(x, "dtype", None) == np.float16 else y


def softmax_forward(x, axis=-1):
    """See `softmax`."""
    e = np.exp(shifted(x, axis)[0])
    return narrow(e / np.sum(e, axis, keepdims=True), x)


def log_softmax_forward(x, axis=-1):
    """See `log_softmax`."""
    z, _ = shifted(x, axis)
    with np.errstate(divide="ignore"):  # the logarithm of 0
        return narrow(z - np.log(np.sum(np.exp(z), axis, keepdims=True)), x)


def logsumexp_forward(x, axis=None, keepdims=False):
    """See `logsumexp`."""
    z, m = shifted(x, axis)
    with np.errstate(divide="ignore", over="ignore"):  # the logarithm of 0; exp(inf) anyway
        y = narrow(m + np.log(np.sum(np.exp(z), axis, keepdims=True)), x)
    return y if keepdims else np.squeeze(y, tuple(range(z.ndim)) if axis is None else axis)[()]


def softmax_vjp(xp, g, y, x, axis=-1):
    """The derivative of y_i by x_j is `y_i ((i == j) - y_j)`."""
    gy = g * y
    return gy - y * xp.sum(gy, axis=axis, keepdims=True)


def log_softmax_vjp(xp, g, y, x, axis=-1):
    """The derivative of y_i by x_j is `(i == j) - exp(y_j)`."""
    return g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)


def logsumexp_vjp(xp, g, y, x, axis=None, keepdims=False):
    """The softmax of x. (Not exp(x - y): where x is large, y has lost digits.)"""
    g, y = spread(xp, g, x, axis, keepdims), spread(xp, y, x, axis, keepdims)
    infinite = xp.isinf(y)
    return g * softmax(xp.where(infinite, xp.where(x == y, 0, -np.inf), x), axis)


softmax = op(
    "softmax",
    softmax_forward,
    OUTPUT,
    vjp=softmax_vjp,
    doc="""`softmax(x, axis=-1)`: `exp(x) / sum(exp(x))` along an axis or some, without overflow.

    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """,
)
log_softmax = op(
    "log_softmax",
    log_softmax_forward,
    OUTPUT,
    vjp=log_softmax_vjp,
    doc="`log_softmax(x, axis=-1)`: `log(softmax(x, axis))`, exact for small probabilities too.",
)
logsumexp = op(
    "logsumexp",
    logsumexp_forward,
    INPUTS | OUTPUT,
    vjp=logsumexp_vjp,
    doc="""`logsumexp(x, axis=None, keepdims=False)`: `log(sum(exp(x)))`, without overflow.

    >>> import numpy as np
    >>> float(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599
    """,
)

# --- SciPy's ---

ROOT_2PI = math.sqrt(2 * math.pi)

# Those of `scipy.special` that are names here too; their rows, and more, are in `fastgrad.scipy`.
SCIPY = (
    "erf", "erfc", "erfcx", "erfinv", "ndtr", "log_ndtr", "gamma", "gammaln", "digamma",
    "polygamma", "beta", "betaln", "expit", "logit", "xlogy", "xlog1py", "i0", "i1",
)  # fmt: skip


def row_of(ufunc):
    """The row of a ufunc of `scipy.special`, or None."""
    import_module("fastgrad.scipy.special")
    return handlers.get(ufunc)


def scipys(name):
    """The row of a function of `scipy.special`."""
    if name not in globals():
        globals()[name] = getattr(import_module("fastgrad.scipy.special"), name)
    return globals()[name]


def exp_of_square(xp, x, c):
    """`exp(c * x * x)`, without the rounding of the square, which the exponential grows.

    `x` is split into a part of few digits, whose square is exact, and a small rest.
    """
    if is_complex(x):
        return xp.exp(c * (x * x))
    x = xp.clip(wide(x), -NDTR_END, NDTR_END)
    few = xp.rint(x * 128) / 128
    return xp.exp(c * (few * few)) * xp.exp(c * ((x - few) * (x + few)))


def density(xp, x):
    """That of the normal distribution."""
    return exp_of_square(xp, x, -0.5) / ROOT_2PI
