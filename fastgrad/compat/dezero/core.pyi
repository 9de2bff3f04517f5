from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

import fastgrad
from fastgrad import Add as Add
from fastgrad import Div as Div
from fastgrad import Mul as Mul
from fastgrad import Neg as Neg
from fastgrad import Pow as Pow
from fastgrad import Sub as Sub
from fastgrad import add as add
from fastgrad import div as div
from fastgrad import mul as mul
from fastgrad import neg as neg
from fastgrad import pow as pow
from fastgrad import sub as sub

__all__ = [
    "Config", "using_config", "no_grad", "test_mode",
    "Variable", "Parameter", "Function", "as_variable", "as_array", "setup_variable",
    "Add", "add", "Mul", "mul", "Neg", "neg", "Sub", "sub", "rsub", "Div", "div", "rdiv",
    "Pow", "pow",
]  # fmt: skip

array_types: type[NDArray[Any]]

class Config(fastgrad.Config):
    train: object

def using_config(name: str, value: object) -> AbstractContextManager[None]: ...
def no_grad() -> AbstractContextManager[None]: ...
def test_mode() -> AbstractContextManager[None]: ...

class Variable(fastgrad.Variable):
    __results__: type[fastgrad.Variable]
    __keeps__: bool
    @property
    def grad(self) -> Any: ...
    @grad.setter
    def grad(self, gx: Any) -> None: ...
    def sum(self, axis: Any = None, keepdims: bool = False) -> Any: ...  # type: ignore[override]
    def max(self, axis: Any = None, keepdims: bool = False) -> Any: ...  # type: ignore[override]
    def min(self, axis: Any = None, keepdims: bool = False) -> Any: ...  # type: ignore[override]
    matmaul = fastgrad.Variable.dot
    def to_cpu(self) -> None: ...
    def to_gpu(self) -> None: ...

class Parameter(Variable): ...

def as_variable(obj: Any) -> fastgrad.Variable: ...
def as_array(x: Any, array_module: ModuleType = ...) -> Any: ...

class Function(fastgrad.Function):
    differentiable: bool
    lifts: type[fastgrad.Variable] | None

def rsub(x0: Any, x1: Any) -> Any: ...
def rdiv(x0: Any, x1: Any) -> Any: ...
def setup_variable() -> None: ...
