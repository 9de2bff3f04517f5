from typing import Any

from fastgrad._operators import Operators

class Variable(Operators):
    __slots__ = ()
    def backward(
        self, retain_grad: object = False, create_graph: object = False, retain_graph: object = True
    ) -> None: ...
    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any] | None]: ...
    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any] | None]) -> None: ...
