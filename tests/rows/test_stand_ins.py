"""Where a formula is 0 / 0: the next derivatives of smooth functions that are made of its row.

See NOTE [Lengths] in functions/lengths.py for the convention.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import (
    DegeneracyWarning,
    Variable,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
)
from fastgrad.functions import special

# --- lengths: abs, hypot, norm, std ---

n = 3
CENTRED = np.eye(n) - 1 / n
norm = fnp.linalg.norm

# A length r, and the matrix M of r**2 = x' M x.
LENGTHS = {
    "norm": (norm, np.eye(n)),
    "norm along an axis": (lambda x: norm(fnp.reshape(x, (1, n)), axis=1)[0], np.eye(n)),
    "norm of a matrix": (lambda x: norm(fnp.outer(x, [1.0, 2.0])), 5 * np.eye(n)),
    "norm, axes kept": (lambda x: fnp.sum(norm(x, axis=0, keepdims=True)), np.eye(n)),
    "vector_norm": (fnp.linalg.vector_norm, np.eye(n)),
    "matrix_norm": (lambda x: fnp.linalg.matrix_norm(fnp.reshape(x, (1, n))), np.eye(n)),
    "std": (fnp.std, CENTRED / n),
    "std, ddof": (lambda x: fnp.std(x, ddof=1), CENTRED / (n - 1)),
    "std along an axis": (lambda x: fnp.std(fnp.stack([x, x]), axis=1)[1], CENTRED / n),
    "std, where": (
        lambda x: fnp.std(fnp.concatenate([x, [np.inf]]), where=[True] * n + [False]),
        CENTRED / n,
    ),
    "nanstd": (lambda x: fnp.nanstd(fnp.concatenate([x, [np.nan]])), CENTRED / n),
    "hypot": (lambda x: fnp.hypot(x[0], x[1]), np.diag([1.0, 1, 0])),
    "hypot of three": (lambda x: fnp.hypot(fnp.hypot(x[0], x[1]), 2 * x[2]), np.diag([1.0, 1, 4])),
    "abs": (lambda x: abs(x[1]), np.diag([0.0, 1, 0])),
    "fabs": (lambda x: fnp.fabs(2 * x[1]), np.diag([0.0, 4, 0])),
    "copysign": (lambda x: fnp.copysign(x[1], -1.0), np.diag([0.0, 1, 0])),
    "abs of complex": (lambda x: abs(x[0] + 2j * x[1]), np.diag([1.0, 4, 0])),
    "norm of complex": (lambda x: norm(fnp.stack([x[0] + 2j * x[1]])), np.diag([1.0, 4, 0])),
}
# A smooth function of r**2, h(r): its value of h'(r) / r at 0.
SMOOTH = {
    "r**2": (lambda r: r**2, 2),
    "r * r": (lambda r: r * r, 2),
    "square": (fnp.square, 2),
    "cos": (fnp.cos, -1),
    "exp": (lambda r: fnp.exp(-(r**2) / 2), -1),
    "r**4": (lambda r: r**4, 0),
    "log": (lambda r: fnp.log(1 + 3 * r * r), 6),
}
lengths = pytest.mark.parametrize("length", LENGTHS)


@lengths
@pytest.mark.parametrize("smooth", SMOOTH)
def test_smooth_functions_of_a_length_at_0(length, smooth):
    (r, m), (h, slope) = LENGTHS[length], SMOOTH[smooth]

    def f(x):
        return h(r(x))

    x, v = np.zeros(n), np.array([1.0, -2.0, 0.5])
    expected = slope * m
    np.testing.assert_array_equal(grad(f)(x), 0)
    np.testing.assert_allclose(hessian(f)(x), expected, atol=1e-15)
    np.testing.assert_allclose(hvp(f)(x, v), expected @ v, atol=1e-15)
    np.testing.assert_allclose(jacobian(grad(f))(x), expected, atol=1e-15)
    np.testing.assert_allclose(jvp(grad(f), (x,), (v,))[1], expected @ v, atol=1e-15)
    if length == "hypot of three":  # seconds, for each length in the other costs a walk
        return
    # The third derivative of an even function is 0.
    np.testing.assert_allclose(jacobian(hessian(f))(x), 0, atol=1e-14)


@lengths
def test_a_length_itself_has_no_second_derivative_at_0(length):
    r, _ = LENGTHS[length]
    np.testing.assert_array_equal(hessian(r)(np.zeros(n)), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegeneracyWarning)  # two calls, and weights that are 0
        np.testing.assert_array_equal(hessian(lambda x: r(x) * (2 + r(x) ** 2))(np.zeros(n)), 0)


@lengths
def test_a_length_elsewhere(length):
    """Its Hessian is (M - M x x' M / r**2) / r."""
    r, m = LENGTHS[length]
    x = np.array([0.5, -2.0, 1.0])
    y, mx = np.sqrt(x @ m @ x), m @ x
    expected = (m - np.outer(mx, mx) / y**2) / y
    np.testing.assert_allclose(hessian(r)(x), expected, atol=1e-14)
    np.testing.assert_allclose(hessian(lambda x: r(x) ** 2)(x), 2 * m, atol=1e-14)


def test_some_elements_are_at_0():
    x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])

    def f(x):
        return fnp.sum(fnp.cos(norm(x, axis=1)) * np.array([1.0, 0.0, 2.0]))

    h = hessian(f)(x)
    np.testing.assert_allclose(h[0, :, 0], -np.eye(2))
    np.testing.assert_allclose(h[2, :, 2], [[-2 * np.sin(1), 0], [0, -2 * np.cos(1)]])
    assert np.count_nonzero(h) == 4
    h = hessian(lambda x: fnp.sum(abs(x) ** 2))(x)
    np.testing.assert_array_equal(h, 2 * np.eye(6).reshape(3, 2, 3, 2))


