"""How long things live: no longer than reference counting says, and no graph is too deep to die.

Every snippet runs in a child process, so that a crash is a failed test and names its snippet.
"""

import textwrap

import pytest
from lifetimes import ENDINGS

PREAMBLE = """
import copy, gc, sys, tracemalloc, weakref
import numpy as np
import fastgrad
from fastgrad import *
from lifetimes import *
from lifetimes import F, Fail, Same, Watch, leaf
"""
WITHOUT_COLLECTOR = PREAMBLE + "gc.disable()\n"


def run(run_child, preamble, code, call=""):
    """Run the code, then the call, in a child process whose end must be a clean one."""
    code = f"{preamble}\n{textwrap.dedent(code)}\n{call}\nprint('done')\n"
    assert run_child(code) == "done\n"


def body_of(signature, code):
    """A function of that code, as text."""
    return f"def {signature}:\n" + textwrap.indent(textwrap.dedent(code), "    ") + "\n"


# --- reference counting alone frees everything ---


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_part_of_a_dropped_graph_dies_without_the_collector(ending, run_child):
    run(run_child, WITHOUT_COLLECTOR, f"assert_everything_dies({ending!r})")


# --- what no rule needs dies while the graph lives ---

# `t` is a product; after its handle is dropped, its array lives as long as a gradient needs it.
FREED_AT_ONCE = {
    "t + w": True,
    "w + t": True,
    "t - w": True,
    "w - t": True,
    "-t": True,
    "t + 2.0": True,
    "2.0 - t": True,
    "t * 2.0": True,
    "t / 2.0": True,
    "t * np.full(3, 2.0)": True,
    "t / np.full(3, 2.0)": True,
    "t * constant": True,  # a Variable that requires no gradient
    "t @ np.ones((3, 3))": True,
    "t * w": False,
    "t * t": False,
    "w / t": False,
    "t ** 2": False,
    "abs(t)": False,
    "t @ w": False,
    "F.Square()(t)": False,  # its backward may read self.inputs[0].data
}


@pytest.mark.parametrize("expression", FREED_AT_ONCE)
def test_an_interior_array_is_freed_at_once_if_no_rule_needs_it(expression, run_child):
    code = f"""
        x, w, constant = leaf(n=3), leaf(n=3), Variable(np.ones(3), requires_grad=False)
        watch = Watch()
        t = watch("t", x * w)
        y = {expression}
        del t
        freed = {FREED_AT_ONCE[expression]}
        assert ("t.data" not in watch.alive()) == freed, watch.alive()
        assert ("t" not in watch.alive()) == ("Square" not in {expression!r}), watch.alive()
        y.backward()
        assert x.grad is not None and np.isfinite(x.grad).all()
        del y
        assert watch.alive() == []
    """
    run(run_child, WITHOUT_COLLECTOR, code)


INTERIOR = {
    "the product of a * b + c takes no memory": """
        a, b, c = (leaf(n=10**6) for _ in range(3))
        a * b + c
        tracemalloc.start()
        y = a * b + c
        current, _ = tracemalloc.get_traced_memory()
        assert current < 8.1e6, current
        y.backward()
        assert np.array_equal(a.grad, b.data)
    """,
    "a chain of sums keeps one array however long it is": """
        y = x = leaf(n=10**5)
        y + x
        tracemalloc.start()
        for _ in range(100):
            y = y + x
        current, _ = tracemalloc.get_traced_memory()
        assert current < 0.9e6, current
    """,
    "gradients in flight die with their backward": """
        y = x = leaf(n=10**5)
        for _ in range(50):
            y = y * x
        y.backward()
        x.cleargrad()
        tracemalloc.start()
        y.backward()
        current, peak = tracemalloc.get_traced_memory()
        assert current < 0.9e6, current  # x.grad
        assert peak < 8e6, peak
    """,
    "under no_grad nothing is kept": """
        x, watch = leaf(n=3), Watch()
        with no_grad():
            t = watch("t", F.Square()(x * x))
            y = t * t
        del t
        assert watch.alive() == []
    """,
}


