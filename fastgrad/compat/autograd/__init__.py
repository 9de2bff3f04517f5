"""HIPS autograd, on fastgrad: `import fastgrad.compat.autograd as autograd`.

>>> import fastgrad.compat.autograd.numpy as np
>>> from fastgrad.compat.autograd import grad
>>> grad(lambda x: np.sum(np.tanh(x) ** 2))(np.zeros(2))
array([0., 0.])
"""

from fastgrad.compat.autograd import core, extend, numpy, tracer, util  # noqa: F401
from fastgrad.compat.autograd.builtins import dict, isinstance, list, tuple, type
from fastgrad.compat.autograd.differential_operators import *  # noqa: F403
from fastgrad.compat.autograd.differential_operators import __all__ as _operators
from fastgrad.compat.autograd.tracer import primitive

__all__ = [*_operators, "dict", "isinstance", "list", "numpy", "primitive", "tuple", "type"]
