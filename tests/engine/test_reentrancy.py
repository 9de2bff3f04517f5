"""Code that runs in the middle of a backward, or of the end of a graph, and touches graphs.

What it may do, and what it then gets, is in docs/guarantees.md. Everything runs in child processes:
a crash is a failed test. (`test_threads.py` has runs inside runs on graphs of all kinds.)
"""

import textwrap

import pytest

PREAMBLE = """
from hostile import *
import signal, time
from fastgrad import grad, gradients, jacobian, no_grad, value_and_grad

class Calls(Function):
    '''The identity, whose backward calls `action`.'''
    def __init__(self, action):
        self.action = action
    def forward(self, x):
        return x + 0
    def backward(self, gy):
        self.action()
        return gy

def chain(n, x):
    for _ in range(n):
        x = x * 1.0 + 0.0
    return x
"""

# Each prints what it found; the expected text stands beside it.
SNIPPETS = {
    "backward of a separate graph": (
        """
        x, w = leaf(2.0), leaf(3.0)
        z = w * w
        y = Calls(z.backward)(x * x) * x
        y.backward(); y.backward()
        print(x.grad, w.grad)
        """,
        "24.0 12.0",
    ),
    "backward of a graph with the same leaves and nodes": (
        """
        x = leaf(2.0)
        t = x * x
        z = t * 5
        y = Calls(z.backward)(t) * t  # t^2, and 5 x^2 on the way
        y.backward()
        print(x.grad)
        """,
        "52.0",
    ),
    "backward of itself, once": (
        """
        x = leaf(2.0)
        left = [1]
        y = Calls(lambda: left and (left.pop(), y.backward()))(x * x) * x
        y.backward()
        print(x.grad)
        """,
        "24.0",
    ),
    "backward of itself without end": (
        """
        x = leaf(2.0)
        y = Calls(lambda: y.backward())(x * x)
        try:
            y.backward()
        except RecursionError:
            print(x.grad)
        (x * x).backward()
        print(x.grad)
        """,
        "None\n4.0",
    ),
    "the functional forms, nested in a backward": (
        """
        seen = []
        def action():
            seen.append(float(grad(lambda v: v * v * v)(2.0)))
            seen.append(float(grad(grad(np.sin))(0.5)))
            seen.append(jacobian(lambda v: v * v)(np.ones(2)).tolist())
            seen.append(float(gradients(t, x)))
        x = leaf(2.0)
        t = x * x
        y = Calls(action)(t) * x
        y.backward()
        print(x.grad, seen[0], round(seen[1], 6), seen[2:])
        """,
        "12.0 12.0 -0.479426 [[[2.0, 0.0], [0.0, 2.0]], 4.0]",
    ),
    "backward with create_graph inside a backward, and a backward inside that": (
        """
        class Cube(Function):
            differentiable = True
            def forward(self, x): return x**3
            def backward(self, gy):
                (x,) = self.inputs
                action()
                return 3 * x * x * gy
        depth = []
        def action():
            if len(depth) < 4:
                depth.append(1)
                z.backward(create_graph=len(depth) % 2 == 0)
        w = leaf(3.0)
        z = Cube()(w)
        x = leaf(2.0)
        y = Cube()(x)
        y.backward(create_graph=True)
        print(x.grad.data, float(np.asarray(w.grad)), len(depth))
        """,
        "12.0 108.0 4",
    ),
    "retain_graph=False inside, of the graph that is walked": (
        """
        x = leaf(2.0)
        t = x * x
        y = Calls(lambda: z.backward(retain_graph=False))(t) * t
        z = t * t
        try:
            y.backward()
        except RuntimeError as error:
            print("released" in str(error), x.grad)
        """,
        "True 32.0",
    ),
    "a generator suspended within no_grad, and closed somewhere else": (
        """
        def steps(x):
            with no_grad():
                y = x * x
                yield y
                yield x * x
        x = leaf(3.0)
        g = steps(x)
        next(g)
        inside = (x * x).creator is None  # the block is entered, and holds in this thread
        g.close()
        print(inside, (x * x).creator is None)
        """,
        "True False",
    ),
    "a generator that is advanced by a backward": (
        """
        def graphs(x):
            while True:
                y = x * x
                y.backward()
                yield y
        x = leaf(3.0)
        g = graphs(x)
        y = Calls(lambda: next(g))(x) * 2
        y.backward(); y.backward()
        print(x.grad)
        """,
        "16.0",
    ),
    "a signal handler that records and differentiates, in the middle of both": (
        """
        seen = []
        def handler(signum, frame):
            (x * x).backward()
            t.creator, t.generation
            y.creator.inputs
            seen.append(1)
        x, w = leaf(3.0), leaf(1.0)
        t = x * w
        y = t * t
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        n = 0
        while len(seen) < 50:
            chain(3000, w).backward(retain_graph=n % 2 == 0)
            n += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(w.grad == n, x.grad == 6.0 * len(seen))
        """,
        "True True",
    ),
    "a signal handler that raises in the middle of backward": (
        """
        class Stop(Exception): pass
        def handler(signum, frame):
            raise Stop
        signal.signal(signal.SIGALRM, handler)
        x = leaf(1.0)
        y = chain(200_000, x)
        stopped = 0
        while stopped < 20:
            x.grad = None
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.002)
                y.backward()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Stop:
                stopped += 1
                assert x.grad is None
        x.grad = None
        y.backward()
        print(x.grad)
        """,
        "1.0",
    ),
    "finalizers that record, differentiate and cut, while a graph is freed": (
        """
        class Note:
            def __del__(self):
                (w * w).backward()
                kept.creator = None
                use(kept)
                seen.append(1)
        seen, w = [], leaf(3.0)
        for _ in range(20):
            x = leaf(2.0)
            kept = x * 2
            y = kept
            for _ in range(50):
                y = Square()(y * 1e-3)
                y.creator.note = Note()
            del x, y
        gc.collect()
        print(len(seen), w.grad)
        """,
        "1000 6000.0",
    ),
    "weakref callbacks that use the graph whose Variables die": (
        """
        def callback(reference):
            seen.append(1)
            tries(lambda: root.backward())
            tries(lambda: (root.creator.inputs, root.creator.outputs))
            tries(lambda: setattr(middle, "creator", None))
        seen, references = [], []
        for _ in range(20):
            x = leaf(2.0)
            vs = [x]
            for _ in range(30):
                vs.append(Square()(vs[-1]) * 0.1)
            middle, root = vs[15], vs[-1]
            references += [weakref.ref(v, callback) for v in vs]
            references += [weakref.ref(v.creator, callback) for v in vs if v.creator]
            del vs, x
            root.backward(retain_graph=False)
            del root, middle
            root = middle = leaf()
        gc.collect()
        print(len(seen) == len(references))
        """,
        "True",
    ),
    "a finalizer in the middle of a backward that frees as it goes": (
        """
        class Note:
            def __del__(self):
                seen.append((w * w).creator is not None)
                tries(y.backward)
        seen, w = [], leaf(3.0)
        for retain in (True, False):
            y = w
            for _ in range(100):
                y = Square()(y)
                y.creator.note = Note()
                y = y * 0.0 + 1.0
            y.backward(retain_graph=retain)
            y = leaf()
        gc.collect()
        print(len(seen), all(seen))
        """,
        "200 True",
    ),
    "a garbage collector that runs at every allocation, and differentiates": (
        """
        class Loop:
            def __init__(self): self.me = self
            def __del__(self):
                gx.append(float(grad(lambda v: v * v)(3.0)))
                (w * w).backward()
        gx, w = [], leaf(1.0)
        gc.set_threshold(1)
        x = leaf(2.0)
        for _ in range(100):
            Loop()
            np.square(x * x).backward(create_graph=True)
            x.grad = None
            Loop()
            (Square()(x) * x).backward(retain_graph=False)
            x.grad = None
        gc.set_threshold(700)
        gc.collect()
        print(set(gx), w.grad == 2.0 * len(gx), len(gx))
        """,
        "{6.0} True 200",
    ),
    "a warning that runs code, which frees the graph that is walked": (
        """
        import warnings
        def show(*args, **kwargs):
            tries(lambda: y.backward(retain_graph=False))
            gc.collect()
        for size in ((), (3,), (3000,)):
            x = Variable(np.full(size, 1e200))
            with np.errstate(over="call", invalid="call", call=lambda *error: show()):
                y = x * x / x * x + x[...] * x
                tries(y.backward)
                tries(y.backward)
        print("done")
        """,
        "done",
    ),
    "a callback of an operator that was replaced": (
        """
        def add(self, other):
            y = before(self, other)
            y.backward()
            return y
        before = Variable.__add__
        Variable.__add__ = add
        x = leaf(2.0)
        y = Calls(lambda: x + x)(x) + x
        y.backward()
        Variable.__add__ = before
        print(x.grad)
        """,
        # y's own run inside the operator: 2, and 2 of x + x in its Calls; then the same again.
        "8.0",
    ),
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_reentrancy(name, run_child):
    code, expected = SNIPPETS[name]
    printed = run_child(textwrap.dedent(PREAMBLE) + textwrap.dedent(code))
    assert printed == textwrap.dedent(expected) + "\n"
