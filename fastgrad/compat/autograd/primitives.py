"""Functions whose derivatives a program gives, as `primitive` makes them: a node for each call.

A rule `maker(argnums, ans, args, kwargs)` gets the call as arrays at first order; where its result
is itself differentiated, as boxes, among them the very output that it is a rule of.
"""

from threading import get_ident

import numpy as np

from fastgrad._core.config import get as recording
from fastgrad._core.function import Function
from fastgrad.compat.autograd.boxes import ArrayBox, Box, boxed, getval, holds_box, opened
from fastgrad.conversions import running
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable

# The rules of a primitive: `maker(argnums, ans, args, kwargs)(g)` returns a gradient for each of
# `argnums`; `maker(argnums, gs, ans, args, kwargs)` the derivative of the output along `gs`.
primitive_vjps, primitive_jvps = {}, {}


class Call:
    """What one call was.

    `args` are values, those of `argnums` in the place of boxes. What is a nest of several has an
    entry in `nests`: its structure, the values of its leaves, and which of them were boxes; so has
    what the function returned, in `outputs`.
    """

    __slots__ = ("fun", "args", "kwargs", "argnums", "nests", "ans", "outputs")

    def __init__(self, fun, args, kwargs):
        self.fun, self.args, self.kwargs = fun, list(args), kwargs
        self.argnums, self.nests, self.outputs = [], {}, None

    @property
    def name(self):
        """The name of the function."""
        return getattr(self.fun, "__name__", repr(self.fun))

    def opened(self):
        """The boxes among the arguments, in whose place come their values."""
        xs, args = [], self.args
        for i, x in enumerate(args):
            if isinstance(x, Variable):
                args[i] = getval(x)
                if x.requires_grad:
                    xs.append(x)
                    self.argnums.append(i)
            elif isinstance(x, (tuple, list, dict)) and holds_box(x):
                leaves, structure = flatten(opened(x))
                values = [getval(leaf) for leaf in leaves]
                args[i] = rebuild(structure, values)
                free = [isinstance(leaf, Variable) and leaf.requires_grad for leaf in leaves]
                if any(free):
                    xs += [leaf for leaf, is_free in zip(leaves, free, strict=True) if is_free]
                    self.argnums.append(i)
                    self.nests[i] = structure, values, free
        return xs

    def returned(self, ans):
        """The outputs that have gradients: an array or a number, or a tuple of arrays."""
        self.ans = ans
        if holds_box(ans):
            raise TypeError(
                f"{self.name}: the function uses a box that is not among its positional arguments: "
                "its gradient would be lost; pass it as one"
            )
        if isinstance(ans, (tuple, list, dict)):
            leaves, structure = flatten(ans)
            free = list(map(is_vector, leaves))
            self.outputs = structure, leaves, free
            return tuple(np.asanyarray(y) for y, f in zip(leaves, free, strict=True) if f)
        if is_vector(ans):
            return ans
        raise TypeError(f"Can't differentiate w.r.t. type {type(ans)}")

    # --- with Variables, or gradients, where boxes came or were made ---

    def args_of(self, xs):
        """The arguments, with `xs` where boxes came."""
        args, xs = list(self.args), iter(xs)
        for i in self.argnums:
            args[i] = filled(self.nests[i], xs) if i in self.nests else next(xs)
        return tuple(args)

    def ans_of(self, ys):
        """What the function returned, with `ys` for what is differentiable of it."""
        return ys[0] if self.outputs is None else filled(self.outputs, iter(ys))

    def like_ans(self, gys):
        """Gradients in the structure of what the function returned; zeros where none came."""
        return gys[0] if self.outputs is None else filled(self.outputs, iter(gys), True)

    def like_args(self, dxs):
        """The numbers of the arguments along which there is a tangent, and these tangents."""
        dxs, tangents = iter(dxs), {}
        for i in self.argnums:
            nest = self.nests.get(i)
            parts = [next(dxs) for f in nest[2] if f] if nest else [next(dxs)]
            if any(dx is not None for dx in parts):
                tangents[i] = filled(nest, iter(parts), True) if nest else parts[0]
        return tuple(tangents), list(tangents.values())

    def gradients(self, gxs):
        """Those for the boxes, from what a rule returned: one for each argument."""
        found = []
        for gx, i in zip(gxs, self.argnums, strict=True):
            if i in self.nests:
                found += self.parts(dense(gx), self.nests[i])
            else:
                found.append(self.fitted(gx, self.args[i]))
        return tuple(found)

    def parts(self, derivative, nest):
        """Of a derivative for a nest, or for what the function returned, those of its arrays."""
        if nest is None:
            return (self.fitted(derivative, self.ans),)
        structure, values, free = nest
        if derivative is None:
            return (None,) * sum(free)
        if isinstance(derivative, (np.ndarray, Variable)) and derivative.ndim:
            derivative = list(derivative)  # of a sequence; its elements
        leaves = flatten_as(structure, opened(derivative), f"{self.name}: the derivative")
        return tuple(
            self.fitted(leaf, x)
            for leaf, x, f in zip(leaves, values, free, strict=True) if f
        )  # fmt: skip

    def fitted(self, gx, x):
        """A gradient for `x` as the engine takes it, of a shape that a rule may leave to NumPy."""
        if gx is None:
            return None
        shape = np.shape(x)
        if not isinstance(gx, Variable):
            gx = np.asarray(dense(gx))
            if recording():  # as in autograd, what is no box is a constant
                if not gx.any():
                    return None
                gx = Variable(gx, requires_grad=False)
        if gx.shape == shape:
            return gx
        if gx.size == np.prod(shape, dtype=int):
            return np.reshape(gx, shape)
        try:
            return np.broadcast_to(gx, shape)
        except ValueError:
            wrong = f"{self.name}: a derivative has shape {gx.shape}, expected {shape}"
            raise ValueError(wrong) from None

    def rule(self, rules, kind):
        """The rule for the arguments that came as boxes."""
        try:
            return rules[self.fun]
        except KeyError:
            raise NotImplementedError(
                f"{kind} of {self.name} wrt argnums {tuple(self.argnums)} not defined"
            ) from None


