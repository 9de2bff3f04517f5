from types import TracebackType

__all__ = ["patch", "unpatch"]

FRONTS: dict[str, dict[str, str]]

class Patch:
    names: list[str]
    def __init__(self, names: list[str]) -> None: ...
    def __enter__(self) -> Patch: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

def patch(*names: str, quiet: bool = False) -> Patch: ...
def unpatch(*names: str) -> None: ...
