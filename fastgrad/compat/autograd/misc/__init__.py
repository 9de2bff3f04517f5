"""`autograd.misc`: vectors of nested values, optimizers, fixed points, graphs."""

from fastgrad.compat.autograd.misc.flatten import flatten  # noqa: F401
from fastgrad.compat.autograd.misc.tracers import const_graph  # noqa: F401