@pytest.mark.parametrize("name", INTERIOR)
def test_memory(name, run_child):
    run(run_child, WITHOUT_COLLECTOR, INTERIOR[name])


# --- weak slots ---

SLOTS = {
    "a dropped output is a dead reference, and backward goes on": """
        x = leaf()
        t = x * x
        y = t * t
        refs = t.creator.outputs + y.creator.outputs
        assert [r() is v for r, v in zip(refs, (t, y), strict=True)] == [True, True]
        del t
        assert refs[0]() is None
        y.backward(retain_grad=True)
        assert x.grad == 4 * 1.5**3
        f = y.creator
        del y
        assert refs[1]() is None and f.outputs[0]() is None
    """,
    "the outputs of a Python Function are weak": """
        f = F.Split()
        y0, y1 = f(leaf())
        refs = f.outputs
        del y0
        assert refs[0]() is None and refs[1]() is y1
        del y1
        assert [r() for r in refs + f.outputs] == [None] * 4
    """,
    "the callback of a weak reference runs once": """
        died = []
        x = leaf()
        t = x * x
        r = weakref.ref(t, lambda r: died.append("t"))
        y = t * x
        assert died == []
        del t
        assert died == ["t"]
        y.backward()
        assert died == ["t"]
    """,
    "handles dropped in any order, between backwards": """
        rng = np.random.default_rng(0)
        for _ in range(50):
            x = leaf()
            ys = [x * 1.01]
            for _ in range(40):
                i, j = rng.integers(0, len(ys), 2)
                ys.append(F.Square()(ys[i]) if rng.random() < 0.2 else ys[i] * 0.3 + ys[j] * 0.3)
            y = ys[-1]
            y.backward()
            expected = x.grad
            for i in rng.permutation(41):
                ys[i] = None
                x.cleargrad()
                y.backward(retain_grad=bool(i % 2))
                y.cleargrad()
                assert x.grad == expected
    """,
    "a handle made by a walk lives and dies like the first": """
        x = leaf()
        y = (x * x) * (x + 1)
        t = y.creator.inputs[0]
        assert y.creator.inputs[0] is t is t.creator.outputs[0]()
        died = weakref.ref(t)
        y.backward(retain_grad=True)
        assert t.grad == 2.5
        del t
        assert died() is y.creator.inputs[0]  # which owns it now
        y.cleargrad()
        y.backward()
        assert died().grad is None
        assert x.grad == 2 * (2 * 1.5 * 2.5 + 1.5**2)
        del y
        assert died() is None
    """,
    "a subclass with __del__ that keeps itself alive": """
        class Lazarus(Variable):
            def __del__(self):
                kept.append(self)
        kept = []
        x = Lazarus(np.array(3.0))
        y = x * x
        del x
        assert kept == []  # the graph owns its leaves
        y.backward()
        del y
        x = kept.pop()
        assert x.grad == 6.0
        y = x * 2
        y.backward()
        assert x.grad == 8.0
    """,
}


@pytest.mark.parametrize("name", SLOTS)
def test_slots_are_weak(name, run_child):
    run(run_child, WITHOUT_COLLECTOR, SLOTS[name])


# --- retain_graph=False ---

