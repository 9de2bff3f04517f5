"""Derivatives of functions: grad, vjp, jvp, jacobian, hessian, hvp and their kin.

Functions of arrays and numbers, and of nested tuples, lists and dicts of them, are written with
NumPy (or `fastgrad.numpy`); what comes out is a function of the same kind. Conventions are those of
JAX and HIPS autograd: a gradient has the structure of its argument, a jacobian the shape of the
output followed by that of the input, and complex gradients are not conjugated.

Inside of a function that is being differentiated, and where an argument is a Variable, results are
Variables: so these forms nest, `grad(grad(f))`, and mix with `backward`. (In the thread of that
function: one that it starts begins anew.)
"""

import contextlib
import functools
import threading
from numbers import Number
from operator import index

import numpy as np

from fastgrad import _batched, _engine, _recorded
from fastgrad._function import Function
from fastgrad._variable import created
from fastgrad.config import Config
from fastgrad.op import NOTHING, op
from fastgrad.trees import flatten, flatten_as, is_float, rebuild
from fastgrad.variable import Variable

__all__ = [
    "grad", "value_and_grad", "elementwise_grad", "vjp", "jvp", "jacobian", "hessian", "hvp",
    "hessian_operator", "gradients", "checkpoint", "stop_gradient",
]  # fmt: skip

MANY = 16  # rows of a jacobian, from which on it pays to carry them together

running = threading.local()  # .depth: how many functions of this thread are being differentiated

# A second Variable of the same value. A function is differentiated for that one: so what it reaches
# in another way, or in an outer derivative, is not mixed up with its argument.
identity = op("identity", lambda x: x, NOTHING, vjp=lambda xp, g, y, x: g)


# --- arguments and results ---


def reaches_out(tree):
    """Whether it is, or holds, a Variable that somebody outside may differentiate for."""
    if isinstance(tree, Variable):
        return tree.requires_grad and Config.enable_backprop
    if isinstance(tree, dict):
        return any(map(reaches_out, tree.values()))
    return isinstance(tree, (tuple, list)) and any(map(reaches_out, tree))


class Arguments:
    """The arguments of a call, those of `argnums` as Variables to differentiate for."""

    def __init__(self, name, args, argnums, given=()):
        self.single = not isinstance(argnums, (tuple, list))
        self.argnums = [
            argnum_of(name, i, len(args)) for i in ([argnums] if self.single else argnums)
        ]
        if len(set(self.argnums)) < len(self.argnums):
            raise ValueError(f"{name}: argnums names an argument twice: {argnums}")
        self.nested = getattr(running, "depth", 0) > 0 or any(map(reaches_out, (*args, *given)))
        self.given, self.structures, self.xs = [], [], []
        self.args = list(args)
        for i in self.argnums:
            leaves, structure = flatten(args[i])
            xs = [self.lifted(name, i, x) for x in leaves]
            self.given += leaves
            self.xs += xs
            self.structures.append((structure, len(xs)))
            self.args[i] = rebuild(structure, xs)

    def lifted(self, name, i, x):
        """A Variable for a leaf of argument `i`."""
        if not is_float(x):
            what = f"an array of {x.dtype}" if hasattr(x, "dtype") else f"a {type(x).__name__}"
            raise TypeError(
                f"{name}: argument {i} is {what}, expected real or complex floating numbers "
                "(x.astype(float))"
            )
        if not isinstance(x, Variable):
            return Variable(np.asarray(x))
        if x.requires_grad and Config.enable_backprop:
            self.nested = True
            return identity(x)
        return Variable(x.data)

    def call(self, fun, kwargs):
        """`fun` of the arguments, recorded."""
        with differentiating():
            return recording(fun)(*self.args, **kwargs)

    def packed(self, parts):
        """One part for each Variable, in the structure of the arguments."""
        parts, trees, start = list(parts), [], 0
        for structure, n in self.structures:
            trees.append(rebuild(structure, parts[start : start + n]))
            start += n
        return trees[0] if self.single else tuple(trees)

    def result(self, y):
        """The value of an output, as it is returned: a Variable where there is an outside."""
        return y if self.nested or not isinstance(y, Variable) else y.data[()]

    def outside(self, tree):
        """The same, of a nest of outputs."""
        leaves, structure = flatten(tree)
        return rebuild(structure, map(self.result, leaves))


