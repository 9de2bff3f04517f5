from collections.abc import Callable
from typing import Any

__all__ = ["check_gradients"]

def check_gradients(
    fun: Callable[..., Any],
    *xs: Any,
    order: int = 2,
    rtol: float | None = None,
    seed: int = 0,
) -> None: ...
