"""The engine in plain Python, a page that runs: `python docs/engine_in_python.py`.

What fastgrad's compiled core does, without what makes it fast. Read it first, then
docs/architecture.md for where each piece is in the compiled code:

    Variable   a handle: data, gradient, and its place in the graph     _core/handles.pyx, graph.pyx
    Function   a node that is run in Python                             _core/function.pyx
    Operation  a node of a built-in operation                           _core/operation.pyx
    Run        one backward: a queue, gradients in flight, the end      _core/engine.pyx, run.pyx

The operations and their formulas are those of benchmarks/baseline.py; the queue that is sorted at
every push is the seed's, of benchmarks/seed.py. What differs from the seed is what the README's
contract says differs: gradients in flight are kept apart, and are shown at the end, at once; an
operation differentiates for the values that it recorded; what needs no gradient is not recorded;
outputs that were dropped count as without gradient.

This is no sketch: tests/fuzz runs random programs with it and with fastgrad side by side, and
compares values, gradients, errors and reference counts.
"""

import contextlib
import sys
import weakref
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import baseline, seed
from benchmarks.seed import Config, as_array, using_config

__all__ = [
    "Config", "Function", "Operation", "Part", "Run", "Variable", "as_array", "depends_on",
    "recorded", "using_config",
]  # fmt: skip


def recorded(x):
    """What an operation keeps of an array: the number of a 0-d float64, else the array itself."""
    is_number = isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype == np.float64
    return x.copy() if is_number else x


class Variable(seed.Variable):
    """A Variable of the model. If it has a creator, `was` is the array it was recorded with."""

    slot, was, requires_grad = 0, None, True

    def __init__(self, data, requires_grad=True):
        super().__init__(data)
        self.requires_grad = requires_grad

    def as_recorded(self):
        """Its data; what they were when it was recorded, if they were assigned since."""
        return self.data if self.creator is None else self.was

    def cut(self):
        """`v.creator = None`."""
        self.creator = self.was = None

    def set_creator(self, f):
        """Make it an output of `f`: that which `f.outputs` says, or else the next one."""
        known = [reference() for reference in f.outputs]
        self.slot = next((i for i, y in enumerate(known) if y is self), len(known))
        if self.slot == len(known):
            f.outputs.append(weakref.ref(self))
        self.creator, self.generation, self.was = f, f.generation + 1, self.data
        self.requires_grad = True

    def backward(self, retain_grad=False, create_graph=False, retain_graph=True):
        """Walk the graph; `.grad` is written at the end."""
        if not self.requires_grad:
            raise RuntimeError("no gradient")
        run = Run(retain_grad, create_graph, retain_graph)
        run.start(self)
        run.walk()
        run.show()


class Function:
    """A Function written in Python."""

    differentiable = False
    spent = False
    generation = 0

    def __init__(self):
        self.outputs = []

    def __call__(self, *inputs):
        """Compute, and record that if an input requires a gradient."""
        values = [x.data if isinstance(x, Variable) else x for x in inputs]
        ys = self.forward(*values)
        needy = [x for x in inputs if isinstance(x, Variable) and x.requires_grad]
        many = isinstance(ys, tuple)
        ys = [Variable(as_array(y), bool(needy)) for y in (ys if many else (ys,))]
        if needy and Config.enable_backprop:
            self.generation = max(x.generation for x in needy)
            self.keep(inputs, values)
            for y in ys:
                y.set_creator(self)
        return ys if len(ys) > 1 else ys[0]

    def keep(self, inputs, values):
        """Its inputs, whole."""
        self.inputs = tuple(x if isinstance(x, Variable) else Variable(np.asarray(x), False)
                            for x in inputs)  # fmt: skip

    @property
    def inputs(self):
        """The Variables that it was called with, or that were assigned."""
        return self.whole

    @inputs.setter
    def inputs(self, xs):
        self.whole, self.values = xs, [None if x is None else x.data for x in xs]

    @contextlib.contextmanager
    def as_it_was(self):
        """A block in which its inputs have the data that they had when it was called."""
        now = [x.data for x in self.inputs]
        for x, value in zip(self.inputs, self.values, strict=True):
            x.data = value
        try:
            yield
        finally:
            for x, value in zip(self.inputs, now, strict=True):
                x.data = value

    def gradients(self, gys, create_graph):
        """Pairs of an input and the gradient for it."""
        if self.differentiable:
            gys = [None if gy is None else Variable(gy) for gy in gys]
            with using_config("enable_backprop", False), self.as_it_was():
                gxs = self.backward(*gys)
        elif create_graph:
            raise RuntimeError("not differentiable")
        else:
            with self.as_it_was():
                gxs = self.backward(*gys)
        gxs = gxs if isinstance(gxs, tuple) else (gxs,)
        for x, gx, value in zip(self.inputs, gxs, self.values, strict=True):
            gx = gx.data if isinstance(gx, seed.Variable) else gx
            if x.requires_grad and gx is not None:
                yield x, baseline.fit(gx, seed.Variable(value))


