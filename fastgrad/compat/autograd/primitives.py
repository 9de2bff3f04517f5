"""Functions whose derivatives a program gives, as `primitive` makes them: a node for each call.

A rule `maker(argnums, ans, args, kwargs)` gets the call as arrays at first order; where its result
is itself differentiated, as boxes, among them the very output that it is a rule of.
"""

from threading import get_ident

import numpy as np

from fastgrad._core.config import get as recording
from fastgrad._core.function import Function
from fastgrad.compat.autograd.boxes import Box, boxed, getval, holds_box, opened
from fastgrad.conversions import running
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable

# The rules of a primitive: `maker(argnums, ans, args, kwargs)(g)` returns a gradient for each of
# `argnums`; `maker(argnums, gs, ans, args, kwargs)` the derivative of the output along `gs`.
primitive_vjps, primitive_jvps = {}, {}


class Call:
    """What one call was: kept apart from the node, whose attributes are looked through."""

    __slots__ = ("fun", "args", "kwargs", "boxes", "ans", "outputs", "free", "pull")

    def __init__(self, fun, args, kwargs):
        self.fun, self.args, self.kwargs, self.pull = fun, list(args), kwargs, None
        self.boxes = []  # of an argument with boxes: its number, structure, and leaves' values

    def opened(self):
        """The boxes among the arguments, in whose place come their values."""
        xs = []
        for i, x in enumerate(self.args):
            if isinstance(x, Variable):
                leaves, structure = [x], None
            elif isinstance(x, (tuple, list, dict)) and holds_box(x):
                leaves, structure = flatten(opened(x))
            else:
                continue
            values = [getval(leaf) for leaf in leaves]
            self.args[i] = rebuild(structure, values)
            free = [isinstance(leaf, Variable) and leaf.requires_grad for leaf in leaves]
            if any(free):
                self.boxes.append((i, structure, values, free))
                xs += [leaf for leaf, is_free in zip(leaves, free, strict=True) if is_free]
        return xs

    def args_of(self, xs):
        """The arguments, with the Variables `xs` where boxes came."""
        args, xs = list(self.args), iter(xs)
        for i, structure, values, free in self.boxes:
            leaves = [next(xs) if f else v for v, f in zip(values, free, strict=True)]
            args[i] = boxed(rebuild(structure, leaves))
        return tuple(args)

    def ans_of(self, ys):
        """What the function returned, with the Variables `ys` for what is differentiable of it."""
        ys = iter(ys)
        leaves = [next(ys) if f else v for v, f in zip(self.outputs[1], self.free, strict=True)]
        return boxed(rebuild(self.outputs[0], leaves))

    def like_ans(self, gys):
        """Gradients in the structure of what the function returned; zeros where none came."""
        structure, values = self.outputs
        if structure is None:
            return gys[0]
        gys, leaves = iter(gys), []
        for value, f in zip(values, self.free, strict=True):
            gy = next(gys) if f else None
            leaves.append(np.zeros_like(value) if f and gy is None else gy)
        return boxed(rebuild(structure, leaves))

    def like_args(self, dxs):
        """The numbers of the arguments along which there is a tangent, and these tangents."""
        argnums, tangents, dxs = [], [], iter(dxs)
        for i, structure, values, free in self.boxes:
            leaves = [next(dxs) if f else None for f in free]
            if any(leaf is not None for leaf in leaves):
                argnums.append(i)
                leaves = [
                    np.zeros_like(x) if dx is None else dx
                    for x, dx in zip(values, leaves, strict=True)
                ]
                tangents.append(boxed(rebuild(structure, leaves)))
        return tuple(argnums), tangents

    def compute(self):
        """The outputs that have gradients, as arrays."""
        self.ans = dense(outside(self.fun.fun, self.args, self.kwargs))
        leaves, structure = flatten(self.ans)
        self.outputs = structure, leaves
        self.free = [type(y) in Box.type_mappings or isinstance(y, np.ndarray) for y in leaves]
        if holds_box(self.ans):
            raise TypeError(
                f"{self.name}: the function uses a box that is not among its positional arguments: "
                "its gradient would be lost; pass it as one"
            )
        if structure is None and not self.free[0]:
            raise TypeError(f"Can't differentiate w.r.t. type {type(self.ans)}")
        return [np.asanyarray(y) for y, f in zip(leaves, self.free, strict=True) if f]

    @property
    def name(self):
        """The name of the function."""
        return getattr(self.fun, "__name__", repr(self.fun))

    def rule(self, rules, kind):
        """The rule for the arguments that came as boxes."""
        try:
            return rules[self.fun]
        except KeyError:
            raise NotImplementedError(
                f"{kind} of {self.name} wrt argnums {tuple(self.argnums())} not defined"
            ) from None

    def argnums(self):
        """The numbers of the arguments with boxes."""
        return tuple(i for i, _, _, _ in self.boxes)

    def gradients(self, gxs):
        """Those for the boxes, from what a rule returned: one for each argument."""
        gxs, found = list(gxs), []
        for gx, (_, structure, values, free) in zip(gxs, self.boxes, strict=True):
            parts = flatten_as(structure, opened(dense(gx)), f"{self.name}: the gradient")
            for part, x, f in zip(parts, values, free, strict=True):
                if f:
                    found.append(fitted(part, np.shape(x)))
        return found


