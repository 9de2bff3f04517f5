# ruff: noqa: I001
from typing import Any

from fastgrad.scipy.stats import (
    beta as beta,
    chi2 as chi2,
    dirichlet as dirichlet,
    gamma as gamma,
    multivariate_normal as multivariate_normal,
    norm as norm,
    poisson as poisson,
    t as t,
)

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]

# The rest is SciPy's own.
def __getattr__(name: str) -> Any: ...
def __dir__() -> list[str]: ...
