from collections.abc import Callable
from typing import Any, Literal, final

from typing_extensions import disjoint_base

from fastgrad._function import Function as _Function

NOTHING: Literal[0]
INPUTS: Literal[1]
OUTPUT: Literal[2]
OTHERS: Literal[4]

def zero(xp: Any, gy: Any, y: Any, *xs: Any, **kwargs: Any) -> Any: ...
def apart(name: str, args: tuple[Any, ...], out: tuple[Any, ...]) -> tuple[Any, ...]: ...
def parameter_names(function: Any) -> list[str]: ...
def holds_variable(*xs: object) -> bool: ...

@final
class Call: ...

@disjoint_base
class Row:
    @property
    def name(self) -> str: ...
    @property
    def forward(self) -> Callable[..., Any]: ...
    @property
    def vjp(self) -> Any: ...
    @property
    def jvp(self) -> Any: ...
    @property
    def ours(self) -> bool: ...
    @property
    def saves(self) -> int: ...
    @property
    def sequence(self) -> bool: ...
    @property
    def compiled(self) -> type | None: ...
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
        jvp: Any = None,
    ) -> None: ...
    @property
    def Function(self) -> type[RowFunction]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __get__(self, instance: Any, owner: Any = None, /) -> Any: ...

class RowFunction(_Function):
    row: Row | None
