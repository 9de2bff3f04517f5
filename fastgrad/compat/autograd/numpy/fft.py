"""`autograd.numpy.fft`: NumPy's names, of functions that take boxes."""

import numpy as _np

from fastgrad.compat.autograd.numpy.numpy_wrapper import wrap_namespace

wrap_namespace(_np.fft.__dict__, globals())
