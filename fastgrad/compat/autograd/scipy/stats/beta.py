"""`autograd.scipy.stats.beta`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.beta import *  # noqa: F403
from fastgrad.scipy.stats.beta import __all__, __dir__, __getattr__  # noqa: F401
