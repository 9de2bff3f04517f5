"""HIPS autograd."""

from importlib.metadata import version
from typing import ClassVar

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive

from benchmarks.libraries.protocol import Library, namespace


@primitive
def sine(x):
    """The sine, an operation of the user's own."""
    return np.sin(x)


defvjp(sine, lambda y, x: lambda gy: gy * np.cos(x))


class Adapter(Library):
    """HIPS autograd."""

    LACKS: ClassVar = {"routines": "it has no gradient of median"}
    xp = namespace(anp)

    def version(self):
        return version("autograd")

    def leaf(self, a):
        return a

    def record(self, f, leaves):
        return autograd.make_vjp(f, tuple(range(len(leaves))))(*leaves)

    def backward(self, graph, leaves):
        pull, y = graph
        return pull(np.ones_like(y))

    def value(self, graph):
        return graph[1]

    def evaluate(self, f, leaves):
        return f(*leaves)

    def value_and_gradients(self, loss, parameters, constants):
        return autograd.value_and_grad(lambda xs: loss(self.xp, xs, *constants))(parameters)

    def sine(self, x):
        return sine(x)

    def hessian(self, f):
        return autograd.hessian(f)

    def jacobian(self, f):
        return autograd.jacobian(f)
