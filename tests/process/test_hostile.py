"""No input may crash the interpreter: whatever is thrown at it, an exception is the worst outcome.

Every snippet runs in a child process, so that a crash is a failed test and names its snippet.
"""

import textwrap

import pytest

PREAMBLE = """
from fastgrad import *
from hostile import *
"""

SNIPPETS = {
    "variable made by __new__ alone": "use(Variable.__new__(Variable))",
    "variable base made by __new__": "use(Variable.__mro__[1].__new__(Variable.__mro__[1]))",
    "subclass that does not call super().__init__": "use(NoInit())",
    "function made by __new__ alone": """
        f = Function.__new__(Function)
        for g in (repr, lambda f: f.inputs, lambda f: f.outputs, lambda f: f.generation, lambda f: f(),
                  lambda f: f(leaf()), lambda f: leaf().set_creator(f), lambda f: f.backward(1)):
            tries(g, f)
        y = leaf(); y.creator = f; use(y)
        f.generation = 0; y.creator = f; use(y)
    """,
    "built-in functions made by __new__ alone": """
        for cls in (Add, Sub, Mul, Div, Neg, Pow, MatMul, fastgrad.Abs):
            for f in (cls.__new__(cls), cls()):
                for args in ((), (1.0,), (np.ones(2),), (np.ones(2), np.ones(2)), (None, None)):
                    tries(f.forward, *args); tries(f.backward, *args); tries(f, *args)
                tries(lambda: (f.inputs, f.outputs, f.generation, repr(f)))
                y = leaf(); tries(y.set_creator, f); use(y)
                try: y.creator = f
                except Exception: pass
                use(y)
    """,
    "a built-in function called again and again": """
        f = Add(); x = leaf()
        ys = [f(x, x) for _ in range(5)] + [f(f(x, x), f(x, x))]
        for y in ys: use(y)
        del f, ys
        gc.collect()
    """,
    "a python function called on its own output": """
        f = Square(); y = f(f(f(leaf()))); use(y); tries(lambda: use(f.inputs[0]))
    """,
    "__init__ called again": """
        x = leaf(); y = x * x; z = y * y
        for args in ((np.ones(3),), (None,), (1,), (), (np.ones(2), "n", 3)):
            for v in (x, y, z):
                tries(v.__init__, *args); use(v)
    """,
    "attributes deleted": """
        for name in ("data", "grad", "creator", "generation", "requires_grad", "name", "shape"):
            x = leaf(); y = x * x; t = Square()(y); z = t * y
            for v in (x, y, t, z):
                tries(delattr, v, name)
            use(z); use(x); use(t)
        for name in ("inputs", "outputs", "generation"):
            y = Square()(leaf()); z = y * y
            tries(delattr, y.creator, name); tries(delattr, z.creator, name); use(y); use(z)
    """,
    "attributes set to anything": """
        for name in ("data", "grad", "creator", "generation", "requires_grad", "name", "shape"):
            for value in junk():
                x = leaf(); y = x * x; t = Square()(y); z = t * y
                for v in (x, y, t, z):
                    tries(setattr, v, name, value)
                use(z); use(x)
    """,
    "attributes of functions set to anything": """
        more = [(), [None], (None,), [weakref.ref(leaf())], [leaf()], (leaf(),), [leaf] * 3]
        for name in ("inputs", "outputs", "generation", "differentiable", "__class__", "__dict__"):
            for value in junk() + more:
                y = Square()(leaf()); z = y * y
                tries(setattr, y.creator, name, value); tries(setattr, z.creator, name, value)
                use(y); use(z)
    """,
    "generations at the ends of int64": """
        for generation in (2**62, 2**63 - 2, 2**63 - 1, 2**63, 2**64, -2**63, -2**63 - 1):
            x = leaf(); y = x * x
            for v in (x, y):
                tries(setattr, v, "generation", generation); use(v)
                z = v
                try:
                    for _ in range(5): z = Square()(z * z)
                except OverflowError: pass
                use(z)
                f = Square(); f.inputs, f.outputs = (x,), [weakref.ref(y)]
                tries(setattr, f, "generation", generation); tries(y.set_creator, f); use(y)
    """,
    "wrong types everywhere": """
        for f in (add, sub, mul, div, neg, matmul, fastgrad.pow, fastgrad.abs, as_array, Variable,
                  Variable.__add__, Variable.backward, Variable.set_creator, Variable.cleargrad,
                  Function.__call__, using_config, Square(), Add(), Mul()):
            tries(f)
            for a in junk():
                tries(f, a)
                for b in junk():
                    tries(f, a, b); tries(f, a, b, b)
    """,
    "a variable that creates itself": """
        x = leaf(); y = Square()(x); f = y.creator
        f.inputs = (y,); use(y)
        x = leaf(); y = x * x; tries(setattr, x, "creator", y.creator); use(y); use(x)
        x = leaf(); y = x * x; tries(x.set_creator, y.creator); use(y); use(x)
        y.creator = None; x.creator = None
        del x, y, f
        gc.collect()
    """,
    "outputs that are not the function's": """
        a = leaf(); y = Square()(a); z = a * 3
        for refs in ([weakref.ref(z)], [weakref.ref(a)], [weakref.ref(y)] * 3, [], [lambda: None],
                     [lambda: 5], [lambda: z], (weakref.ref(y),), [weakref.ref(Square)]):
            tries(setattr, y.creator, "outputs", refs); use(y)
    """,
    "operators assigned and removed on the class while in use": """
        before = Variable.__add__
        for bad in (None, 5, lambda self: 1, lambda *a: NotImplemented):
            Variable.__add__ = bad; use(leaf()); Variable.__add__ = before
        del Variable.__add__; use(leaf()); Variable.__add__ = before
    """,
    "backward that changes the graph under the engine": """
        class Vandal(Square):
            def backward(self, gy):
                for v in (self.inputs[0], y, t):
                    for name, value in (("creator", None), ("data", None), ("generation", -5), ("grad", 3)):
                        tries(setattr, v, name, value)
                self.inputs = (); self.outputs = []; self.generation = 99
                gc.collect()
                return gy
        for _ in range(3):
            x = leaf(); t = x * x; v = Vandal()(t); y = v * t + x
            tries(y.backward); use(y); use(x)
    """,
    "backward that drops every handle": """
        class Drop(Square):
            def backward(self, gy):
                keep.clear(); gc.collect()
                return gy
        keep = []
        x = leaf(); v = x
        for _ in range(50):
            v = Drop()(v * 2) + v; keep.append(v)
        keep.append(v); root = [v]; del v
        root.pop().backward()
    """,
    "retain_graph=False from inside a backward of the same graph": """
        class Spend(Square):
            def backward(self, gy):
                tries(lambda: t.backward(retain_graph=False)); tries(lambda: y.backward(retain_graph=False))
                return gy
        for again in (True, False):
            x = leaf(); t = x * x * x; y = Spend()(t) * t
            tries(lambda: y.backward(retain_graph=again)); tries(y.backward); use(y); use(t)
    """,
    "backward re-entered without end": """
        class Again(Square):
            def backward(self, gy):
                y.backward()
                return gy
        y = Again()(leaf() * 2)
        try: y.backward()
        except RecursionError: pass
        use(y)
    """,
    "finalizers that use what is dying": """
        class Zombie(Variable):
            def __del__(self):
                kept.append(self)
                if len(kept) < 5: use(self)  # makes copies, which are Zombies too
        class ZombieFunction(Square):
            def __del__(self):
                kept.append(self); tries(lambda: (self.inputs, self.outputs)); self.note = 1
        kept = []
        x = Zombie(np.array(2.0)); y = ZombieFunction()(x); z = y * x; z.backward()
        del x, y, z
        gc.collect(); kept.clear(); gc.collect()
    """,
    "arrays whose methods misbehave": """
        class Rude(np.ndarray):
            def __mul__(self, other): raise ValueError
            def __array_finalize__(self, obj): self.note = 1
            def __radd__(self, other): return "text"
            def __add__(self, other): return None
        x = Variable(np.ones(3).view(Rude)); use(x)
        y = leaf(); tries(lambda: use(x + y)); tries(lambda: use(y + x)); tries(lambda: use(y * x))
    """,
    "unusual dtypes": """
        for a in (np.array(["a", "b"]), np.array([b"a"]), np.zeros(3, "V8"), np.zeros(2, "M8[s]"),
                  np.zeros(2, "m8[s]"), np.zeros(2, [("a", "f8")]), np.array([None, "x"], object),
                  np.zeros(0), np.zeros((0, 3)), np.ones((1,) * 32), np.zeros(3, ">f8")):
            x = Variable(a); use(x); tries(lambda: use(x * 1.0)); tries(lambda: use(x + x))
    """,
    "config set to objects that misbehave": """
        class Bad:
            def __bool__(self): raise ValueError("no")
        for value in (Bad(), np.ones(2)):
            try: Config.enable_backprop = value
            except Exception: pass
            use(leaf())
            Config.enable_backprop = True
            try:
                with using_config("enable_backprop", value): use(leaf())
            except Exception: pass
        use(leaf())
    """,
    "subclasses of everything, and classes swapped": """
        class A(Variable): __slots__ = ("q",)
        class B(Variable): pass
        use(A(np.ones(2)))
        x = B(np.ones(2)); tries(setattr, x, "__class__", Variable); use(x)
        x = Variable(np.ones(2)); tries(setattr, x, "__class__", B); use(x)
        for base in (Add, Mul, Function, Variable.__mro__[1]):
            tries(lambda: type("C", (base, Variable), {})); tries(lambda: use(type("C", (base,), {})()))
        for base in (Add, Mul, Neg):
            f = type("C", (base,), {})(); tries(lambda: use(f(leaf(), leaf()))); tries(f.backward, None)
            f = type("D", (base,), {"__init__": lambda self: None})(); tries(lambda: use(f(leaf(), leaf())))
    """,
    "data rebound by code that runs inside the operation": """
        for junk_size in (3, 2000):
            for change in (lambda: setattr(w, "data", np.ones(3)), lambda: setattr(w, "creator", None),
                           lambda: setattr(w, "requires_grad", False), lambda: w.__init__(np.ones(1))):
                for v in (leaf(0.0), Variable(np.zeros(2000)), Variable(np.zeros(2000)) * 1.0):
                    x, w = Variable(np.ones(v.shape)), v
                    with np.errstate(all="call", call=lambda *error: tries(change)):
                        y = x / w
                    filler = [np.full(junk_size, 7.0) for _ in range(50)]
                    use(y); use(x); use(w)
    """,
    "data rebound to another shape before backward": """
        for f in (lambda x, w: x / w, lambda x, w: x * w, lambda x, w: x - w, lambda x, w: x**2 + w):
            for dtype in ("f4", "f8"):
                for old, new in ((), 10**5), (3, ()), ((2, 3), 6), (10**5, 3):
                    x, w = Variable(np.ones(old, dtype)), Variable(np.ones(old, dtype))
                    y = f(x, w); y.data = np.ones(new, dtype); y.backward()
                    assert x.grad.shape == w.grad.shape == x.shape
                    y = f(x, w); y.data.shape = (-1, 1); use(y); tries(y.backward)
    """,
    "outputs looked at while they die": """
        class Slotted(Variable): __slots__ = ("last",)
        class Looks:
            def __del__(self): seen.append((f.outputs, f.inputs)); tries(g.backward)
        x, seen = leaf(), []
        for _ in range(100):
            y = x * 2; f = y.creator; g = y * 3
            r = weakref.ref(y, lambda r: seen.append((f.outputs, f.inputs, g.creator.inputs)))
            del y
            z = Slotted(np.ones(2)); z.last = Looks(); z.set_creator(f); del z
        gc.collect(); seen.clear(); gc.collect()
    """,
    "variables chained by their names": """
        v = leaf()
        gc.disable()  # it would look at them again and again
        for _ in range(10**6): v = Variable(None, name=v)
        gc.enable(); gc.collect()
        del v
    """,
    "a finalizer that gives another creator meanwhile": """
        class Left(Square):
            def __del__(self): y.creator = h
        x = leaf()
        h, f = Square(), Square(); h(x); f(x)
        y = Left()(x); y.creator = f
        h.outputs = []; h(x); gc.collect()
        assert sys.getrefcount(y) < 10
        use(y); use(x)
    """,
    "a garbage collector that changes everything": """
        class Changes:
            def __del__(self): w.data = np.ones(3); w.requires_grad = True; w.creator = None
        gc.set_threshold(1)
        for _ in range(300):
            x, w = Variable(np.ones(5000)), Variable(np.ones(5000))
            loop = [Changes()]; loop.append(loop); del loop
            tries(lambda: ((x * w) / w + w * 2.0).backward())
    """,
    "the queue used wrongly": """
        from fastgrad._core.queue import Queue
        for q in (Queue(), Queue.__new__(Queue)):
            for f in (lambda: q.pop(), lambda: q.push(), lambda: q.push(1), lambda: q.push(1, "x"),
                      lambda: q.push(q, 1), lambda: q.push(1, 2**64), lambda: len(q), lambda: q.__init__(),
                      lambda: q.push(2, 5), lambda: q.__init__(), lambda: q.pop(), lambda: repr(q)):
                tries(f)
    """,
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_does_not_crash(name, run_child):
    ending = "\ngc.collect()\nprint('survived', leaf() * 3)\n"
    code = textwrap.dedent(PREAMBLE) + textwrap.dedent(SNIPPETS[name]) + ending
    assert run_child(code) == "survived variable(6.0)\n"