SPENT = {
    "nodes and arrays go while the root is alive": """
        x, watch = leaf(n=3), Watch()
        t = watch("t", x * x)
        u = F.Square()(watch("s", t * t))
        watch("f", u.creator).saved = watch("saved", np.ones(3))
        y = u * u
        del t, u
        y.backward()
        assert set(watch.alive()) == {"t.data", "s", "s.data", "f", "saved"}, watch.alive()
        y.backward(retain_graph=False)
        assert watch.alive() == []
        assert y.data.shape == (3,)
    """,
    "as it goes: when a node is visited, those above it are gone": """
        class Look(Same):
            def backward(self, gy):
                seen.append(above.alive())
                return gy
        for expected in (["b", "b.data", "f"], []):
            seen, above = [], Watch()
            y = Look()(leaf(n=3))
            y = above("a", y * y)
            y = F.Square()(above("b", y * 1))
            above("f", y.creator)
            y = y * y
            y.backward(retain_graph=bool(expected))
            assert seen == [expected], seen
    """,
    "memory falls while it goes": """
        class Look(Same):
            def backward(self, gy):
                seen.append(tracemalloc.get_traced_memory()[0])
                return gy
        seen = []
        tracemalloc.start()
        y = leaf(n=10**5)
        for _ in range(20):
            y = Look()(y * y)
        y.backward(retain_graph=False)
        assert seen[0] - seen[-1] > 18 * 0.8e6, seen
    """,
    "what was not visited stays": """
        x, watch = leaf(n=3), Watch()
        t = watch("t", x * x)
        y, z = t * t, t * 2.0
        del t
        z.backward(retain_graph=False)
        assert watch.alive() == ["t.data"]
        y.creator.inputs[1].data
    """,
}


@pytest.mark.parametrize("name", SPENT)
def test_retain_graph_false_frees(name, run_child):
    run(run_child, WITHOUT_COLLECTOR, SPENT[name])


# --- no leak over 10^5 steps ---

# What is done in each step, with a leaf `x`.
LEAKS = {
    "operations": "((x * 2 - x) / x + 1 * -x).backward()",
    "operations, dropped": "x * 2 + x",
    "arrays": "v = Variable(many); ((v * v - v) / (v + 1.0)).backward(retain_grad=True)",
    "Python Function": "F.Square()(x).backward()",
    "Python Function with constants": "F.Combine()(x, 2.0, zero.data).backward()",
    "Python Function called again": "again(x).backward()",
    "many outputs, one dropped": "y, _ = F.Split()(x); del _; (y * y).backward()",
    "compiled classes called": "Add()(Mul()(x, x), x).backward()",
    "retain_graph=False": "y = x * x + x; y.backward(retain_graph=False); tries(y.backward)",
    "a starting gradient": "y = x * x; y.grad = 2.0; y.backward(); y.grad = y",
    "data rebound": "y = x * x; y.data = 2.0; x.data = x.data; y.data = None",
    "exception in backward": "y = Fail()(x * x) + x * x; tries(y.backward)",
    "exception in forward": "tries(F.Square(), x, x); tries(Function(), x)",
    "wrong operands": "tries(mul, x, 'x'); tries(F.Square(), []); tries(add)",
    "no data": "v = Variable(None); tries(lambda: v * x); tries(v.backward)",
    "no_grad": "with no_grad(): F.Square()(x * x) + x",
    "no_grad as a decorator": "quiet(x)",
    "walk through creator.inputs": "y = F.Square()(x * x) * (x + 1); list(walk(y))",
    "walk through creator.outputs": "f = (x * x).creator; f.outputs[0](); f.inputs",
    "backward inside a backward": "Nested()(x).backward()",
    "cut off": "t = x * x; y = t * t; t.creator = None; y.backward()",
    "given another creator": "t = x * x; y = t * t; t.set_creator(again_of(x)); y.backward()",
    "recorded by hand": """
        f, y = F.Square(), leaf()
        f.generation = 0
        y.set_creator(f)
        f.inputs, f.outputs = (x,), [weakref.ref(y)]
        y.backward()
    """,
    "free attributes": "y = x * x; y.note = [x]; y.name = 'y'; y.creator.note = {}",
    "cycles, with the collector": "v = leaf(); v.keep = [v * v]",
}
# The same 10^4 times: they take longer.
SLOW_LEAKS = {
    "broadcasting and dtypes": "v = Variable(single); (v * x + ones - 1j * v).backward()",
    "powers, abs, matmul": "v = Variable(ones); (abs(v) ** x + v**2 @ v).backward()",
    "object arrays": "v = Variable(objects); (v * v - v).backward()",
    "comparisons and text": "x == 1; x < x; hash(x); bool(x); repr(x); vars(x)",
    "differentiable Function": "Cube()(x).backward()",
    "wrong gradients": "tries(F.Keeper('x')(x).backward); tries(F.Keeper(ones)(x).backward)",
    "shapes that do not broadcast": "tries(lambda: Variable(many) * ones)",
    "error reported by NumPy": """
        with np.errstate(all="raise"):
            tries(lambda: x / 0.0)
            tries((zero**0.5).backward)
    """,
    "error ignored by NumPy": "with np.errstate(all='ignore'): (x / zero).backward()",
    "copies": "copy.deepcopy(copy.copy(leaf()))",
    "a graph of a hundred": "chain(100).backward()",
}


