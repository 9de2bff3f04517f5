"""micrograd: numbers alone."""

from importlib.metadata import version
from typing import ClassVar

import numpy as np
from micrograd.engine import Value

from benchmarks.libraries.protocol import Library


class Adapter(Library):
    """micrograd."""

    LACKS: ClassVar = {
        "arrays": "it has numbers alone",
        "functions": "it has numbers alone",
        "routines": "it has numbers alone",
        "custom": "its operations are methods",
        "derivatives": "it has no gradients of gradients",
        "no_grad": "it always records",
    }
    MOST_OPERATIONS = 500  # its backward recurses: at some thousand it ends in a RecursionError

    def version(self):
        return version("micrograd")

    def leaf(self, a):
        return Value(float(a))

    def backward(self, graph, leaves):
        graph.backward()
        return [np.asarray(x.grad) for x in leaves]

    def value(self, graph):
        return np.asarray(graph.data)
