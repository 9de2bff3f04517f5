"""What the snippets of test_lifetimes.py are written with; imported by their child processes."""

import gc
import os
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
from helpers import functions_for

import fastgrad
from fastgrad import Add, Function, Mul, Variable, empty_cache

F = functions_for(fastgrad)


def leaf(x=1.5, n=None):
    """A new leaf: 0-d, or of n elements."""
    return Variable(np.array(x) if n is None else np.full(n, x))


class Fail(Function):
    """Its backward raises."""

    def forward(self, x):
        return x + 0

    def backward(self, gy):
        raise ZeroDivisionError


class Watch:
    """Weak references to objects, by name."""

    def __init__(self):
        self.refs = {}

    def __call__(self, name, x):
        """Watch `x`, and its data if it is a Variable; give it back."""
        self.refs[name] = weakref.ref(x)
        if isinstance(x, Variable):
            self.refs[f"{name}.data"] = weakref.ref(x.data)
        return x

    def alive(self):
        """The names of those that have not died."""
        return [name for name, ref in self.refs.items() if ref() is not None]


def walk(y):
    """The first inputs, from `y` down to the leaf."""
    while y.creator is not None:
        y = y.creator.inputs[0]
        yield y


# --- graphs, all of whose parts are watched, and what is done with them before they are dropped ---


def operations(watch, n):
    x, w = watch("x", leaf(n=n)), watch("w", leaf(n=n))
    t = watch("t", x * w)
    u = watch("u", t - x / w)
    return watch("y", u * t + abs(-x) ** w)


def constants(watch, n):
    x, c = watch("x", leaf(n=n)), watch("c", np.full(n or (), 0.5))
    t = watch("t", 2 * x + c)
    return watch("y", c * t**2 - x)


def broadcast(watch, n):
    x, w = watch("x", leaf(n=n)), watch("w", leaf(n=(4, 1)))
    return watch("y", (x * w + x) * watch("z", Variable(np.ones(n or (), "float32"))))


def python_functions(watch, n):
    x = watch("x", leaf(n=n))
    t = watch("t", F.Square()(x))
    watch("f", t.creator).saved = watch("saved", np.ones(3))
    return watch("y", F.Combine()(F.Exp()(t), t, x))


def many_outputs(watch, n):
    x = watch("x", leaf(n=n))
    y0, y1 = F.Split()(x)
    watch("y0", y0), watch("y1", y1), watch("f", y0.creator)
    return watch("y", y0 * y1 + y0)


def mixture(watch, n):
    x = watch("x", leaf(n=n))
    t = watch("t", F.Square()(x * x) + x)
    y0, _ = F.Split()(t)
    return watch("y", watch("y0", y0) * t / F.Exp()(x))


GRAPHS = [operations, constants, broadcast, python_functions, many_outputs, mixture]


def cut_an_interior_variable(y, watch):
    for t in walk(y):
        if t.creator is not None:
            t.creator = None
            break
    y.backward()


def start_from_a_gradient(y, watch):
    y.grad = watch("start", np.ones(y.shape))
    y.backward()


def fail_in_backward(y, watch):
    z = watch("z", watch("fail", Fail()(y)) + y * y)
    for _ in range(2):
        try:
            z.backward()
        except ZeroDivisionError:
            continue


def fail_in_forward(y, watch):
    for wrong in (lambda: y + np.ones((7, 5, 9)), lambda: y + "x", lambda: F.Square()(y, y)):
        try:
            wrong()
        except (TypeError, ValueError):
            continue


def walk_down(y, watch):
    for i, v in enumerate(walk(y)):
        watch.refs[f"walked {i}"] = weakref.ref(v)
        assert v.generation >= 0
        assert v.creator is None or v.creator.outputs[0]() is not None


def run_without_recording(y, watch):
    with fastgrad.no_grad():
        z = watch("z", y * y)
    z.backward()


def attach_things(y, watch):
    y.note = watch("note", np.ones(1))
    y.creator.note = [watch("another note", np.ones(1))]
    y.name = watch("name", np.ones(1))


ENDINGS = {
    "no backward": lambda y, watch: None,
    "backward": lambda y, watch: y.backward(),
    "backward twice": lambda y, watch: (y.backward(), y.backward()),
    "retain_grad": lambda y, watch: y.backward(retain_grad=True),
    "retain_graph=False": lambda y, watch: y.backward(retain_graph=False),
    "a starting gradient": start_from_a_gradient,
    "an exception in backward": fail_in_backward,
    "an exception in forward": fail_in_forward,
    "a walk through creator.inputs": walk_down,
    "an interior variable cut off": cut_an_interior_variable,
    "no_grad": run_without_recording,
    "free attributes": attach_things,
}


def assert_everything_dies(ending):
    """Reference counting alone frees every graph, after what `ending` names."""
    assert not gc.isenabled()
    for graph in GRAPHS:
        for n in (None, 3):
            watch = Watch()
            y = graph(watch, n)
            ENDINGS[ending](y, watch)
            x = watch.refs["x"]()
            if x is not None and x.grad is not None:
                watch("x.grad", x.grad)
            del y, x
            assert watch.alive() == [], f"{graph.__name__}, n={n}: {watch.alive()} alive"


# --- leaks ---


def assert_no_leak(step, n):
    """Take `step` n times: memory, blocks and references to what is shared stay where they were."""
    x = leaf()
    shared = [None, True, NotImplemented, (), 0, 1, np.dtype("f8"), np.dtype("f4"), np.dtype("i8")]
    shared += [np.ndarray, Variable, Function, Add, Mul, weakref.ref, type(step), x, x.data]

    def state():
        x.cleargrad()
        gc.collect()
        empty_cache()
        return sys.getallocatedblocks(), [sys.getrefcount(one) for one in shared], resident_bytes()

    reserve = [leaf() for _ in range(20_000)] + [chain(40_000)]
    del reserve  # what the engine keeps for reuse is now full
    for _ in range(n // 20):
        step(x)
    blocks, references, resident = state()
    for _ in range(n):
        step(x)
    blocks_after, references_after, resident_after = state()
    assert blocks_after - blocks < n // 100, f"{blocks_after - blocks} blocks more"
    for one, before, after in zip(shared, references, references_after, strict=True):
        assert after - before < n // 100, f"{after - before} references more to {one!r}"
    # What fits into no block: a leak of the smallest array's data alone would be 16 bytes a step.
    grown = resident_after - resident
    assert grown < 10 * n + 2**20, f"{grown} bytes more"


def resident_bytes():
    """The resident set; a constant where the system does not tell."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return 0
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- deep graphs ---


def chain(n, x=None):
    """A chain of `n` operations."""
    y, b, c = leaf() if x is None else x, leaf(1.0), leaf(0.0)
    for _ in range(n // 2):
        y = y * b + c
    return y


class Same(Function):
    """Identity."""

    def forward(self, x):
        return x + 0

    def backward(self, gy):
        return gy


def in_small_thread(f):
    """Call `f` in a thread with a stack of 64 KiB, or the next larger one that there is."""
    errors = []

    def work():
        try:
            f()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    # Python 3.14 itself puts the end of objects off where less of the stack is left than it wants.
    for kib in (64, 128, 256) if sys.version_info < (3, 14) else (256,):
        try:
            before = threading.stack_size(kib * 1024)
            break
        except ValueError:
            continue
    thread = threading.Thread(target=work)
    thread.start()
    threading.stack_size(before)
    thread.join()
    if errors:
        raise errors[0]
