"""What docs/guarantees.md promises to threads and tasks, at a switch interval of 10 us.

`test_threads.py` has every interleaving of two runs on purpose; here many threads meet at random.
All numbers are small integers, so that their sums are exact in any order.
"""

import asyncio
import contextvars
import gc
import queue
import sys
import threading

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Config, Variable, grad, gradients, no_grad, using_config

F = functions_for(fastgrad)
N_THREADS = 6


@pytest.fixture(autouse=True)
def switch_often():
    """Let threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(work, n=N_THREADS):
    """What `work(0)`, `work(1)`, ... return, in threads that start together."""
    barrier, outcomes = threading.Barrier(n), [None] * n

    def run(i):
        barrier.wait()
        try:
            outcomes[i] = work(i)
        except BaseException as error:  # noqa: BLE001
            outcomes[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def leaf(x=3.0):
    return Variable(np.array(x))


def value(x, w):
    """A root over two leaves, through Functions of both kinds, one with two outputs."""
    t = F.Square()(x * w)
    u, v = F.Split()(t + x)
    return F.Combine()(u, v, t) * w + v


def expected(x=3.0, w=2.0):
    x, w = leaf(x), leaf(w)
    value(x, w).backward()
    return float(x.grad), float(w.grad)


def test_separate_graphs_are_as_in_one_thread():
    def work(i):
        found = set()
        for _ in range(40):
            x, w = leaf(float(i)), leaf(2.0)
            value(x, w).backward(retain_graph=False)
            found.add((float(x.grad), float(w.grad)))
        return found

    assert in_threads(work) == [{expected(float(i))} for i in range(N_THREADS)]


def test_separate_graphs_of_large_arrays_share_no_memory():
    def work(i):
        for _ in range(20):
            x = Variable(np.full(5000, float(i)))
            (x * x * x + x).backward()
            if not np.all(x.grad == 3.0 * i * i + 1):
                return x.grad
        return None

    assert in_threads(work) == [None] * N_THREADS


def test_graphs_on_shared_leaves_add_every_contribution():
    x, w = leaf(3.0), leaf(2.0)

    def work(i):
        for _ in range(30):
            value(x, w).backward()

    assert in_threads(work) == [None] * N_THREADS
    gx, gw = expected()
    assert (x.grad, w.grad) == (30 * N_THREADS * gx, 30 * N_THREADS * gw)


@pytest.mark.parametrize("retain_grad", [False, True])
def test_one_root_may_be_differentiated_by_all(retain_grad):
    x, w = leaf(3.0), leaf(2.0)
    y = value(x, w)

    def work(i):
        for _ in range(30):
            y.backward(retain_grad)

    assert in_threads(work) == [None] * N_THREADS
    gx, gw = expected()
    assert (x.grad, w.grad) == (30 * N_THREADS * gx, 30 * N_THREADS * gw)
    assert y.grad == (1 if retain_grad else None)


def test_one_root_freed_by_all_counts_for_those_who_get_no_error():
    """`retain_graph=False`: whoever comes too late, or is overtaken, has a RuntimeError."""
    gx, gw = expected()
    for _ in range(30):
        x, w = leaf(3.0), leaf(2.0)
        y = value(x, w)
        outcomes = in_threads(lambda i, y=y: y.backward(retain_graph=False), 3)
        assert all(outcome is None or type(outcome) is RuntimeError for outcome in outcomes)
        n = outcomes.count(None)
        assert (x.grad, w.grad) == ((n * gx, n * gw) if n else (None, None))


def test_functional_forms_on_one_graph_leave_no_trace():
    x, w = leaf(3.0), leaf(2.0)
    y = F.Square()(x * w) * x

    def work(i):
        found = set()
        for n in range(30):
            if n % 2:
                found.add(tuple(map(float, gradients(y, [x, w]))))
            else:
                found.add((float(grad(lambda v: v * v * v * 4)(3.0)), 108.0))
        return found

    assert in_threads(work) == [{(108.0, 108.0)}] * N_THREADS
    assert (x.grad, w.grad) == (None, None)


def test_recording_dropping_and_differentiating_on_one_interior_variable():
    x = leaf(2.0)
    t = F.Square()(x) * x

    def work(i):
        for n in range(40):
            y = F.Square()(t) + t * n
            if n % 2:
                y.backward(retain_graph=False)  # which frees what is t's own, too
            del y

    outcomes = in_threads(work, 3)
    assert all(o is None or type(o) is RuntimeError for o in outcomes)
    x.cleargrad()
    (x * x).backward()
    assert x.grad == 4.0


def test_graphs_travel_from_thread_to_thread():
    """Recorded in some, differentiated in others, freed in the rest."""
    x, recorded, differentiated = leaf(2.0), queue.Queue(), queue.Queue()

    def work(i):
        for _ in range(30):
            if i < 2:
                recorded.put(F.Square()(x * x) + x)
            elif i < 4:
                y = recorded.get(timeout=60)
                y.backward()
                differentiated.put(y)
                del y
            else:
                differentiated.get(timeout=60)

    assert in_threads(work) == [None] * N_THREADS
    assert x.grad == 60 * (4 * 2.0**3 + 1)


def test_cycles_of_recorded_gradients_are_collected_meanwhile():
    def work(i):
        for n in range(15):
            x = leaf(2.0)
            (x * x * x).backward(create_graph=True)
            gx = x.grad
            x.cleargrad()
            gx.backward()
            if x.grad != 12.0:
                return x.grad
            if n % 5 == i % 5:
                gc.collect()
        return None

    assert in_threads(work) == [None] * N_THREADS


# --- whether operations are recorded ---


def records():
    x = leaf()
    return (x * x).creator is not None


def test_no_grad_holds_in_its_thread_alone():
    def work(i):
        seen = set()
        for _ in range(100):
            if i % 2:
                with no_grad():
                    seen.add(records())
            else:
                seen.add(records())
        return seen

    assert in_threads(work) == [{True}, {False}] * (N_THREADS // 2)


def test_the_default_is_the_processs():
    Config.enable_backprop = False
    try:
        assert in_threads(lambda i: records()) == [False] * N_THREADS

        def work(i):
            with using_config("enable_backprop", True):
                return records()

        assert in_threads(work) == [True] * N_THREADS
    finally:
        Config.enable_backprop = True


def test_the_state_follows_the_task_and_the_context():
    async def quiet(seen):
        with no_grad():
            for _ in range(5):
                await asyncio.sleep(0)
                seen.append(("quiet", records()))
                # A thread that is started for the task runs in a copy of its context.
                seen.append(("quiet", await asyncio.to_thread(records)))
                # A task that is started in the block inherits it.
                seen.append(("quiet", await asyncio.create_task(later())))

    async def loud(seen):
        for _ in range(15):
            await asyncio.sleep(0)
            seen.append(("loud", records()))
            seen.append(("loud", await asyncio.to_thread(records)))

    async def later():
        await asyncio.sleep(0)
        return records()

    async def main():
        seen = []
        await asyncio.gather(quiet(seen), loud(seen), loud(seen), quiet(seen))
        return seen

    seen = asyncio.run(main())
    assert len(seen) == 2 * 15 + 2 * 30
    assert {name: {on for who, on in seen if who == name} for name, _ in seen} == {
        "quiet": {False},
        "loud": {True},
    }


def test_a_thread_of_ones_own_may_be_given_the_context():
    with no_grad():
        contexts = [contextvars.copy_context() for _ in range(N_THREADS)]
    assert in_threads(lambda i: contexts[i].run(records)) == [False] * N_THREADS
    assert in_threads(lambda i: records()) == [True] * N_THREADS
