"""A call of a function that is differentiated, by HIPS autograd's conventions.

Its results are boxes only if they depend on a Variable outside, be it passed or captured: a
derivative that is taken of plain arguments within another function that is being differentiated is
plain. (Those of `fastgrad.transforms` are Variables there.)
"""

import sys
from threading import get_ident

import numpy as np
from numpy import asarray

from fastgrad._core import ends, engine, recorded
from fastgrad._core.config import enter, leave
from fastgrad._core.config import get as recording
from fastgrad._core.handles import ArgumentsBase, enter_origin, leave_origin
from fastgrad.compat.autograd.boxes import ArrayBox, box_of, boxed, getval, opened
from fastgrad.compat.autograd.primitives import pulling_once, pushing
from fastgrad.conversions import enter_function, leave_function, warn
from fastgrad.transforms.arguments import ones_like, zeros_like
from fastgrad.transforms.first_order import started
from fastgrad.transforms.jacobians import linear_pullback
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable


class Differentiated(ArgumentsBase):
    """`fun(x)`, recorded: `x` is an array, a number, or a nest of tuples, lists and dicts of them.

    `value` is what it returned, `ys` the leaves of that. `nested` says that derivatives are boxes.
    """

    def __init__(self, fun, x):
        self.nested, self.exposed, self.noticed = False, False, False
        kind = type(x)
        if kind is float or kind is np.float64 or (kind is np.ndarray and x.dtype.kind == "f"):
            self.structure, self.given = None, (x,)
            box = ArrayBox(asarray(x))
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
                warn(program_frame(), "Output seems independent of input.")

    def run(self, fun, box):
        """`fun(box)`, as a function that is being differentiated."""
        is_off = not recording()
        block = enter(True) if is_off else None
        before = enter_function(self.xs)
        self.origin, origin = enter_origin()
        try:
            return fun(box)
        finally:
            leave_origin(origin)
            leave_function(*before)
            if is_off:
                leave(block)

    # --- what is inside, and what is outside ---

    def depend(self, ys):
        """Whether some of these are Variables that depend on one outside."""
        ys = [y for y in ys if isinstance(y, Variable) and y.requires_grad]
        return ends.depend(ys, self.xs, self.origin)

    def outside(self, ys):
        """What is to be returned of these: of Variables their values, unless they depend so."""
        if not self.depend(ys):
            return [y.data[()] if isinstance(y, Variable) else y for y in ys]
        self.exposed = True
        return ys if len(ys) == 1 else [self.outside([y])[0] for y in ys]

    def result(self):
        """The value, as it is returned."""
        self.notice()
        if self.nested:
            return rebuild(self.outputs, self.outside(self.ys))
        if self.outputs is None:
            return getval(self.ys[0])
        return rebuild(self.outputs, list(map(getval, self.ys)))

    def only_first(self):
        """Let only the first part of the value, a tuple, count from now on."""
        self.value, _ = self.value
        self.ys, self.outputs = flatten(opened(self.value))

    def notice(self):
        """A Variable that the function captured counts as one that it was passed."""
        if not self.noticed:
            self.nested, self.noticed = self.nested or self.depend(self.ys), True

    # --- derivatives ---

    def pull_once(self):
        """The gradients for the argument, of the sum of the value, where no others will follow."""
        thread = get_ident()
        if thread in pulling_once:
            return self.pull(None)
        pulling_once.add(thread)
        try:
            return self.pull(None)
        finally:
            pulling_once.discard(thread)

    def pull(self, gys):
        """The gradients for the argument, from those of the leaves of the value; None for ones."""
        ys, nested, arrays = self.ys, self.nested, gys
        if self.outputs is not None or not isinstance(ys[0], Variable):
            gys = gys and [gy for y, gy in zip(ys, gys, strict=True) if isinstance(y, Variable)]
            ys = [y for y in ys if isinstance(y, Variable)]
        if gys is not None:
            if nested or not all(map(fits, gys, ys)):
                gys = list(map(started, gys, ys))
                nested = nested or any(gy.requires_grad for gy in gys)
            arrays = [gy.data if isinstance(gy, Variable) else gy for gy in gys]
        gxs = None
        if not nested:
            gxs = engine.gradients(ys, arrays or [None] * len(ys), self.xs, self.origin)
            self.nested, self.noticed = gxs is None, True  # None: it met what was captured
        if gxs is None:
            self.exposed = True
            gys = list(map(ones_like, ys) if gys is None else map(started, gys, ys))
            gxs = self.outside(self.recorded(ys, gys, self.xs))
        if self.structure is None:
            return as_given(self.xs[0], self.given[0], gxs[0])
        return self.packed(map(as_given, self.xs, self.given, gxs))

    def recorded(self, ys, gys, xs, hooks=True):
        """The gradients for `xs` as Variables, which can be differentiated themselves."""
        before = enter_function(())
        try:
            return recorded.gradients(ys, gys, xs, True, hooks=hooks)
        finally:
            leave_function(*before)

    def packed(self, parts):
        """One part for each leaf of the argument, in its structure."""
        return boxed(rebuild(self.structure, list(parts)))

    def vjp(self, g):
        """The gradient for the argument, from one of the value."""
        if self.structure is self.outputs is None and not self.nested:
            y, gy = self.value, asarray(g) if type(g) in (float, np.float64) else g
            if isinstance(y, Variable) and fits(gy, y):
                gxs = engine.gradients([y], [gy], self.xs, self.origin)
                if gxs is not None:
                    return as_given(self.xs[0], self.given[0], gxs[0])
        return self.pull(flatten_as(self.outputs, g, "the gradient to pull back"))

    def push(self, v):
        """The derivative of the value along `v`, of the structure of the argument; None for ones.

        By differentiating the pullback, which is linear, for the gradients that it is given.
        """
        if v is None:
            vs = list(map(ones_like, self.xs))
        else:
            vs = flatten_as(self.structure, opened(v), "the tangent")
            vs = [started(dx, x) for dx, x in zip(vs, self.xs, strict=True)]
            self.nested = self.nested or any(dx.requires_grad for dx in vs)
        self.notice()
        ys, us, gxs = self.pullback()
        pairs = [(gx, dx) for gx, dx in zip(gxs, vs, strict=True) if gx is not None]
        made, along = [gx for gx, _ in pairs], [dx for _, dx in pairs]
        if self.nested:
            dus = self.recorded(made, along, us, hooks=False)
        else:
            dus = engine.gradients(made, [dx.data for dx in along], us, hooks=False)
        found = dict(zip(map(id, ys), dus, strict=True))
        dys = [found.get(id(y)) for y in self.ys]
        dys = [zeros_like(y) if dy is None else dy for y, dy in zip(self.ys, dys, strict=True)]
        dys = [dy if isinstance(dy, Variable) else dy[()] for dy in self.outside(dys)]
        return boxed(rebuild(self.outputs, dys))

    def pullback(self):
        """The Variables among the leaves of the value, gradients of them, and what these become."""
        thread = get_ident()
        alone = thread not in pushing
        pushing.add(thread)
        try:
            return linear_pullback(self.ys, self.xs, self.nested, False)
        finally:
            if alone:
                pushing.discard(thread)


def program_frame():
    """The innermost frame that is none of fastgrad's."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("fastgrad."):
        frame = frame.f_back
    return frame


def fits(gy, y):
    """Whether it is an array that a gradient of `y` can begin with as it is."""
    return type(gy) is np.ndarray and gy.shape == y.shape and gy.dtype == y.dtype


def as_given(x, given, gx):
    """A gradient as it is returned: zeros for none, a number for a number."""
    gx = zeros_like(x) if gx is None else gx
    return gx if isinstance(given, np.ndarray) or isinstance(gx, Variable) else gx[()]
