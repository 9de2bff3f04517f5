from typing import Any

from fastgrad.op import Row

__all__ = ["pdf", "logpdf"]

pdf: Row
logpdf: Row

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
