"""`check_gradients` compares derivatives with differences: for authors of a Function or an `op`."""

import numpy as np

from fastgrad.transforms import differentiating, gradients, jvp
from fastgrad.trees import flatten, is_float, rebuild
from fastgrad.variable import Variable

__all__ = ["check_gradients"]

# Of a central difference with step h: the error of the formula grows with h^2, that of the
# arithmetic with 1/h; they meet at the cube root of the dtype's precision.
TOLERANCE = {2: 5e-2, 4: 2e-3, 8: 1e-6}


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

    Where an `op` with a `jvp` was called, that is compared with its `vjp` too. The error tells the
    order, the input, both numbers, the shapes and the seed. RuntimeError where `fun` loses a
    gradient by a conversion.

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
        with differentiating():
            ys = flatten(fun(*args))[0]
        ys = [y for y in ys if isinstance(y, Variable) and is_float(y)]
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
        if n == 1:
            check_jvps(outputs, points, ws, rng, rtol, seed)
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
        eps = float(np.finfo(x.dtype).eps)
        h = eps ** (1 / 3)
        dx = np.asarray(direction(rng, x) * scale_of(x), x.dtype)

        def along(t, i=i, dx=dx):
            """The inner product, and the size of what it was summed from."""
            moved = [np.asarray(p + t * dx if k == i else p, p.dtype) for k, p in enumerate(points)]
            ys = [y.data for y in outputs([Variable(p.copy()) for p in moved])]
            return inner(ys, ws), inner(map(abs, ys), map(abs, ws))

        derivative = inner([gx], [dx])
        (up, size), (down, _) = along(h), along(-h)
        difference = (up - down) / (2 * h)
        width = x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1)
        allowed = rtol if rtol is not None else TOLERANCE.get(width, 1e-6)
        allowed *= max(abs(derivative), abs(difference), inner([abs(gx)], [abs(dx)]))
        allowed += 20 * eps * size / h  # what the difference cannot resolve
        if not abs(derivative - difference) <= allowed:
            raise AssertionError(
                f"check_gradients: the derivative of order {n} for input {i}, of shape {x.shape}, "
                f"is {derivative!r} along a random direction, {difference!r} by differences "
                f"(seed {seed}, {x.dtype})"
            )


def check_jvps(outputs, points, ws, rng, rtol, seed):
    """Compare the JVPs that rows declare with their VJPs, along random directions."""
    vs = [Variable(x.copy()) for x in points]
    ys = outputs(vs)
    names = rows_with_jvp(ys)
    if not names:
        return
    dxs = [direction(rng, x) for x in points]
    pulled = inner(gradients(ys, vs, ws), dxs)
    dys = jvp(lambda *vs: outputs(vs), tuple(points), tuple(dxs))[1]
    pushed = inner(map(np.asarray, dys), ws)
    eps = max(float(np.finfo(x.dtype).eps) for x in points)
    size = inner(map(abs, dys), map(abs, ws))
    if not abs(pushed - pulled) <= (rtol if rtol is not None else 1e3 * eps) * max(size, 1e-300):
        raise AssertionError(
            f"check_gradients: the derivative along a random direction is {pushed!r} by the jvp of "
            f"{', '.join(names)}, {pulled!r} by the vjp (seed {seed})"
        )


def rows_with_jvp(ys):
    """The names of the rows with a JVP that the Variables were computed by."""
    names, seen, stack = set(), set(), [y.creator for y in ys]
    while stack:
        f = stack.pop()
        if f is not None and f not in seen:
            seen.add(f)
            row = getattr(type(f), "row", None)
            if row is not None and row.jvp is not None:
                names.add(row.name)
            stack += [x.creator for x in f.inputs]
    return sorted(names)


def scale_of(x):
    """By how much each element may move: in proportion to its size, if it is 0 to the others'."""
    size = np.abs(x).astype(np.float64)
    typical = size[size > 0].mean() if np.any(size > 0) else 1.0
    return np.where(size > 0, size, typical)


def direction(rng, x):
    """A random direction for `x`."""
    dx = rng.standard_normal(x.shape)
    if x.dtype.kind == "c":
        dx = dx + 1j * rng.standard_normal(x.shape)
    return np.asarray(dx, x.dtype)


def inner(ys, ws):
    """The real part of the sum of the products."""
    return float(sum(np.sum((y * w).real) for y, w in zip(ys, ws, strict=True)))
