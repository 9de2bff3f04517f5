"""What the guard measures: the suite's tasks, and more that only fastgrad has to do.

Every task reads the processor's time of its process: what else the machine does costs it nothing
but its caches. Many arrays of 4096 numbers are a page or a line of the cache apart, or just not,
by the luck of where memory was free; so that size is measured at several places.
"""

import functools
import gc
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.libraries import CONTROL
from benchmarks.models.rosenbrock import rosenbrock_hvp
from benchmarks.peers.kinds import CPU, Derivative, Graph, function_of, rosenbrock_of, time_of
from benchmarks.peers.tasks import LONG, QUICK, catalogue
from benchmarks.workloads import chain, chain_of

LARGEST = 10**5  # nodes
PADDED = 4096  # elements
PAGE = 4096  # bytes
PADDINGS = (0, 16, 48, 1088, 2064)  # bytes
BLOCKS = 64


def tasks(quick):
    """All of the suite but the largest graphs and the memory, then the guard's own."""
    found = [task for task in catalogue(quick) if task.group != "memory"]
    found = [task for task in found if getattr(task, "nodes", 0) <= LARGEST]
    return [replace(task, clock=CPU) for task in [*map(padded, found), *more(quick)]]


def padded(task):
    """The task; the chain on 4096 elements at several places of memory."""
    workload = getattr(task, "workload", None)
    if not isinstance(task, Graph) or not workload or workload.build is not chain:
        return task
    if workload.size != PADDED:
        return task
    return Padded(f"{task.name}, {len(PADDINGS)} paddings", task.group, task.needs, workload)


def more(quick):
    """Tasks: a recorded backward, gradients that a call returns, products with a Hessian."""
    longest = QUICK if quick else LONG
    for way, title in (("recorded_backward", "create_graph"), ("gradients", "gradients(y, xs)")):
        for size, name in ((None, "0-d"), (256, "256")):
            workload = chain_of(size, longest)
            yield Returned(f"{title}, chain, {name}", "guard", (), workload, way)
    for n in (10, 1000):
        yield Product(f"hvp of Rosenbrock, n = {n}", "guard", n=n)


@dataclass(frozen=True)
class Padded(Graph):
    """A workload with its arrays at several places of memory: the mean."""

    def measure(self, library, count, seconds):
        """The nanoseconds a node."""
        samples = []
        for padding in PADDINGS:
            library.empty_cache()  # what it keeps lies where the padding before has put it
            arrays, held = apart(self.workload.leaves(), padding)
            samples.append(self.measure_on(arrays, library, count, seconds / len(PADDINGS)))
            del arrays, held
        return {key: float(np.mean([sample[key] for sample in samples])) for key in samples[0]}


def apart(arrays, padding):
    """Copies, each `padding` bytes further from the start of a page, and blocks to be kept.

    The blocks move the results of operations: the first ones fill what room `malloc` has for an
    array elsewhere, so that the last one and the results come one behind the other.
    """
    size = max(a.nbytes for a in arrays)
    held = [np.empty(size + more, np.uint8) for more in (*[0] * BLOCKS, padding)]
    copies = []
    for i, a in enumerate(arrays, start=1):
        memory = np.empty(a.nbytes + 2 * PAGE + i * padding, np.uint8)
        start = -memory.ctypes.data % PAGE + i * padding
        copy = memory[start : start + a.nbytes].view(a.dtype).reshape(a.shape)
        copy[...] = a
        copies.append(copy)
    return copies, held


@dataclass(frozen=True)
class Returned(Graph):
    """A workload that an adapter differentiates in the way named; the graph is released too."""

    way: str = "backward"

    def outcome(self, library, count):
        leaves = [library.leaf(a) for a in self.workload.leaves()]
        graph = library.record(function_of(library, self.workload, count), leaves)
        results = [library.value(graph), *getattr(library, self.way)(graph, leaves)]
        return [np.array(library.to_numpy(a)) for a in results]

    def measure(self, library, count, seconds):
        """The nanoseconds a node."""
        f, arrays = function_of(library, self.workload, count), self.workload.leaves()
        differentiate = getattr(library, self.way)

        def step():
            leaves = [library.leaf(a) for a in arrays]
            differentiate(library.record(f, leaves), leaves)

        step()
        gc.collect()
        return {"total": time_of(step, seconds, self.now) / self.workload.nodes(count)}


@dataclass(frozen=True)
class Product(Derivative):
    """The Hessian of Rosenbrock's function times a vector; NumPy's is the closed form."""

    n: int = 10
    reference = CONTROL

    def call(self, library):
        """A function without arguments that computes it."""
        x, v = np.linspace(0.5, 1.5, self.n), np.linspace(-1, 1, self.n)
        if "gradients" in library.LACKS:
            return functools.partial(rosenbrock_hvp, x, v)
        return functools.partial(library.hvp(rosenbrock_of(library)), x, v)
