"""What an adapter offers to the tasks: a few names, the same for every library."""

import os
from types import SimpleNamespace
from typing import ClassVar

FUNCTIONS = ("exp", "log", "tanh", "sum")


def iterate(step, state, count):
    """`state = step(i, state)` for i in 0 ... count - 1."""
    for i in range(count):
        state = step(i, state)
    return state


def routines_of(module):
    """The routines of a library that has NumPy's names and arguments for them."""
    return SimpleNamespace(
        prod=module.prod,
        median=module.median,
        einsum=module.einsum,
        cholesky=module.linalg.cholesky,
        sort=module.sort,
    )


def namespace(module, iterate=iterate):
    """What the texts of the tasks call `xp`: the functions of a library, and `iterate`."""
    return SimpleNamespace(iterate=iterate, **{name: getattr(module, name) for name in FUNCTIONS})


class Library:
    """An adapter. `f` is a function of leaves; `array` stands for the library's own kind of array.

    LACKS says what the library cannot express, and why: tasks that need it are left out. What can
    be lacking: "arrays", "functions" (those of `xp`, and `@`), "custom" (an operation of the
    user's own), "derivatives" (hessian and jacobian), "no_grad" (not to record), "gradients", and
    "phases" (recording can be told from backward), "routines" (what `benchmarks.peers.routines`
    calls).
    """

    LACKS: ClassVar[dict] = {}
    MOST_OPERATIONS = (
        10**6
    )  # larger graphs than that take it minutes, or fail: it gets smaller ones
    MOST_NODES = 10**5  # the largest graph on whose size its time is measured
    xp = None
    routines = None  # what `benchmarks.peers.routines` calls `xp`

    def version(self):
        """The version, as text."""
        raise NotImplementedError

    def threads(self):
        """How many threads an operation may use."""
        return int(os.environ.get("OMP_NUM_THREADS", 0))

    def array(self, a):
        """An array with the values of the ndarray `a`."""
        return a

    def to_numpy(self, a):
        """The ndarray with the values of an array."""
        return a

    def leaf(self, a):
        """What `f` takes, and gets a gradient, with the values of the ndarray `a`."""
        raise NotImplementedError

    def prepare(self, f, leaves):
        """Compile `f`, where the library compiles."""

    def record(self, f, leaves):
        """A graph of `f(*leaves)`: whatever `backward` and `value` need."""
        return f(*leaves)

    def backward(self, graph, leaves):
        """The gradient of the sum of what `f` computed for each leaf, as arrays."""
        raise NotImplementedError

    def recorded_backward(self, graph, leaves):
        """The same by a backward that is itself recorded, where the library has that."""
        return self.backward(graph, leaves)

    def gradients(self, graph, leaves):
        """The same by a function that returns them, where the library has one."""
        return self.backward(graph, leaves)

    def value(self, graph):
        """What `f` computed, as an array."""
        raise NotImplementedError

    def evaluate(self, f, leaves):
        """`f(*leaves)`, recording nothing."""
        raise NotImplementedError

    def value_and_gradients(self, loss, parameters, constants):
        """`loss(xp, parameters, *constants)` and its gradients for the parameters; all arrays."""
        leaves = [self.leaf(p) for p in parameters]
        graph = self.record(lambda *xs: loss(self.xp, xs, *constants), leaves)
        return self.value(graph), self.backward(graph, leaves)

    def sine(self, x):
        """The sine as a user would add it: value and gradient written in Python, with NumPy."""
        raise NotImplementedError

    def hessian(self, f):
        """The function of an array that gives the Hessian of `f`."""
        raise NotImplementedError

    def jacobian(self, f):
        """The function of an array that gives the jacobian of `f`, by reverse mode."""
        raise NotImplementedError

    def hvp(self, f):
        """The function of an array and a vector that gives the Hessian of `f` times the vector."""
        raise NotImplementedError

    def empty_cache(self):
        """Let go of the memory that the library keeps for its next arrays."""


class Variables(Library):
    """What the libraries share whose Variables have `data`, `grad` and `backward`."""

    module = None

    def leaf(self, a):
        return self.module.Variable(a)

    def backward(self, graph, leaves):
        graph.backward()
        return [x.grad for x in leaves]

    def value(self, graph):
        return graph.data

    def evaluate(self, f, leaves):
        with self.module.no_grad():
            return f(*leaves).data
