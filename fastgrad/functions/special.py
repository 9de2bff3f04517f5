"""Functions that NumPy lacks: activations; and with SciPy installed, those of `scipy.special`.

SciPy's (`SCIPY` has their names) are made when they are first asked for, `special.erf`; then
`scipy.special.erf(x)` takes Variables too. Importing fastgrad does not import SciPy.

Conventions where a derivative does not exist: at 0 `relu` has gradient 0, and `leaky_relu` and
`elu` that of their left side. Elements that are infinite share the gradient of `logsumexp` evenly
where the result is. `xlogy` and `xlog1py` have gradient 0 for x where x is 0 and the logarithm does
not exist, and 0 for y where x is 0.
"""

import math

import numpy as np

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
    lambda x: -np.logaddexp(0, np.negative(x)),
    vjp=lambda xp, g, y, x: g * sigmoid(-x),
    doc="`log(sigmoid(x))`, exact for large negative x too.",
)
softplus = op(
    "softplus",
    lambda x: np.logaddexp(x, 0),
    vjp=lambda xp, g, y, x: g * sigmoid(x),
    doc="`log(1 + exp(x))`, without overflow.",
)


def silu_vjp(xp, g, y, x):
    """Of `y = x s`, where `s' = s (1 - s)`."""
    s = sigmoid(x)
    return g * (s + x * (s * (1 - s)))


