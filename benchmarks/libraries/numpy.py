"""Bare NumPy, the control: it computes the same, and differentiates nothing.

Of the models it has the gradients that `benchmarks.models` writes out by hand.
"""

from typing import ClassVar

import numpy as np

from benchmarks.libraries.protocol import Library, namespace, routines_of


class Adapter(Library):
    """Bare NumPy."""

    LACKS: ClassVar = {"gradients": "it has none"}
    MOST_NODES = 10**7
    xp = namespace(np)
    routines = routines_of(np)

    def version(self):
        return np.__version__

    def leaf(self, a):
        return a

    def backward(self, graph, leaves):
        return []

    def value(self, graph):
        return graph

    def evaluate(self, f, leaves):
        return f(*leaves)

    def sine(self, x):
        return np.sin(x)
