from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

_Function: TypeAlias = Callable[..., Any]
_Argnums: TypeAlias = int | Sequence[int]
_Unconnected: TypeAlias = Literal["zero", "raise"]

__all__ = [
    "grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "hessian_operator", "gradients", "checkpoint", "stop_gradient",
]  # fmt: skip

def value_and_grad(
    fun: _Function,
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
    unconnected: _Unconnected = "zero",
) -> _Function: ...
def grad(
    fun: _Function,
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
    unconnected: _Unconnected = "zero",
) -> _Function: ...
def elementwise_grad(fun: _Function, argnums: _Argnums = 0) -> _Function: ...
def gradients(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    create_graph: bool = False,
    *,
    unconnected: _Unconnected = "zero",
) -> Any: ...
def stop_gradient(tree: Any) -> Any: ...
def checkpoint(fun: _Function) -> _Function: ...
def vjp(fun: _Function, *xs: Any, has_aux: bool = False) -> Any: ...
def jvp(fun: _Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]: ...
def jacobian(fun: _Function, argnums: _Argnums = 0, *, has_aux: bool = False) -> _Function: ...
def hessian(fun: _Function, argnums: _Argnums = 0) -> _Function: ...
def hvp(fun: _Function) -> _Function: ...
def hessian_operator(fun: _Function, x: Any, *args: Any) -> Any: ...
