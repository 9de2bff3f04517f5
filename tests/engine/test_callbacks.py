"""An exception in every Python callback, at each of its calls in turn.

Whatever it was, every `.grad` is as it was before, what was made dies, and trying again is right.
"""

import gc
import sys
import weakref

import numpy as np
import pytest

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Function, Variable, stop_gradient


class Stop(BaseException):
    """No Exception: nothing that catches those may swallow it."""


class Tick:
    """A callback's calls, counted; the one with the number `at` raises."""

    def __init__(self):
        self.n, self.at = 0, None

    def __call__(self, *_):
        self.n += 1
        if self.n == self.at:
            raise Stop


tick = Tick()


class Ticking(Function):
    differentiable = True

    def forward(self, x):
        tick()
        return x * 2, x + 1

    def backward(self, g0, g1):
        tick()
        if g1 is None:
            return 2 * g0
        return g1 if g0 is None else 2 * g0 + g1


class Loud(np.ndarray):
    """A subclass of ndarray that NumPy asks at every turn."""

    def __array_finalize__(self, obj):
        tick()

    def __array_wrap__(self, array, context=None, return_scalar=False):
        tick()
        return super().__array_wrap__(array, context, return_scalar)


class Number:
    """An element of an object array."""

    def __init__(self, x):
        self.x = x

    def __add__(self, other):
        tick()
        return Number(self.x + getattr(other, "x", other))

    def __mul__(self, other):
        tick()
        return Number(self.x * getattr(other, "x", other))

    __radd__, __rmul__ = __add__, __mul__


def forward_of_row(x):
    tick()
    return np.sin(x), np.cos(x)


def vjp_of_row(xp, gy, y, x):
    tick()
    return gy[0] * xp.cos(x) - gy[1] * xp.sin(x)


sin_cos = fastgrad.op("sin_cos", forward_of_row, vjp=vjp_of_row)


def python_function(x):
    y0, y1 = Ticking()(x * x)
    return y0 * y1 + Ticking()(x)[0]


def row(x):
    y0, y1 = sin_cos(x)
    return (y0 * y1 + fnp.concatenate([x, y0])[:3]).sum()


def subclass(x):
    w = Variable(np.full(3, 1.5).view(Loud))
    return fnp.tanh(w * x) + x / w


def reported(x):
    with np.errstate(all="call", call=tick):
        return x * 1e-200 * 1e-200 + x / (x - x)


GRAPHS = [python_function, row, subclass, reported]
FLAGS = [{}, {"retain_grad": True}, {"retain_graph": False}, {"create_graph": True}]


def attempt(graph, flags, x):
    with np.errstate(all="call", call=tick):
        y = graph(x)
        watch = weakref.ref(y)
        y.backward(**flags)
    return watch


def times(graph, flags):
    """How many calls there are, and the gradient without a failing one."""
    tick.n, tick.at = 0, None
    x = Variable(np.array([0.5, 1.0, 1.5]))
    attempt(graph, flags, x)
    return tick.n, np.array(stop_gradient(x.grad))


@pytest.mark.parametrize("flags", FLAGS, ids=lambda flags: next(iter(flags), "plain"))
@pytest.mark.parametrize("graph", GRAPHS)
def test_an_exception_at_every_call(graph, flags):
    n, expected = times(graph, flags)
    assert n > 1
    for at in range(1, n + 1):
        x = Variable(np.array([0.5, 1.0, 1.5]))
        x.grad = before = np.full(3, 0.25)
        tick.n, tick.at = 0, at
        with pytest.raises(Stop):
            attempt(graph, flags, x)
        assert x.grad is before, f"call {at} of {n}"
        assert np.array_equal(before, np.full(3, 0.25))
        x.cleargrad()
        tick.n, tick.at = 0, None
        watch = attempt(graph, flags, x)
        assert np.array_equal(x.grad, expected, equal_nan=True), f"call {at} of {n}"
        died = weakref.ref(x)
        del x
        gc.collect()
        assert watch() is died() is None


@pytest.mark.parametrize("where", ["__del__", "weakref callback", "gc callback"])
def test_an_exception_where_nobody_can_catch_it(where, monkeypatch):
    """Python reports it, and goes on; so does backward."""
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: seen.append(it.exc_type))

    class Dying(Variable):
        def __del__(self):
            raise Stop

    class Look(Function):
        def forward(self, x):
            return x + 0

        def backward(self, gy):
            things.clear()
            return gy

    x = Variable(np.array(3.0))
    things = []
    if where == "__del__":
        things.append(Dying(np.ones(1)) * x)
    elif where == "weakref callback":
        things.append(x * 2)
        keep = weakref.ref(things[0], raising)
        assert keep() is things[0]
    else:
        gc.callbacks.append(raising)
        things.append(CollectAtEnd())
    y = Look()(x * x) * x
    y.backward()
    if where == "gc callback":
        gc.callbacks.remove(raising)
    assert x.grad == 27
    assert set(seen) == {Stop}


def raising(*_):
    raise Stop


class CollectAtEnd:
    def __del__(self):
        gc.collect()


def test_elements_of_object_arrays_that_raise():
    def make():
        w = Variable(np.array([Number(1.0), Number(2.0)], object))
        return w, w * w + w

    tick.n, tick.at = 0, None
    w, y = make()
    recorded = tick.n
    y.backward()
    n = tick.n
    expected = [g.x for g in w.grad]
    for at in range(recorded + 1, n + 1):
        tick.n, tick.at = 0, None
        w, y = make()
        tick.at = at
        with pytest.raises(Stop):
            y.backward()
        assert w.grad is None
        y.backward()
        assert [g.x for g in w.grad] == expected


def test_an_exception_in_a_signal_handler_leaves_gradients_as_they_were(run_child):
    code = """
        import signal
        import numpy as np
        from fastgrad import Variable

        class Stop(BaseException):
            pass

        def handler(*_):
            raise Stop

        signal.signal(signal.SIGALRM, handler)
        x = Variable(np.array(1.0))
        y = x
        for _ in range(300_000):
            y = y * 1.0 + 0.0
        stopped = 0
        for i in range(40):
            x.grad = before = np.array(0.5)
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 * (i + 1))
                y.backward()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                stopped += 1
                assert x.grad == 0.5 or x.grad == 1.5
            signal.setitimer(signal.ITIMER_REAL, 0)
            x.cleargrad()
            y.backward()
            assert x.grad == 1
        print("done")
    """
    assert run_child(code) == "done\n"
