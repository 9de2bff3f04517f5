"""The kinds of task: what one library does for each, in its own process.

A task has `name`, `group`, `needs` (what an adapter must not lack), `reference` (the library whose
outcome is right), `fresh` (whether it needs a process that has done nothing else), `clock` (the
function of `time` that it reads), and

count_for(info)               how many operations it gets, from what a worker told of itself
outcome(library, count)       [value, gradients ...] as ndarrays, to be compared
measure(library, count, seconds)      {"total": ns an operation or step, ...}
"""

import functools
import gc
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks import stress
from benchmarks.libraries import CONTROL, REFERENCE, load
from benchmarks.memory import peak_bytes, reset_peak, resident_bytes
from benchmarks.models import MODELS
from benchmarks.models.rosenbrock import rosenbrock, rosenbrock_hessian
from benchmarks.peers.routines import CASES, random
from benchmarks.phases import PHASES
from benchmarks.workloads import Workload

WALL, CPU = "perf_counter_ns", "process_time_ns"  # clocks


def time_of(step, seconds, now):
    """Nanoseconds a call, over as many calls as fit; one at least."""
    calls, start = 0, now()
    while True:
        step()
        calls += 1
        elapsed = now() - start
        if elapsed >= seconds * 1e9:
            return elapsed / calls


@functools.cache
def function_of(library, workload, count):
    """The workload as one function of its leaves; the same object at every call, for a compiler."""
    return lambda *xs: workload.build(library, xs, count)


def outcome_of(library, f, arrays):
    """The value of `f` and its gradients."""
    leaves = [library.leaf(a) for a in arrays]
    graph = library.record(f, leaves)
    value = library.value(graph)
    gradients = library.backward(graph, leaves)
    return [np.array(library.to_numpy(a)) for a in (value, *gradients)]


@dataclass(frozen=True)
class Task:
    """What the kinds have in common."""

    name: str
    group: str
    needs: tuple = ()
    clock: str = field(default=WALL, kw_only=True)
    reference = REFERENCE
    fresh = False

    @property
    def now(self):
        """The clock, as a function that returns nanoseconds."""
        return getattr(time, self.clock)

    def count_for(self, info):
        """One: a step is a step."""
        return 1


@dataclass(frozen=True)
class Graph(Task):
    """A workload: recorded, differentiated, released."""

    workload: Workload | None = None

    def count_for(self, info):
        return min(self.workload.count, info["most_operations"])

    def outcome(self, library, count):
        f = function_of(library, self.workload, count)
        return outcome_of(library, f, self.workload.leaves())

    def measure(self, library, count, seconds):
        """The nanoseconds a node of each phase; of all together where phases cannot be told."""
        return self.measure_on(self.workload.leaves(), library, count, seconds)

    def measure_on(self, arrays, library, count, seconds):
        """The same, with these arrays as leaves."""
        f, now = function_of(library, self.workload, count), self.now
        library.prepare(f, [library.leaf(a) for a in arrays])
        gc.collect()
        sums, runs, until = np.zeros(3), 0, now() + seconds * 1e9
        while not runs or now() < until:
            leaves = [library.leaf(a) for a in arrays]
            t0 = now()
            graph = library.record(f, leaves)
            t1 = now()
            gradients = library.backward(graph, leaves)
            t2 = now()
            graph = None
            t3 = now()
            del gradients
            sums += (t1 - t0, t2 - t1, t3 - t2)
            runs += 1
        times = (sums / runs / self.workload.nodes(count)).tolist()
        total = {"total": sum(times)}
        if "phases" in library.LACKS or "gradients" in library.LACKS:
            return total
        return {**dict(zip(PHASES, times, strict=True)), **total}


@dataclass(frozen=True)
class NoGrad(Task):
    """A workload computed without being recorded."""

    needs: tuple = ("no_grad",)
    workload: Workload | None = None

    count_for = Graph.count_for

    def outcome(self, library, count):
        f = function_of(library, self.workload, count)
        leaves = [library.leaf(a) for a in self.workload.leaves()]
        return [np.array(library.to_numpy(library.evaluate(f, leaves)))]

    def measure(self, library, count, seconds):
        """The nanoseconds an operation."""
        f = function_of(library, self.workload, count)
        leaves = [library.leaf(a) for a in self.workload.leaves()]
        gc.collect()
        total = time_of(lambda: library.evaluate(f, leaves), seconds, self.now)
        return {"total": total / self.workload.nodes(count)}


@dataclass(frozen=True)
class Model(Task):
    """A step of a model; NumPy's is by hand."""

    needs: tuple = ("arrays", "functions")

    def prepared(self, library):
        """The step and its first operands, as the library's arrays."""
        model = next(model for model in MODELS if model.name == self.name)
        parameters, constants = model.start()
        parameters = [library.array(p) for p in parameters]
        return model, parameters, tuple(library.array(c) for c in constants)

    def step(self, library, value=True):
        """A function without arguments that does one step."""
        model, parameters, constants = self.prepared(library)
        if "gradients" in library.LACKS:
            gradient = functools.partial(model.by_hand, value=value)
        else:
            gradient = functools.partial(library.value_and_gradients, model.loss)
        return lambda: model.step(gradient, parameters, constants)

    def outcome(self, library, count):
        return [np.array(library.to_numpy(a)) for a in self.step(library)()]

    def measure(self, library, count, seconds):
        """The nanoseconds a step; by hand, also without the value of the loss."""
        gc.collect()
        times = {"total": time_of(self.step(library), seconds, self.now)}
        if "gradients" in library.LACKS:
            alone = self.step(library, value=False)
            times["gradient alone"] = time_of(alone, seconds, self.now)
        return times