@contextlib.contextmanager
def differentiating():
    """Derivatives taken in this block are Variables: they may be differentiated themselves."""
    running.depth = getattr(running, "depth", 0) + 1
    try:
        yield
    finally:
        running.depth -= 1


def recording(fun):
    """`fun`, recorded even within `no_grad`: its derivative is what is asked for."""
    return fun if Config.enable_backprop else _recorded.recording(fun)


def argnum_of(name, i, n):
    """`i` as an index among `n` arguments."""
    i = index(i)
    if not -n <= i < n:
        raise IndexError(f"{name}: argnums has {i}, but {n} argument{'s' * (n != 1)} came")
    return i % n


def as_given(x, gx):
    """A gradient of the kind of its argument: a float for a float."""
    if isinstance(gx, Variable):
        return gx
    if isinstance(x, (float, complex)) and not isinstance(x, np.generic):
        return gx.item()
    return gx[()] if isinstance(x, np.generic) else gx


def gradients_for(arguments, ys, gys, unconnected="zero", nested=None):
    """The gradients for the Variables of the arguments: arrays, or Variables if nested."""
    pairs = [(y, gy) for y, gy in zip(ys, gys, strict=True) if isinstance(y, Variable)]
    ys, gys = [y for y, _ in pairs], [gy for _, gy in pairs]
    if arguments.nested if nested is None else nested:
        gys = [ones_like(y) if gy is None else constant(gy) for y, gy in pairs]
        gxs = _recorded.gradients(ys, gys, arguments.xs, True)
    else:
        gxs = _engine.gradients(ys, gys, arguments.xs)
    return [
        zeros_for(x, i, unconnected) if gx is None else gx
        for i, (x, gx) in enumerate(zip(arguments.xs, gxs, strict=True))
    ]


def ones_like(y):
    """Ones, as a constant Variable."""
    return Variable(np.ones_like(y.data), requires_grad=False)


def constant(x):
    """`x` as a Variable; a constant, if it is none yet."""
    return x if isinstance(x, Variable) else Variable(np.asarray(x), requires_grad=False)


def zeros_for(x, i, unconnected):
    """What an input gets that the output does not depend on."""
    if unconnected == "raise":
        raise ValueError(f"the output does not depend on input {i}")
    if unconnected != "zero":
        raise ValueError(f"unconnected is {unconnected!r}, expected 'zero' or 'raise'")
    return np.zeros_like(x.data)


def scalar(name, y):
    """Check that `y` is a real scalar."""
    if type(y) is Variable and not y.ndim and y.dtype.kind == "f":
        return y
    if not isinstance(y, (Variable, np.ndarray, np.generic, Number, tuple, list, dict)):
        raise TypeError(f"{name}: the output is a {type(y).__name__}, expected a scalar")
    shape = np.shape(y) if not isinstance(y, Variable) else y.shape
    if isinstance(y, (tuple, list, dict)) or shape != ():
        what = f"has shape {shape}" if not isinstance(y, (tuple, list, dict)) else (
            f"is a {type(y).__name__}")  # fmt: skip
        raise TypeError(
            f"{name}: the output {what}, expected a scalar; jacobian and elementwise_grad are for "
            "other outputs, has_aux=True for a pair of which only the first is differentiated"
        )
    if isinstance(y, Variable) and y.dtype.kind == "c":
        raise TypeError(f"{name}: the output is complex, expected a real scalar; use vjp")
    return y


# --- gradients ---


