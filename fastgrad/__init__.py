"""Fast eager automatic differentiation for NumPy on the CPU.

>>> import numpy as np
>>> from fastgrad import Variable
>>> a, b = Variable(np.array(3.0)), Variable(np.array(2.0))
>>> y = a * b + 1
>>> y.backward()
>>> a.grad, b.grad
(array(2.), array(3.))
"""

import importlib
from typing import TYPE_CHECKING

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
from fastgrad.functions._arithmetic import Abs, Add, Div, Mul, Neg, Pow, Sub
from fastgrad.functions._products import MatMul
from fastgrad.functions.degenerate import DegeneracyWarning
from fastgrad.memory import empty_cache
from fastgrad.op import INPUTS, NOTHING, OTHERS, OUTPUT, op, zero
from fastgrad.variable import Variable

if TYPE_CHECKING:
    from fastgrad.transforms import (
        checkpoint,
        elementwise_grad,
        grad,
        gradients,
        hessian,
        hessian_operator,
        hvp,
        jacobian,
        jvp,
        stop_gradient,
        value_and_grad,
        vjp,
    )

# `abs` and `pow` are left out: `from fastgrad import *` must not replace Python's.
__all__ = [
    "Variable", "Function", "Config", "using_config", "no_grad", "as_array",
    "Add", "add", "Sub", "sub", "Mul", "mul", "Div", "div", "Neg", "neg", "Pow", "Abs",
    "MatMul", "matmul",
]  # fmt: skip

__version__ = "0.1.0"


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module 'fastgrad' has no attribute '{name}'")
    # Only when one is asked for: it saves every import two milliseconds.
    transforms = importlib.import_module("fastgrad.transforms")
    if name not in transforms.__all__:
        raise AttributeError(f"module 'fastgrad' has no attribute '{name}'")
    globals()[name] = found = getattr(transforms, name)
    return found
