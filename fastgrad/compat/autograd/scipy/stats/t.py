"""`autograd.scipy.stats.t`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.t import *  # noqa: F403
from fastgrad.scipy.stats.t import __all__, __dir__, __getattr__  # noqa: F401
