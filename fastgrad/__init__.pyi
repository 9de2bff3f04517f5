# ruff: noqa: I001 (one import, not one for each name)
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex, TypeAlias, TypeVar, overload
from weakref import ReferenceType

import numpy as np
import numpy.typing as npt

from fastgrad import numpy as numpy, special as special, testing as testing
from fastgrad.config import (
    Config as Config,
    debug as debug,
    no_grad as no_grad,
    using_config as using_config,
)
from fastgrad.conversions import GradientWarning as GradientWarning
from fastgrad.functions import *
from fastgrad.memory import empty_cache as empty_cache
from fastgrad.replay import replay as replay
from fastgrad.op import (
    INPUTS as INPUTS,
    NOTHING as NOTHING,
    OTHERS as OTHERS,
    OUTPUT as OUTPUT,
    op as op,
    zero as zero,
)
from fastgrad.transforms import (
    checkpoint as checkpoint,
    elementwise_grad as elementwise_grad,
    grad as grad,
    gradients as gradients,
    hessian as hessian,
    hessian_operator as hessian_operator,
    hvp as hvp,
    jacobian as jacobian,
    jvp as jvp,
    stop_gradient as stop_gradient,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from fastgrad.variable import Variable as Variable

_T = TypeVar("_T")
_Operand: TypeAlias = npt.NDArray[Any] | np.generic | complex | list[Any] | tuple[Any, ...]

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

__version__: str

class Function:
    differentiable: bool
    lifts: type[Variable] | None
    # With many outputs it returns a list, which is unpacked, indexed and gone through as a
    # Variable can be.
    def __call__(self, *inputs: _Operand) -> Variable: ...
    # A subclass names as many operands as it has.
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    @property
    def inputs(self) -> tuple[Variable, ...]: ...
    @inputs.setter
    def inputs(self, xs: Sequence[Variable]) -> None: ...
    @property
    def outputs(self) -> list[ReferenceType[Variable]]: ...
    @outputs.setter
    def outputs(self, references: Sequence[ReferenceType[Variable]]) -> None: ...
    @property
    def generation(self) -> int: ...
    @generation.setter
    def generation(self, value: SupportsIndex) -> None: ...

class Add(Function): ...
class Sub(Function): ...
class Mul(Function): ...
class Div(Function): ...
class Neg(Function): ...

class Pow(Function):
    def __init__(self, c: complex | None = None) -> None: ...

class Abs(Function): ...
class MatMul(Function): ...

def add(x0: _Operand, x1: _Operand) -> Variable: ...
def sub(x0: _Operand, x1: _Operand) -> Variable: ...
def mul(x0: _Operand, x1: _Operand) -> Variable: ...
def div(x0: _Operand, x1: _Operand) -> Variable: ...
def neg(x: _Operand) -> Variable: ...
def pow(x0: _Operand, x1: _Operand) -> Variable: ...
def matmul(x0: _Operand, x1: _Operand) -> Variable: ...
def abs(x: _Operand) -> Variable: ...
@overload
def as_array(x: np.generic | complex) -> npt.NDArray[Any]: ...
@overload
def as_array(x: _T) -> _T: ...
def get_num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...

class DegeneracyWarning(UserWarning): ...
