"""`autograd.scipy.integrate`: that of `fastgrad.scipy`."""

from fastgrad.scipy.integrate import *  # noqa: F403
from fastgrad.scipy.integrate import __all__, __dir__, __getattr__  # noqa: F401
