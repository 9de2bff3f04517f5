from collections.abc import Callable
from typing import Any, Literal

from fastgrad._function import Function as _Function

NOTHING: Literal[0]
INPUTS: Literal[1]
OUTPUT: Literal[2]
OTHERS: Literal[4]

def zero(xp: Any, gy: Any, y: Any, *xs: Any, **kwargs: Any) -> Any: ...
def holds_variable(*xs: object) -> bool: ...

class Row:
    name: str
    forward: Callable[..., Any]
    vjp: Any
    saves: int
    sequence: bool
    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjp: Any,
        saves: int,
        sequence: bool,
        compiled: type | None,
        doc: str,
        module: str,
    ) -> None: ...
    @property
    def Function(self) -> type[RowFunction]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __get__(self, instance: Any, owner: Any) -> Any: ...

class RowFunction(_Function):
    row: Row | None
