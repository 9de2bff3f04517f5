"""`autograd.scipy.stats.norm`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.norm import *  # noqa: F403
from fastgrad.scipy.stats.norm import __all__, __dir__, __getattr__  # noqa: F401