@pytest.mark.parametrize("name", LEAKS | SLOW_LEAKS)
def test_nothing_leaks(name, run_child):
    code = """
        class Cube(Function):
            differentiable = True
            def forward(self, x):
                return x**3
            def backward(self, gy):
                return 3 * self.inputs[0] ** 2 * gy

        class Nested(Same):
            def backward(self, gy):
                (self.inputs[0] * 2).backward()
                return gy

        def tries(f, *args):
            try:
                f(*args)
            except (ArithmeticError, NotImplementedError, RuntimeError, TypeError, ValueError):
                return
            raise AssertionError(f)

        def again_of(x):
            return F.Square()(x).creator

        @no_grad()
        def quiet(x):
            return x * x

        again, zero, ones, many = F.Square(), leaf(0.0), np.ones(3), np.ones(300)
        single, objects = np.ones((2, 3), "float32"), np.array([10**30, 2], object)
    """
    step = (LEAKS | SLOW_LEAKS)[name]
    take = f"assert_no_leak(step, {10**5 if name in LEAKS else 10**4})"
    run(run_child, PREAMBLE, code, body_of("step(x)", step) + take)


# --- deep graphs ---

DEEP = {
    "dropped as it was recorded": "y = chain(n)",
    "after backward": "x = leaf(); chain(n, x).backward(); assert x.grad == 1",
    "after backward, with retain_graph=False": """
        x = leaf()
        y = chain(n, x)
        y.backward(retain_graph=False)
        assert x.grad == 1
    """,
    "every variable kept, and retain_grad": """
        ys = [leaf()]
        for _ in range(n):
            ys.append(ys[-1] + 0.0)
        ys[-1].backward(retain_grad=True)
        assert ys[0].grad == ys[n // 2].grad == 1
        ys.clear()
    """,
    "every variable kept, the first dropped first": """
        ys = [leaf()]
        for _ in range(n):
            ys.append(ys[-1] * 1.0)
        for i in range(n):
            ys[i] = None
        ys[-1].backward()
        ys[-1] = None
    """,
    "every variable kept, the last dropped first": """
        ys = [leaf()]
        for _ in range(n):
            ys.append(ys[-1] * 1.0)
        while ys:
            del ys[-1]
    """,
    "one leaf used by every operation": """
        y = x = leaf(1.0)
        for _ in range(n):
            y = y * x
        y.backward()
        assert x.grad == n + 1
    """,
    "both operands deep": """
        y = leaf(1.0)
        for _ in range(n):
            y = y * y
        y.backward(retain_graph=False)
    """,
    "Python Functions": """
        x = y = leaf()
        for _ in range(n // 10):
            y = Same()(y)
        y.backward()
        assert x.grad == 1
    """,
    "Python Functions with many outputs": """
        x = y = leaf()
        for _ in range(n // 10):
            y0, y1 = F.Split()(y)
            y = (y0 + y1) / 5
        y.backward()
        assert np.isclose(x.grad, 1)
    """,
    "a mixture of operations and Python Functions": """
        x = y = leaf()
        for i in range(n // 10):
            y = y * 1.0 - 0.0 if i % 4 else Same()(y)
        y.backward()
        assert x.grad == 1
    """,
    "dropped by an exception": """
        def fail():
            y = chain(n)
            y.backward()
            y = chain(n)
            y.creator.no_such_attribute
        try:
            fail()
        except AttributeError:
            pass
    """,
    "an exception at its far end": """
        x = leaf()
        y = chain(n, Fail()(x))
        for _ in range(2):
            try:
                y.backward(retain_graph=False)
            except (RuntimeError, ZeroDivisionError):
                continue
            raise AssertionError
        assert x.grad is None
    """,
    "walked through creator.inputs": """
        y = chain(n)
        assert sum(1 for v in walk(y)) == n
    """,
    "held together by what a walk gave": """
        y = chain(n)
        vs = list(walk(y))
        del y
        vs[0].backward()
        assert vs[-1].grad == 1
        vs = vs[:1]
        vs[0].backward()
        vs.clear()
    """,
    "held by the inputs of a creator": """
        inputs = chain(n).creator.inputs
        del inputs
    """,
    "cut in the middle": """
        x = leaf()
        t = chain(n // 2, x)
        y = chain(n // 2, t)
        t.creator = None
        y.backward()
        assert t.grad == 1 and x.grad is None
    """,
    "variables linked by free attributes": """
        y = leaf()
        for _ in range(n // 10):
            z = y * 1.0
            z.before = y
            y = z
        del z
    """,
    "Python Functions linked by free attributes": """
        y, f = leaf(), None
        for _ in range(n // 10):
            y = Same()(y)
            y.creator.before, f = f, y.creator
        del f
    """,
    "in a cycle that the collector frees": """
        x = leaf()
        x.keep = y = chain(n, x)
        died = weakref.ref(x)
        del x, y
        gc.collect()
        assert died() is None
    """,
    "Python Functions in a cycle that the collector frees": """
        x = y = leaf()
        for _ in range(n // 10):
            y = Same()(y)
        x.keep = y
        died = weakref.ref(x)
        del x, y
        gc.collect()
        assert died() is None
    """,
}


