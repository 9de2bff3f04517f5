"""Random programs of rows: DAGs whose values are used again, of random shapes, in float64.

A program is made from a seed. It is evaluated by fastgrad, by NumPy, and by PyTorch where that is
installed; each step scales its result to size 1 or so, by a constant found when it was made.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad.functions import special

# --- operations: `f(L, x, ...)` of the namespace L, and of what is drawn for them ---

# Domains are kept by what surrounds a function: no program is outside of one, or on a pole.
ONE = {
    "neg": lambda L, x: -x,
    "abs": lambda L, x: L.abs(x),
    "exp": lambda L, x: L.exp(x),
    "expm1": lambda L, x: L.expm1(x),
    "exp2": lambda L, x: L.exp2(x),
    "log": lambda L, x: L.log(x * x + 0.5),
    "log1p": lambda L, x: L.log1p(x * x),
    "log2": lambda L, x: L.log2(2 + L.sin(x)),
    "log10": lambda L, x: L.log10(1 + L.exp(x)),
    "sqrt": lambda L, x: L.sqrt(x * x + 0.1),
    "square": lambda L, x: L.square(x),
    "cube": lambda L, x: x**3,
    "power": lambda L, x: (x * x + 0.3) ** -1.5,
    "reciprocal": lambda L, x: L.reciprocal(1.5 + L.cos(x)),
    "sin": lambda L, x: L.sin(x),
    "cos": lambda L, x: L.cos(x),
    "tan": lambda L, x: L.tan(L.tanh(x)),
    "arcsin": lambda L, x: L.arcsin(L.tanh(x) * 0.9),
    "arccos": lambda L, x: L.arccos(L.sin(x) * 0.9),
    "arctan": lambda L, x: L.arctan(x),
    "sinh": lambda L, x: L.sinh(x),
    "cosh": lambda L, x: L.cosh(x),
    "tanh": lambda L, x: L.tanh(x),
    "arcsinh": lambda L, x: L.arcsinh(x),
    "arccosh": lambda L, x: L.arccosh(1.5 + x * x),
    "arctanh": lambda L, x: L.arctanh(0.9 * L.sin(x)),
    "sinc": lambda L, x: L.sinc(x),
    "clip": lambda L, x: L.clip(x, -0.4, 0.7),
    "sigmoid": lambda L, x: L.sigmoid(x),
    "relu": lambda L, x: L.relu(x),
    "constant": lambda L, x: 2 - x / 3,
    "ravel": lambda L, x: L.reshape(x, (-1,)),
    "column": lambda L, x: L.reshape(x, (-1, 1)),
    "transpose": lambda L, x: L.transpose(x),
    "total": lambda L, x: L.sum(x),
    "average": lambda L, x: L.mean(x),
    "gram": lambda L, x: L.matmul(x, L.transpose(x)) if x.ndim == 2 else x * x,
}
TWO = {  # of shapes that broadcast
    "add": lambda L, x, y: x + y,
    "subtract": lambda L, x, y: x - y,
    "multiply": lambda L, x, y: x * y,
    "divide": lambda L, x, y: x / (1.2 + y * y),
    "power2": lambda L, x, y: (x * x + 0.3) ** L.sin(y),
    "maximum": lambda L, x, y: L.maximum(x, y),
    "minimum": lambda L, x, y: L.minimum(x, y),
    "hypot": lambda L, x, y: L.hypot(x + 1.7, y),
    "arctan2": lambda L, x, y: L.arctan2(x, y * y + 0.5),
    "logaddexp": lambda L, x, y: L.logaddexp(x, y),
    "where": lambda L, x, y: L.where(L.values(x) > 0.1, x, y),
}
ALONG = {  # an axis of one of two dimensions or more
    "sum": lambda L, x, a: L.sum(x, a),
    "mean": lambda L, x, a: L.mean(x, a),
    "max": lambda L, x, a: L.max(x, a),
    "min": lambda L, x, a: L.min(x, a),
    "prod": lambda L, x, a: L.prod(x, a),
    "var": lambda L, x, a: L.var(x, a),
    "std": lambda L, x, a: L.sqrt(L.var(x, a) + 0.1),
    "norm": lambda L, x, a: L.sqrt(L.sum(x * x, a) + 0.1),
    "logsumexp": lambda L, x, a: L.logsumexp(x, a),
    "softmax": lambda L, x, a: L.softmax(x, a),
    "cumsum": lambda L, x, a: L.cumsum(x, a),
    "cumprod": lambda L, x, a: L.cumprod(x, a),
    "diff": lambda L, x, a: L.diff(x, a) if x.shape[a] > 1 else x,
    "flip": lambda L, x, a: L.flip(x, a),
    "roll": lambda L, x, a: L.roll(x, 2, a),
    "twice": lambda L, x, a: L.concatenate([x, x * 2], a),
    "stack": lambda L, x, a: L.stack([x, L.sin(x)], a),
    "repeat": lambda L, x, a: L.repeat(x, 2, a),
    "take": lambda L, x, a: L.take(x, [0, -1, 0], a),
    "first": lambda L, x, a: x[(slice(None),) * a + (0,)],
    "part": lambda L, x, a: x[(slice(None),) * a + (slice(1, None),)] if x.shape[a] > 1 else x,
    "expand": lambda L, x, a: L.expand_dims(x, a),
    "spectrum": lambda L, x, a: L.spectrum(x, a),
}
SQUARE = {  # of a square matrix, made regular
    "solve": lambda L, m, x: L.solve(m, x),
    "inv": lambda L, m, x: L.inv(m),
    "det": lambda L, m, x: L.det(m),
    "slogdet": lambda L, m, x: L.logabsdet(m),
    "cholesky": lambda L, m, x: L.cholesky(L.matmul(m, L.transpose(m)) + 0 * m),
    "trace": lambda L, m, x: L.trace(m),
    "diagonal": lambda L, m, x: L.diagonal(m),
    "tril": lambda L, m, x: L.tril(m),
    "einsum": lambda L, m, x: L.einsum("ij,jk->ki", m, x),
    "matmul": lambda L, m, x: L.matmul(m, x),
    "outer": lambda L, m, x: L.outer(m[0], m[:, 0]),
    "kron": lambda L, m, x: L.kron(m[:2], x[:, :2]),
}


class NumPyLike:
    """NumPy, or fastgrad.numpy with fastgrad.special."""

    def __init__(self, numpy, special):
        self.numpy, self.special = numpy, special

    def __getattr__(self, name):
        return getattr(self.numpy, name, None) or getattr(self.special, name)

    @staticmethod
    def values(x):
        """The array of a Variable."""
        return x.data if isinstance(x, Variable) else x

    @staticmethod
    def constant(w):
        """An array as an operand."""
        return w

    def stack(self, xs, axis):
        return self.numpy.stack(xs, axis=axis)

    def spectrum(self, x, axis):
        y = self.numpy.fft.rfft(x, axis=axis)
        return self.numpy.real(y) + self.numpy.imag(y) * 2

    def diff(self, x, axis):
        return self.numpy.diff(x, axis=axis)

    def inv(self, m):
        return self.numpy.linalg.inv(m)

    def solve(self, m, x):
        return self.numpy.linalg.solve(m, x)

    def det(self, m):
        return self.numpy.linalg.det(m)

    def cholesky(self, m):
        return self.numpy.linalg.cholesky(m)

    def logabsdet(self, m):
        return self.numpy.linalg.slogdet(m)[1]


FASTGRAD = NumPyLike(fnp, special)
NUMPY = NumPyLike(np, special)  # whose functions take arrays too

# --- programs ---

SHAPES = [(), (1,), (3,), (4,), (2, 3), (3, 3), (3, 1), (1, 4), (2, 3, 3), (4, 4)]
MOST = 400  # elements of a value


@dataclass(frozen=True)
class Step:
    """`f(L, *values[indices], *parameters) * scale`."""

    f: object
    name: str
    indices: tuple
    parameters: tuple
    scale: float = 1.0

    def apply(self, L, values):
        """The new value."""
        y = self.f(L, *(values[i] for i in self.indices), *self.parameters)
        return y * self.scale

    def __str__(self):
        return f"{self.name}{(*self.indices, *self.parameters)} * {self.scale}"


@dataclass(frozen=True)
class Program:
    """Leaves, steps on what there is by then, and weights for the values that nothing used."""

    seed: int
    leaves: list
    steps: list
    weights: dict

    def value(self, L, leaves):
        """The sum of all weighted ends: a number."""
        values = list(leaves)
        for step in self.steps:
            values.append(step.apply(L, values))
        return functools.reduce(
            lambda x, y: x + y, (L.sum(values[i] * L.constant(w)) for i, w in self.weights.items())
        )

    def __str__(self):
        shapes = [x.shape for x in self.leaves]
        lines = [f"{n + len(shapes)}: {step}" for n, step in enumerate(self.steps)]
        return "\n".join([f"program {self.seed}: leaves of {shapes}", *lines])


def drawn(rng, values):
    """A step on some of the values, or None if what was drawn does not suit them."""
    recent = rng.integers(0, 2) == 0
    i, j = (int(i) for i in rng.integers(max(0, len(values) - 4) if recent else 0, len(values), 2))
    x, y = values[i], values[j]
    kind = rng.choice(["one", "two", "two", "along", "along", "square"])
    table = {"one": ONE, "two": TWO, "along": ALONG, "square": SQUARE}[kind]
    name = str(rng.choice(list(table)))
    f, indices, parameters = table[name], (i,), ()
    if kind == "two":
        indices = (i, j)
        try:
            np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            return None
    elif kind == "along":
        if x.ndim == 0 or x.size == 0:
            return None
        parameters = (int(rng.integers(0, x.ndim)),)
    elif kind == "square":
        if x.ndim != 2 or x.shape[0] != x.shape[1] or y.ndim != 2 or len(y) != len(x):
            return None
        indices, f = (i, j), on_regular(f, len(x))
    return Step(f, name, indices, parameters)


def on_regular(f, n):
    """`f` of `x + 3` on the diagonal: far from singular, for what is of size 1."""
    eye = 3 * np.eye(n)
    return lambda L, m, x: f(L, m / n + L.constant(eye), x)


def program(seed, most_steps=14):
    """The program of that seed."""
    rng = np.random.default_rng(seed)
    shapes = [SHAPES[i] for i in rng.integers(0, len(SHAPES), rng.integers(1, 4))]
    leaves = [np.asarray(rng.normal(size=shape)) for shape in shapes]
    values, steps, used = list(leaves), [], set()
    for _ in range(int(rng.integers(2, most_steps))):
        step = drawn(rng, values)
        if step is None:
            continue
        y = np.asarray(step.apply(NUMPY, values))
        size = float(np.max(np.abs(y), initial=0.0))
        if y.size > MOST or not np.isfinite(size):
            continue
        if size > 2:
            step = Step(
                step.f, step.name, step.indices, step.parameters, 2.0 ** -np.ceil(np.log2(size))
            )
            y = y * step.scale
        used.update(step.indices)
        steps.append(step)
        values.append(y)
    weights = {i: rng.normal(size=v.shape) for i, v in enumerate(values) if i not in used}
    return Program(seed, leaves, steps, weights)
