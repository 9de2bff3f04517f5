"""`autograd.scipy.stats.multivariate_normal`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.multivariate_normal import *  # noqa: F403
from fastgrad.scipy.stats.multivariate_normal import __all__, __dir__, __getattr__  # noqa: F401
