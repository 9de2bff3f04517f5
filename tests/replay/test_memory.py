"""What a replayed function holds on to: nothing that grows, however often it is called."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from fastgrad import value_and_grad
from fastgrad.replay import replay

STEPS = {
    "numbers": ("lambda x: x * x + np.sin(x)", "np.array(0.5)", 10**6),
    "value and gradient": (
        "value_and_grad(lambda x: np.sum(x * x * x))", "np.linspace(0, 1, 10)", 10**6,
    ),
    "a row in Python": ("lambda x: np.cumsum(np.sort(x))", "np.linspace(0, 1, 10)", 10**4),
    "a tree": ("lambda p: {'x': p['x'] * 2, 'y': (p['x'] + 1, 3)}", "{'x': np.ones(3)}", 10**4),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_memory_stays_flat_over_a_million_calls(name, run_child):
    # In a child: the thread of a test worker that gets messages allocates as it likes.
    f, x, n = STEPS[name]
    run_child(f"""
import gc, sys
import numpy as np
from fastgrad import replay, value_and_grad

step, x = replay({f}, check=None), {x}
for _ in range(30_000):  # by then the interpreter's own caches are full
    step(x)
gc.collect()
before = sys.getallocatedblocks(), sys.getrefcount(x)
for _ in range({n}):
    step(x)
gc.collect()
assert sys.getallocatedblocks() - before[0] < 1000  # of the free lists that a collection empties
assert sys.getrefcount(x) == before[1]
assert sum(p.n_replays for ps in step.programs.values() for p in ps) == {n} + 29_998
""")


def test_large_buffers_are_laid_out_once():
    step = replay(value_and_grad(lambda x: np.sum(np.exp(x) * x)), check=None)
    x = np.linspace(0, 1, 10**5)
    kept = [step(x) for _ in range(3)]
    tracemalloc.start()
    try:
        for _ in range(20):
            step(x)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * x.nbytes  # a result, and the one before
    assert size < 2 * x.nbytes
    expected = step.fun(x)
    assert all(np.array_equal(gx, expected[1]) for _, gx in kept)


def test_what_was_logged_dies_with_the_function_or_by_clear():
    class Data:
        def __init__(self):
            self.x = np.ones(3)

    def made():
        data = Data()
        step = replay(lambda x: x * data.x, check=None)
        for _ in range(4):
            step(np.ones(3))
        return step, weakref.ref(data)

    step, data = made()
    assert data() is not None
    del step
    gc.collect()
    assert data() is None
    step, data = made()
    step.fun = np.sum
    step.clear()
    del step.__wrapped__
    gc.collect()
    assert data() is None
