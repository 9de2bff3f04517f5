from typing import Any

from fastgrad._core.operators import Operators
from fastgrad.methods import ArrayMethods

class Variable(Operators, ArrayMethods):
    __slots__ = ()
    __array_ufunc__: Any
    __pandas_priority__: int
    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any: ...
    def backward(
        self, retain_grad: object = False, create_graph: object = False, retain_graph: object = True
    ) -> None: ...
    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any] | None]: ...
    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any] | None]) -> None: ...
