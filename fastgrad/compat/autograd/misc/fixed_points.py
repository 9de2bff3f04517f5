"""Fixed points, and their derivatives, which are fixed points again."""

from fastgrad.compat.autograd.builtins import tuple as tuple_
from fastgrad.compat.autograd.core import defvjp, make_vjp, vspace
from fastgrad.compat.autograd.tracer import primitive


@primitive
def fixed_point(f, a, x0, distance, tol):
    """The x with `x == f(a)(x)`, by iteration from `x0` until `distance` of two is at most `tol`.

    It is differentiable for `a`, by the implicit function theorem; as a function of `x0` it is
    constant.
    """
    step, last = f(a), x0
    x = step(last)
    while distance(x, last) > tol:
        x, last = step(x), x
    return x


def adjoint_of(f):
    """Of `(a, x, g)` the map w -> g + (df/dx)^T w: its fixed point is what g becomes at f(a)."""

    def of_point(point):
        a, x, g = point
        pull = make_vjp(f(a), x)[0]
        return lambda w: vspace(x).add(pull(w), g)

    return of_point


def pulled_back(x, f, a, x0, distance, tol):
    """The gradient for `a`."""
    pull = make_vjp(lambda a: f(a)(x), a)[0]

    def vjp(g):
        start = vspace(x0).zeros()
        return pull(fixed_point(adjoint_of(f), tuple_((a, x, g)), start, distance, tol))

    return vjp


defvjp(fixed_point, None, pulled_back, None)
