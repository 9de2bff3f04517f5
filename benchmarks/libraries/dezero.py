"""DeZero, the library that the book builds."""

from typing import ClassVar

import numpy as np

from benchmarks.libraries.protocol import Variables, namespace

# NumPy 2 removed it, and DeZero names it while it is imported.
np.int = int  # noqa: NPY001

import dezero  # noqa: E402
import dezero.functions as F  # noqa: E402


class Sine(dezero.Function):
    """As `dezero.functions.Sin`, which a user could have written: on arrays, then on Variables."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * F.cos(x)


class Adapter(Variables):
    """DeZero."""

    LACKS: ClassVar = {
        "derivatives": "it has no function for them",
        "routines": "it has a few functions",
    }
    module = dezero
    xp = namespace(F)

    def __init__(self):
        # It has the function, but not the operator.
        dezero.Variable.__matmul__ = F.matmul
        dezero.Variable.__rmatmul__ = lambda x, w: F.matmul(dezero.as_variable(w), x)

    def version(self):
        return dezero.__version__

    def to_numpy(self, a):
        return a.data if isinstance(a, dezero.Variable) else a

    def backward(self, graph, leaves):
        graph.backward()
        return [x.grad.data for x in leaves]

    def sine(self, x):
        return Sine()(x)