def test_factors_that_do_not_depend_on_the_length():
    def f(x, c):
        return c * norm(x) ** 2 + c * norm(x)

    x, c = np.zeros(2), np.array(3.0)
    np.testing.assert_array_equal(hessian(f)(x, c), 6 * np.eye(2))
    np.testing.assert_array_equal(jacobian(grad(f, argnums=0), argnums=1)(x, c), [0, 0])


def test_backward_with_create_graph():
    x = Variable(np.zeros(2))
    y = norm(x)
    (y**2).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    np.sum(gx * np.array([1.0, 10.0])).backward()
    np.testing.assert_array_equal(x.grad, [2, 20])
    z = Variable(np.array([0j, 1j]))
    (gz,) = gradients(fnp.sum(abs(z) ** 2), [z], create_graph=True)
    np.testing.assert_array_equal(gz.data, [0, -2j])
    (ggz,) = gradients(fnp.sum(fnp.real(gz)), [z])
    np.testing.assert_array_equal(ggz.data, [2, 2])


def test_two_lengths_of_separate_calls_are_warned_of():
    """Where both are 0: see NOTE [Lengths]."""
    for f in (
        lambda x: norm(x) * norm(x),
        lambda x: norm(x) * norm(2 * x),
        lambda x: fnp.sum(abs(x) * abs(x)),
        lambda x: fnp.std(x) * fnp.std(x),
        lambda x: fnp.sum(abs(x)) * norm(x),
    ):
        with pytest.warns(DegeneracyWarning, match="compute the length once"):
            hessian(f)(np.zeros(2))
        assert np.all(np.isfinite(hessian(f)(np.array([1.0, 3.0]))))
    a = Variable(np.array([1.0, 2.0]))  # one that is not 0
    for f in (
        lambda x: norm(x),
        lambda x: norm(x) ** 2 + norm(x),
        lambda x: fnp.sum(x**2) * norm(x),
        lambda x: norm(a) * norm(x),
        lambda x: fnp.sum(abs(x)) + norm(x),
        lambda x: norm(fnp.sqrt(fnp.sum(a * a)) * x) ** 2,
    ):
        hessian(f)(np.zeros(2))
        jvp(f, (np.zeros(2),), (np.ones(2),))