def value_and_grad(fun, argnums=0, *, has_aux=False, unconnected="zero"):
    """A function that returns the value of `fun`, a scalar, and its gradient.

    Parameters
    ----------
    fun : callable
        A function of arrays, numbers, and nested tuples, lists and dicts of them.
    argnums : int or tuple of ints
        The arguments to differentiate for. IndexError if one is not there.
    has_aux : bool
        `fun` returns a pair; the second part is returned beside the value as it is.
    unconnected : "zero" or "raise"
        What an argument gets that the value does not depend on: zeros, or a ValueError.

    The gradient has the structure of the argument, a float for a float; for a tuple of argnums it
    is a tuple. TypeError if the value is not a real scalar, or an argument not floating. Nobody's
    `.grad` is touched.

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        if type(argnums) is int and not has_aux:
            both = of_one_array(fun, argnums, args, kwargs, unconnected)
            if both is not None:
                return both
        arguments = Arguments("grad", args, argnums, kwargs.values())
        y, aux = arguments.call(fun, kwargs), None
        if has_aux:
            y, aux = y
        scalar("grad", y)
        gxs = gradients_for(arguments, [y], [None], unconnected)
        parts = [as_given(x, gx) for x, gx in zip(arguments.given, gxs, strict=True)]
        gradient, value = arguments.packed(parts), arguments.result(y)
        if has_aux:
            return (value, arguments.outside(aux)), gradient
        return value, gradient

    return wrapped


def of_one_array(fun, argnum, args, kwargs, unconnected):
    """Value and gradient in the most usual case: an array, or a float, and nothing outside.

    None, before anything is computed, in any other case.
    """
    if not 0 <= argnum < len(args) or getattr(running, "depth", 0) or not Config.enable_backprop:
        return None
    if any(map(reaches_out, (*args, *kwargs.values()))):
        return None
    given = args[argnum]
    if type(given) is float:
        x = Variable(np.array(given))
    elif type(given) is np.ndarray and given.dtype.kind == "f":
        x = Variable(given)
    else:
        return None
    running.depth = 1
    try:
        y = fun(*args[:argnum], x, *args[argnum + 1 :], **kwargs)
    finally:
        running.depth = 0
    scalar("grad", y)
    (gx,) = _engine.gradients([y], [None], [x]) if isinstance(y, Variable) else (None,)
    if gx is None:
        gx = zeros_for(x, 0, unconnected)
    return stop(y)[()] if isinstance(y, Variable) else y, as_given(given, gx)


def grad(fun, argnums=0, *, has_aux=False, unconnected="zero"):
    """A function that returns the gradient of `fun`, a scalar: see `value_and_grad`.

    With `has_aux` it returns the pair (gradient, the second part).

    >>> import numpy as np
    >>> grad(np.tanh)(0.0), grad(grad(lambda x: x**3))(2.0)
    (1.0, 12.0)
    """
    both = value_and_grad(fun, argnums, has_aux=has_aux, unconnected=unconnected)

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def elementwise_grad(fun, argnums=0):
    """A function that returns the derivative of each output of an elementwise `fun`.

    In general, of the sum of the outputs; shapes as the argument's.

    >>> import numpy as np
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        arguments = Arguments("elementwise_grad", args, argnums, kwargs.values())
        ys, _ = flatten(arguments.call(fun, kwargs))
        gxs = gradients_for(arguments, ys, [None] * len(ys))
        return arguments.packed(map(as_given, arguments.given, gxs))

    return wrapped


def gradients(outputs, inputs, grad_outputs=None, create_graph=False, *, unconnected="zero"):
    """The gradients of the sum of `outputs` for `inputs`, Variables of a graph that is there.

    Parameters
    ----------
    outputs : Variable, or a nested tuple, list or dict of them
    inputs : the same
        Leaves or interior Variables.
    grad_outputs : the structure of `outputs`, optional
        With what each output begins: arrays, numbers, Variables, or None for ones.
    create_graph : bool
        The gradients are Variables with a graph of their own. Else they are arrays.
    unconnected : "zero" or "raise"
        What an input gets that no output depends on: zeros, or a ValueError.

    The result has the structure of `inputs`. Nobody's `.grad` is touched, and no node visited that
    does not lead from an output to an input.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array(3.0))
    >>> y = x * x
    >>> gx = gradients(y, x, create_graph=True)
    >>> gx, gradients(gx, x)
    (variable(6.0), array(2.))
    """
    ys, structure = flatten(outputs)
    xs, x_structure = flatten(inputs)
    for name, vs in (("outputs", ys), ("inputs", xs)):
        for v in vs:
            if not isinstance(v, Variable):
                raise TypeError(f"gradients: {name} has a {type(v).__name__}, expected Variables")
    gys = (
        [None] * len(ys)
        if grad_outputs is None
        else flatten_as(structure, grad_outputs, "grad_outputs")
    )
    gys = [ones_like(y) if gy is None else started(gy, y) for y, gy in zip(ys, gys, strict=True)]
    with differentiating() if create_graph else contextlib.nullcontext():
        gxs = _recorded.gradients(ys, gys, xs, True, create_graph)
    parts, seen = [], set()
    for i, (x, gx) in enumerate(zip(xs, gxs, strict=True)):
        gx = constant(zeros_for(x, i, unconnected) if gx is None else gx)
        if create_graph and id(gx.data) in seen:
            gx = np.copy(gx)  # no two share memory
        seen.add(id(gx.data))
        parts.append(gx if create_graph else np.array(gx.data))
    return rebuild(x_structure, parts)


