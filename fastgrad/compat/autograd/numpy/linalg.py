"""`autograd.numpy.linalg`: NumPy's names, of functions that take boxes."""

import numpy as _np

from fastgrad.compat.autograd.numpy.numpy_wrapper import wrap_namespace

wrap_namespace(_np.linalg.__dict__, globals())
