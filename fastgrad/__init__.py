"""Fast eager automatic differentiation for NumPy on the CPU.

>>> import numpy as np
>>> from fastgrad import Variable
>>> a, b = Variable(np.array(3.0)), Variable(np.array(2.0))
>>> y = a * b + 1
>>> y.backward()
>>> a.grad, b.grad
(array(2.), array(3.))
"""

import importlib as _importlib

try:
    from fastgrad._kernels.parallel import get_num_threads, set_num_threads
except ModuleNotFoundError as error:
    if error.name != "fastgrad._kernels.parallel":
        raise
    raise ImportError(
        f"fastgrad is not compiled for this Python in {__path__[0]}: leave the folder of the "
        "sources, which hides the installed package, or compile them there (pip install -e .)"
    ) from None

from fastgrad import special
from fastgrad._core.function import Function, as_array
from fastgrad._core.operators import abs, add, div, matmul, mul, neg, pow, sub
from fastgrad.config import Config, debug, no_grad, using_config
from fastgrad.conversions import GradientWarning
from fastgrad.functions import *  # noqa: F403
from fastgrad.functions import __all__ as _functions
from fastgrad.functions._arithmetic import Abs, Add, Div, Mul, Neg, Pow, Sub
from fastgrad.functions._products import MatMul
from fastgrad.memory import empty_cache
from fastgrad.op import INPUTS, NOTHING, OTHERS, OUTPUT, op, zero
from fastgrad.variable import Variable

# What `from fastgrad import *` brings: the names of the book, and those that neither Python nor
# NumPy has. (The others would replace Python's `abs`, `pow`, `sum` and `max`, or the program's
# `copy` and `array`.) `dir(fastgrad)` has all that is public.
__all__ = [
    "Variable", "Function", "Config", "using_config", "no_grad", "as_array",
    "Add", "add", "Sub", "sub", "Mul", "mul", "Div", "div", "Neg", "neg", "Pow", "Abs",
    "MatMul", "matmul",
    "grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "hessian_operator", "gradients", "checkpoint", "stop_gradient", "replay",
    "op", "zero", "INPUTS", "OUTPUT", "OTHERS", "NOTHING",
    "debug", "GradientWarning", "DegeneracyWarning",
    "empty_cache", "get_num_threads", "set_num_threads",
    "sigmoid", "log_sigmoid", "softplus", "silu", "relu", "leaky_relu", "elu", "gelu",
    "softmax", "log_softmax", "logsumexp",
]  # fmt: skip

__version__ = "0.1.0"

_modules = {"numpy", "replay", "special", "testing"}
_public = {*__all__, *_functions, "abs", "pow", *_modules, "__version__"}


def __getattr__(name):
    # Only when one is asked for: it saves every import some milliseconds.
    if name in _modules:
        return _importlib.import_module(f"fastgrad.{name}")
    if name not in _public or name == "__version__":
        raise AttributeError(f"module 'fastgrad' has no attribute {name!r}")
    place = "functions.degenerate" if name == "DegeneracyWarning" else "transforms"
    globals()[name] = found = getattr(_importlib.import_module(f"fastgrad.{place}"), name)
    return found


def __dir__():
    return sorted(_public)
