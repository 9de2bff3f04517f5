"""`check_gradients`: derivatives against differences, for whoever writes a Function or an `op`."""

import numpy as np

from fastgrad.transforms import gradients
from fastgrad.trees import flatten, is_float, rebuild
from fastgrad.variable import Variable

__all__ = ["check_gradients"]

# Of a central difference with step h: the error of the formula grows with h^2, that of the
# arithmetic with 1/h; they meet at the cube root of the dtype's precision.
TOLERANCE = {2: 3e-2, 4: 5e-3, 8: 1e-6}


def check_gradients(fun, *xs, order=2, rtol=None, seed=0):
    """Compare derivatives of `fun` at `xs` with central differences; AssertionError if they differ.

    Parameters
    ----------
    fun : callable
        A function of arrays and numbers, and of nested tuples, lists and dicts of them, of which
        the floating ones are differentiated for. Its value may be such a nest too.
    order : int
        Up to the derivative of that order. Beyond the first, what `fun` is made of must be
        differentiable twice: see `differentiable` of Function.
    rtol : float, optional
        The relative error that is allowed; by default what the dtype can give.
    seed : int
        Of the random directions: the derivatives are compared as inner products along them.

    The error tells the order, the input, both numbers, the shapes and the seed.

    >>> import numpy as np
    >>> check_gradients(np.tanh, np.array([0.5, 1.0]))
    >>> check_gradients(lambda x: np.sum(x) * x.data, np.array([0.5, 1.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    AssertionError: check_gradients: the derivative of order 1 for input 0, of shape (2,), is ...
    """
    leaves, structure = flatten(xs)
    if not any(map(is_float, leaves)):
        raise TypeError("check_gradients: no input is floating: there is nothing to differentiate")
    rng = np.random.default_rng(seed)
    points = [np.array(x) for x in leaves if is_float(x)]

    def outputs(vs):
        vs = iter(vs)
        args = rebuild(structure, [next(vs) if is_float(x) else x for x in leaves])
        ys = [y for y in flatten(fun(*args))[0] if isinstance(y, Variable) and is_float(y)]
        if not ys:
            raise TypeError("check_gradients: no output is a floating Variable")
        return ys

    ws = None  # the directions along which the outputs are looked at
    for n in range(1, order + 1):
        vs = [Variable(x.copy()) for x in points]
        ys = outputs(vs)
        if ws is None:
            ws = [direction(rng, y.data) for y in ys]
        check_order(n, outputs, points, ws, rng, rtol, seed)
        outputs, ws = derivative_of(outputs, ws), [direction(rng, x) for x in points]


def derivative_of(outputs, ws):
    """The function that gives the gradients of the inner product of the outputs with `ws`."""

    def made(vs):
        return list(gradients(outputs(vs), list(vs), list(ws), create_graph=True))

    return made


def check_order(n, outputs, points, ws, rng, rtol, seed):
    """Compare the derivative of `outputs` along `ws`, input by input, with differences."""
    vs = [Variable(x.copy()) for x in points]
    gxs = gradients(outputs(vs), vs, ws)
    for i, (x, gx) in enumerate(zip(points, gxs, strict=True)):
        dx = direction(rng, x)
        eps = np.finfo(x.dtype).eps
        h = float(eps) ** (1 / 3) * max(1.0, float(np.max(np.abs(x), initial=0)))

        def along(t, i=i, dx=dx):
            moved = [np.asarray(p + t * dx if k == i else p, p.dtype) for k, p in enumerate(points)]
            moved = [Variable(p.copy()) for p in moved]
            return inner([y.data for y in outputs(moved)], ws)

        derivative = inner([gx], [dx])
        difference = (along(h) - along(-h)) / (2 * h)
        size = x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1)
        allowed = rtol if rtol is not None else TOLERANCE.get(size, 1e-6)
        scale = max(1.0, abs(derivative), abs(difference), abs(along(0.0)))
        if not abs(derivative - difference) <= allowed * scale:
            raise AssertionError(
                f"check_gradients: the derivative of order {n} for input {i}, of shape {x.shape}, "
                f"is {derivative!r} along a random direction, {difference!r} by differences "
                f"(seed {seed}, {x.dtype})"
            )


def direction(rng, x):
    """A random direction for `x`."""
    dx = rng.standard_normal(x.shape)
    if x.dtype.kind == "c":
        dx = dx + 1j * rng.standard_normal(x.shape)
    return np.asarray(dx, x.dtype)


def inner(ys, ws):
    """The real part of the sum of the products."""
    return float(sum(np.sum((y * w).real) for y, w in zip(ys, ws, strict=True)))
