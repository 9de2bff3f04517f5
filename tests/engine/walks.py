"""What test_walks.py is written with; imported by its child processes.

A graph, the kinds of walk through it, and the callbacks by which a program runs code in the middle
of one. Numbers are such that sums are exact in any order.
"""

import gc
import itertools
import sys
import threading
import warnings
import weakref

import numpy as np

import fastgrad.numpy as fnp
from fastgrad import Function, Variable, grad, gradients, jacobian
from fastgrad._core import batched, ends, engine
from fastgrad.transforms.jacobians import by_rows


class Hooks:
    """Calls `action` when the code of a hook is reached for the `wanted`-th time since `arm`."""

    wanted, seen, action = -1, 0, None

    def arm(self, wanted, action):
        self.wanted, self.seen, self.action = wanted, 0, action

    def disarm(self):
        self.wanted = -1

    def reached(self, *_, **__):
        if self.wanted < 0:
            return
        self.seen += 1
        if self.seen == self.wanted + 1:
            self.wanted = -1
            self.action()


hooks = Hooks()


class Twice(Function):
    """2 * x; its backward calls the hook."""

    differentiable = True

    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        hooks.reached()
        return 2 * gy


class Plain(Function):
    """x + x1 of arrays, without a hook."""

    differentiable = True

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


