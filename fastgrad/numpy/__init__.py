"""NumPy, differentiable: `import fastgrad.numpy as np` in place of `import numpy as np`.

A function that has a rule takes Variables and arrays alike, and on arrays alone returns what
NumPy's returns. Everything else is NumPy's own: constants, dtypes, `zeros`, `random`. `xp` in a
VJP is this namespace where gradients are themselves differentiated.

>>> import fastgrad.numpy as np
>>> from fastgrad import Variable
>>> x = Variable(np.array([1.0, 2.0]))
>>> y = np.sum(np.exp(x) * np.array([1.0, 0.0]))
>>> y.backward()
>>> x.grad
array([2.71828183, 0.        ])
>>> np.tanh(0.0)
np.float64(0.0)
"""

import numpy as _numpy

import fastgrad.functions.discrete  # noqa: F401, what registers the rules
from fastgrad.numpy import fft, linalg  # noqa: F401
from fastgrad.numpy.lookup import namespace_of as _namespace_of

__getattr__, __dir__ = _namespace_of(_numpy, globals())
