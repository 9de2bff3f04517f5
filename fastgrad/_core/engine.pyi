from collections.abc import Callable
from typing import Any, final

from fastgrad._core.node import Handle

@final
class Aside: ...

@final
class Run: ...

def gradients(
    ys: list[Any], gys: list[Any], xs: list[Any], origin: int = 0
) -> list[Any] | None: ...
def backward(
    y: Handle,
    retain_grad: object = False,
    create_graph: object = False,
    retain_graph: object = True,
) -> None: ...
def write(prepare: Callable[[], list[tuple[Any, Any, Any, Any]]]) -> None: ...
