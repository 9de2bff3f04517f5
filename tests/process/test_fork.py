"""Fork safety: both sides go on, from the middle of a recording or of a backward."""

import multiprocessing
import os
import textwrap

import numpy as np
import pytest

from fastgrad import Variable, grad

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PREAMBLE = """
import gc, os, sys, threading, warnings
import numpy as np
from fastgrad import Function, Variable, no_grad
warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: that is the point

def both(work):
    '''`work(name)` in a child process and in its parent, which must both be right.'''
    pid = os.fork()
    if pid == 0:
        try:
            work("child")
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    work("parent")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

class Same(Function):
    def forward(self, x):
        return x + 0
    def backward(self, gy):
        return gy
"""

FORKS = {
    "in the middle of a recording": """
        x = Variable(np.array(2.0))
        y = x
        for _ in range(20_000):  # more than a slab
            y = y * 1.0
        def work(name):
            z = y
            for _ in range(20_000):
                z = z * 1.0 + 0.0
            (z * z).backward()
            assert x.grad == 4
        both(work)
    """,
    "with large arrays, in use and kept for reuse": """
        x = Variable(np.ones(10_000))
        ys = [x * float(i) for i in range(20)]
        del ys[::2]
        def work(name):
            before = [y.data.copy() for y in ys]
            more = [x * float(-i) for i in range(50)]
            for y in more:
                y.data[:] = 7
            assert all((y.data == b).all() for y, b in zip(ys, before))
            ys[-1].backward()
            assert (x.grad == 19).all()
        both(work)
    """,
    "in the middle of a backward": """
        class Fork(Same):
            def backward(self, gy):
                self.pid = os.fork()
                return gy
        x = Variable(np.ones(3))
        f = Fork()
        y = f(x * x) * x + x
        y.backward()
        assert (x.grad == 4).all()
        y.backward() if f.pid else None
        if f.pid == 0:
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(f.pid, 0)[1]) == 0
    """,
    "beside a thread that is in the middle of a backward": """
        there, go_on = threading.Event(), threading.Event()
        class Wait(Same):
            def backward(self, gy):
                if threading.current_thread() is not threading.main_thread():
                    there.set()
                    go_on.wait()
                return gy
        x = Variable(np.array(2.0))
        t = Wait()(x * 3)
        y = t * t + x
        thread = threading.Thread(target=y.backward)
        thread.start()
        there.wait()
        def work(name):
            # In the child that thread's backward never ends; what it holds is kept out of the way.
            for n in range(1, 4):
                y.backward()
                assert x.grad == 37 * n, (name, x.grad)
        both(work)
        go_on.set()
        thread.join()
        assert x.grad == 37 * 4
    """,
    "inside a no_grad block, and at exit": """
        x = Variable(np.array(2.0))
        y = x * x
        with no_grad():
            pid = os.fork()
            assert (x * x).creator is None
        y.backward()
        assert x.grad == 4
        assert (x * x).creator is not None
        if pid == 0:
            sys.exit(0)  # the interpreter ends, and frees what it inherited
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    """,
    "with cycles, which both collect": """
        import weakref
        x = Variable(np.array(0.5))
        (x * x * x).backward(create_graph=True)
        died = weakref.ref(x)
        def work(name):
            global x
            x = None
            gc.collect()
            assert died() is None
        both(work)
    """,
}


@pytest.mark.parametrize("name", FORKS)
def test_fork(name, run_child):
    code = textwrap.dedent(PREAMBLE) + textwrap.dedent(FORKS[name]) + "\nprint('done')\n"
    assert run_child(code) == "done\n"


def square_sum(x):
    return np.sum(x * x)


def gradient_in_a_worker(v):
    """Of what arrived, a leaf now."""
    assert v.creator is None
    np.sum(v * v).backward()
    return v


METHODS = set(multiprocessing.get_all_start_methods()) - {"fork"}


@pytest.mark.parametrize("method", sorted(METHODS))
def test_multiprocessing(method):
    x = Variable(np.arange(3.0), "x")
    with multiprocessing.get_context(method).Pool(1) as pool:
        for v in (x, x * 2):
            w = pool.apply(gradient_in_a_worker, (v,))
            assert w.name == v.name
            assert np.array_equal(w.grad, 2 * v.data)
            assert x.grad is None


def test_multiprocessing_by_fork(run_child):
    code = """
        import multiprocessing, warnings
        import numpy as np
        from fastgrad import Variable
        from test_fork import gradient_in_a_worker

        x = Variable(np.arange(3.0), "x")
        y = x * 2
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for w in pool.map(gradient_in_a_worker, [x, y, x * y]):
                assert np.array_equal(w.grad, 2 * w.data)
        y.backward()
        print(x.grad)
    """
    assert run_child(code) == "[2. 2. 2.]\n"


def test_joblib():
    joblib = pytest.importorskip("joblib")
    xs = [np.full(3, float(i)) for i in range(4)]
    with joblib.parallel_config("loky", n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(grad(square_sum))(x) for x in xs)
        moved = joblib.Parallel()(joblib.delayed(gradient_in_a_worker)(Variable(x) * 1) for x in xs)
    for x, gx, v in zip(xs, found, moved, strict=True):
        assert np.array_equal(gx, 2 * x)
        assert np.array_equal(v.grad, 2 * x)
