"""Scenarios in which something fails at every point in turn; imported by child processes.

A scenario prepares a state, and returns what is to be attempted and the Variables whose `.grad`
shows what came of it. The attempt ends with what writes gradients, so that one that failed has
written none. `Sweep` takes it with a fault at the first point, the second, ..., until none is met.
"""

import ctypes
import gc
import sys
import traceback
from array import array

import numpy as np
from fault_scenarios import SCENARIOS
from numpy._core.multiarray import get_handler_name

from fastgrad import Config, Variable, empty_cache

REPEATS = 2  # of a fault at the same point: what grows every time is a leak

SHARED = (None, True, (), Variable, np.ndarray, MemoryError)


class Heap:
    """The heap of failing_malloc.c, which must have been preloaded; its counters by name."""

    def __init__(self):
        loaded = ctypes.CDLL(None)
        for name in "first last asked met signal range live numpys leaks interpreters".split():
            setattr(self, name, ctypes.c_long.in_dll(loaded, f"fault_{name}"))
        self.interpreters.value = sys.version_info[:2] == (3, 11)

    def requests(self, f):
        """How often `f()` asks for memory."""
        self.asked.value, self.last.value = 0, 0
        self.first.value = 1 << 40
        f()
        self.first.value = 0
        return self.asked.value


def grads_of(variables):
    """Copies of their gradients, as arrays."""
    return [None if v.grad is None else np.array(v.grad) for v in variables]


def arrays_of(result):
    """Nested results as a flat list of arrays."""
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in arrays_of(part)]
    if isinstance(result, dict):
        return arrays_of(list(result.values()))
    if result is None:
        return [None]
    return [np.array(result.data if isinstance(result, Variable) else result)]


def same(xs, ys):
    """Whether two lists of arrays and Nones are the same, bit for bit."""
    return len(xs) == len(ys) and all(
        x is y is None
        or (x is not None and y is not None and x.dtype == y.dtype and x.shape == y.shape
            and x.tobytes() == y.tobytes())
        for x, y in zip(xs, ys, strict=True)
    )  # fmt: skip


def settings():
    """What belongs to the process, or to the thread, and no failure may change."""
    return Config.enable_backprop, np.geterr(), get_handler_name(), gc.isenabled()