def is_vector(x):
    """Whether it is an array, or a number that can be differentiated for."""
    return isinstance(x, np.ndarray) or Box.type_mappings.get(type(x)) is ArrayBox


def filled(nest, parts, zeros=False):
    """A nest, with the next of `parts` where boxes were, and values, or zeros, for the rest."""
    structure, values, free = nest
    leaves = [
        next(parts) if f else (None if zeros else x) for x, f in zip(values, free, strict=True)
    ]
    if zeros:
        leaves = [np.zeros_like(x) if leaf is None else leaf
                  for x, leaf in zip(values, leaves, strict=True)]  # fmt: skip
    return boxed(rebuild(structure, leaves))


class SparseObject:
    """A gradient that `mut_add` adds to an array of the space `vs`."""

    __slots__ = ("vs", "mut_add")

    def __init__(self, vs, mut_add):
        self.vs, self.mut_add = vs, mut_add


def dense(x):
    """`x`, an array in place of a SparseObject."""
    return x.mut_add(x.vs.zeros()) if isinstance(x, SparseObject) else x


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
    """The node of a call of a primitive: each of these has a class of its own, with its `fun`.

    Its attributes are `ans`, the output, and of `n` arguments those that are no boxes, "0", ...
    Where these are atoms they refer to nothing, so the garbage collector, which would pass over
    long graphs again and again, need not look at the node: see NOTE [Garbage collector] in _core.
    Of other arguments and outputs it has the `call`.
    """

    saves_values = True

    differentiable = True

    def forward(self, *xs):
        """The outputs that have gradients, of the values of the boxes."""
        own = vars(self)
        call = own.get("call")
        args = self.values(xs) if call is None else call.args
        ans = dense(outside(self.fun.fun, args, {} if call is None else call.kwargs))
        if call is None and is_vector(ans) and not isinstance(ans, Variable):
            own["ans"] = ans
            return ans
        if call is None:
            self.call = call = self.call_of(xs)
        return call.returned(ans)

    def values(self, xs):
        """The arguments, of the arrays of the boxes and the atoms."""
        own, xs = vars(self), iter(xs)
        n = own.get("n")
        if n is None:
            return [x if x.ndim else x[()] for x in xs]
        args = []
        for name in NAMES[:n]:
            if name in own:
                args.append(own[name])
            else:
                x = next(xs)
                args.append(x if x.ndim else x[()])
        return args

    def call_of(self, xs):
        """The call, `xs` being the arrays of the boxes."""
        own = vars(self)
        if "call" in own:
            return own["call"]
        call = Call(self.fun, self.values(xs), {})
        call.argnums = [i for i in range(len(call.args)) if NAMES[i] not in own]
        call.ans = own.get("ans")
        return call

    def backward(self, *gys):
        """By the rule of the primitive: of arrays, or, to be recorded, of boxes."""
        xs, own = self.inputs, vars(self)
        call = self.call_of([x.data for x in xs])
        if recording():
            ys = [reference() for reference in self.outputs]
            if get_ident() in pushing and call.fun in primitive_jvps:
                return Transpose(call, xs, ys).applied(gys)
            maker, ans = call.rule(primitive_vjps, "VJP"), call.ans_of(ys)
            pull = maker(tuple(call.argnums), ans, call.args_of(xs), call.kwargs)
        else:
            pull = own.get("pull")
            if pull is None:
                maker = call.rule(primitive_vjps, "VJP")
                pull = maker(tuple(call.argnums), call.ans, call.args, call.kwargs)
                if get_ident() not in pulling_once:
                    own["pull"] = pull
            gys = [gy if gy is None else getval(gy) for gy in gys]
        return call.gradients(pull(call.like_ans(gys)))


ATOMS = {float, int, bool, str, type(None), np.ndarray, np.float64}
NAMES = tuple(map(str, range(16)))


def node_of(fun, args, kwargs):
    """A node for a call, and the boxes among its arguments."""
    if fun.node is None:
        fun.node = type(fun.__name__, (PrimitiveCall,), {"fun": staticmethod(fun)})
    node, xs, atoms = fun.node(), [], {}
    if not kwargs and len(args) <= len(NAMES):
        for name, x in zip(NAMES, args, strict=False):
            if isinstance(x, Variable) and x.requires_grad:
                xs.append(x)
            elif type(x) in ATOMS:
                atoms[name] = x
        if len(xs) + len(atoms) == len(args):
            if atoms:
                vars(node).update(atoms, n=len(args))
            return node, xs
    call = Call(fun, args, kwargs)
    xs = call.opened()
    node.call = call
    return node, xs


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
        return call.parts(maker(argnums, tangents, ans, args, call.kwargs), call.outputs)


def call_primitive(fun, args, kwargs):
    """The result of a primitive of which an argument holds a box."""
    node, xs = node_of(fun, args, kwargs)
    if not xs or not recording() or fun in notrace:
        call = Call(fun, args, kwargs)
        call.opened()
        return outside(fun.fun, call.args, kwargs)
    ys = node(*xs)
    call = vars(node).get("call")
    return ys if call is None else call.ans_of(ys if isinstance(ys, list) else [ys])


notrace = set()  # primitives whose results are plain
pulling_once = set()  # threads in which gradients are pulled back that no others will follow
pushing = set()  # threads in which what is recorded are pullbacks, to be differentiated for jvp
