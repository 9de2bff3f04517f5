from collections.abc import Callable
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

_P = ParamSpec("_P")
_R = TypeVar("_R")

__all__ = ["ReplayWarning", "replay"]

class ReplayWarning(UserWarning): ...

class Replay(Generic[_P, _R]):
    fun: Callable[_P, _R]
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def explain(self) -> str: ...
    def clear(self) -> None: ...
    def __get__(self, instance: object, owner: type | None = None) -> Replay[..., Any]: ...

@overload
def replay(
    fun: Callable[_P, _R], *, check: Literal["doubling"] | None = "doubling"
) -> Replay[_P, _R]: ...
@overload
def replay(
    fun: None = None, *, check: Literal["doubling"] | None = "doubling"
) -> Callable[[Callable[_P, _R]], Replay[_P, _R]]: ...
