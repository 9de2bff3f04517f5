"""Backward beside backward and inside backward: each run's gradients are right, and all add up.

Python Functions stop runs in the middle and let others go on: every interleaving here is the same
each time. All numbers are small integers, so that their sums are exact in any order.
"""

import asyncio
import contextlib
import contextvars
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Config, Function, Variable, no_grad

F = functions_for(fastgrad)
PATIENCE = 60  # seconds after which a thread no longer waits for one that failed


def leaf(x=3.0):
    return Variable(np.array(x))


class Stop:
    """`stop(x)` is `x`, through a Function whose backward does what `stop.action` then is."""

    def __init__(self):
        self.action = lambda: None

    def __call__(self, x):
        class Stopping(Function):
            def forward(self, x):
                return x + 0

            def backward(self, gy):
                stop.action()
                return gy

        stop = self
        return Stopping()(x)


def together(*fs):
    """Call each in a thread of its own; the list of what each returned or raised."""
    outcomes = [None] * len(fs)

    def work(i):
        try:
            outcomes[i] = fs[i]()
        except BaseException as error:  # noqa: BLE001
            outcomes[i] = error

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(fs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def once(f, each=False):
    """`f`, but calls after the first one pass; with `each`, after the first one of the thread."""
    called = threading.local() if each else SimpleNamespace()

    def g():
        if not hasattr(called, "yes"):
            called.yes = True
            f()

    return g


def gradients(leaves):
    return [None if x.grad is None else float(x.grad) for x in leaves]


def backward_alone(roots, leaves, old):
    """Backward of each root, one after the other: the gradients, which are then set to `old`."""
    for x in leaves:
        x.grad = old
    for y in roots:
        y.backward()
    expected = gradients(leaves)
    for x in leaves:
        x.grad = old
    return expected


# Two roots over the leaves `x` and `w`. Contributions arrive before and after the stop, at the same
# interior variables and at the same leaves.


def same_root(stop, x, w):
    t = x * w
    y = stop(stop(t) * t) * t + x
    return y, y


def one_interior_variable(stop, x, w):
    t = x * w + x
    return stop(t) * t * 2, stop(t) + t * x


def one_python_function(stop, x, w):
    t = F.Square()(x * w)
    u = stop(t) + t
    return u * x, u * w + t


def many_outputs(stop, x, w):
    t0, t1 = F.Split()(x * w)
    return stop(t0) * t1 + t0, stop(t1) + t0 * t1


def leaves_alone(stop, x, w):
    return (x * w) * x + stop(x) * w, (x * x) * w - stop(w) * x


def one_root_below_the_other(stop, x, w):
    t = stop(x * w) * x
    return t, t * w * t + x


def separate(stop, x, w):
    return stop(x * x) * x * 2, stop(w * w) * w * 3


GRAPHS = [
    same_root,
    one_interior_variable,
    one_python_function,
    many_outputs,
    leaves_alone,
    one_root_below_the_other,
    separate,
]


@pytest.fixture(params=GRAPHS)
def shared(request):
    """Where the graph stops, its two roots and its two leaves."""
    stop, leaves = Stop(), (leaf(3.0), leaf(2.0))
    return stop, request.param(stop, *leaves), leaves


# --- two runs beside each other ---


@pytest.mark.parametrize("old", [None, 100.0])
def test_two_runs_that_meet_in_the_middle_add_up(shared, old):
    stop, roots, leaves = shared
    for _ in range(3):
        expected = backward_alone(roots, leaves, old)
        stop.action = threading.Barrier(2, timeout=PATIENCE).wait
        assert together(*[y.backward for y in roots]) == [None, None]
        assert gradients(leaves) == expected
        stop.action = lambda: None


@pytest.mark.parametrize("old", [None, 100.0])
def test_a_whole_run_while_another_waits_in_the_middle_of_its_own(shared, old):
    stop, roots, leaves = shared
    expected = backward_alone(roots, leaves, old)
    outcomes = []
    stop.action = once(lambda: outcomes.extend(together(roots[1].backward)))
    assert together(roots[0].backward) == outcomes == [None]
    assert gradients(leaves) == expected


@pytest.mark.parametrize("old", [None, 100.0])
def test_a_run_that_ends_while_one_that_began_later_waits_in_the_middle(shared, old):
    stop, roots, leaves = shared
    expected = backward_alone(roots, leaves, old)
    first_waits, second_waits, first_ended = (threading.Event() for _ in range(3))
    first = threading.local()

    def wait():
        if hasattr(first, "yes"):
            first_waits.set()
            assert second_waits.wait(PATIENCE)
        else:
            second_waits.set()
            assert first_ended.wait(PATIENCE)

    def run_first():
        first.yes = True
        try:
            roots[0].backward()
        finally:
            first_ended.set()

    def run_second():
        assert first_waits.wait(PATIENCE)
        roots[1].backward()

    stop.action = wait
    assert together(run_first, run_second) == [None, None]
    assert gradients(leaves) == expected


@pytest.mark.parametrize("old", [None, 100.0])
def test_an_exception_in_one_run_leaves_the_other_right(shared, old):
    stop, roots, leaves = shared
    expected = backward_alone(roots[1:], leaves, old)
    meet, doomed = once(threading.Barrier(2, timeout=PATIENCE).wait, each=True), threading.local()

    def meet_and_fail():
        meet()
        if hasattr(doomed, "yes"):
            raise ZeroDivisionError

    def fail():
        doomed.yes = True
        roots[0].backward()

    stop.action = meet_and_fail
    outcomes = together(fail, roots[1].backward)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError, type(None)]
    assert gradients(leaves) == expected
    stop.action = lambda: None
    assert backward_alone(roots[1:], leaves, old) == expected