@pytest.mark.parametrize("place", ["main thread", "thread with a small stack"])
@pytest.mark.parametrize("name", DEEP)
def test_a_million_deep(name, place, run_child):
    call = "body(10**6)" if place == "main thread" else "in_small_thread(lambda: body(10**6))"
    run(run_child, PREAMBLE, body_of("body(n)", DEEP[name]), call)


EXITS = {
    "global variables": "y = chain(10**6)",
    "in a module that dies late": "sys.kept = chain(10**6)",
    "Python Functions": """
        y = leaf()
        for _ in range(10**5):
            y = Same()(y)
    """,
    "in a cycle": "x = leaf(); x.keep = chain(10**6, x); del x",
    "in a default argument and a closure": """
        def f(y=chain(10**5)):
            return y
        def closure():
            y = f() * 2
            return lambda: y
        g = closure()
    """,
    "used by an exit handler": """
        import atexit
        y = F.Square()(chain(10**5))
        atexit.register(lambda: y.backward())
    """,
    "used by a finalizer": """
        class Last:
            def __del__(self):
                (y * y).backward()
        y, last = chain(1000), Last()
    """,
    "held by a thread that goes on": """
        import threading
        threading.Thread(target=lambda y: threading.Event().wait(), args=(chain(10**5),),
                         daemon=True).start()
    """,
}


@pytest.mark.parametrize("name", EXITS)
def test_interpreter_ends_well_with_a_graph_alive(name, run_child):
    run(run_child, PREAMBLE, EXITS[name])


# --- the garbage collector ---