silu = op(
    "silu",
    lambda x: x * sigmoid_forward(x),
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
leaky_relu = op(
    "leaky_relu",
    lambda x, negative_slope=0.01: np.where(np.greater(x, 0), x, np.multiply(x, negative_slope))[
        ()
    ],
    vjp=lambda xp, g, y, x, negative_slope=0.01: xp.where(x > 0, g, g * negative_slope),
    doc="`leaky_relu(x, negative_slope=0.01)`: x where it is positive, else `negative_slope * x`.",
)


def elu_vjp(xp, g, y, x, alpha=1.0):
    """1 where x is positive, else alpha * exp(x)."""
    return xp.where(x > 0, g, g * (alpha * xp.exp(xp.minimum(x, 0))))


elu = op(
    "elu",
    lambda x, alpha=1.0: np.where(np.greater(x, 0), x, alpha * np.expm1(np.minimum(x, 0)))[()],
    vjp=elu_vjp,
    doc="`elu(x, alpha=1.0)`: x where it is positive, else `alpha * (exp(x) - 1)`.",
)

# With tanh(u) = 2 sigmoid(2 u) - 1, which is as exact far left: gelu(x) = x sigmoid(c x + d x**3).
GELU_C = 2 * math.sqrt(2 / math.pi)
GELU_D = 0.044715 * GELU_C


def gelu_forward(x, approximate=True):
    """See `gelu`."""
    if not approximate:
        return x * scipys("ndtr")(x)
    return x * sigmoid_forward(x * (GELU_C + GELU_D * np.square(x)))


def gelu_vjp(xp, g, y, x, approximate=True):
    """Of `y = x p(x)`: p + x p'."""
    if not approximate:
        ndtr = scipys("ndtr")
        return g * (ndtr(x) + x * ndtr.vjp[0](xp, 1, None, x))
    u = x * x
    p = sigmoid(x * (GELU_C + GELU_D * u))
    return g * (p + x * (p * (1 - p)) * (GELU_C + 3 * GELU_D * u))


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
    """`x`, less its greatest elements along `axis` where those are finite; and these, axes kept."""
    x = np.asanyarray(x)
    if x.dtype.kind in "biu":
        x = x.astype(float)
    m = np.max(x, axis, keepdims=True, initial=-np.inf)
    m = np.where(np.isfinite(m), m, 0)
    return x - m, m


def softmax_forward(x, axis=-1):
    """See `softmax`."""
    e = np.exp(shifted(x, axis)[0])
    return e / np.sum(e, axis, keepdims=True)


def log_softmax_forward(x, axis=-1):
    """See `log_softmax`."""
    x, _ = shifted(x, axis)
    with np.errstate(divide="ignore"):  # the logarithm of 0
        return x - np.log(np.sum(np.exp(x), axis, keepdims=True))


def logsumexp_forward(x, axis=None, keepdims=False):
    """See `logsumexp`."""
    x, m = shifted(x, axis)
    with np.errstate(divide="ignore", over="ignore"):  # the logarithm of 0; exp(inf) anyway
        y = m + np.log(np.sum(np.exp(x), axis, keepdims=True))
    return y if keepdims else np.squeeze(y, tuple(range(x.ndim)) if axis is None else axis)[()]


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

ROOT_PI = math.sqrt(math.pi)
ROOT_2PI = math.sqrt(2 * math.pi)


def row_of(ufunc):
    """The row of a ufunc of `scipy.special`, or None."""
    import scipy.special

    for name in SCIPY:
        if getattr(scipy.special, name) is ufunc:
            return scipys(name)
    return None


def scipys(name):
    """The row of a function of `scipy.special`; it is made once."""
    if name not in globals():
        try:
            import scipy.special
        except ImportError as error:
            raise ImportError(
                f"fastgrad.special.{name} needs SciPy, which is not installed: "
                "pip install 'fastgrad[scipy]'"
            ) from error
        globals()[name] = op(name, getattr(scipy.special, name), *SCIPY[name])
    return globals()[name]


def i1_vjp(xp, g, y, x):
    """`I0(x) - I1(x) / x`, and 1 / 2 at 0."""
    zero = x == 0
    slope = scipys("i0")(x) - xp.where(zero, 0.5, y / xp.where(zero, 1, x))
    return g * slope


def log_or_0(xp, a, b):
    """`log(b)`; 0 where a is 0 and there is no logarithm."""
    return xp.log(xp.where((a == 0) & (b <= 0), 1, b))


def ratio_or_0(xp, a, b):
    """`a / b`; 0 where a is 0."""
    return a / xp.where(a == 0, 1, b)


# Name, what is saved, VJPs: SciPy's documentation has the definitions, DLMF the derivatives.
SCIPY = {
    "erf": (INPUTS, lambda xp, g, y, x: g * (2 / ROOT_PI * xp.exp(-x * x))),
    "erfc": (INPUTS, lambda xp, g, y, x: g * (-2 / ROOT_PI * xp.exp(-x * x))),
    "erfinv": (OUTPUT, lambda xp, g, y, x: g * (ROOT_PI / 2 * xp.exp(y * y))),
    "ndtr": (INPUTS, lambda xp, g, y, x: g * (xp.exp(x * x / -2) / ROOT_2PI)),
    "log_ndtr": (INPUTS | OUTPUT, lambda xp, g, y, x: g * (xp.exp(x * x / -2 - y) / ROOT_2PI)),
    "gamma": (INPUTS | OUTPUT, lambda xp, g, y, x: g * (y * scipys("digamma")(x))),
    "gammaln": (INPUTS, lambda xp, g, y, x: g * scipys("digamma")(x)),
    "digamma": (INPUTS, lambda xp, g, y, x: g * scipys("polygamma")(1, x)),
    "polygamma": (INPUTS, (None, lambda xp, g, y, n, x: g * scipys("polygamma")(n + 1, x))),
    "beta": (
        INPUTS | OUTPUT,
        (
            lambda xp, g, y, a, b: g * (y * (scipys("digamma")(a) - scipys("digamma")(a + b))),
            lambda xp, g, y, a, b: g * (y * (scipys("digamma")(b) - scipys("digamma")(a + b))),
        ),
    ),
    "betaln": (
        INPUTS,
        (
            lambda xp, g, y, a, b: g * (scipys("digamma")(a) - scipys("digamma")(a + b)),
            lambda xp, g, y, a, b: g * (scipys("digamma")(b) - scipys("digamma")(a + b)),
        ),
    ),
    "expit": (OUTPUT, lambda xp, g, y, x: g * (y * (1 - y))),
    "logit": (INPUTS, lambda xp, g, y, x: g / (x * (1 - x))),
    "xlogy": (
        INPUTS,
        (
            lambda xp, g, y, a, b: g * log_or_0(xp, a, b),
            lambda xp, g, y, a, b: g * ratio_or_0(xp, a, b),
        ),
    ),
    "xlog1py": (
        INPUTS,
        (
            lambda xp, g, y, a, b: g * log_or_0(xp, a, 1 + b),
            lambda xp, g, y, a, b: g * ratio_or_0(xp, a, 1 + b),
        ),
    ),
    "i0": (INPUTS, lambda xp, g, y, x: g * scipys("i1")(x)),
    "i1": (INPUTS | OUTPUT, i1_vjp),
}
