"""`autograd.scipy.stats.dirichlet`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.dirichlet import *  # noqa: F403
from fastgrad.scipy.stats.dirichlet import __all__, __dir__, __getattr__  # noqa: F401
