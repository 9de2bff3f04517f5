"""Products with the jacobian from the left and from the right, and the whole of it."""

import functools

import numpy as np

from fastgrad._core import batched, engine, recorded
from fastgrad._core.graph import variable_like
from fastgrad.conversions import warn_independent
from fastgrad.hints import described
from fastgrad.transforms.arguments import (
    Arguments,
    as_given,
    constant,
    differentiating,
    dtype_for,
    gradients_for,
    reaches_out,
    stop,
    transform,
    zeros_like,
)
from fastgrad.transforms.first_order import started
from fastgrad.trees import flatten, flatten_as, rebuild
from fastgrad.variable import Variable

MANY = 16  # rows of a jacobian, from which on it pays to carry them together
CARRIED = 1 << 17  # numbers of the output, or of an input, at a time: what a cache holds


@transform
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
    warn_independent("vjp", ys)
    arguments.notice_captured([*ys, *flatten(aux)[0]])

    def pullback(gy):
        gys = flatten_as(structure, gy, "the gradient to pull back")
        nested = arguments.nested or reaches_out(gys)
        arguments.exposed |= nested
        gys = [
            started(np.zeros(()) if gy is None else gy, y) if isinstance(y, Variable) else gy
            for y, gy in zip(ys, gys, strict=True)
        ]
        gxs = gradients_for(arguments, ys, gys if nested else map(stop, gys), nested=nested)
        return arguments.packed(map(as_given, arguments.given, gxs))

    value = rebuild(structure, map(arguments.result, ys))
    return (value, pullback, arguments.outside(aux)) if has_aux else (value, pullback)


@transform
def jvp(fun, primals, tangents):
    """The value of `fun(*primals)`, and its derivative along `tangents`.

    Both are tuples (or lists) of one entry for each argument, of the same structure, else
    TypeError. The derivative has the structure of the value. (By differentiating the pullback,
    which is linear, for its gradient.)

    >>> import numpy as np
    >>> jvp(np.sin, (np.array([0.0, np.pi]),), (np.array([1.0, 2.0]),))[1]
    array([ 1., -2.])
    """
    for name, xs in (("primals", primals), ("tangents", tangents)):
        if not isinstance(xs, (tuple, list)):
            raise TypeError(
                f"jvp: {name} is {described(xs)}, expected a tuple of one for each argument; write "
                "jvp(f, (x,), (dx,))"
            )
    arguments = Arguments("jvp", primals, tuple(range(len(primals))), tangents)
    _, structure = flatten(tuple(primals))
    directions = flatten_as(structure, tuple(tangents), "jvp: the tangent")
    for x, dx in zip(arguments.xs, directions, strict=True):
        if np.shape(stop(dx)) != x.shape:
            raise ValueError(f"jvp: a tangent has shape {np.shape(stop(dx))}, expected {x.shape}")
    ys, structure = flatten(arguments.call(fun, {}))
    warn_independent("jvp", ys)
    arguments.notice_captured(ys)
    dys = pushed_forward(arguments, ys, directions)
    return rebuild(structure, map(arguments.result, ys)), rebuild(structure, dys)


def linear_pullback(ys, xs, nested, hooks):
    """Variables `us` for the gradients of the outputs, and the gradients for `xs` made of them.

    Unless `nested`, these can be differentiated for `us` alone. `hooks` on gradients, which need
    not be linear, are passed over, or a RuntimeError.
    """
    outputs = [y for y in ys if isinstance(y, Variable) and y.requires_grad]
    us = [variable_like(y, zeros_like(y), True) for y in outputs]
    with differentiating(*us):
        gxs = recorded.gradients(outputs, us, xs, True, linear=not nested, hooks=hooks)
    return outputs, us, gxs


def pushed_forward(arguments, ys, directions):
    """The derivative of each output along the directions."""
    outputs, us, gxs = linear_pullback(ys, arguments.xs, arguments.nested, False)
    pairs = [(g, dx) for g, dx in zip(gxs, directions, strict=True) if g is not None]
    made, along = [g for g, _ in pairs], [constant(dx, g) for g, dx in pairs]
    if arguments.nested:
        dus = recorded.gradients(made, along, us, True, hooks=False)
    else:
        dus = engine.gradients(made, [v.data for v in along], us, hooks=False)
    found = dict(zip(map(id, outputs), dus, strict=True))
    dys = [found.get(id(y)) for y in ys]
    return [
        zeros_like(y) if dy is None else (dy if arguments.nested else dy[()])
        for y, dy in zip(ys, dys, strict=True)
    ]


