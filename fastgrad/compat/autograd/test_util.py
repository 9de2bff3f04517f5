"""Checks of derivatives against differences, by autograd's conventions.

(`fastgrad.testing.check_gradients` also compares along steps that fit each number.)
"""

from itertools import product

from fastgrad.compat.autograd.core import make_jvp, make_vjp, vspace
from fastgrad.compat.autograd.wrap_util import get_name, unary_to_nary

TOL = RTOL = EPS = 1e-6


def scalar_close(a, b):
    """Whether two numbers differ by less than 1e-6, absolutely or relative to their sum."""
    return abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL


def make_numerical_jvp(f, x):
    """The derivative of `f` at `x` along a vector, by a central difference."""
    space, image = vspace(x), vspace(f(x))

    def jvp(v):
        up, down = (f(space.add(x, space.scalar_mul(v, step))) for step in (EPS / 2, -EPS / 2))
        return image.scalar_mul(image.add(up, image.scalar_mul(down, -1.0)), 1.0 / EPS)

    return jvp


numerical_jvp = make_numerical_jvp


def check_vjp(f, x):
    """AssertionError if the gradient of `f` at `x` is not the derivative, along random vectors."""
    pull, y = make_vjp(f, x)
    space, image = vspace(x), vspace(y)
    dx, w = space.randn(), image.randn()
    gx = space.covector(pull(image.covector(w)))
    assert vspace(gx) == space
    exact = space.inner_prod(dx, gx)
    numeric = image.inner_prod(w, make_numerical_jvp(f, x)(dx))
    assert scalar_close(numeric, exact), (
        f"Derivative (VJP) check of {get_name(f)} failed with arg {x}:\n"
        f"analytic: {exact}\nnumeric:  {numeric}"
    )


def check_jvp(f, x):
    """AssertionError if the derivative of `f` along a random vector is not the difference."""
    dx = vspace(x).randn()
    check_equivalent(make_jvp(f, x)(dx)[1], make_numerical_jvp(f, x)(dx))


def check_equivalent(x, y):
    """AssertionError if two values are not in one space, or differ along a random vector."""
    space = vspace(x)
    assert space == vspace(y), f"VSpace mismatch:\nx: {space}\ny: {vspace(y)}"
    v = space.randn()
    close = scalar_close(space.inner_prod(x, v), space.inner_prod(y, v))
    assert close, f"Value mismatch:\nx: {x}\ny: {y}"


@unary_to_nary
def check_grads(f, x, modes=("fwd", "rev"), order=2):
    """AssertionError if the derivatives of `f` up to that order are not what differences say.

    `check_grads(f, argnum, modes, order)(*args)`; modes are "fwd", by tangents, and "rev", by
    gradients.
    """
    assert all(mode in ("fwd", "rev") for mode in modes)
    checks = {
        "fwd": (check_jvp, lambda x, v: make_jvp(f, x)(v)[1], "jvp", lambda: x),
        "rev": (check_vjp, lambda x, v: make_vjp(f, x)[0](v), "vjp", lambda: f(x)),
    }
    for mode, (check, derivative, name, like) in checks.items():
        if mode in modes:
            check(f, x)
            if order > 1:
                derivative.__name__ = f"{name}_{get_name(f)}"
                check_grads(derivative, (0, 1), modes, order - 1)(x, vspace(like()).randn())


def combo_check(fun, *args, **kwargs):
    """`check_grads(fun, *args, **kwargs)` of all combinations of arguments, given in lists."""

    def check(*choices, **named):
        names = list(named)
        for values in product(*choices):
            for options in product(*named.values()):
                keywords = dict(zip(names, options, strict=True))
                check_grads(fun, *args, **kwargs)(*values, **keywords)

    return check
