"""The phases of a graph, timed: it is recorded, differentiated and released.

Everything that measures goes through `Run`. The garbage collector stays enabled, as users have it;
it is made to run just before, so that every run starts from the same state.
"""

import functools
import gc
from time import perf_counter_ns

import numpy as np

from benchmarks.workloads import MODULES, load

PHASES = ("record", "backward", "release")


class Run:
    """A workload on one module; each phase is a method, to be called in their order."""

    def __init__(self, workload, module, count=None):
        self.m = load(module)
        self.build = workload.build
        self.count = count or workload.count_for(module)
        self.xs = [self.m.Variable(x) for x in workload.leaves()]
        self.y = None
        self.outcome = None  # the value of the root and the gradient of each leaf
        gc.collect()

    def record(self):
        """Build the graph."""
        self.y = self.build(self.m, self.xs, self.count)

    def backward(self):
        """Differentiate it."""
        self.y.backward()

    def keep_outcome(self):
        """Note the value and the gradients, to be compared with another run's."""
        self.outcome = [self.y.data, *(x.grad for x in self.xs)]

    def release(self):
        """Drop the last reference to it."""
        self.y = None

    def total(self):
        """Go through all three phases."""
        self.record()
        self.backward()
        self.release()


def time_phases(workload, module):
    """One run: the nanoseconds per node of each phase and of all, and the run, which has ended."""
    run = Run(workload, module)
    t0 = perf_counter_ns()
    run.record()
    t1 = perf_counter_ns()
    run.backward()
    t2 = perf_counter_ns()
    run.keep_outcome()
    t3 = perf_counter_ns()
    run.release()
    t4 = perf_counter_ns()
    times = dict(zip(PHASES, (t1 - t0, t2 - t1, t4 - t3), strict=True))
    times["total"] = sum(times.values())
    scale = workload.factor_for(module) / workload.nodes(run.count)
    return {phase: time * scale for phase, time in times.items()}, run


def time_numpy(workload):
    """The nanoseconds a node that bare NumPy takes for the forward alone."""
    xs = workload.leaves()
    gc.collect()
    t0 = perf_counter_ns()
    workload.build(None, xs, workload.count)
    return (perf_counter_ns() - t0) / workload.nodes()


def time_by_hand(workload, module):
    """The nanoseconds a node of a chained Function's two bodies, called in a plain loop.

    The instances, their inputs and the arguments are those that the module's own run made.
    """
    run = Run(workload, module)
    run.record()
    y, fs, xs = run.y, [], []
    while y.creator is not None:
        fs.append(y.creator)
        y = y.creator.inputs[0]
        xs.append(y.data)
    fs.reverse()
    xs.reverse()
    gy = np.ones_like(xs[-1])
    gc.collect()
    t0 = perf_counter_ns()
    for f, x in zip(fs, xs, strict=True):
        f.forward(x)
    for f in reversed(fs):
        f.backward(gy)
    return (perf_counter_ns() - t0) / workload.nodes()


def check_same(workload, expected, actual):
    """Raise unless the outcomes of two runs, the baseline's and fastgrad's, are the same bits."""
    pairs = zip(expected.outcome, actual.outcome, strict=True)
    for i, (a, b) in enumerate(pairs):
        if not same_bits(a, b):
            what = "value" if i == 0 else f"gradient of leaf {i - 1}"
            raise AssertionError(f"{workload.name}: the {what} is {b!r}, the baseline's {a!r}")


@functools.cache
def check_gradients(workload):
    """Run both with the baseline's number of steps, and compare value and gradients."""
    runs = []
    for module in MODULES:
        run = Run(workload, module, workload.count_for("baseline"))
        run.record()
        run.backward()
        run.keep_outcome()
        runs.append(run)
    check_same(workload, *runs)


def same_bits(a, b):
    """Whether two arrays or scalars agree in shape, dtype and every bit."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
