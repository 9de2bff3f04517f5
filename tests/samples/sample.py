"""A sample: the arguments of one call, and what is to be tested of it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np

FLOATING = "fc"


@dataclass(frozen=True)
class Sample:
    """`name(*args, **kwargs)`, the name as in `fastgrad.numpy`.

    Every floating or complex ndarray among `args`, also as an element of a list or tuple there, is
    an operand: it becomes a Variable, and is differentiated for, unless its place (in the order of
    the operands) is in `fixed`.
    """

    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)
    orders: int = 2  # derivatives that are compared with differences: 0, 1 or 2
    fixed: tuple = ()
    rtol: float = 1e-6  # of the derivatives, where differences are less exact than usual
    float32: bool = True  # whether float32 operands have to give a float32 result
    forward: object = None  # what the values are compared with; None: NumPy's function of the name
    function: object = None  # what is called, if not what has the name
    layouts: bool = True  # whether to try other memory layouts of the operands

    def __str__(self):
        def text(x):
            if isinstance(x, np.ndarray):
                return "x".join(map(str, x.shape)) + x.dtype.char if x.ndim else "0d" + x.dtype.char
            if isinstance(x, (list, tuple)):
                return "[" + ",".join(map(text, x)) + "]"
            return str(x) if not callable(x) else getattr(x, "__name__", "f")

        parts = [*map(text, self.args), *(f"{k}={text(v)}" for k, v in self.kwargs.items())]
        return f"{self.name}({','.join(parts)})"


def rng_for(*key):
    """Random numbers that depend on the key alone."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def normal(*shape, seed=0):
    """Standard normal numbers."""
    return np.asarray(rng_for("normal", shape, seed).standard_normal(shape))


def uniform(low, high, *shape, seed=0):
    """Numbers between the two."""
    return np.asarray(rng_for("uniform", low, high, shape, seed).uniform(low, high, shape))


def complex_normal(*shape, seed=0):
    """Complex numbers, both parts standard normal."""
    return normal(*shape, seed=(seed, "real")) + 1j * normal(*shape, seed=(seed, "imaginary"))


def distinct(*shape, seed=0):
    """Numbers at least 0.1 apart from each other and from zero, in random order."""
    n = int(np.prod(shape))
    values = (np.arange(n) - n // 2 + 0.5) / max(n, 1) * max(n, 1) * 0.2
    return np.asarray(rng_for("distinct", shape, seed).permutation(values).reshape(shape))


def positive_definite(*shape, seed=0):
    """Symmetric matrices with eigenvalues that are positive and apart."""
    q, _ = np.linalg.qr(normal(*shape, seed=seed))
    n = shape[-1]
    return np.asarray((q * (1 + np.arange(n))) @ q.swapaxes(-1, -2))
