"""`autograd.numpy`: NumPy's names, of functions that take boxes."""

from fastgrad.compat.autograd.numpy import (  # noqa: F401
    fft,
    linalg,
    numpy_boxes,
    numpy_jvps,
    numpy_vjps,
    numpy_vspaces,
    numpy_wrapper,
    random,
)
from fastgrad.compat.autograd.numpy.numpy_wrapper import *  # noqa: F403
from fastgrad.compat.autograd.numpy.numpy_wrapper import numpy_version

__version__ = numpy_version