def test_recording_while_a_run_waits_extends_the_graph_that_it_walks():
    stop, x = Stop(), leaf()
    t = x * x
    y = stop(t) * t
    recorded = []
    stop.action = lambda: recorded.extend(together(lambda: t * x + y))
    y.backward()
    assert x.grad == 4 * 3.0**3
    x.cleargrad()
    stop.action = lambda: None
    recorded[0].backward()
    assert x.grad == 3 * 3.0**2 + 4 * 3.0**3


def test_retain_grad_is_each_runs_own():
    stop, x = Stop(), leaf()
    t, u = x * x, x * 2
    y, z = stop(t) * t, stop(u) * u
    stop.action = threading.Barrier(2, timeout=PATIENCE).wait
    together(lambda: y.backward(retain_grad=True), z.backward)
    assert (t.grad, u.grad) == (18.0, None)
    assert x.grad == 4 * 3.0**3 + 8 * 3.0


def test_a_graph_recorded_differentiated_and_dropped_in_three_threads():
    x, ys = leaf(), []
    together(lambda: ys.append(F.Square()(x * x) * 2))
    together(lambda: ys[0].backward())
    together(ys.clear)
    assert x.grad == 8 * 3.0**3


def test_threads_that_switch_at_random_add_up():
    x, w = leaf(3.0), leaf(2.0)
    t = F.Square()(x * w)
    before = sys.getswitchinterval()

    def work():
        for _ in range(100):
            (F.Square()(t) + t * x).backward()
            (F.Combine()(x, w, t) * 2).backward()

    work()
    expected = gradients([x, w])
    x.cleargrad(), w.cleargrad()
    sys.setswitchinterval(1e-6)
    try:
        assert together(*[work] * 4) == [None] * 4
    finally:
        sys.setswitchinterval(before)
    assert gradients([x, w]) == [4 * gx for gx in expected]


@pytest.mark.parametrize("first", ["walk", "spend"])
@pytest.mark.parametrize("second", ["together(walk)", "together(spend)", "walk()", "spend()"])
def test_a_run_that_frees_the_graph_that_another_walks(first, second, run_child):
    """Whom it deprives of the graph gets a RuntimeError; nobody crashes."""
    code = f"""
        from test_threads import *
        for graph in GRAPHS:
            stop, x, w = Stop(), leaf(3.0), leaf(2.0)
            y, z = graph(stop, x, w)
            def walk():
                z.backward()
            def spend():
                y.backward(retain_graph=False)
            stop.action = once(lambda: {second})
            (outcome,) = together({first})
            assert outcome is None or type(outcome) is RuntimeError, outcome
            x.cleargrad(), w.cleargrad()
            (x * w).backward()
            assert gradients([x, w]) == [2.0, 3.0]
        print("done")
    """
    assert run_child(code) == "done\n"


