from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex, TypeVar, overload
from weakref import ReferenceType

import numpy as np
import numpy.typing as npt

from fastgrad._core.node import Node
from fastgrad.variable import Variable

_T = TypeVar("_T")

class Function(Node):
    differentiable: bool
    def __call__(self, *inputs: Variable | npt.NDArray[Any] | np.generic | complex) -> Any: ...
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

class AsRecorded(Function): ...

def slots_of(x: object) -> dict[str, Any]: ...
@overload
def as_array(x: np.generic | complex) -> npt.NDArray[Any]: ...
@overload
def as_array(x: _T) -> _T: ...