def started(gy, y):
    """`gy` as a Variable of the shape of `y`."""
    gy = constant(gy)
    if gy.dtype != y.dtype and y.dtype.kind in "fc":
        gy = (np.real(gy) if gy.dtype.kind == "c" and y.dtype.kind == "f" else gy).astype(y.dtype)
    if gy.shape != y.shape:
        if np.broadcast_shapes(gy.shape, y.shape) != y.shape:
            raise ValueError(f"a gradient to start from has shape {gy.shape}, expected {y.shape}")
        gy = np.broadcast_to(gy, y.shape)
    return gy


def stop(x):
    """The array of a Variable."""
    return x.data if isinstance(x, Variable) else x


def stop_gradient(tree):
    """The same values, as constants: no gradient passes. For a Variable, or a nest of them.

    >>> import numpy as np
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = flatten(tree)
    return rebuild(
        structure,
        [Variable(x.data, requires_grad=False) if isinstance(x, Variable) else x for x in leaves],
    )


class Checkpoint(Function):
    """A function that keeps its arguments alone, and is computed again for its gradients."""

    differentiable = True

    def __init__(self, fun, structure, constants):
        self.fun, self.structure, self.constants = fun, structure, constants

    def values(self, xs):
        """The outputs of the function, and their structure, with `xs` for the Variables."""
        xs = iter(xs)
        leaves = [next(xs) if is_free else x for is_free, x in self.constants]
        args, kwargs = rebuild(self.structure, leaves)
        with differentiating():
            return flatten(recording(self.fun)(*args, **kwargs))

    def compute(self, xs):
        """The outputs, once, to see which are Variables, and what they depend on."""
        self.xs = [x.data for x in xs]
        vs = [Variable(x) for x in self.xs]
        with created() as made:
            self.ys, self.outputs_structure = self.values(vs)
        ends = _recorded.leaves([y for y in self.ys if isinstance(y, Variable)])
        own = {id(v) for v in (*vs, *made)}
        if any(id(x) not in own for x in ends):
            raise TypeError(
                "checkpoint: the function uses a Variable that is not among its arguments: its "
                "gradient would be lost; pass it as one"
            )
        self.free = [isinstance(y, Variable) and y.requires_grad for y in self.ys]

    def forward(self, *xs):
        return tuple(y.data for y, is_free in zip(self.ys, self.free, strict=True) if is_free)

    def backward(self, *gys):
        vs = []
        for x, data in zip(self.inputs, self.xs, strict=True):
            v = identity(x) if Config.enable_backprop else Variable(data)
            if v.data is not data:
                v.data = data  # the program assigned `x.data` since
            vs.append(v)
        ys, _ = self.values(vs)
        ys = [y for y, is_free in zip(ys, self.free, strict=True) if is_free]
        pairs = [(y, gy) for y, gy in zip(ys, gys, strict=True) if gy is not None]
        gxs = _recorded.gradients(
            [y for y, _ in pairs], [gy for _, gy in pairs], vs, False, Config.enable_backprop
        )
        return tuple(gxs)


def checkpoint(fun):
    """`fun`, of which nothing is kept for the gradient but its arguments: it is computed again.

    Memory for time: of a long chain of checkpointed functions only the values between them are
    kept. `fun` must compute the same again. A Variable that it uses without being passed is a
    TypeError, for its gradient would be lost.

    >>> import numpy as np
    >>> grad(checkpoint(lambda x: np.sum(np.sin(x) ** 2)))(np.array([0.0, np.pi / 4]))
    array([0., 1.])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        leaves, structure = flatten((args, kwargs))
        free = [isinstance(x, Variable) and is_float(x) and x.requires_grad for x in leaves]
        if not any(free) or not Config.enable_backprop:
            return fun(*args, **kwargs)
        pairs = list(zip(free, leaves, strict=True))
        f = Checkpoint(fun, structure, [(is_free, None if is_free else x) for is_free, x in pairs])
        xs = [x for is_free, x in pairs if is_free]
        f.compute(xs)
        if any(f.free):
            made = f(*xs)
            made = iter(made if isinstance(made, list) else [made])
            outputs = [
                next(made) if is_free else y for y, is_free in zip(f.ys, f.free, strict=True)
            ]
        else:
            outputs = f.ys
        f.ys = None  # they hold what is not to be kept
        return rebuild(f.outputs_structure, outputs)

    return wrapped


