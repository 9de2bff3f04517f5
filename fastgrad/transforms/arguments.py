"""The arguments of a function as Variables, and what is returned of its results."""

import contextlib
import functools
from _thread import get_ident
from numbers import Number
from operator import index

import numpy as np

from fastgrad._core import ends, engine, recorded
from fastgrad._core.accumulate import gradient_dtype, ones_gradient, zero_gradient
from fastgrad._core.graph import variable_like
from fastgrad._core.handles import ArgumentsBase, enter_origin, leave_origin
from fastgrad._core.watch import watching
from fastgrad.config import Config
from fastgrad.conversions import enter_function, leave_function, running
from fastgrad.hints import described, floating
from fastgrad.op import NOTHING, op
from fastgrad.trees import flatten, is_float, path_of, rebuild
from fastgrad.variable import Variable

# A second Variable of the same value. A function is differentiated for that one: so what it reaches
# in another way, or in an outer derivative, is not mixed up with its argument.
identity = op("identity", lambda x: x, NOTHING, vjp=lambda xp, g, y, x: g)

# What the VJP of a row, which computes with arrays, makes of the gradients of its outputs; the JVP
# declared beside it is the VJP of that. See Pullback in _core/recorded.pyx.
pullback = op(
    "pullback", lambda gys, rule: rule.pull(gys), NOTHING,
    vjp=lambda xp, k, g, y, gys, rule: rule.push(xp, k, g), sequence=True,
)  # fmt: skip


def reaches_out(tree):
    """Whether it is, or holds, a Variable that somebody outside may differentiate for."""
    if isinstance(tree, Variable):
        return tree.requires_grad and Config.enable_backprop
    if isinstance(tree, dict):
        return any(map(reaches_out, tree.values()))
    return isinstance(tree, (tuple, list)) and any(map(reaches_out, tree))


class Arguments(ArgumentsBase):
    """The arguments of a call, those of `argnums` as Variables to differentiate for.

    They are constants from when this object, which the call holds, or its pullback, is gone.
    """

    def __init__(self, name, args, argnums, given=(), named=()):
        self.single = not isinstance(argnums, (tuple, list))
        self.argnums = [
            argnum_of(name, i, len(args), named) for i in ([argnums] if self.single else argnums)
        ]
        if len(set(self.argnums)) < len(self.argnums):
            raise ValueError(f"{name}: argnums names an argument twice: {argnums}")
        self.nested = get_ident() in running or any(map(reaches_out, (*args, *given)))
        self.given, self.structures, self.xs = [], [], []
        self.args = list(args)
        for i in self.argnums:
            leaves, structure = flatten(args[i])
            xs = [self.lifted(name, i, x, args[i]) for x in leaves]
            self.given += leaves
            self.xs += xs
            self.structures.append((structure, len(xs)))
            self.args[i] = rebuild(structure, xs)

    def lifted(self, name, i, x, tree):
        """A Variable for a leaf of argument `i`, which is that tree."""
        if not is_float(x):
            kind = "real or complex floating numbers"
            if hasattr(x, "__array__") and not isinstance(x, (Variable, np.ndarray, np.generic)):
                kind = "an ndarray"
            raise TypeError(
                f"{name}: argument {i}{path_of(tree, x)} is {described(x)}, expected "
                f"{kind}; {floating(x)}"
            )
        if not isinstance(x, Variable):
            return Variable(np.asarray(x))
        if x.requires_grad and Config.enable_backprop:
            self.nested = True
            return identity(x)
        return variable_like(x, x.data, True)

    def call(self, fun, kwargs):
        """`fun` of the arguments, recorded."""
        if get_ident() in running:
            with differentiating(*self.xs):
                return recording(fun)(*self.args, **kwargs)
        self.origin, before = enter_origin()
        try:
            with differentiating(*self.xs):
                return recording(fun)(*self.args, **kwargs)
        finally:
            leave_origin(before)

    def notice_captured(self, ys):
        """A Variable that the function captured counts as one that it was passed."""
        if self.nested or not Config.enable_backprop:
            return
        self.nested = ends.depend(list(ys), self.xs, self.origin)

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
def differentiating(*xs):
    """Derivatives taken in this block are Variables: they may be differentiated themselves.

    And a conversion that loses a gradient is an error: see conversions.py. `xs` are the Variables
    that somebody differentiates for.
    """
    before = enter_function(xs)
    try:
        yield
    finally:
        leave_function(*before)


