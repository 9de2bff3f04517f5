"""`autograd.scipy.linalg`: that of `fastgrad.scipy`."""

from fastgrad.scipy.linalg import *  # noqa: F403
from fastgrad.scipy.linalg import __all__, __dir__, __getattr__  # noqa: F401
