"""Gradients: grad and its kin, and those of Variables with a graph."""

import functools
from _thread import get_ident

import numpy as np

from fastgrad._core import engine, recorded
from fastgrad._core.graph import variable_like
from fastgrad._core.handles import end_arguments, enter_origin, leave_origin
from fastgrad.config import Config
from fastgrad.conversions import warn_independent
from fastgrad.transforms.arguments import (
    Arguments,
    as_given,
    constant,
    differentiating,
    dtype_for,
    gradients_for,
    ones_like,
    reaches_out,
    running,
    scalar,
    stop,
    transform,
    zeros_for,
)
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable


@transform
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
        arguments = Arguments("grad", args, argnums, kwargs.values(), kwargs)
        y, aux = arguments.call(fun, kwargs), None
        if has_aux:
            y, aux = y
            arguments.notice_captured(flatten(aux)[0])
        scalar("grad", y)
        gxs = gradients_for(arguments, [y], [None], unconnected)
        warn_independent("grad", [y])
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
    thread = get_ident()
    if not 0 <= argnum < len(args) or thread in running or not Config.enable_backprop:
        return None
    if any(map(reaches_out, (*args, *kwargs.values()))):
        return None
    given = args[argnum]
    if type(given) is float:
        x = Variable(np.array(given))
    elif type(given) is np.ndarray and given.dtype.kind == "f":
        x = Variable(given)
    elif isinstance(given, Variable) and given.dtype.kind == "f":
        x = variable_like(given, given.data, True)
    else:
        return None
    captures = False
    try:
        running[thread] = (x,)
        try:
            origin, before = enter_origin()
            try:
                y = fun(*args[:argnum], x, *args[argnum + 1 :], **kwargs)
            finally:
                leave_origin(before)
        finally:
            del running[thread]
        scalar("grad", y)
        gxs = [None]
        if isinstance(y, Variable):
            gxs = engine.gradients([y], [None], [x], origin)
            if gxs is None:
                captures = True
                gxs = recorded.gradients([y], [ones_like(y)], [x], True)
        gx = gxs[0]
        if gx is None:
            gx = zeros_for(x, 0, unconnected)
            warn_independent("grad", [y])
        return y if captures or not isinstance(y, Variable) else y.data[()], as_given(given, gx)
    finally:
        end_arguments([x], alone=not captures)


@transform
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


@transform
def elementwise_grad(fun, argnums=0):
    """A function that returns the derivative of each output of an elementwise `fun`.

    In general, of the sum of the outputs; shapes as the argument's.

    >>> import numpy as np
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        arguments = Arguments("elementwise_grad", args, argnums, kwargs.values(), kwargs)
        ys, _ = flatten(arguments.call(fun, kwargs))
        warn_independent("elementwise_grad", ys)
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
    one = isinstance(outputs, Variable) and isinstance(inputs, Variable)
    if one and grad_outputs is None and not create_graph:  # the rest would take longer than this
        gx = engine.gradients([outputs], [None], [inputs], prune=True)[0]
        return zeros_for(inputs, 0, unconnected) if gx is None else gx
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
    pairs = list(zip(ys, gys, strict=True))
    if create_graph:
        gys = [ones_like(y) if gy is None else started(gy, y) for y, gy in pairs]
        with differentiating():
            gxs = recorded.gradients(ys, gys, xs)
    else:
        gys = [None if gy is None else started(gy, y).data for y, gy in pairs]
        gxs = engine.gradients(ys, gys, xs, prune=True)
    parts, seen = [], set()
    for i, (x, gx) in enumerate(zip(xs, gxs, strict=True)):
        gx = zeros_for(x, i, unconnected) if gx is None else gx
        gx = constant(gx, x) if create_graph else gx
        array = stop(gx)
        if id(array) in seen:
            gx = np.copy(gx)  # no two share memory
        seen.add(id(array))
        parts.append(gx)
    return rebuild(x_structure, parts)


def started(gy, y):
    """`gy` as a Variable of the shape of `y`."""
    gy = constant(gy, y)
    if gy.shape == y.shape and gy.dtype is y.dtype and gy.dtype.char in "fdFD" and y.dtype.isnative:
        return gy
    dtype = dtype_for(y)
    if gy.dtype != dtype and dtype.kind in "fc":
        gy = (np.real(gy) if gy.dtype.kind == "c" and dtype.kind == "f" else gy).astype(dtype)
    if gy.shape != y.shape:
        if np.broadcast_shapes(gy.shape, y.shape) != y.shape:
            raise ValueError(f"a gradient to start from has shape {gy.shape}, expected {y.shape}")
        gy = np.broadcast_to(gy, y.shape)
    return gy
