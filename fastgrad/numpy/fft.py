"""`np.fft`, differentiable: see `fastgrad.numpy`."""

import numpy as _numpy

import fastgrad.functions.fft  # noqa: F401, what registers the rules
from fastgrad._protocols import handlers as _handlers


def __getattr__(name):
    found = getattr(_numpy.fft, name)
    found = _handlers.get(found, found) if callable(found) else found
    globals()[name] = found
    return found


def __dir__():
    return sorted({*globals(), *dir(_numpy.fft)})
