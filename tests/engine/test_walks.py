"""Two walks of one graph, of all kinds: one in the middle of the other, and side by side.

Each ends with all that it has to give, or in a RuntimeError that says that the graph was released:
see docs/guarantees.md. Everything runs in child processes: a crash is a failed test.
"""

import textwrap

import pytest
from walks import HOOKS

PREAMBLE = """
import os, sys, threading, time
os.environ["FASTGRAD_POOL_MB"] = "0"  # what is freed is gone, and who writes there crashes
import fastgrad
from fastgrad import using_config
from walks import *
"""


@pytest.mark.parametrize("hook", HOOKS)
def test_a_walk_in_the_middle_of_another(hook, run_child):
    """The second begins when the program's code is reached for the first time, the second, ..."""
    printed = run_child(f"{PREAMBLE}print(meet_in_the_middle({hook!r}) > 50)\n")
    assert printed == "True\n"


@pytest.mark.parametrize("hook", ["errcall", "gc"])
def test_a_walk_in_the_middle_of_many_rows_at_once(hook, run_child):
    printed = run_child(f"{PREAMBLE}print(meet_in_the_middle({hook!r}, batchable) > 50)\n")
    assert printed == "True\n"


@pytest.mark.parametrize("make", ["graph", "batchable"])
def test_two_walks_side_by_side(make, run_child):
    code = f"np.seterr(all='ignore')\nmeet_in_threads({make})\nprint('done')\n"
    assert run_child(PREAMBLE + code) == "done\n"


# Each prints what it found; the expected text stands beside it.
SNIPPETS = {
    "a Function called again, while its gradient waits": (
        """
        class Action(Function):
            differentiable = True
            def forward(self, x): return x + 0
            def backward(self, gy):
                action()
                return gy
        for kind in ("plain", "releasing", "recorded", "one row", "gradients", "beside"):
            x = Variable(np.array([1.0, 2.0, 4.0]))
            f = Twice()
            t, w = f(x), x
            for _ in range(3):
                w = Action()(w * 1.0)
            y = t * w  # visited before w: so the gradient of t waits then
            done = []
            def action():
                if not done:
                    done.append(kind)
                    with using_config("enable_backprop", True):
                        f(Variable(np.ones(3)))
            try:
                if kind == "beside":  # a walk that finds t held by another
                    class Inner(Function):
                        def forward(self, x): return x + 0
                        def backward(self, gy):
                            y.backward()
                            return gy
                    v = x * 1.0
                    for _ in range(12):
                        v = v * 1.0
                    (Inner()(v) * t).backward()
                else:
                    KINDS[kind](x, y)
                print(kind, "came through")
            except RuntimeError as error:
                print(kind, "was called again" in str(error), x.grad)
        """,
        """
        plain True None
        releasing True None
        recorded True None
        one row True None
        gradients True None
        beside True None
        """,
    ),
    "a Function called again beside a loop that runs without the interpreter's lock": (
        """
        class Many(Function):
            n = 0
            def forward(self, x):
                self.n += 1
                return tuple(x + i for i in range(1 + self.n % 50))
            def backward(self, *gys):
                return sum(gy for gy in gys if gy is not None)
        fastgrad.set_num_threads(2)
        sys.setswitchinterval(1e-6)
        n = 1 << 20
        for i in range(20):
            x = Variable(np.ones(n))
            f, small = Many(), Variable(np.ones(1))
            y = f(x)
            y = y[0] if isinstance(y, list) else y
            z = y * 1.0
            for _ in range(10):
                z = z * y + y
            def again(delay=0.004 * (i % 10)):
                time.sleep(delay)
                for _ in range(50):
                    f(small)
            thread = threading.Thread(target=again)
            thread.start()
            try:
                np.sum(z).backward()
            except RuntimeError as error:
                assert "was called again" in str(error), error
            thread.join()
        print("done")
        """,
        "done",
    ),
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_what_else_may_happen_in_the_middle(name, run_child):
    code, expected = SNIPPETS[name]
    code = f"{PREAMBLE}{textwrap.dedent(code)}"
    assert run_child(code).strip() == textwrap.dedent(expected).strip()