class Sweep:
    """Faults at the points of one scenario; `points` is how many there were."""

    def __init__(self, name, heap, span=1, signal=0, stride=1):
        self.name, self.make, self.heap = name, SCENARIOS[name], heap
        self.span, self.stride = span, stride
        self.expected_errors = KeyboardInterrupt if signal else MemoryError
        heap.signal.value = signal
        self.operand = Variable(np.array(1.0))
        self.raised = self.points = 0
        self.product = None

    def run(self):
        """Take every point; AssertionError at the first that went wrong."""
        attempt, watched = self.make()
        self.expected = arrays_of(attempt()) + grads_of(watched)
        del attempt, watched
        gc.disable()
        self.settings = settings()
        gc.collect()
        gc.freeze()  # a collection empties Python's free lists: cheap, from here on
        point = 1
        while self.met_at(point):
            point += self.stride
            self.points += 1
        gc.unfreeze()

    def met_at(self, point):
        """Whether a fault was met at this point, which is taken several times."""
        self.may_leak = False
        self.take(point)
        met = self.heap.met.value
        if met and not self.may_leak and self.grows(point, REPEATS):
            for _ in range(8):  # or is it a cache that fills?
                leaks = self.grows(point, 40)
                if not leaks:
                    break
            # (Of several takes, for caches move the point: each may meet another function.)
            assert not leaks or self.may_leak, self.text(point, f"leaks {leaks}")
        return met > 0

    def grows(self, point, n):
        """Of what there is more after each of n faults at the point; nothing, if all is well."""
        # (An array, for what is noted must not take memory itself.)
        width = 1 + len(SHARED)
        noted = array("q", [0] * width * (n + 1))
        for i in range(n + 1):
            self.take(point)
            noted[i * width] = self.blocks()
            for j, x in enumerate(SHARED, 1):
                noted[i * width + j] = sys.getrefcount(x)
        found = {}
        for j, what in enumerate(["blocks", *SHARED]):
            counts = noted[j::width][1:]  # at first, caches fill
            if counts[-1] - counts[0] > n - 1:
                found[what] = counts[-1] - counts[0]
        return found

    def take(self, point):
        """Once: prepare, meet the fault, look at the gradients, try again."""
        attempt, watched = self.make()
        before = grads_of(watched)
        spares = self.drained()
        error, result = self.attempt_with_fault(attempt, point)
        met = self.heap.met.value > 0
        self.may_leak |= self.heap.leaks.value > 0
        del spares
        assert settings() == self.settings, self.text(point, f"left {settings()}")
        after = grads_of(watched)
        if error is None:
            got = arrays_of(result) + after
            assert same(got, self.expected), self.text(point, f"wrong without a word: {got}")
            return met
        self.raised += 1
        assert self.is_expected(error), self.text(point, repr(error))
        if not same(after, before):
            complete = self.expected[len(self.expected) - len(watched) :]
            # Ctrl-C is noticed when all is done, too.
            assert self.expected_errors is KeyboardInterrupt, self.text(point, f"wrote {after}")
            assert same(after, complete), self.text(point, f"half-written: {after}")
            return met
        error = result = None
        got = arrays_of(attempt()) + grads_of(watched)
        assert same(got, self.expected), self.text(point, f"tried again: {got}")
        return met

    def attempt_with_fault(self, attempt, point):
        heap, error, result = self.heap, None, None
        heap.met.value = heap.asked.value = heap.numpys.value = heap.leaks.value = 0
        heap.last.value = point + self.span - 1
        try:
            heap.first.value = point
            result = attempt()
            heap.first.value = 0
            for _ in range(3):
                pass  # where Python notices a signal
        except BaseException as raised:  # noqa: BLE001
            heap.first.value = 0
            if not self.is_expected(raised):
                traceback.print_exception(raised)
            error = raised.with_traceback(None)
            error.__context__ = error.__cause__ = None
        return error, result

    def blocks(self):
        """How many blocks of memory are in use, but for handles and nodes that are kept spare."""
        gc.collect()
        empty_cache()
        if sys.version_info < (3, 13):  # NumPy makes a name anew for each call of cumsum, and
            sys._clear_type_cache()  # Python keeps it where it found an attribute by it
        used = self.spares()
        return self.heap.live.value - 2 * len(used)

    def spares(self):
        """Results with all handles and nodes that the engine keeps for reuse."""
        used = []
        while self.heap.requests(self.multiply) < 2:
            used.append(self.product)
        used.append(self.product)
        self.product = None
        return used

    def multiply(self):
        """A handle and a node: two requests, if none is spare."""
        self.product = self.operand * self.operand

    def drained(self):
        """All that the engine, NumPy and Python keep for reuse, so that memory is asked for."""
        gc.collect()
        empty_cache()
        kept = self.spares()
        kept.append(
            [np.empty(n, "u1") for n in (1, 2, 4, 8, 16, 24, 32, 48, 64, 72) for _ in "8 each."]
        )
        kept.append([np.empty((1,) * n, "u1") for n in range(4) for _ in "8 each."])
        return kept

    def is_expected(self, error):
        """Whether it is that of the fault. NumPy forgets to raise it at some points."""
        forgotten = isinstance(error, SystemError) and "without" in str(error)  # an exception
        return isinstance(error, self.expected_errors) or (forgotten and self.heap.numpys.value)

    def text(self, point, what):
        """The scenario, the point and the fault, for a failed assertion."""
        fault = self.expected_errors.__name__
        return f"{self.name}: {fault} at request {point} to {point + self.span - 1}: {what}"


def numpy_crashes(name):
    """Whether NumPy's own code crashes, bare, where it finds no memory for this scenario.

    Before 2.3 that of `cumsum` does (PyArray_GenericAccumulateFunction reads the tuple of arguments
    that it could not make), which `split` calls as well.
    """
    if np.lib.NumpyVersion(np.__version__) >= "2.3.0":
        return False
    called = set()
    attempt, _ = SCENARIOS[name]()
    sys.setprofile(lambda frame, event, f: called.add(f.__name__) if event == "c_call" else None)
    try:
        attempt()
    finally:
        sys.setprofile(None)
    return "cumsum" in called


def sweep(names, span, signal, stride):
    """Sweep these scenarios, and print what was done: a line each."""
    for name in names:
        if signal == 0 and numpy_crashes(name):
            print(f"{name}: left out, for NumPy {np.__version__} crashes")
            continue
        found = Sweep(name, Heap(), span, signal, stride)
        found.run()
        print(f"{name}: faults at {found.points} points, {found.raised} exceptions")