def recording(fun):
    """`fun`, recorded even within `no_grad`: its derivative is what is asked for."""
    return fun if Config.enable_backprop else recorded.recording(fun)


def argnum_of(name, i, n, named):
    """`i` as an index among `n` arguments; beside these came the named ones."""
    try:
        i = index(i)
    except TypeError:
        raise TypeError(f"{name}: argnums has {i!r}, expected an int or a tuple of ints") from None
    if not -n <= i < n:
        came = f"{n} argument{'s' * (n != 1)} came"
        if named:
            came += f" by position, and {', '.join(named)} by name; what is to be differentiated "
            came += "for is passed by position"
        raise IndexError(f"{name}: argnums has {i}, but {came}")
    return i % n


def transform(function):
    """Decorate a function of functions: what is no function is an error at once."""
    name = function.__name__

    @functools.wraps(function)
    def checked(fun, *args, **kwargs):
        if not callable(fun):
            what = described(fun)
            if isinstance(fun, Variable):
                what = "a Variable: use y.backward(), or gradients(y, x)"
            raise TypeError(f"{name}: expected a function, but fun is {what}")
        if "argnum" in kwargs:
            raise TypeError(f"{name}: write argnums={kwargs['argnum']!r} for argnum=")
        return function(fun, *args, **kwargs)

    return checked


def as_given(x, gx):
    """A gradient of the kind of its argument: a float for a float."""
    if isinstance(gx, Variable):
        if (watcher := watching()) is not None:
            watcher.given(x, gx)
        return gx
    if isinstance(x, (float, complex)) and not isinstance(x, np.generic):
        return gx.item()
    return gx[()] if isinstance(x, np.generic) else gx


def gradients_for(arguments, ys, gys, unconnected="zero", nested=None):
    """The gradients for the Variables of the arguments: arrays, or Variables if nested.

    Whether they are nested says `nested`, or else the arguments, and what the outputs depend on.
    """
    pairs = [(y, gy) for y, gy in zip(ys, gys, strict=True) if isinstance(y, Variable)]
    ys, gys = [y for y, _ in pairs], [gy for _, gy in pairs]
    origin = 0
    if nested is None:
        nested = arguments.nested
        origin = arguments.origin if Config.enable_backprop else 0
    gxs = None if nested else engine.gradients(ys, gys, arguments.xs, origin)
    if gxs is None:
        arguments.nested |= not nested  # it met a captured Variable
        nested = True
        gys = [ones_like(y) if gy is None else constant(gy, y) for y, gy in pairs]
        gxs = recorded.gradients(ys, gys, arguments.xs, True)
    filled = [
        zeros_for(x, i, unconnected) if gx is None else gx
        for i, (x, gx) in enumerate(zip(arguments.xs, gxs, strict=True))
    ]
    return list(map(constant, filled, arguments.xs)) if nested else filled


def ones_like(y):
    """Ones, as a constant Variable."""
    return variable_like(y, ones_gradient(y.data), False)


def dtype_for(x):
    """The dtype of a gradient for `x`: a Variable, an array or a number."""
    return gradient_dtype(np.asarray(stop(x)).dtype)


def zeros_like(x):
    """What a gradient for `x`, a Variable, an array or a number, is if it is zero."""
    return zero_gradient(np.asarray(stop(x)))


def constant(x, like):
    """`x` as a Variable; a constant, if it is none yet, of the class of the results of `like`."""
    return x if isinstance(x, Variable) else variable_like(like, np.asarray(x), False)


def zeros_for(x, i, unconnected):
    """What an input gets that the output does not depend on."""
    if unconnected == "raise":
        raise ValueError(f"the output does not depend on input {i}")
    if unconnected != "zero":
        raise ValueError(f"unconnected is {unconnected!r}, expected 'zero' or 'raise'")
    return zeros_like(x)


def scalar(name, y):
    """Check that `y` is a real scalar."""
    if isinstance(y, Variable) and not y.ndim and y.dtype.kind == "f":
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


def stop(x):
    """The array of a Variable."""
    return x.data if isinstance(x, Variable) else x
