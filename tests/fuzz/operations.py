"""The operations of the state machine's programs, for fastgrad and for the model."""

import functools
import operator
import weakref
from types import SimpleNamespace

import numpy as np
from helpers import functions_for

import fastgrad
import fastgrad.numpy as fnp
from benchmarks import baseline, seed
from fuzz import model

# --- what the baseline lacks: the same mathematics as the rows, in the same order ---


class Exp(seed.Function):
    def forward(self, x):
        y = np.asarray(np.exp(x))
        self.y = model.recorded(y)
        return y

    def backward(self, gy):
        return np.asarray(gy * self.y)


class Tanh(seed.Function):
    def forward(self, x):
        y = np.asarray(np.tanh(x))
        self.y = model.recorded(y)
        return y

    def backward(self, gy):
        return np.asarray(gy * (1 - self.y * self.y))


class Sum(seed.Function):
    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        return np.sum(x, axis=self.axis)

    def backward(self, gy):
        x = self.inputs[0].data
        if self.axis is None or x.ndim == 0:
            gy = np.reshape(gy, (1,) * x.ndim)
        else:
            gy = np.expand_dims(gy, self.axis)
        return np.broadcast_to(gy, x.shape)


class Ravel(seed.Function):
    def forward(self, x):
        return x.reshape(-1)

    def backward(self, gy):
        return gy.reshape(self.inputs[0].data.shape)


class Transpose(seed.Function):
    def forward(self, x):
        return x.T

    def backward(self, gy):
        return gy.T


class GetItem(seed.Function):
    def __init__(self, index):
        self.index = index

    def forward(self, x):
        return x[self.index]

    def backward(self, gy):
        return model.Part(self.index, gy, self.inputs[0].data)


class Concatenate(seed.Function):
    def forward(self, *xs):
        y = np.concatenate(xs)
        self.ends = np.cumsum([len(x) for x in xs])[:-1]
        return y

    def backward(self, gy):
        parts = np.split(gy, self.ends)
        return tuple(baseline.fit(g, x) for g, x in zip(parts, self.inputs, strict=True))


# name: (fastgrad's, the baseline's operation), of Variables
BUILT_IN = {
    "add": (operator.add, baseline.Add),
    "sub": (operator.sub, baseline.Sub),
    "mul": (operator.mul, baseline.Mul),
    "div": (operator.truediv, baseline.Div),
    "neg": (operator.neg, baseline.Neg),
    "abs": (abs, baseline.Abs),
    "exp": (fnp.exp, Exp),
    "tanh": (fnp.tanh, Tanh),
    "sum": (lambda x: x.sum(), lambda: Sum(None)),
    "sum of rows": (lambda x: x.sum(axis=0), lambda: Sum(0)),
    "ravel": (lambda x: x.reshape(-1), Ravel),
    "T": (lambda x: x.T, Transpose),
    "first": (lambda x: x[0], lambda: GetItem(0)),
    "some": (lambda x: x[[0, -1, 0]], lambda: GetItem([0, -1, 0])),
    "slice": (lambda x: x[1:], lambda: GetItem(slice(1, None))),
    "concatenate": (lambda *xs: fnp.concatenate(xs), Concatenate),
}


# --- Functions written in Python, for both ---


class Boom(Exception):
    """What a Function raises that was told to."""


@functools.cache
def functions(lib):
    """Classes of Functions by their names."""
    F = functions_for(lib)

    class Cube(lib.Function):
        differentiable = True

        def forward(self, x):
            return x * x * x

        def backward(self, gy):
            (x,) = self.inputs
            return gy * x * x * 3

    class Shuffle(lib.Function):
        """Three outputs of three inputs: ties that come three at a time."""

        def forward(self, x0, x1, x2):
            return x1 + x2, x2 - x0, x0 * 1

        def backward(self, *gys):
            gy0, gy1, gy2 = (0 * self.inputs[0].data if gy is None else gy for gy in gys)
            return gy2 - gy1, gy0 + 0, gy0 + gy1

    class Mute(lib.Function):
        """No gradient for its first operand."""

        def forward(self, x0, x1):
            return x0 - x1

        def backward(self, gy):
            return None, -gy

    class Fails(lib.Function):
        """The identity, whose backward fails as long as it is armed."""

        armed = False

        def forward(self, x):
            if Fails.armed:
                raise Boom
            return x + 0

        def backward(self, gy):
            if Fails.armed:
                raise Boom
            return gy

    class ByHand(lib.Function):
        """Records itself, as the seed's `Function.__call__` does."""

        def __call__(self, *inputs):
            ys = self.forward(*[x.data for x in inputs])
            outputs = [lib.Variable(lib.as_array(y)) for y in ys]
            self.generation = max([x.generation for x in inputs])
            for y in outputs:
                y.set_creator(self)
            self.inputs = inputs
            self.outputs = [weakref.ref(y) for y in outputs]
            return outputs

        def forward(self, x0, x1):
            return x0 * 2, x1 - x0

        def backward(self, gy0, gy1):
            zero = 0 * self.inputs[0].data
            gy0, gy1 = zero if gy0 is None else gy0, zero if gy1 is None else gy1
            return gy0 * 2 - gy1, gy1

    class Twice(lib.Function):
        """Made the creator of a Variable that is there."""

        def backward(self, gy):
            return gy * 2

    classes = {cls.__name__: cls for cls in (Cube, Shuffle, Mute, Fails, ByHand, Twice)}
    return SimpleNamespace(**vars(F), **classes)


ARITY = {"Square": 1, "Exp": 1, "Split": 1, "Combine": 3, "Cube": 1, "Shuffle": 3, "Mute": 2,
         "Fails": 1, "ByHand": 2}  # fmt: skip


def call(name, reals, models):
    """A built-in operation of Variables, or of constants among them: fastgrad's, the model's."""
    function, operation = BUILT_IN[name]
    return lambda: function(*reals), lambda: model.Operation(operation())(*models)


def call_function(name, reals, models):
    """A Function written in Python: the one for fastgrad, the other for the model."""
    f, g = (getattr(functions(lib), name) for lib in (fastgrad, model))
    return lambda: f()(*reals), lambda: g()(*models)


def arm(value):
    """Whether `Fails` fails, from now on."""
    for lib in (fastgrad, model):
        functions(lib).Fails.armed = value