# --- products with the jacobian ---


def vjp(fun, *xs, has_aux=False):
    """The value of `fun(*xs)`, and the function that pulls a gradient of it back to `xs`.

    `pullback(gy)`, with `gy` in the structure of the value, returns a tuple of a gradient for each
    of `xs`; it can be called again. With `has_aux` a third part is what `fun` returned second.

    >>> import numpy as np
    >>> y, pullback = vjp(np.multiply, np.array([1.0, 2.0]), 3.0)
    >>> y, pullback(np.array([1.0, 1.0]))
    (array([3., 6.]), (array([3., 3.]), 3.0))
    """
    arguments = Arguments("vjp", xs, tuple(range(len(xs))))
    value = arguments.call(fun, {})
    aux = None
    if has_aux:
        value, aux = value
    ys, structure = flatten(value)

    def pullback(gy):
        gys = flatten_as(structure, gy, "the gradient to pull back")
        nested = arguments.nested or reaches_out(gys)
        gys = [
            started(np.zeros(()) if gy is None else gy, y) if isinstance(y, Variable) else gy
            for y, gy in zip(ys, gys, strict=True)
        ]
        gxs = gradients_for(arguments, ys, gys if nested else map(stop, gys), nested=nested)
        return arguments.packed(map(as_given, arguments.given, gxs))

    value = rebuild(structure, map(arguments.result, ys))
    return (value, pullback, arguments.outside(aux)) if has_aux else (value, pullback)


def jvp(fun, primals, tangents):
    """The value of `fun(*primals)`, and its derivative along `tangents`.

    Both are tuples of one entry for each argument, of the same structure. The derivative has the
    structure of the value. (By differentiating the pullback, which is linear, for its gradient.)

    >>> import numpy as np
    >>> jvp(np.sin, (np.array([0.0, np.pi]),), (np.array([1.0, 2.0]),))[1]
    array([ 1., -2.])
    """
    arguments = Arguments("jvp", primals, tuple(range(len(primals))), tangents)
    _, structure = flatten(tuple(primals))
    directions = flatten_as(structure, tuple(tangents), "jvp: the tangent")
    for x, dx in zip(arguments.xs, directions, strict=True):
        if np.shape(stop(dx)) != x.shape:
            raise ValueError(f"jvp: a tangent has shape {np.shape(stop(dx))}, expected {x.shape}")
    ys, structure = flatten(arguments.call(fun, {}))
    dys = pushed_forward(arguments, ys, directions)
    return rebuild(structure, map(arguments.result, ys)), rebuild(structure, dys)


def linear_pullback(ys, xs):
    """Variables `us` for the gradients of the outputs, and the gradients for `xs` made of them."""
    outputs = [y for y in ys if isinstance(y, Variable) and y.requires_grad]
    us = [Variable(np.zeros_like(y.data)) for y in outputs]
    return outputs, us, _recorded.gradients(outputs, us, xs, True)