class SparseObject:
    """A gradient that `mut_add` adds to an array of the space `vs`."""

    __slots__ = ("vs", "mut_add")

    def __init__(self, vs, mut_add):
        self.vs, self.mut_add = vs, mut_add


def dense(x):
    """`x`, an array in place of a SparseObject."""
    return x.mut_add(x.vs.zeros()) if isinstance(x, SparseObject) else x


def fitted(gx, shape):
    """A gradient as the engine takes it: of that shape, which a rule may have left to broadcast."""
    if gx is None:
        return None
    if not isinstance(gx, Variable):
        gx = np.asarray(gx)
        if recording():
            return None if not gx.any() else gx
    if gx.shape == shape:
        return gx
    if gx.size == np.prod(shape, dtype=int):
        return np.reshape(gx, shape)
    return np.broadcast_to(gx, shape)


def outside(f, args, kwargs):
    """`f(*args, **kwargs)`, as outside of all functions that are being differentiated."""
    thread = get_ident()
    inside = running.pop(thread, None)
    try:
        return f(*args, **kwargs)
    finally:
        if inside is not None:
            running[thread] = inside


class PrimitiveCall(Function):
    """The node of a call of a primitive."""

    differentiable = True

    def __init__(self, call):
        self.call = call

    def forward(self, *xs):
        """The outputs that have gradients; `xs` are among the arguments already."""
        return tuple(self.call.compute())

    def backward(self, *gys):
        """By the rule of the primitive: of arrays, or, to be recorded, of boxes."""
        call = self.call
        if recording():
            ys = [reference() for reference in self.outputs]
            if get_ident() in pushing and call.fun in primitive_jvps:
                return Transpose(call, self.inputs, ys).applied(gys)
            maker, ans = call.rule(primitive_vjps, "VJP"), call.ans_of(ys)
            pull = maker(call.argnums(), ans, call.args_of(self.inputs), call.kwargs)
        else:
            if call.pull is None:
                maker = call.rule(primitive_vjps, "VJP")
                call.pull = maker(call.argnums(), call.ans, tuple(call.args), call.kwargs)
            pull = call.pull
            gys = [gy if gy is None else getval(gy) for gy in gys]
        return tuple(call.gradients(pull(call.like_ans(gys))))


class Transpose(Function):
    """What pulls gradients of a call back, for forward mode: its own gradient is by the JVP.

    (So what it returns, from gradients that are zero there, is zero.)
    """

    differentiable = True

    def __init__(self, call, xs, ys):
        self.call = call
        self.held = lambda: (xs, ys)  # Variables, of the graph that is differentiated

    def applied(self, gys):
        """The gradients for the boxes of the call."""
        ys = self.held()[1]
        gxs = self(*[
            Variable(np.zeros_like(y.data), requires_grad=False) if gy is None else gy
            for y, gy in zip(ys, gys, strict=True)
        ])  # fmt: skip
        return tuple(gxs) if isinstance(gxs, list) else (gxs,)

    def forward(self, *gys):
        """Zeros, of the shapes of the boxes."""
        return tuple(np.zeros_like(x.data) for x in self.held()[0])

    def backward(self, *dxs):
        """The derivatives of the outputs along `dxs`."""
        call, (xs, ys) = self.call, self.held()
        if recording():
            ans, args = call.ans_of(ys), call.args_of(xs)
        else:
            ans, args = call.ans, tuple(call.args)
            dxs = [dx if dx is None else getval(dx) for dx in dxs]
        argnums, tangents = call.like_args(dxs)
        maker = call.rule(primitive_jvps, "JVP")
        dys = flatten_as(call.outputs[0], opened(maker(argnums, tangents, ans, args, call.kwargs)),
                         f"{call.name}: the derivative")  # fmt: skip
        return tuple(
            fitted(dy, np.shape(y))
            for dy, y, f in zip(dys, call.outputs[1], call.free, strict=True) if f
        )  # fmt: skip


def call_primitive(fun, args, kwargs):
    """The result of a primitive of which an argument holds a box."""
    call = Call(fun, args, kwargs)
    xs = call.opened()
    if not xs or not recording() or fun in notrace:
        return outside(fun.fun, call.args, kwargs)
    ys = PrimitiveCall(call)(*xs)
    return call.ans_of(ys if isinstance(ys, list) else [ys])


notrace = set()  # primitives whose results are plain
pushing = set()  # threads in which what is recorded are pullbacks, to be differentiated for jvp
