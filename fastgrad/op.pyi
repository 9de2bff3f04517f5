from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from fastgrad._core.row import INPUTS as INPUTS
from fastgrad._core.row import NOTHING as NOTHING
from fastgrad._core.row import OTHERS as OTHERS
from fastgrad._core.row import OUTPUT as OUTPUT
from fastgrad._core.row import Row as Row
from fastgrad._core.row import zero as zero

_Function: TypeAlias = Callable[..., Any]

__all__ = ["op", "zero", "INPUTS", "OUTPUT", "OTHERS", "NOTHING", "implements", "plain", "refuse"]

groups: dict[_Function, tuple[str, str]]

def op(
    name: str,
    forward: _Function,
    saves: int = 1,
    vjp: _Function | tuple[_Function | None, ...] | None = None,
    *,
    jvp: _Function | tuple[_Function | None, ...] | None = None,
    batched: _Function | tuple[_Function | None, ...] | Literal[True] | None = None,
    sequence: bool = False,
    fast: type | None = None,
    implements: tuple[_Function, ...] | None = None,
    doc: str | None = None,
) -> Row: ...
def with_operand(row: Row, name: str, vjp: _Function) -> None: ...
def check_beside(name: str, kind: str, vjp: Any, given: Any, sequence: bool) -> None: ...
def is_numpys(function: Any) -> bool: ...
def summary(name: str, functions: tuple[_Function, ...]) -> str: ...
def implements(*functions: _Function) -> Callable[[_Function], _Function]: ...
def plain(*functions: _Function) -> None: ...
def refuse_out(name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None: ...
def refuse(why: str, *functions: _Function) -> None: ...