def pushed_forward(arguments, ys, directions):
    """The derivative of each output along the directions."""
    outputs, us, gxs = linear_pullback(ys, arguments.xs)
    pairs = [(g, dx) for g, dx in zip(gxs, directions, strict=True) if g is not None]
    made, along = [g for g, _ in pairs], [constant(dx) for _, dx in pairs]
    if arguments.nested:
        dus = _recorded.gradients(made, along, us, True)
    else:
        dus = _engine.gradients(made, [v.data for v in along], us)
    found = dict(zip(map(id, outputs), dus, strict=True))
    dys = [found.get(id(y)) for y in ys]
    return [
        np.zeros_like(stop(y)) if dy is None else (dy if arguments.nested else dy[()])
        for y, dy in zip(ys, dys, strict=True)
    ]


def jacobian(fun, argnums=0, *, has_aux=False):
    """A function that returns the jacobian: of the shape of the output, then that of the input.

    For nested outputs or arguments, a nest of them: that of the output outside. `has_aux` as in
    `value_and_grad`. The elements of an output that is no larger than the input go through the
    graph together, in one sweep, if there is nothing in it but elementwise operations, matmul of
    matrices and vectors, sum, mean, reshape, transpose and indexing; else in a sweep each. For a
    larger output there is a sweep for each element of the input, over the recorded pullback.

    >>> import numpy as np
    >>> jacobian(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        arguments = Arguments("jacobian", args, argnums, kwargs.values())
        value, aux = arguments.call(fun, kwargs), None
        if has_aux:
            value, aux = value
        ys, structure = flatten(value)
        blocks = jacobian_blocks(arguments, ys)
        result = rebuild(structure, [arguments.packed(row) for row in blocks])
        return (result, arguments.outside(aux)) if has_aux else result

    return wrapped


def jacobian_blocks(arguments, ys):
    """For each output a list of its jacobians, one for each input."""
    xs = arguments.xs
    if any(isinstance(y, Variable) and y.dtype.kind == "c" for y in ys) and any(
        x.dtype.kind == "f" for x in xs
    ):
        raise TypeError("jacobian: the output is complex, and an input real; use jvp")
    if any(isinstance(v, Variable) and v.dtype.kind == "c" for v in (*ys, *xs)):
        rows = True  # a column would be of real and imaginary directions
    else:
        n_rows, n_columns = sum(np.size(stop(y)) for y in ys), sum(x.size for x in xs)
        rows = n_rows <= n_columns
    if arguments.nested:
        return [by_recorded_rows(arguments, y) for y in ys]
    if rows:
        return [by_rows(y, xs) for y in ys]
    try:
        return by_columns(ys, xs)
    except RuntimeError:  # of a Function whose backward cannot be differentiated
        return [by_rows(y, xs) for y in ys]


def by_rows(y, xs):
    """All elements of the output in one sweep, where the graph allows it; else one for each."""
    n, shape = np.size(stop(y)), np.shape(stop(y))
    if not isinstance(y, Variable) or not y.requires_grad:
        return [np.zeros((*shape, *x.shape), x.dtype) for x in xs]
    units = np.eye(n, dtype=y.dtype).reshape(n, *shape)
    rows = _batched.gradients(y, units, xs) if n >= MANY else None
    if rows is None:
        rows = [np.zeros((n, *x.shape), x.dtype) for x in xs]
        for i in range(n):
            gxs = _engine.gradients([y], [units[i]], xs)
            for row, gx in zip(rows, gxs, strict=True):
                if gx is not None:
                    row[i] = gx
    return [
        np.zeros((*shape, *x.shape), x.dtype)
        if row is None
        else np.array(row).reshape((*shape, *x.shape))
        for row, x in zip(rows, xs, strict=True)
    ]


def by_columns(ys, xs):
    """A sweep for each element of the inputs, over the recorded pullback."""
    outputs, us, gxs = linear_pullback(ys, xs)
    places = {id(y): k for k, y in enumerate(outputs)}
    rows = [[np.zeros((*np.shape(stop(y)), *x.shape), x.dtype) for x in xs] for y in ys]
    for j, (x, g) in enumerate(zip(xs, gxs, strict=True)):
        if g is None:
            continue
        unit = np.zeros(x.shape, x.dtype)
        for i in np.ndindex(x.shape):
            unit[i] = 1
            dus = _engine.gradients([g], [unit.copy()], us)
            unit[i] = 0
            for row, y in zip(rows, ys, strict=True):
                dy = dus[places[id(y)]] if id(y) in places else None
                if dy is not None:
                    row[j][(..., *i)] = dy
    return rows


def by_recorded_rows(arguments, y):
    """A recorded sweep for each element of the output, inside of an outer derivative."""
    xs, rows = arguments.xs, []
    unit = np.zeros(np.shape(stop(y)), getattr(y, "dtype", float))
    for i in np.ndindex(unit.shape):
        unit[i] = 1
        rows.append([constant(g) for g in gradients_for(arguments, [y], [unit.copy()])])
        unit[i] = 0
    return [
        np.reshape(np.stack([row[j] for row in rows]), (*unit.shape, *x.shape))
        if rows else Variable(np.zeros((*unit.shape, *x.shape)), requires_grad=False)
        for j, x in enumerate(xs)
    ]  # fmt: skip


# --- second derivatives ---


def hessian(fun, argnums=0):
    """A function that returns the second derivatives of `fun`, a scalar.

    Of the shape of the argument, twice; for nested arguments and tuples of argnums, nests of nests.

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        arguments = Arguments("hessian", args, argnums, kwargs.values())
        y = scalar("hessian", arguments.call(fun, kwargs))
        gxs = recorded_gradient(arguments, y)
        if arguments.nested:
            blocks = [by_recorded_rows(arguments, g) for g in gxs]
        else:
            blocks = [by_rows(g, arguments.xs) for g in gxs]
        return arguments.packed([arguments.packed(row) for row in blocks])

    return wrapped


