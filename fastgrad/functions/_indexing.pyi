from typing import Any

from fastgrad._core.operation import Operation

REPEATED: int
ONCE: int
VIEWED: int

def add_at_index(gx: Any, index: Any, gy: Any) -> int: ...
def selection(index: object) -> int: ...

class GetItem(Operation): ...