# --- a run inside another ---


@pytest.mark.parametrize("old", [None, 100.0])
def test_a_run_inside_another_adds_up(shared, old):
    stop, roots, leaves = shared
    expected = backward_alone(roots, leaves, old)
    stop.action = once(roots[1].backward)
    assert together(roots[0].backward) == [None]
    assert gradients(leaves) == expected


def test_runs_inside_runs_inside_runs():
    x, w, stop = leaf(3.0), leaf(2.0), Stop()
    t = x * w
    y = stop(t) * t + x
    y.backward()
    expected = gradients([x, w])
    x.cleargrad(), w.cleargrad()
    depth = []

    def again():
        if len(depth) < 5:
            depth.append(1)
            y.backward()

    stop.action = again
    y.backward()
    assert gradients([x, w]) == [6 * gx for gx in expected]


def test_a_run_over_what_a_backward_records_itself():
    class Penalty(Function):
        """Identity that adds the gradient of 5 x^2 on its way back."""

        def forward(self, x):
            return x + 0

        def backward(self, gy):
            (x,) = self.inputs
            (x * x * 5).backward()
            return gy

    x = leaf()
    t = x * 2
    y = Penalty()(t) * t + Penalty()(x)
    y.backward()
    # t^2 + x, 5 t^2 and 5 x^2
    assert x.grad == (8 * 3 + 1) + 40 * 3 + 10 * 3


def test_an_exception_after_a_run_inside_keeps_what_that_run_gave():
    x, w, stop = leaf(3.0), leaf(2.0), Stop()
    y = x * w * 7 + stop(x)

    def inner():
        (x * w).backward()
        raise ZeroDivisionError

    stop.action = inner
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert gradients([x, w]) == [2.0, 3.0]


def test_an_exception_in_a_run_inside_leaves_the_outer_right():
    x, w, stop, fail = leaf(3.0), leaf(2.0), Stop(), Stop()
    t = x * w
    z = fail(t) + t * x

    def inner():
        with pytest.raises(ZeroDivisionError):
            z.backward()

    def raise_it():
        raise ZeroDivisionError

    stop.action, fail.action = inner, raise_it
    y = stop(t) * t + x
    y.backward()
    assert gradients([x, w]) == [2 * 6 * 2 + 1, 2 * 6 * 3]


def test_retain_grad_outside_and_inside():
    x, stop = leaf(), Stop()
    t = x * x
    y = stop(t) * t
    z = t * 5
    stop.action = lambda: (z.backward(retain_grad=True), seen.append(float(t.grad)))
    seen = []
    y.backward(retain_grad=True)
    assert (seen, t.grad, x.grad) == ([5.0], 18.0, 4 * 3.0**3 + 30.0)


# --- recording is switched per thread and per task (test_config.py has the rest) ---


def records():
    x = leaf()
    return (x * x).creator is not None


def test_no_grad_around_a_run_reaches_into_its_python_backwards_only():
    seen, stop, x = {}, Stop(), leaf()
    y = stop(x * x)

    def look():
        seen["here"] = records()
        (seen["beside"],) = together(records)

    stop.action = look
    with no_grad():
        y.backward()
    assert seen == {"here": False, "beside": True}
    assert x.grad == 6.0


def test_no_grad_in_a_copied_context_stays_there():
    context, blocks = contextvars.copy_context(), contextlib.ExitStack()
    context.run(blocks.enter_context, no_grad())
    assert records()
    assert Config.enable_backprop is True
    assert context.run(records) is False
    context.run(blocks.close)
    assert context.run(records) is True


def test_tasks_train_and_evaluate_in_turns():
    async def train(x, n):
        for _ in range(n):
            y = F.Square()(x * x)
            await asyncio.sleep(0)
            y.backward()

    async def evaluate(x, n):
        with no_grad():
            for _ in range(n):
                y = F.Square()(x * x)
                await asyncio.sleep(0)
                assert y.creator is None

    async def main(x):
        await asyncio.gather(train(x, 5), evaluate(x, 7), train(x, 3), evaluate(x, 2))

    x = leaf()
    asyncio.run(main(x))
    assert x.grad == 8 * 4 * 3.0**3
