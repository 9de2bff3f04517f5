"""Functions whose derivatives a program gives, as `primitive` makes them: a node for each call.

A rule `maker(argnums, ans, args, kwargs)` gets the call as arrays at first order; where its result
is itself differentiated, as boxes, among them the very output that it is a rule of.
"""

from threading import get_ident

import numpy as np

from fastgrad._core.config import get as recording
from fastgrad._core.function import Function
from fastgrad.compat.autograd.boxes import ArrayBox, Box, boxed, getval, holds_box, opened
from fastgrad.conversions import outside
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable

# The rules of a primitive: `maker(argnums, ans, args, kwargs)(g)` returns a gradient for each of
# `argnums`; `maker(argnums, gs, ans, args, kwargs)` the derivative of the output along `gs`.
primitive_vjps, primitive_jvps = {}, {}


class Call:
    """What one call was.

    `args` are values, those of `argnums` in the place of boxes. What is a nest of several has an
    entry in `nests`: its structure, the values of its leaves, and which of them were boxes; so has
    what the function returned, in `results`.
    """

    __slots__ = ("fun", "args", "kwargs", "argnums", "nests", "ans", "results")

    @property
    def name(self):
        """The name of the function."""
        return getattr(self.fun, "__name__", repr(self.fun))

    # --- with Variables, or gradients, where boxes came or were made ---

    def args_of(self, xs):
        """The arguments, with `xs` where boxes came."""
        args, xs = list(self.args), iter(xs)
        for i in self.argnums:
            args[i] = filled(self.nests[i], xs) if i in self.nests else next(xs)
        return tuple(args)

    def ans_of(self, ys):
        """What the function returned, with `ys` for what is differentiable of it."""
        return ys[0] if self.results is None else filled(self.results, iter(ys))

    def like_ans(self, gys):
        """Gradients in the structure of what the function returned; zeros where none came."""
        return gys[0] if self.results is None else filled(self.results, iter(gys), True)

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
        derivative = in_lists(structure, opened(derivative))
        leaves = flatten_as(structure, derivative, f"{self.name}: the derivative")
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
                f"{kind} of {self.name} wrt argnums {self.argnums} not defined"
            ) from None


def is_vector(x):
    """Whether it is an array, or a number that can be differentiated for."""
    return isinstance(x, np.ndarray) or Box.type_mappings.get(type(x)) is ArrayBox


def in_lists(structure, derivative):
    """A derivative, with lists of their elements for arrays that stand for sequences."""
    if structure is None:
        return derivative
    _, parts, keys = structure
    if isinstance(derivative, (np.ndarray, Variable)) and derivative.ndim:
        derivative = list(derivative)
    if keys is None and isinstance(derivative, (tuple, list)) and len(derivative) == len(parts):
        return list(map(in_lists, parts, derivative))
    return derivative


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


