"""A call of a function that is differentiated, by HIPS autograd's conventions.

Its results are boxes only if they depend on a Variable outside, be it passed or captured: a
derivative that is taken of plain arguments within another function that is being differentiated is
plain. (Those of `fastgrad.transforms` are Variables there.)
"""

import warnings
from threading import get_ident

import numpy as np

from fastgrad._core import ends, engine, recorded
from fastgrad._core.config import enter, leave
from fastgrad._core.node import ArgumentsBase, enter_origin, leave_origin
from fastgrad.compat.autograd.boxes import ArrayBox, box_of, boxed, opened
from fastgrad.conversions import running
from fastgrad.transforms.arguments import ones_like, zeros_like
from fastgrad.transforms.first_order import started
from fastgrad.transforms.jacobians import pushed_forward
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable


class Differentiated(ArgumentsBase):
    """`fun(x)`, recorded: `x` is an array, a number, or a nest of tuples, lists and dicts of them.

    `value` is what it returned, `ys` the leaves of that. `nested` says that derivatives are boxes,
    `forward` that primitives are differentiated by their JVPs.
    """

    def __init__(self, fun, x, forward=False):
        self.nested, self.exposed, self.forward = False, False, forward
        if type(x) is np.ndarray or type(x) is float or type(x) is np.float64:
            self.structure, self.given = None, [x]
            box = ArrayBox(np.asarray(x))
            self.xs = [box]
        else:
            self.given, self.structure = flatten(opened(x))
            self.xs = []
            for leaf in self.given:
                box, self.nested = box_of(leaf, self.nested)
                self.xs.append(box)
            box = boxed(rebuild(self.structure, self.xs))
        self.value = self.run(fun, box)
        if isinstance(self.value, Variable):
            self.ys, self.outputs = [self.value], None
        else:
            self.ys, self.outputs = flatten(opened(self.value))
            if not any(isinstance(y, Variable) for y in self.ys):
                warnings.warn("Output seems independent of input.", stacklevel=4)

    def run(self, fun, box):
        """`fun(box)`, as a function that is being differentiated."""
        thread, before = get_ident(), enter(True)
        outside = running.get(thread)
        running[thread] = self.xs if outside is None else (*outside, *self.xs)
        self.origin, origin = enter_origin()
        try:
            return fun(box)
        finally:
            leave_origin(origin)
            if outside is None:
                del running[thread]
            else:
                running[thread] = outside
            leave(before)

    # --- what is inside, and what is outside ---

    def depends(self, y):
        """Whether `y` is a Variable that depends on one outside."""
        if not isinstance(y, Variable) or not y.requires_grad:
            return False
        own = set(map(id, self.xs))
        return any(id(x) not in own for x in ends.leaves([y]))

    def outside(self, y):
        """`y` as it is returned: a box only if it depends on a Variable outside."""
        if not isinstance(y, Variable):
            return y
        return y if self.depends(y) else y.data[()]

    def result(self):
        """The value, as it is returned."""
        return rebuild(self.outputs, list(map(self.outside, self.ys)))

    def only_first(self):
        """Let only the first part of the value, a tuple, count from now on."""
        self.value, _ = self.value
        self.ys, self.outputs = flatten(opened(self.value))

    def notice(self):
        """A Variable that the function captured counts as one that it was passed."""
        self.nested = self.nested or any(map(self.depends, self.ys))

    # --- derivatives ---

    def pull(self, gys):
        """The gradients for the argument, from those of the leaves of the value; None for ones."""
        gys = [None] * len(self.ys) if gys is None else gys
        pairs = [(y, gy) for y, gy in zip(self.ys, gys, strict=True) if isinstance(y, Variable)]
        ys, nested = [y for y, _ in pairs], self.nested
        gys = [gy if gy is None else started(gy, y) for y, gy in pairs]
        nested = nested or any(gy is not None and gy.requires_grad for gy in gys)
        gxs = None
        if not nested:
            gxs = engine.gradients(
                ys, [gy if gy is None else gy.data for gy in gys], self.xs, self.origin
            )
            self.nested = gxs is None  # it met a Variable that the function captured
        if gxs is None:
            self.exposed = True
            gxs = self.recorded(ys, gys)
        return self.packed(map(self.as_given, self.xs, self.given, gxs))

    def recorded(self, ys, gys):
        """The gradients as Variables, which can be differentiated themselves."""
        gys = [ones_like(y) if gy is None else gy for y, gy in zip(ys, gys, strict=True)]
        thread = get_ident()
        outside = running.get(thread)
        running[thread] = outside or ()
        try:
            gxs = recorded.gradients(ys, gys, self.xs, True)
        finally:
            if outside is None:
                del running[thread]
        return gxs

    def as_given(self, x, given, gx):
        """A gradient as it is returned: of the kind of the argument."""
        if gx is None:
            gx = zeros_like(x)
        elif isinstance(gx, Variable):
            gx = self.outside(gx)
        return gx if isinstance(given, np.ndarray) or isinstance(gx, Variable) else gx[()]

    def packed(self, parts):
        """One part for each leaf of the argument, in its structure."""
        return boxed(rebuild(self.structure, list(parts)))

    def vjp(self, g):
        """The gradient for the argument, from one of the value."""
        return self.pull(flatten_as(self.outputs, g, "the gradient to pull back"))

    def push(self, v):
        """The derivative of the value along `v`, which has the structure of the argument."""
        vs = flatten_as(self.structure, opened(v), "the tangent")
        vs = [started(dx, x) for dx, x in zip(vs, self.xs, strict=True)]
        self.nested = self.nested or any(dx.requires_grad for dx in vs)
        self.notice()
        dys = pushed_forward(self, self.ys, vs)
        dys = [self.outside(dy) for dy in dys]
        return boxed(rebuild(self.outputs, dys))
