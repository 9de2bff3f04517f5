"""Second derivatives: the Hessian, whole or in products."""

import functools

import numpy as np

from fastgrad._core import recorded
from fastgrad.conversions import warn_independent
from fastgrad.transforms.arguments import (
    Arguments,
    as_given,
    constant,
    differentiating,
    dtype_for,
    gradients_for,
    ones_like,
    scalar,
    stop,
    transform,
    zeros_like,
)
from fastgrad.transforms.first_order import started
from fastgrad.transforms.jacobians import by_recorded_rows, by_rows
from fastgrad.trees import flatten, flatten_as
from fastgrad.variable import Variable


@transform
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
        arguments = Arguments("hessian", args, argnums, kwargs.values(), kwargs)
        y = scalar("hessian", arguments.call(fun, kwargs))
        warn_independent("hessian", [y])
        arguments.notice_captured([y])
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
        return [constant(zeros_like(x), x) for x in arguments.xs]
    with differentiating():  # also for what a Function's backward makes of `grad`
        gxs = recorded.gradients([y], [ones_like(y)], arguments.xs, True)
    return [
        constant(zeros_like(x) if g is None else g, x)
        for x, g in zip(arguments.xs, gxs, strict=True)
    ]


@transform
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
        warn_independent("hvp", [y])
        arguments.notice_captured([y])
        gxs = recorded_gradient(arguments, y)
        vs = flatten_as(flatten(x)[1], v, "hvp: v")
        if [np.shape(stop(v)) for v in vs] != [g.shape for g in gxs]:
            raise ValueError(
                f"hvp: v has shapes {[np.shape(stop(v)) for v in vs]}, expected "
                f"{[g.shape for g in gxs]}"
            )
        nested = arguments.nested
        starts = [started(v, g) for v, g in zip(vs, gxs, strict=True)]
        hvs = gradients_for(arguments, gxs, starts if nested else map(stop, starts), nested=nested)
        return arguments.packed(map(as_given, arguments.given, hvs))

    del wrapped.__wrapped__  # whose signature is another
    return wrapped


@transform
def hessian_operator(fun, x, *args):
    """The Hessian of `fun(x, *args)` at the array `x` as a `scipy.sparse.linalg.LinearOperator`.

    For SciPy's iterative solvers; needs SciPy. The gradient is recorded once, a product is a sweep.
    Products are arrays: a Variable that `fun` captures is a constant.

    >>> import numpy as np
    >>> h = hessian_operator(lambda x: np.sum(x**3), np.array([1.0, 2.0]))
    >>> h @ np.array([1.0, 1.0])
    array([ 6., 12.])
    """
    from scipy.sparse.linalg import LinearOperator

    x = np.asarray(x)
    arguments = Arguments("hessian_operator", (x, *args), 0)
    y = scalar("hessian_operator", arguments.call(fun, {}))
    warn_independent("hessian_operator", [y])
    (gx,) = recorded_gradient(arguments, y)

    def product(v):
        gy = np.reshape(v, x.shape).astype(dtype_for(x))
        (hv,) = gradients_for(arguments, [gx], [gy], nested=arguments.nested)
        return np.ravel(hv)

    return LinearOperator((x.size, x.size), matvec=product, rmatvec=product, dtype=dtype_for(x))
