"""`autograd.scipy.stats.poisson`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.poisson import *  # noqa: F403
from fastgrad.scipy.stats.poisson import __all__, __dir__, __getattr__  # noqa: F401