@transform
def jacobian(fun, argnums=0, *, has_aux=False):
    """A function that returns the jacobian: of the shape of the output, then that of the input.

    For nested outputs or arguments, a nest of them: that of the output outside. `has_aux` as in
    `value_and_grad`. The elements of an output that is no larger than the input go through the
    graph together, many in a sweep; an operation without a rule for that (see `batched` of `op`)
    takes them one by one, and with hooks each has a sweep. For a larger output there is a sweep for
    each element of the input, over the recorded pullback.

    >>> import numpy as np
    >>> jacobian(lambda x: x[:2] * x[2])(np.array([1.0, 2.0, 3.0]))
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """

    @functools.wraps(fun)
    def wrapped(*args, **kwargs):
        arguments = Arguments("jacobian", args, argnums, kwargs.values(), kwargs)
        value, aux = arguments.call(fun, kwargs), None
        if has_aux:
            value, aux = value
        ys, structure = flatten(value)
        warn_independent("jacobian", ys)
        arguments.notice_captured([*ys, *flatten(aux)[0]])
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
    except (RuntimeError, TypeError):  # of a Function or a rule that cannot be differentiated
        return [by_rows(y, xs) for y in ys]


def by_rows(y, xs):
    """The elements of the output many in a sweep, where the graph allows it; else one in each."""
    n, shape = np.size(stop(y)), np.shape(stop(y))
    if not isinstance(y, Variable) or not y.requires_grad:
        return [np.zeros((*shape, *x.shape), dtype_for(x)) for x in xs]
    blocks = [np.empty((n, *x.shape), dtype_for(x)) for x in xs]
    if n < MANY or not fill_together(blocks, y, xs):
        unit = np.zeros(n, dtype_for(y))
        for i in range(n):
            unit[i] = 1
            put(blocks, i, engine.gradients([y], [unit.reshape(shape).copy()], xs))
            unit[i] = 0
    return [block.reshape((*shape, *x.shape)) for block, x in zip(blocks, xs, strict=True)]


def fill_together(blocks, y, xs):
    """The rows of the jacobians, many at a time; whether the graph allows that."""
    n, shape = y.size, y.shape
    n_rows = max(MANY, CARRIED // max(n, *(x.size for x in xs)))
    if n > n_rows:
        # Once it freed an array of 16 MB, glibc keeps what less is freed for the next: else each
        # sweep would get its memory from the system anew, which takes three times as long.
        np.empty(1 << 21)
    units = np.zeros((min(n, n_rows), n), dtype_for(y))
    for start in range(0, n, n_rows):
        stop = min(start + n_rows, n)
        places = np.arange(stop - start), np.arange(start, stop)
        units[places] = 1
        gxs = batched.gradients(y, units[: stop - start].reshape(-1, *shape), xs)
        if gxs is None:
            return False
        put(blocks, slice(start, stop), gxs)
        units[places] = 0
    return True


def put(blocks, index, gxs):
    """Write gradients where they belong; None is zero."""
    for block, gx in zip(blocks, gxs, strict=True):
        block[index] = 0 if gx is None else gx


def by_columns(ys, xs):
    """A sweep for each element of the inputs, over the recorded pullback."""
    outputs, us, gxs = linear_pullback(ys, xs, False, True)
    places = {id(y): k for k, y in enumerate(outputs)}
    rows = [[np.zeros((*np.shape(stop(y)), *x.shape), dtype_for(x)) for x in xs] for y in ys]
    for j, (x, g) in enumerate(zip(xs, gxs, strict=True)):
        if g is None:
            continue
        unit = np.zeros(x.shape, dtype_for(x))
        for i in np.ndindex(x.shape):
            unit[i] = 1
            dus = engine.gradients([g], [unit.copy()], us, hooks=False)
            unit[i] = 0
            for row, y in zip(rows, ys, strict=True):
                dy = dus[places[id(y)]] if id(y) in places else None
                if dy is not None:
                    row[j][(..., *i)] = dy
    return rows


def by_recorded_rows(arguments, y):
    """A recorded sweep for each element of the output, inside of an outer derivative."""
    xs, rows = arguments.xs, []
    unit = np.zeros(np.shape(stop(y)), dtype_for(y))
    for i in np.ndindex(unit.shape):
        unit[i] = 1
        gxs = gradients_for(arguments, [y], [unit.copy()])
        rows.append([constant(g, x) for g, x in zip(gxs, xs, strict=True)])
        unit[i] = 0
    return [
        np.reshape(np.stack([row[j] for row in rows]), (*unit.shape, *x.shape))
        if rows else variable_like(x, np.zeros((*unit.shape, *x.shape)), False)
        for j, x in enumerate(xs)
    ]  # fmt: skip