class PrimitiveCall(Function):
    """The node of a call of a primitive: each of these has a class of its own, with its `fun`.

    Its attributes are `ans`, the output; "0", "1", ..., the arguments that are no boxes, with the
    number `n` of all; and, where there are some, `nests`, `results` and `kwargs`, as a Call has
    them. (None of them is a container unless it must: then nothing refers to something, and the
    garbage collector, which would pass over long graphs again and again, need not look at the
    node. See NOTE [Garbage collector] in _core.)
    """

    differentiable, saves_values = True, True

    def take(self, args, kwargs):
        """Keep what is no box; the boxes are returned."""
        xs, own, nests = [], vars(self), {}
        for i, x in enumerate(args):
            if isinstance(x, Variable) and x.requires_grad:
                xs.append(x)
            elif isinstance(x, (tuple, list, dict)) and holds_box(x):
                leaves, structure = flatten(opened(x))
                values = [getval(leaf) for leaf in leaves]
                own[str(i)] = rebuild(structure, values)
                boxes = [x for x in leaves if isinstance(x, Variable) and x.requires_grad]
                if boxes:
                    free = [isinstance(x, Variable) and x.requires_grad for x in leaves]
                    nests[i] = structure, values, free
                    xs += boxes
            else:
                own[str(i)] = getval(x)
        if own:
            own["n"] = len(args)
        if nests:
            own["nests"] = nests
        if kwargs:
            own["kwargs"] = kwargs
        return xs

    def call_of(self, arrays):
        """The call, `arrays` being the values of the boxes."""
        own, call, arrays = vars(self), Call(), iter(arrays)
        call.fun, call.kwargs, call.nests = self.fun, own.get("kwargs", {}), own.get("nests", {})
        call.ans, call.results = own.get("ans"), own.get("results")
        if "n" not in own:
            call.args = [x if x.ndim else x[()] for x in arrays]
            call.argnums = tuple(range(len(call.args)))
            return call
        call.args, argnums = [], []
        for i in range(own["n"]):
            if str(i) not in own:
                x = next(arrays)
                call.args.append(x if x.ndim else x[()])
                argnums.append(i)
                continue
            call.args.append(own[str(i)])
            if i in call.nests:
                argnums.append(i)
                for _ in range(sum(call.nests[i][2])):
                    next(arrays)
        call.argnums = tuple(argnums)
        return call

    def forward(self, *xs):
        """The outputs that have gradients, of the values of the boxes."""
        call, own = self.call_of(xs), vars(self)
        own["ans"] = ans = dense(outside(call.fun.fun, *call.args, **call.kwargs))
        if holds_box(ans):
            raise TypeError(
                f"{call.name}: the function uses a box that is not among its positional arguments: "
                "its gradient would be lost; pass it as one"
            )
        if is_vector(ans):
            return ans
        if not isinstance(ans, (tuple, list, dict)):
            raise TypeError(f"Can't differentiate w.r.t. type {type(ans)}")
        leaves, structure = flatten(ans)
        free = list(map(is_vector, leaves))
        own["results"] = structure, leaves, free
        return tuple(np.asanyarray(y) for y, f in zip(leaves, free, strict=True) if f)

    def backward(self, *gys):
        """By the rule of the primitive: of arrays, or, to be recorded, of boxes."""
        xs, own = self.inputs, vars(self)
        call = self.call_of([x.data for x in xs])
        if recording():
            ys = [reference() for reference in self.outputs]
            if get_ident() in pushing and call.fun in primitive_jvps:
                return Transpose(call, xs, ys).applied(gys)
            maker, ans = call.rule(primitive_vjps, "VJP"), call.ans_of(ys)
            pull = maker(call.argnums, ans, call.args_of(xs), call.kwargs)
        else:
            pull = own.get("pull")
            if pull is None:
                maker = call.rule(primitive_vjps, "VJP")
                pull = maker(call.argnums, call.ans, call.args, call.kwargs)
                if get_ident() not in pulling_once:
                    own["pull"] = pull
            gys = [gy if gy is None else getval(gy) for gy in gys]
        return call.gradients(pull(call.like_ans(gys)))


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
        pairs = zip(self.held()[1], gys, strict=True)
        gxs = self(*[np.zeros_like(y.data) if gy is None else gy for y, gy in pairs])
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
            ans, args = call.ans, call.args
            dxs = [dx if dx is None else getval(dx) for dx in dxs]
        argnums, tangents = call.like_args(dxs)
        maker = call.rule(primitive_jvps, "JVP")
        return call.parts(maker(argnums, tangents, ans, args, call.kwargs), call.results)


def call_primitive(fun, args, kwargs):
    """The result of a primitive of which an argument holds a box."""
    if fun.node is None:
        fun.node = type(fun.__name__, (PrimitiveCall,), {"fun": staticmethod(fun)})
    node = fun.node()
    xs = node.take(args, kwargs)
    if not xs or not recording() or fun in notrace:
        return outside(fun.fun, *node.call_of([x.data for x in xs]).args, **kwargs)
    ys = node(*xs)
    nest = vars(node).get("results")
    return ys if nest is None else filled(nest, iter(ys if isinstance(ys, list) else [ys]))


notrace = set()  # primitives whose results are plain
pulling_once = set()  # threads in which gradients are pulled back that no others will follow
pushing = set()  # threads in which what is recorded are pullbacks, to be differentiated for jvp