@dataclass(frozen=True)
class Derivative(Task):
    """A Hessian or a jacobian; NumPy's is the closed form."""

    needs: tuple = ("arrays", "functions", "derivatives")
    reference = CONTROL

    def call(self, library):
        """A function without arguments that computes it."""
        by_hand = "gradients" in library.LACKS
        if "Hessian" in self.name:
            x = library.array(np.linspace(0.5, 1.5, 10))
            f = rosenbrock_hessian if by_hand else library.hessian(rosenbrock_of(library))
        else:
            a = np.random.default_rng(0).standard_normal((100, 100)) / 10
            a, x = library.array(a), library.array(np.linspace(-1, 1, 100))
            xp = library.xp
            by_hand_jacobian = functools.partial(layer_jacobian, a)
            f = by_hand_jacobian if by_hand else library.jacobian(lambda x: xp.tanh(a @ x))
        return lambda: f(x)

    def outcome(self, library, count):
        return [np.array(library.to_numpy(self.call(library)()))]

    def measure(self, library, count, seconds):
        """The nanoseconds a call; the function is made once, as a program would."""
        call = self.call(library)
        call()
        gc.collect()
        return {"total": time_of(call, seconds, self.now)}


@dataclass(frozen=True)
class Routine(Task):
    """The value and the gradients of a function of whole arrays; NumPy's are by hand."""

    needs: tuple = ("arrays", "functions", "routines")
    length: int = 1000
    reference = CONTROL

    def step(self, library):
        """A function without arguments that computes them."""
        case = CASES[self.name]
        xs = case.operands(self.length)
        w = random(*case.call(load(CONTROL).routines, *xs).shape, seed=2)
        if "gradients" in library.LACKS:
            return functools.partial(of_sum, case.by_hand, w, xs)
        xs, w = [library.array(x) for x in xs], library.array(w)

        def loss(xp, xs, w):
            return xp.sum(case.call(library.routines, *xs) * w)

        return lambda: library.value_and_gradients(loss, xs, (w,))

    def outcome(self, library, count):
        value, gradients = self.step(library)()
        return [np.array(library.to_numpy(a)) for a in (value, *gradients)]

    def measure(self, library, count, seconds):
        """The nanoseconds a call."""
        step = self.step(library)
        step()  # compiled, where a library does that
        gc.collect()
        return {"total": time_of(step, seconds, self.now)}


def of_sum(by_hand, w, xs):
    """The value of `sum(w * y)`, and the gradients, by hand."""
    y, *gxs = by_hand(w, *xs)
    return np.sum(w * y), gxs


def rosenbrock_of(library):
    """Rosenbrock's function for the library's arrays."""
    return lambda x: rosenbrock(library.xp, x)


def layer_jacobian(a, x):
    """The jacobian of `tanh(a @ x)` by hand."""
    y = np.tanh(a @ x)
    return (1 - y * y)[:, None] * a


@dataclass(frozen=True)
class Scale(Task):
    """A graph of so many nodes, once, in a process of its own: time and memory a node."""

    nodes: int = 0
    fresh = True

    def count_for(self, info):
        return self.nodes if self.nodes <= info["most_nodes"] else None

    def outcome(self, library, count):
        """Nothing: `stress.measure` compares with the closed form itself."""
        return []

    def measure(self, library, count, seconds):
        """The nanoseconds and the bytes a node."""
        result = stress.measure(stress.Deep(count, 0), library, self.now)
        phases = result["phases"]
        times = {"total": sum(cost["ns"] for cost in phases.values())}
        times["bytes"] = phases["record"]["bytes"]
        if not {"phases", "gradients"} & set(library.LACKS):
            times |= {phase: cost["ns"] for phase, cost in phases.items()}
        return times


@dataclass(frozen=True)
class Peak(Task):
    """The largest memory that a pass through layers takes, beyond what the process had before."""

    needs: tuple = ("arrays", "functions")
    workload: Workload | None = None
    fresh = True

    def count_for(self, info):
        return self.workload.count

    def outcome(self, library, count):
        f = function_of(library, self.workload, count)
        return outcome_of(library, f, self.workload.leaves())

    def measure(self, library, count, seconds):
        """The bytes, and the nanoseconds a layer."""
        small = [np.full(2, 0.5) for _ in self.workload.shapes]
        f = function_of(library, self.workload, count)
        outcome_of(library, f, small)  # what is made once is made here
        leaves = [library.leaf(a) for a in self.workload.leaves()]
        library.prepare(f, leaves)
        gc.collect()
        reset_peak()
        before, start = resident_bytes(), self.now()
        graph = library.record(f, leaves)
        gradients = library.backward(graph, leaves)
        elapsed = self.now() - start
        del graph, gradients
        return {"total": elapsed / count, "bytes": max(0, peak_bytes() - before)}