COLLECTOR = {
    "has nothing to walk in graphs of built-in operations": """
        x, w = leaf(n=3), leaf()
        t = x * w
        y = -(t + 2.0) / t - abs(x) ** 2 @ np.ones((3, 3))
        y.backward()
        for v in (y, t):
            assert not gc.is_tracked(v)
            assert not gc.is_tracked(v.creator)
        before = len(gc.get_objects())
        y = chain(10**4)
        assert len(gc.get_objects()) - before < 50
    """,
    "tracks a Python Function that refers to something, and what is recorded on it": """
        f, g = F.Square(), F.Split()
        g.note = []
        y = f(leaf())
        y0, y1 = g(y)
        f.note = [y1]
        z = y0 * 2.0
        for v in (y, y0, y1, z):
            assert gc.is_tracked(v.creator)
    """,
    "runs in the middle of everything": """
        gc.set_threshold(1)
        rng = np.random.default_rng(0)
        for _ in range(300):
            x = leaf()
            ys = [x]
            for _ in range(10):
                i, j = rng.integers(0, len(ys), 2)
                ys.append(F.Combine()(ys[i], ys[j], x) if rng.random() < 0.3 else ys[i] * ys[j])
                ys[-1].note = ys[-2] if rng.random() < 0.2 else None
            with np.errstate(all="ignore"):
                ys[-1].backward(retain_grad=True)
        gc.get_referrers(x), gc.get_referents(x, ys[-1], ys[-1].creator)
    """,
}

# A cycle through a leaf `x`, which a program can make; all of it dies.
CYCLES = {
    "a leaf holds what was computed from it": "x.keep = x * x",
    "a leaf holds what was computed from it in many steps": "x.keep = chain(1000, x)",
    "a leaf holds a list that holds what was computed from it": "x.keep = [x * x + 1]",
    "a leaf holds containers in containers": "x.keep = {'ys': [(x * x, 1), {2: x + x}]}",
    "a leaf holds a list that grows": """
        x.keep = []
        for _ in range(3):
            x.keep.append(x * x)
    """,
    "a leaf's name": "x.name = [x * x]",
    "a leaf holds what a Python Function computed from it": "x.keep = F.Square()(x)",
    "a leaf holds what a mixture computed from it": "x.keep = F.Square()(x * 2.0) + x",
    "a leaf holds one of many outputs": "x.keep, _ = F.Split()(x * 2.0)",
    "a leaf holds its Function": "x.keep = (x * x).creator",
    "a leaf holds itself": "x.keep = x",
    "an interior variable holds what was computed from it": "t = x * x; t.keep = t * x",
    "an interior variable is held by its creator": "t = x * x; t.creator.keep = t",
    "a Python Function holds its output": "y = F.Square()(x); y.creator.note = y",
    "a Python Function holds a list that holds its output": """
        y = F.Square()(x)
        y.creator.note = [(y * 2.0,)]
    """,
    "a Python Function keeps what its forward computed": """
        class Keep(Same):
            def forward(self, x):
                self.y = self.inner * 2.0
                return x + 0
        f = Keep()
        f.inner = x
        y = f(x)
        x.keep = y
    """,
    "two leaves hold each other's results": """
        w = leaf()
        x.keep, w.keep = w * w, x * x
        del w
    """,
    "a leaf holds an object that gets results later": """
        class Model:
            pass
        x.owner = model = Model()
        for _ in range(3):
            model.y = F.Square()(x * x) + x
    """,
    "a gradient set by hand": "x.grad = x * x",
    "a graph recorded by hand": """
        f, y = F.Square(), leaf()
        f.generation = 0
        y.set_creator(f)
        f.inputs, f.outputs = (x,), [weakref.ref(y)]
        x.keep = y
    """,
    "a subclass with slots": """
        class Slotted(Variable):
            __slots__ = ("keep",)
        z = Slotted(np.array(1.0))
        z.keep = z * x
        x.keep = z.keep
        del z
    """,
    "after backward": "y = x * x; x.keep = y; y.backward(retain_grad=True)",
    "after retain_graph=False": "y = x * x; x.keep = y; y.backward(retain_graph=False)",
}


@pytest.mark.parametrize("name", COLLECTOR)
def test_the_collector(name, run_child):
    run(run_child, PREAMBLE, COLLECTOR[name])


@pytest.mark.parametrize("name", CYCLES)
def test_the_collector_frees_a_cycle_of_the_programs(name, run_child):
    code = """
        x = leaf()
        died = weakref.ref(x)
        make(x)
        del x
        gc.collect()
        assert died() is None
    """
    run(run_child, WITHOUT_COLLECTOR + body_of("make(x)", CYCLES[name]), code)
