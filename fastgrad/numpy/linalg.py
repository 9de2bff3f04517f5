"""`np.linalg`, differentiable: see `fastgrad.numpy`."""

import numpy as _numpy

import fastgrad.functions.linalg  # noqa: F401, what registers the rules
from fastgrad.numpy.lookup import namespace_of as _namespace_of

__getattr__, __dir__ = _namespace_of(_numpy.linalg, globals())
