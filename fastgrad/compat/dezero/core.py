"""`dezero.core` on fastgrad: what DeZero's layers, functions and optimizers are built on.

Gradients are Variables, and each result is alive as long as what was computed from it.
"""

import numpy as np

import fastgrad
from fastgrad import Add, Div, Mul, Neg, Pow, Sub, add, div, mul, neg, pow, sub
from fastgrad.config import _using

__all__ = [
    "Config", "using_config", "no_grad", "test_mode",
    "Variable", "Parameter", "Function", "as_variable", "as_array", "setup_variable",
    "Add", "add", "Mul", "mul", "Neg", "neg", "Sub", "sub", "rsub", "Div", "div", "rdiv",
    "Pow", "pow",
]  # fmt: skip

array_types = np.ndarray


class Config(fastgrad.Config):
    """fastgrad's switches, and `train`: whether layers such as dropout behave as in training."""

    train = True


def using_config(name, value):
    """Set `Config.name` to `value` in a `with` block: see `fastgrad.using_config`."""
    return _using(Config, name, value)


def no_grad():
    """Record no graph in a `with` block."""
    return using_config("enable_backprop", False)


def test_mode():
    """Have dropout and batch normalization behave as after training, in a `with` block."""
    return using_config("train", False)


_grad = fastgrad.Variable.grad


class Variable(fastgrad.Variable, results=True, keep=True):
    """A `fastgrad.Variable` whose gradient is a Variable, and whose results are of this class.

    >>> import numpy as np
    >>> x = Variable(np.array(2.0))
    >>> y = x**4 - 2 * x**2
    >>> y.backward(create_graph=True)
    >>> gx = x.grad
    >>> x.cleargrad()
    >>> gx.backward()
    >>> gx, x.grad
    (variable(24.0), variable(44.0))
    """

    @property
    def grad(self):
        """The gradient: a Variable, the same as long as it is not computed anew; or None."""
        gx = _grad.__get__(self)
        if gx is not None and not isinstance(gx, fastgrad.Variable):
            gx = Variable(gx)
            _grad.__set__(self, gx)
        return gx

    @grad.setter
    def grad(self, gx):
        _grad.__set__(self, gx)

    def sum(self, axis=None, keepdims=False):
        """The sum over all axes, or over some."""
        return super().sum(axis=axis, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        """The greatest element, or those along some axes."""
        return super().max(axis=axis, keepdims=keepdims)

    def min(self, axis=None, keepdims=False):
        """The least element, or those along some axes."""
        return super().min(axis=axis, keepdims=keepdims)

    matmaul = fastgrad.Variable.dot  # DeZero's spelling

    def to_cpu(self):
        """Do nothing: the data are where NumPy computes."""

    def to_gpu(self):
        """RuntimeError: fastgrad computes on the CPU alone."""
        raise RuntimeError("to_gpu: fastgrad computes on the CPU, with NumPy's arrays alone")


class Parameter(Variable):
    """A Variable that a layer learns."""


def as_variable(obj):
    """`obj` itself if it is a Variable, fastgrad's own too, else a Variable with that data."""
    return obj if isinstance(obj, fastgrad.Variable) else Variable(obj)


def as_array(x, array_module=np):
    """A scalar as a 0-d array, and anything else as it is."""
    return array_module.array(x) if np.isscalar(x) else x


class Function(fastgrad.Function):
    """A function with a `backward` for Variables.

    Operands that are none, such as arrays, are made Variables; a gradient that `backward` leaves
    out at the end is None.
    """

    differentiable = True
    lifts = Variable


def rsub(x0, x1):
    """`x1 - x0`."""
    return sub(x1, x0)


def rdiv(x0, x1):
    """`x1 / x0`."""
    return div(x1, x0)


def setup_variable():
    """Do nothing: Variables have their operators."""
