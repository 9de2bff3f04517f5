# ruff: noqa: I001
from fastgrad.scipy import (
    integrate as integrate,
    linalg as linalg,
    signal as signal,
    special as special,
    stats as stats,
)

__all__ = ["special", "stats", "linalg", "signal", "integrate"]

def __dir__() -> list[str]: ...
