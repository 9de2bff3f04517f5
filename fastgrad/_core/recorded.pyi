from typing import Any, final

from typing_extensions import disjoint_base

from fastgrad._core.node import Handle

@final
class Entry: ...

@disjoint_base
class RecordedRun: ...

@final
class Pullback:
    def pull(self, gys: Any) -> Any: ...
    def push(self, xp: Any, k: int, dx: Any) -> Any: ...

def backward(y: Handle, retain_grad: object, gy: Any) -> None: ...
def recording(fun: Any) -> Any: ...
def gradients(
    ys: list[Any],
    gys: list[Any],
    xs: list[Any],
    prune: object,
    create_graph: object = True,
    linear: object = False,
) -> list[Any]: ...
def leaves(ys: list[Any]) -> list[Any]: ...
def reaches(
    y: Handle, limit: int, integers: object, wanted: dict[int, Any] | None = None
) -> bool: ...
