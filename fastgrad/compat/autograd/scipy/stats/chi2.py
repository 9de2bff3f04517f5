"""`autograd.scipy.stats.chi2`: that of `fastgrad.scipy`."""

from fastgrad.scipy.stats.chi2 import *  # noqa: F403
from fastgrad.scipy.stats.chi2 import __all__, __dir__, __getattr__  # noqa: F401
