from typing import Any

from fastgrad.op import Row

__all__ = [
    "inv", "det", "solve", "solve_triangular", "solve_banded", "solve_sylvester",
    "solve_continuous_lyapunov", "solve_lyapunov", "cholesky", "cho_factor", "cho_solve",
    "eigh", "eigvalsh", "svd", "svdvals", "sqrtm", "expm", "logm", "sinm", "cosm", "tanm",
    "sinhm", "coshm", "tanhm",
]  # fmt: skip

inv: Row
det: Row
solve: Row
solve_triangular: Row
solve_banded: Row
solve_sylvester: Row

def solve_continuous_lyapunov(a: Any, q: Any) -> Any: ...
def solve_lyapunov(a: Any, q: Any) -> Any: ...

cholesky: Row

def cho_factor(
    a: Any, lower: bool = ..., overwrite_a: bool = ..., check_finite: bool = ...
) -> Any: ...
def cho_solve(
    c_and_lower: Any, b: Any, overwrite_b: bool = ..., check_finite: bool = ...
) -> Any: ...

eigh: Row

def eigvalsh(a: Any, b: Any = ..., **kwargs: Any) -> Any: ...

svd: Row
svdvals: Row
sqrtm: Row
expm: Row
logm: Row
sinm: Row
cosm: Row
tanm: Row
sinhm: Row
coshm: Row
tanhm: Row

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
