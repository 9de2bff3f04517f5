# ruff: noqa: I001
from collections.abc import Callable
from typing import Any

from numpy.linalg import (
    LinAlgError as LinAlgError,
    matrix_rank as matrix_rank,
)

from fastgrad.op import Row

solve: Row
tensorsolve: Row
tensorinv: Row
inv: Row
cholesky: Row
eigvals: Row
eigvalsh: Row
pinv: Row
det: Row
svdvals: Row
norm: Row
cond: Row
matrix_power: Row
multi_dot: Row
trace: Row
diagonal: Row
cross: Row
outer: Row
tensordot: Row
matmul: Row
matrix_transpose: Row
matrix_norm: Row
vector_norm: Row
vecdot: Row
slogdet: Callable[..., Any]
svd: Callable[..., Any]
eig: Callable[..., Any]
eigh: Callable[..., Any]
lstsq: Callable[..., Any]
qr: Callable[..., Any]
