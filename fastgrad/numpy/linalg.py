"""`np.linalg`, differentiable: see `fastgrad.numpy`."""

import numpy as _numpy

from fastgrad._protocols import handlers as _handlers


def __getattr__(name):
    found = getattr(_numpy.linalg, name)
    found = _handlers.get(found, found) if callable(found) else found
    globals()[name] = found
    return found


def __dir__():
    return sorted({*globals(), *dir(_numpy.linalg)})