def test_a_length_that_is_kept_and_one_that_was_given_other_data():
    for r in (abs, norm, fnp.fabs, lambda x: fnp.hypot(x, 0.0)):
        for assigned in (False, True):
            x = Variable(np.zeros(1))
            y = r(x)
            z = fnp.sum(y**2)
            if assigned:
                y.data = np.ones_like(y.data)
            (gx,) = gradients(z, [x], create_graph=True)
            assert gradients(fnp.sum(gx), [x])[0] == 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_norms_whose_squares_overflow_or_underflow(dtype):
    tiny, big = (1e-30, 1e30) if dtype == "float32" else (1e-200, 1e200)
    rows = np.array([[3 * tiny, 4 * tiny], [3 * big, -4 * big], [0, 0], [3, 4]], dtype)
    x = Variable(rows)
    with np.errstate(all="ignore"):
        y = norm(x, axis=1)
    y.backward()
    expected = [[0.6, 0.8], [0.6, -0.8], [0, 0], [0.6, 0.8]]
    np.testing.assert_allclose(x.grad, expected, rtol=1e-6)
    with np.errstate(all="ignore"):
        (gx,) = gradients(fnp.sum(fnp.real(norm(x, axis=1))), [x], create_graph=True)
    np.testing.assert_allclose(gx.data, expected, rtol=1e-6)
    gx = gradients(fnp.real(gx[3, 0]), [x])[0]
    if dtype != "complex128":
        np.testing.assert_allclose(gx, [[0, 0]] * 3 + [[0.128, -0.096]], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("order", [1.5, 2, 3, 4, 6])
def test_norms_of_other_orders(order):
    """Where an element is 0, the derivatives are those of a constant, as far as they exist."""
    x = np.array([0.0, 2.0])
    h = hessian(lambda x: norm(x, order))(x)
    np.testing.assert_allclose(h, [[0.5 if order == 2 else 0, 0], [0, 0]], atol=1e-15)
    if order > 2:
        h = hessian(lambda x: norm(x, order) ** order)(np.zeros(2))
        np.testing.assert_array_equal(h, 0)


# --- powers ---


POWERS = {
    "operator": lambda v: v[0] ** v[1],
    "power": lambda v: fnp.power(v[0], v[1]),
    "float_power": lambda v: fnp.float_power(v[0], v[1]),
}


@pytest.mark.parametrize("f", POWERS.values(), ids=list(POWERS))
def test_exponent_0(f):
    a = 2.0
    log = np.log(a)
    np.testing.assert_allclose(hessian(f)(np.array([a, 0.0])), [[0, 1 / a], [1 / a, log**2]])
    third = jacobian(hessian(f))(np.array([a, 0.0]))
    np.testing.assert_allclose(third[0, 0], [0, -1 / a**2], atol=1e-15)
    np.testing.assert_allclose(third[0, 1], [-1 / a**2, 2 * log / a], atol=1e-15)
    np.testing.assert_allclose(third[1, 1], [2 * log / a, log**3], atol=1e-15)


@pytest.mark.parametrize("f", POWERS.values(), ids=list(POWERS))
@pytest.mark.parametrize("b", [0.0, 1.0, 2.0, 3.0])
def test_base_0(f, b):
    """The exponent counts as a constant there: the derivatives of x**2 and so on are right."""
    h = hessian(f)(np.array([0.0, b]))
    np.testing.assert_array_equal(h, [[2.0 * (b == 2), 0], [0, 0]])
    third = jacobian(hessian(f))(np.array([0.0, b]))
    np.testing.assert_array_equal(third.ravel(), [6.0 * (b == 3), *[0] * 7])


def test_exponent_of_0_to_a_negative_power():
    for dtype in ("float32", "float64"):
        x, e = Variable(np.zeros((), dtype)), Variable(np.array(-1, dtype))
        with np.errstate(all="ignore"):
            (x**e).backward()
        assert e.grad == 0
        assert x.grad == -np.inf


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_power_0_of_subnormal_numbers_is_constant(dtype):
    x = Variable(np.array([np.finfo(dtype).smallest_subnormal, np.inf, 0.0], dtype))
    with np.errstate(all="raise", under="ignore"):
        (x ** np.zeros(3, dtype)).backward()
    np.testing.assert_array_equal(x.grad, 0)


# --- the others ---


@pytest.mark.parametrize(("name", "shift"), [("xlogy", 0), ("xlog1py", 1)])
def test_xlogy_at_0(name, shift):
    pytest.importorskip("scipy.special")
    f = getattr(special, name)
    for b in (2.0, 0.5):
        h = hessian(lambda v: f(v[0], v[1]))(np.array([0.0, b]))
        np.testing.assert_allclose(h, [[0, 1 / (b + shift)], [1 / (b + shift), 0]])
    h = hessian(lambda v: f(v[0], v[1]))(np.array([0.0, -shift]))
    np.testing.assert_array_equal(h, 0)  # where neither derivative exists
    h = hessian(lambda v: f(v[0], v[0] ** 2 + 1 - shift))(np.array([0.0]))
    np.testing.assert_array_equal(h, 0)


def test_bessel_functions_about_0():
    pytest.importorskip("scipy.special")
    for x in (0.0, 1e-16, -1e-300, 1e-5):
        h = hessian(lambda v: special.i1(v[0]))(np.array([x]))
        np.testing.assert_allclose(h, 3 * x / 8, rtol=1e-9)
    for i0 in (special.i0, fnp.i0):
        h = hessian(lambda v: i0(v[0]))(np.zeros(1))  # noqa: B023
        np.testing.assert_allclose(h, 0.5, rtol=1e-14)


def test_elu_is_that_of_its_left_side_at_0():
    h = hessian(lambda v: special.elu(v[0], alpha=0.25))(np.zeros(1))
    np.testing.assert_array_equal(h, 0.25)
