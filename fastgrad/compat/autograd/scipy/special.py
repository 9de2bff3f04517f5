"""`autograd.scipy.special`: that of `fastgrad.scipy`."""

from fastgrad.scipy.special import *  # noqa: F403
from fastgrad.scipy.special import __all__, __dir__, __getattr__  # noqa: F401
