"""`np.random`, as it is: random numbers are constants. See `fastgrad.numpy`."""

import numpy as _numpy

from fastgrad.numpy.lookup import namespace_of as _namespace_of

__getattr__, __dir__ = _namespace_of(_numpy.random, globals())
