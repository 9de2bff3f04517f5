from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar, overload

import numpy as np

from fastgrad.op import Row

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_A = TypeVar("_A")
_Argnums: TypeAlias = int | Sequence[int]
_Unconnected: TypeAlias = Literal["zero", "raise"]
# What has no one signature: `np.tanh`.
_Overloaded: TypeAlias = np.ufunc | Row

__all__ = [
    "grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "hessian_operator", "gradients", "checkpoint", "stop_gradient",
]  # fmt: skip

# A derivative takes what the function takes; what it returns has the structure of an argument.
@overload
def value_and_grad(
    fun: _Overloaded,
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
    unconnected: _Unconnected = "zero",
) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(
    fun: Callable[_P, _R],
    argnums: _Argnums = 0,
    *,
    has_aux: Literal[False] = False,
    unconnected: _Unconnected = "zero",
) -> Callable[_P, tuple[_R, Any]]: ...
@overload
def value_and_grad(
    fun: Callable[_P, Any],
    argnums: _Argnums = 0,
    *,
    has_aux: bool,
    unconnected: _Unconnected = "zero",
) -> Callable[_P, tuple[Any, Any]]: ...
@overload
def grad(
    fun: _Overloaded,
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
    unconnected: _Unconnected = "zero",
) -> Callable[..., Any]: ...
@overload
def grad(
    fun: Callable[_P, Any],
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
    unconnected: _Unconnected = "zero",
) -> Callable[_P, Any]: ...
@overload
def elementwise_grad(
    fun: _Overloaded,
    argnums: _Argnums = 0,
) -> Callable[..., Any]: ...
@overload
def elementwise_grad(
    fun: Callable[_P, Any],
    argnums: _Argnums = 0,
) -> Callable[_P, Any]: ...
def gradients(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    create_graph: bool = False,
    *,
    unconnected: _Unconnected = "zero",
) -> Any: ...
def stop_gradient(tree: _T) -> _T: ...
@overload
def checkpoint(
    fun: _Overloaded,
) -> Callable[..., Any]: ...
@overload
def checkpoint(
    fun: Callable[_P, _R],
) -> Callable[_P, _R]: ...
@overload
def vjp(
    fun: Callable[..., _R], *xs: Any, has_aux: Literal[False] = False
) -> tuple[_R, Callable[[Any], tuple[Any, ...]]]: ...
@overload
def vjp(
    fun: Callable[..., tuple[_R, _A]], *xs: Any, has_aux: Literal[True]
) -> tuple[_R, Callable[[Any], tuple[Any, ...]], _A]: ...
def jvp(
    fun: Callable[..., _R], primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[_R, Any]: ...
@overload
def jacobian(
    fun: _Overloaded,
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
) -> Callable[..., Any]: ...
@overload
def jacobian(
    fun: Callable[_P, Any],
    argnums: _Argnums = 0,
    *,
    has_aux: bool = False,
) -> Callable[_P, Any]: ...
@overload
def hessian(
    fun: _Overloaded,
    argnums: _Argnums = 0,
) -> Callable[..., Any]: ...
@overload
def hessian(
    fun: Callable[_P, Any],
    argnums: _Argnums = 0,
) -> Callable[_P, Any]: ...
@overload
def hvp(fun: _Overloaded) -> Callable[..., Any]: ...
@overload
def hvp(fun: Callable[Concatenate[_T, _P], Any]) -> Callable[Concatenate[_T, _T, _P], Any]: ...
def hessian_operator(fun: Callable[..., Any], x: Any, *args: Any) -> Any: ...
