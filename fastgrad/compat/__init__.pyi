from collections.abc import Callable
from types import TracebackType
from typing import Any, TypedDict

from fastgrad.compat import autograd as autograd
from fastgrad.compat import dezero as dezero

__all__ = ["patch", "unpatch", "explain"]

class Patch:
    def __enter__(self) -> Patch: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

def patch(*names: str, quiet: bool = False) -> Patch: ...
def unpatch(*names: str) -> None: ...

class Explained(TypedDict):
    lacks: list[str] | None
    asked: list[str]

def explain(*names: str) -> dict[str, Explained]: ...
