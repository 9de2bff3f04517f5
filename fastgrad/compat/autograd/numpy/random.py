"""`autograd.numpy.random`: NumPy's names, of functions that take boxes."""

import numpy as _np

from fastgrad.compat.autograd.numpy.numpy_wrapper import wrap_namespace

wrap_namespace(_np.random.__dict__, globals())
