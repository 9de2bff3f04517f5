"""`autograd.scipy.stats`: the distributions of `fastgrad.scipy`."""

from fastgrad.compat.autograd.scipy.stats import (  # noqa: F401
    beta,
    chi2,
    dirichlet,
    gamma,
    multivariate_normal,
    norm,
    poisson,
    t,
)
from fastgrad.scipy.stats import __all__, __dir__, __getattr__  # noqa: F401
