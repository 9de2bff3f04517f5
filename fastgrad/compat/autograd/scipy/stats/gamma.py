"""`autograd.scipy.stats.gamma`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.gamma import *  # noqa: F403
from fastgrad.scipy.stats.gamma import __all__, __dir__, __getattr__  # noqa: F401
