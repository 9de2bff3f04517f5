"""fastgrad."""

import fastgrad
import fastgrad.numpy as fnp
from benchmarks.libraries.protocol import Variables, namespace, routines_of
from benchmarks.workloads import sin_of


class Adapter(Variables):
    """fastgrad."""

    MOST_NODES = 10**7
    module = fastgrad
    xp = namespace(fnp)
    routines = routines_of(fnp)

    def version(self):
        return fastgrad.__version__

    def value_and_gradients(self, loss, parameters, constants):
        leaves = [fastgrad.Variable(p) for p in parameters]
        y = loss(self.xp, leaves, *constants)
        y.backward(retain_graph=False)
        return y.data, [x.grad for x in leaves]

    def recorded_backward(self, graph, leaves):
        graph.backward(create_graph=True)
        gxs = [x.grad.data for x in leaves]
        for x in leaves:  # else leaf, gradient and graph hold each other
            x.cleargrad()
        return gxs

    def gradients(self, graph, leaves):
        return [gx.data for gx in fastgrad.gradients(graph, leaves)]

    def empty_cache(self):
        getattr(fastgrad, "empty_cache", int)()  # older revisions have none

    def sine(self, x):
        return sin_of(fastgrad)()(x)

    def hessian(self, f):
        return fastgrad.hessian(f)

    def jacobian(self, f):
        return fastgrad.jacobian(f)

    def hvp(self, f):
        return fastgrad.hvp(f)
