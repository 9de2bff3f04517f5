"""MyGrad."""

from typing import ClassVar

import mygrad
import numpy as np
from mygrad.operation_base import Operation

from benchmarks.libraries.protocol import Variables, namespace


class Sine(Operation):
    """The sine, an operation of the user's own."""

    def __call__(self, x):
        self.variables = (x,)
        return np.sin(x.data)

    def backward_var(self, grad, index, **kwargs):
        return grad * np.cos(self.variables[index].data)


class Adapter(Variables):
    """MyGrad."""

    LACKS: ClassVar = {
        "derivatives": "it has no gradients of gradients",
        "routines": "it has no median, sort and cholesky",
    }
    xp = namespace(mygrad)

    def version(self):
        return mygrad.__version__

    def leaf(self, a):
        return mygrad.tensor(a)

    def evaluate(self, f, leaves):
        with mygrad.no_autodiff:
            return f(*leaves).data

    def sine(self, x):
        return mygrad.Tensor._op(Sine, x)  # what `mygrad.execute_op` calls
