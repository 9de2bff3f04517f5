"""A state machine: random programs on fastgrad and on the model, compared after every step."""

import contextlib
import gc
import sys
import weakref
from collections import Counter

import numpy as np
from helpers import same_bits
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import fastgrad
from fuzz import model
from fuzz.drawn import (
    CHANGES,
    DTYPES,
    GROWTH,
    INDICES,
    MOST_ELEMENTS,
    MOST_HELD,
    MOSTLY,
    SCALARS,
    SEEDS,
    SELDOM,
    SHAPES,
    TAKES,
    in_thread,
    numbers,
    outcome,
)
from fuzz.operations import ARITY, BUILT_IN, arm, call, call_function, functions

counts = Counter()  # of what was done, for the long runs


class Machine(RuleBasedStateMachine):
    """The program holds pairs of a Variable and the model's; `INDICES` choose among them."""

    def __init__(self):
        super().__init__()
        self.pairs = []
        self.alive = []  # weak references to all that was made
        self.may_have_cycles = False
        counts["machines"] += 1
        if counts["machines"] % 100 == 0:
            gc.unfreeze()
            gc.collect()
        gc.freeze()  # what Hypothesis keeps is a thousand times what a program makes
        arm(False)

    # --- what every step does ---

    def hold(self, real, modelled):
        self.pairs.append((real, modelled))
        if len(self.alive) % 2:  # weak references change how a Variable dies
            self.alive.append(weakref.ref(real))
        self.alive.append(weakref.ref(real.creator) if real.creator is not None else lambda: None)

    def at(self, i):
        return self.pairs[-1 - i % len(self.pairs)]

    def perform(self, real, modelled, thread=False):
        """Do both; they have to return or raise the same, and what they return is held."""
        # (In threads that a program starts NumPy 2.1.0 takes dtypes by the rules of NumPy 1.)
        run = in_thread if thread else outcome
        actual, expected = run(real), run(modelled)
        if isinstance(actual, type) or isinstance(expected, type):
            assert actual == expected
            return False
        assert len(actual) == len(expected)
        for a, b in zip(actual, expected, strict=True):
            if a is not None:
                self.hold(a, b)
        return True

    def record(self, made, recording=True, thread=False):
        """Perform an operation, recorded or not."""
        real, modelled = made

        def f():
            with fastgrad.using_config("enable_backprop", recording):
                return real()

        def g():
            with model.using_config("enable_backprop", recording):
                return modelled()

        self.perform(f, g, thread)

    @invariant()
    def looks_the_same(self):
        counts["steps"] += 1
        for v, m in self.pairs:
            assert same_bits(v.data, m.data), (v.data, m.data)
            assert (v.grad is None) == (m.grad is None), (v.grad, m.grad)
            if m.grad is not None:
                assert type(v.grad) is np.ndarray
                assert same_bits(v.grad, m.grad), (v.grad, m.grad)
            assert (v.creator is None) == (m.creator is None)
            assert (v.generation, v.requires_grad) == (m.generation, m.requires_grad)
            if m.creator is not None:
                assert v.creator.generation == m.creator.generation

    def teardown(self):
        """Nothing stays alive when the program has let go; without the collector, if it can be."""
        self.pairs.clear()
        if sys.exc_info()[0] is not None:
            return  # a step failed, and its frames hold what they held
        if self.may_have_cycles:
            gc.collect()
        assert [r() for r in self.alive if r() is not None] == []

    # --- recording ---

    @initialize(shape=SHAPES, dtype=DTYPES)
    def begin(self, shape, dtype):
        for seed in (1, 2):
            self.leaf(shape, dtype, seed, True)

    @rule(shape=SHAPES, dtype=DTYPES, seed=SEEDS, requires_grad=MOSTLY)
    def leaf(self, shape, dtype, seed, requires_grad):
        x = numbers(shape, dtype, seed)
        v = fastgrad.Variable(x.copy(), requires_grad=requires_grad)
        self.hold(v, model.Variable(x, requires_grad))

    @rule(name=st.sampled_from(sorted(BUILT_IN)), i=INDICES, j=INDICES, off=SELDOM, thread=SELDOM)
    def operation(self, name, i, j, off, thread):
        n = 2 if name in ("add", "sub", "mul", "div", "concatenate") else 1
        (v0, m0), (v1, m1) = self.at(i), self.at(j)
        if m0.data.size + m1.data.size > MOST_ELEMENTS:
            return
        self.record(call(name, [v0, v1][:n], [m0, m1][:n]), not off, thread)

    @rule(
        name=st.sampled_from(["add", "sub", "mul", "div"]), i=INDICES, c=SCALARS, left=st.booleans()
    )
    def operation_with_constant(self, name, i, c, left):
        v, m = self.at(i)
        if m.data.size > MOST_ELEMENTS:
            return
        self.record(call(name, [c, v] if left else [v, c], [c, m] if left else [m, c]))

    def alike(self, m):
        """The pairs of that shape and dtype."""
        return [p for p in self.pairs if p[1].shape == m.shape and p[1].dtype == m.dtype]

    @rule(
        name=st.sampled_from(sorted(ARITY)),
        i=INDICES,
        j=INDICES,
        off=SELDOM,
        thread=SELDOM,
        armed=SELDOM,
    )
    def python_function(self, name, i, j, off, thread, armed):
        v, m = self.at(i)
        alike = self.alike(m)
        chosen = [(v, m), alike[j % len(alike)], alike[-1]][: ARITY[name]]
        if name == "ByHand":
            off = False  # it records itself, whatever is switched on
            self.may_have_cycles |= any(not b.requires_grad for _, b in chosen)
        arm(armed)
        self.record(call_function(name, *map(list, zip(*chosen, strict=True))), not off, thread)
        arm(False)

    @rule(
        steps=st.lists(st.tuples(GROWTH, INDICES, INDICES), min_size=3, max_size=9),
        changes=st.lists(st.tuples(st.sampled_from(CHANGES), INDICES, SEEDS), max_size=5),
        i=INDICES,
        walk=MOSTLY,
    )
    def grow(self, steps, changes, i, walk):
        """A graph with some depth, whose ends are added up: most of it counts.

        Then what a program may do to Variables between recording and backward.
        """
        _, m = self.at(i)
        start = len(self.pairs)
        for name, j, k in steps:
            alike = self.alike(m)
            chosen = [alike[-1 - j % len(alike)], alike[-1 - k % len(alike)], alike[-1]]
            made, n = (call_function, ARITY[name]) if name in ARITY else (call, TAKES[name])
            self.record(made(name, *map(list, zip(*chosen[:n], strict=True))))
        for v, n in self.pairs[start:-1]:
            w, o = self.at(0)
            if n.shape == m.shape and n.dtype == m.dtype:
                self.record(call("add", [v, w], [n, o]))
        for what, j, seed in changes:
            self.change(what, j, seed)
        if walk:
            self.backward(0, False, False, False, False)

    # --- backward ---

    @rule(i=INDICES, retain_grad=st.booleans(), spend=SELDOM, thread=SELDOM, armed=SELDOM)
    def backward(self, i, retain_grad, spend, thread, armed):
        v, m = self.at(i)
        arm(armed)
        options = {"retain_grad": retain_grad, "retain_graph": not spend}
        self.perform(lambda: v.backward(**options), lambda: m.backward(**options), thread)
        arm(False)
        self.assert_apart()

    def change(self, what, i, seed):
        for x in self.at(i):
            if what == "assign data":
                x.data = numbers(x.shape, x.dtype, seed)
            elif what == "write into data":
                with contextlib.suppress(ValueError):  # read-only
                    x.data[...] = numbers(x.shape, x.dtype, seed)
            elif what == "raise generation":
                x.generation += seed % 4
            elif what == "lower generation of creator" and x.creator is not None:
                x.creator.generation -= seed % 4

    @rule(i=INDICES, retain_grad=SELDOM, thread=SELDOM)
    def backward_recorded(self, i, retain_grad, thread):
        """The gradients' rounding is the rows' own here: they are compared, then taken over."""
        v, m = self.at(i)
        options = {"retain_grad": retain_grad, "create_graph": True}
        self.may_have_cycles = True
        if not self.perform(lambda: v.backward(**options), lambda: m.backward(**options), thread):
            return
        for a, b in self.pairs:
            if isinstance(a.grad, fastgrad.Variable):
                gx = a.grad.data.copy()
                assert (gx.shape, gx.dtype) == (b.grad.shape, b.grad.dtype)
                scale = np.max(np.abs(b.grad), initial=1, where=np.isfinite(b.grad))
                eps = np.finfo(gx.dtype).eps
                np.testing.assert_allclose(gx, b.grad, rtol=1e3 * eps, atol=1e3 * eps * scale)
                a.grad, b.grad = gx, gx.copy()

    def assert_apart(self):
        """No visible gradient shares memory with another, or with data."""
        gradients = [v.grad for v, _ in self.pairs if v.grad is not None]
        for n, gx in enumerate(gradients):
            others = gradients[n + 1 :] + [v.data for v, _ in self.pairs]
            assert not any(np.may_share_memory(gx, x) for x in others)

    # --- what a program does to Variables ---

    @precondition(lambda self: len(self.pairs) > 1)
    @rule(i=INDICES, n=st.integers(1, 4))
    def drop(self, i, n):
        for _ in range(min(n, len(self.pairs) - 1)):
            del self.pairs[-1 - i % len(self.pairs)]

    @precondition(lambda self: len(self.pairs) > MOST_HELD)
    @rule()
    def drop_most(self):
        del self.pairs[2:-8]

    @rule(i=INDICES)
    def clear(self, i):
        for x in self.at(i):
            x.cleargrad()

    @rule(i=INDICES, seed=SEEDS)
    def assign_grad(self, i, seed):
        for x in self.at(i):
            x.grad = numbers(x.shape, x.dtype, seed)

    @rule(i=INDICES)
    def write_into_grad(self, i):
        for x in self.at(i):
            if x.grad is not None:
                x.grad *= 2

    @rule(i=INDICES, dtype=DTYPES, seed=SEEDS)
    def assign_data(self, i, dtype, seed):
        # (What other dtypes, or shapes, mean for an interior Variable is not defined.)
        for x in self.at(i):
            x.data = numbers(x.shape, dtype if x.creator is None else x.dtype, seed)

    @rule(i=INDICES, value=st.booleans())
    def assign_requires_grad(self, i, value):
        for x in self.at(i):
            if x.creator is None:
                x.requires_grad = value

    # --- what a program does to graphs ---

    @rule(i=INDICES)
    def cut(self, i):
        v, m = self.at(i)
        v.creator = None
        m.cut()

    @rule(i=INDICES, j=INDICES)
    def give_another_creator(self, i, j):
        (v, m), (w, n) = self.at(i), self.at(j)
        if m.shape != n.shape or m.dtype != n.dtype or model.depends_on(n, m):
            return
        for x, y, lib in ((v, w, fastgrad), (m, n, model)):
            f = functions(lib).Twice()
            f.inputs, f.outputs, f.generation = (y,), [weakref.ref(x)], y.generation
            x.set_creator(f)
        self.may_have_cycles = True

    @rule(i=INDICES, k=st.integers(0, 2))
    def look_at_inputs(self, i, k):
        """An operand that was dropped is made anew, with what was saved of it."""
        v, m = self.at(i)
        if m.creator is None or m.creator.spent:
            return
        k %= len(m.creator.inputs)
        x, y = v.creator.inputs[k], m.creator.inputs[k]
        if y is None:
            return
        for a, b in self.pairs:
            assert (a is x) == (b is y)
        assert (x.creator is None) == (y.creator is None)

    @rule(i=INDICES)
    def look_at_outputs(self, i):
        v, m = self.at(i)
        if m.creator is not None:
            assert len(v.creator.outputs) == len(m.creator.outputs)
            assert v.creator.outputs[m.slot]() is v
            assert repr(v.creator)
