"""`autograd.scipy.signal`: `convolve` has autograd's arguments; the rest is `fastgrad.scipy`'s."""

from fastgrad.scipy.signal import *  # noqa: F403
from fastgrad.scipy.signal import __all__, __dir__, __getattr__  # noqa: F401
from fastgrad.scipy.signal import convolve_axes as convolve  # noqa: F401