class Operation(Function):
    """The place in the graph of an operation, which is a Function of the baseline's kind."""

    def __init__(self, operation):
        super().__init__()
        self.operation = operation
        self.forward = operation.forward

    def keep(self, inputs, values):
        """The values as they are now, and who needs a gradient now."""
        self.inputs = tuple(x if isinstance(x, Variable) and x.requires_grad else None
                            for x in inputs)  # fmt: skip
        self.operation.inputs = tuple(
            (seed.Constant if x is None else seed.Variable)(recorded(value))
            for x, value in zip(self.inputs, values, strict=True)
        )

    def gradients(self, gys, create_graph):
        """Pairs of an input and the gradient for it."""
        gxs = self.operation.backward(*gys)
        gxs = gxs if isinstance(gxs, tuple) else (gxs,)
        return [pair for pair in zip(self.inputs, gxs, strict=True) if pair[0] is not None]


class Part:
    """A gradient for `x[index]` alone: it is added there, and nowhere else."""

    def __init__(self, index, gy, x):
        self.index, self.gy, self.x = index, gy, x

    def added_to(self, g):
        """`g`, or zeros, with the part added."""
        g = np.zeros_like(self.x) if g is None else g.copy()
        np.add.at(g, self.index, self.gy)
        return g


def total(g, gx):
    """The sum of the contributions so far, and one more."""
    if isinstance(gx, Part):
        return gx.added_to(g)
    return np.asarray(gx if g is None else g + gx)


class Run:
    """One backward."""

    def __init__(self, retain_grad, create_graph, retain_graph):
        self.retain_grad, self.create_graph = retain_grad, create_graph
        self.retain_graph = retain_graph or create_graph
        self.queue, self.gradients, self.done = [], {}, set()
        self.leaves, self.interior = {}, []

    def start(self, y):
        """Begin at `y`: with its `.grad`, or with ones."""
        like = y.as_recorded()
        gy = np.ones_like(like) if y.grad is None else np.broadcast_to(y.grad, like.shape)
        if y.creator is None and not self.create_graph:
            self.interior.append((y, gy))
            return
        gy = gy.astype(like.dtype)
        if y.creator is None:
            self.interior.append((y, gy))
            return
        self.deposit(y, gy)
        self.note(y, gy)

    def deposit(self, x, gx):
        """Add to what is in flight for `x`, or for the output that it is."""
        if x.creator is None:
            if x.requires_grad:
                self.leaves[x] = total(self.leaves.get(x, x.grad), gx)
            return
        f = x.creator
        if f in self.done:
            return
        if f not in self.gradients:
            self.gradients[f] = {}
            self.queue.append(f)
            self.queue.sort(key=lambda f: f.generation)  # stable: the last one in is the first out
        gys = self.gradients[f]
        gys[x.slot] = total(gys.get(x.slot), gx)

    def walk(self):
        """Visit what is queued."""
        while self.queue:
            f = self.queue.pop()
            if f.spent:
                raise RuntimeError("spent")
            gys = [self.gradients[f].get(slot) for slot in range(len(f.outputs))]
            self.done.add(f)
            for slot, reference in enumerate(f.outputs):
                y = reference()
                if y is not None and y.creator is f and y.slot == slot:
                    self.note(y, gys[slot])
            for x, gx in f.gradients(gys, self.create_graph):
                self.deposit(x, gx)
            if not self.retain_graph:
                f.spent = True

    def note(self, y, gy):
        """What an interior Variable shows in the end."""
        if self.retain_grad:
            if gy is not None:
                self.interior.append((y, gy))
        elif y.grad is not None:
            self.interior.append((y, None))

    def show(self):
        """Write every `.grad`; none shares memory with another."""
        for x, gx in [*self.interior, *self.leaves.items()]:
            x.grad = None if gx is None else np.array(gx)


def depends_on(x, v):
    """Whether `x` was computed from `v`, or is it."""
    stack, seen = [x], set()
    while stack:
        x = stack.pop()
        if x is v:
            return True
        if x is not None and x not in seen:
            seen.add(x)
            if x.creator is not None:
                stack += x.creator.inputs
    return False


# --- a demonstration ---


class Told(Run):
    """A run that tells what it does."""

    def deposit(self, x, gx):
        """Say where the gradient goes, and add it there."""
        to = (
            "a leaf"
            if x.creator is None
            else f"{name_of(x.creator)}, generation {x.generation - 1}"
        )
        print(f"    {gx} goes to {to}")
        super().deposit(x, gx)

    def note(self, y, gy):
        """Say that an output is passed."""
        super().note(y, gy)
        if y.creator in self.done:
            print(f"visit {name_of(y.creator)}, whose output has the gradient {gy}")


def name_of(f):
    """The name of the operation."""
    return type(f.operation).__name__


def main():
    """`a * b` to `a.grad`."""
    a, b, c = (Variable(np.array(x)) for x in (3.0, 2.0, 1.0))
    product = Operation(baseline.Mul())(a, b)
    square = Operation(baseline.Mul())(product, product)
    y = Operation(baseline.Add())(square, c)
    print(f"y = (a * b) * (a * b) + c = {y.data}")

    run = Told(retain_grad=False, create_graph=False, retain_graph=True)
    run.start(y)
    run.walk()
    print(f"the queue is empty; a.grad is {a.grad} still")
    run.show()
    print(f"a.grad, b.grad, c.grad = {a.grad}, {b.grad}, {c.grad}")


if __name__ == "__main__":
    main()