def recorded_gradient(arguments, y):
    """The gradient of `y` as Variables with a graph, or constants."""
    if not isinstance(y, Variable):
        return [constant(np.zeros_like(x.data)) for x in arguments.xs]
    with differentiating():  # also for what a Function's backward makes of `grad`
        gxs = _recorded.gradients([y], [ones_like(y)], arguments.xs, True)
    return [
        constant(np.zeros_like(x.data) if g is None else g)
        for x, g in zip(arguments.xs, gxs, strict=True)
    ]


def hvp(fun):
    """A function of (x, v, *args) that returns the Hessian of `fun(x, *args)` for x, times v.

    So it fits `hessp` of `scipy.optimize.minimize`. `v` has the structure of `x`, and so has the
    result. The Hessian itself is never made.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([  6., 120.])
    """

    @functools.wraps(fun)
    def wrapped(x, v, *args, **kwargs):
        arguments = Arguments("hvp", (x, *args), 0, (v, *kwargs.values()))
        y = scalar("hvp", arguments.call(fun, kwargs))
        gxs = recorded_gradient(arguments, y)
        vs = flatten_as(flatten(x)[1], v, "hvp: v")
        if [np.shape(stop(v)) for v in vs] != [g.shape for g in gxs]:
            raise ValueError(
                f"hvp: v has shapes {[np.shape(stop(v)) for v in vs]}, expected "
                f"{[g.shape for g in gxs]}"
            )
        starts = [started(v, g) for v, g in zip(vs, gxs, strict=True)]
        hvs = gradients_for(arguments, gxs, starts if arguments.nested else map(stop, starts))
        return arguments.packed(map(as_given, arguments.given, hvs))

    return wrapped


def hessian_operator(fun, x, *args):
    """The Hessian of `fun(x, *args)` at the array `x` as a `scipy.sparse.linalg.LinearOperator`.

    For SciPy's iterative solvers; needs SciPy. The gradient is recorded once, a product is a sweep.

    >>> import numpy as np
    >>> h = hessian_operator(lambda x: np.sum(x**3), np.array([1.0, 2.0]))
    >>> h @ np.array([1.0, 1.0])
    array([ 6., 12.])
    """
    from scipy.sparse.linalg import LinearOperator

    x = np.asarray(x)
    arguments = Arguments("hessian_operator", (x, *args), 0)
    (gx,) = recorded_gradient(arguments, scalar("hessian_operator", arguments.call(fun, {})))

    def product(v):
        (hv,) = gradients_for(arguments, [gx], [np.reshape(v, x.shape).astype(x.dtype)])
        return np.ravel(hv)

    return LinearOperator((x.size, x.size), matvec=product, rmatvec=product, dtype=x.dtype)