class Ufunc(np.ndarray):
    """An array whose every ufunc calls the hook."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        hooks.reached()
        inputs = [np.asarray(x) if isinstance(x, Ufunc) else x for x in inputs]
        return getattr(ufunc, method)(*inputs, **kwargs)


class Finalized(np.ndarray):
    """An array that calls the hook when another is made of it."""

    def __array_finalize__(self, other):
        hooks.reached()


class Number(float):
    """An element that calls the hook when it is multiplied."""

    def __mul__(self, other):
        hooks.reached()
        return Number(float(self) * float(other))

    __rmul__ = __mul__

    def __add__(self, other):
        hooks.reached()
        return Number(float(self) + float(other))

    __radd__ = __add__


class Dying:
    """Calls the hook at its end."""

    def __del__(self):
        hooks.reached()


def constant(hook):
    """Ones, which call the hook in their way."""
    ones = np.ones(3)
    if hook == "__array_ufunc__":
        return ones.view(Ufunc)
    if hook == "__array_finalize__":
        return ones.view(Finalized)
    if hook == "objects":
        return np.array([Number(1.0)] * 3, object)
    return ones


kept = []  # weak references


def graph(hook):
    """(x, y): operations with direct loops and without, rows and Functions of both kinds."""
    x = Variable(np.array([1.0, 2.0, 4.0]))
    c = constant(hook)
    t = x * c
    t = (t + x * 1e-200 * 1e-200) / 2.0  # the second part's gradient underflows
    u, v = np.split(np.cumsum(t) * c, [1])
    t = np.concatenate([v, u]) - t[::-1] * c
    t = np.where(np.array([True, False, True]), t * t, t + x)
    t = Twice()(t) if hook == "backward" else t * 2.0
    t = Plain()(t, np.maximum(t, x * c))
    y = np.sum(t * c) + t.reshape((3, 1))[1, 0] + np.sum(fnp.arctan(x * 0.0))
    kept.clear()
    if hook in ("__del__", "weakref"):
        stack, seen = [y.creator], set()
        while stack:
            f = stack.pop()
            if f is None or id(f) in seen:
                continue
            seen.add(id(f))
            if hook == "__del__":
                f.note = Dying()
            else:
                kept.append(weakref.ref(f, hooks.reached))
            stack += [v.creator for v in f.inputs]
    return x, y


def array_of(g):
    """The numbers of a gradient."""
    g = g.data if isinstance(g, Variable) else g
    return np.asarray(g, float)


# Walks that add to `x.grad`, and those that return the gradient.
ADDING = {
    "plain": lambda x, y: y.backward(),
    "retain_grad": lambda x, y: y.backward(retain_grad=True),
    "releasing": lambda x, y: y.backward(retain_graph=False),
    "recorded": lambda x, y: y.backward(create_graph=True),
    "recorded, releasing": lambda x, y: y.backward(create_graph=True, retain_graph=False),
}
RETURNING = {
    "gradients": lambda x, y: gradients(y, x),
    "recorded gradients": lambda x, y: gradients(y, x, create_graph=True),
    "one row": lambda x, y: engine.gradients([y], [None], [x])[0],
    "rows": lambda x, y: by_rows(y, [x])[0],
    "rows at once": lambda x, y: rows_at_once(x, y),
    "grad": lambda x, y: grad(lambda a: a * y)(1.0) * 0 + gradients(y, x),
    "jacobian": lambda x, y: (
        jacobian(lambda a: a * x)(np.ones(3)) @ np.ones(3) * 0 + gradients(y, x)
    ),
    "leaves": lambda x, y: ends.leaves([y]) and gradients(y, x),
}
KINDS = {**ADDING, **RETURNING}


def rows_at_once(x, y):
    """Two rows that are carried together, if the graph takes that."""
    gxs = batched.gradients(y, np.ones(2), [x])
    return gradients(y, x) if gxs is None else gxs[0][1]


def batchable(hook):
    """Such a graph, of compiled operations alone."""
    x = Variable(np.array([1.0, 2.0, 4.0]))
    t = (x * 1e-200 * 1e-200 + x) / 2.0
    t = t * t - x[::-1] * 3.0
    kept.clear()
    return x, np.sum(np.minimum(t, x).reshape((3, 1)) * 2.0)


class Walks:
    """Walks through one graph, after which its leaf must hold what they say they gave it."""

    def __init__(self, make, hook="none"):
        self.x, self.y = make(hook)
        self.expected, self.added = expected(make), []

    def walk(self, kind):
        """Whether it came through; a RuntimeError that says why is a good answer too."""
        try:
            gx = KINDS[kind](self.x, self.y)
        except RuntimeError as error:
            assert "released" in str(error), error
            return False
        if kind in ADDING:
            self.added.append(kind)  # (which, unlike += 1, threads may do at once)
        else:
            assert np.array_equal(array_of(gx), self.expected), (kind, gx, self.expected)
        return True

    def check(self):
        gx = self.x.grad
        if self.added:
            assert np.array_equal(array_of(gx), len(self.added) * self.expected), (gx, self.added)
        else:
            assert gx is None, gx


answers = {}


def expected(make):
    """The gradient, by a walk that nobody disturbs."""
    if make not in answers:
        answers[make] = None
        x, y = make("none")
        with np.errstate(all="ignore"):
            y.backward()
        answers[make] = x.grad
    return answers[make]


class installed:
    """A block in which the hook is in place, where it belongs to no graph."""

    def __init__(self, hook):
        self.hook = hook

    def __enter__(self):
        how = {"errcall": "call", "showwarning": "warn"}.get(self.hook, "ignore")
        self.state = np.errstate(all=how, call=hooks.reached)
        self.state.__enter__()
        self.caught = warnings.catch_warnings()
        self.caught.__enter__()
        warnings.simplefilter("always" if self.hook == "showwarning" else "error")
        if self.hook == "showwarning":
            warnings.showwarning = hooks.reached
        if self.hook == "gc":
            gc.set_threshold(1)
            gc.callbacks.append(hooks.reached)

    def __exit__(self, *_):
        if self.hook == "gc":
            gc.callbacks.remove(hooks.reached)
            gc.set_threshold(700)
        self.caught.__exit__(None, None, None)
        self.state.__exit__(None, None, None)


HOOKS = ["errcall", "showwarning", "backward", "__array_ufunc__", "__array_finalize__", "objects",
         "__del__", "weakref", "gc"]  # fmt: skip


def meet_in_the_middle(hook, make=graph, most=60, stride=1):
    """Every pair of walks, the second within the first, when the hook is reached for the nth time.

    Returns how many pairs met.
    """
    n_met = 0
    for outer in KINDS:
        for inner in KINDS:
            for n in range(0, most, stride if "releasing" in inner else 7 * stride):
                walks = Walks(make, hook)
                met = []
                with installed(hook):
                    hooks.arm(n, lambda w=walks, i=inner, m=met: m.append(w.walk(i)))
                    walks.walk(outer)
                    hooks.disarm()
                try:
                    walks.check()
                except AssertionError as error:
                    raise AssertionError(f"{outer}, in it {inner}, at {n}: {error}") from None
                n_met += len(met)
                if not met:
                    break
    return n_met


def meet_in_threads(make=graph, n=20):
    """Every pair of walks, in two threads that begin together; n times, switching every us."""
    sys.setswitchinterval(1e-6)
    for one, other in itertools.combinations_with_replacement(KINDS, 2):
        for _ in range(n):
            walks, barrier, outcomes = Walks(make), threading.Barrier(2), []

            def work(kind, walks=walks, barrier=barrier, outcomes=outcomes):
                barrier.wait()
                try:
                    outcomes.append(walks.walk(kind))
                except BaseException as error:  # noqa: BLE001
                    outcomes.append(error)

            threads = [threading.Thread(target=work, args=(kind,)) for kind in (one, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert all(type(outcome) is bool for outcome in outcomes), (one, other, outcomes)
            try:
                walks.check()
            except AssertionError as error:
                raise AssertionError(f"{one} beside {other}: {error}") from None
