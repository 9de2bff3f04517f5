"""Products where the generic tests do not reach: kinks, errors, second derivatives of einsum."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from samples.products import EINSUM, POINTS, VALUES, X, operands
from samples.sample import complex_normal, normal
from test_rows import compare, directions, inner

import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad.functions import convolution, einsums


def check_second(gradients_of, points, rtol=1e-5):
    """Compare the derivative of VJPs, called with Variables, with differences.

    `gradients_of(vs)` returns the VJPs' answers at these Variables.
    """
    vs = [Variable(np.asarray(point)) for point in points]
    made = gradients_of(vs)
    ws = directions(made, "made")
    inner(made, ws).backward()
    dxs = directions(points, "points")
    derivative = sum(
        np.sum((v.grad * dx).real) for v, dx in zip(vs, dxs, strict=True) if v.grad is not None
    )

    def f(points):
        made = gradients_of([Variable(np.asarray(point)) for point in points])
        return sum(np.sum((m.data * w).real) for m, w in zip(made, ws, strict=True))

    compare(derivative, f, points, dxs, rtol, "second derivative")


# --- einsum ---


@pytest.mark.parametrize("make", [normal, complex_normal])
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("case", EINSUM, ids=str)
def test_second_derivative_of_einsum(case, make, optimize):
    text, *shapes = case
    xs = operands(shapes, make)
    g = np.asarray(make(*np.einsum(text, *xs).shape, seed="g"))

    def gradients_of(vs):
        g, *xs = vs
        return [
            einsums.einsum_vjp(fnp, i, g, None, xs, text, optimize=optimize) for i in range(len(xs))
        ]

    check_second(gradients_of, [g, *xs])


def test_einsum_writes_to_out_and_is_recorded():
    x, out = Variable(normal(2, 3)), np.empty(3)
    y = np.einsum("ij->j", x, out=out)
    y.backward()
    np.testing.assert_array_equal(out, y.data)
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


def test_errors_of_einsum_are_numpys_or_clear():
    x = Variable(normal(2, 3))
    with pytest.raises(ValueError, match="subscripts"):
        np.einsum("i", x)
    with pytest.raises(ValueError, match=r"subscript 60 is not within the valid range"):
        np.einsum(x, [0, 60])
    with pytest.raises(TypeError, match="out is a Variable"):
        np.einsum("ij->j", normal(2, 3), out=x)
    with pytest.raises(ValueError, match="subscripts"):
        np.einsum("ij,j", [x, x], x)


def test_the_path_of_einsum_is_plain():
    x, y = normal(2, 3), normal(3, 4)
    assert np.einsum_path("ij,jk", Variable(x), y) == np.einsum_path("ij,jk", x, y)


# --- products ---


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [
        ((2,), (2,), {}),
        ((4, 2), (2,), {}),
        ((2, 4), (4, 2), {"axisa": 0}),
        ((2, 4), (4, 3), {"axisa": 0}),
        ((3, 4), (2, 4), {"axis": 0}),
    ],
)
def test_cross_of_vectors_in_the_plane(a, b, axes):
    """Which NumPy 2 deprecates, and a later one may no longer do."""
    xs = [normal(*a), complex_normal(*b)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            y = np.cross(*xs, **axes)
        except ValueError:
            pytest.skip("this NumPy has the cross product in space alone")
        vs = [Variable(x) for x in xs]
        w = np.asarray(complex_normal(*y.shape, seed="w"))
        fnp.sum(fnp.real(np.cross(*vs, **axes) * w)).backward()
        for trial in range(2):
            dxs = directions(xs, trial)
            derivative = sum(np.sum((v.grad * dx).real) for v, dx in zip(vs, dxs, strict=True))
            compare(
                derivative, lambda xs: np.sum((np.cross(*xs, **axes) * w).real), xs, dxs, 1e-6, "",
            )  # fmt: skip


def test_operands_that_are_numbers_lists_or_keywords():
    x = Variable(normal(3))
    (np.dot(2, x) + np.tensordot(3, x, 0)).backward()
    np.testing.assert_array_equal(x.grad, np.full(3, 5.0))
    x.cleargrad()
    np.dot(x, b=[1.0, 2.0, 3.0]).backward()
    np.testing.assert_array_equal(x.grad, [1, 2, 3])
    x.cleargrad()
    np.convolve(x, v=[1, 2], mode="valid").backward()
    np.testing.assert_array_equal(x.grad, [2, 3, 1])
    x.cleargrad()
    np.dot(a=[1.0, 2.0, 3.0], b=x).backward()
    np.testing.assert_array_equal(x.grad, [1, 2, 3])


def test_dot_writes_to_out_and_is_recorded():
    x, out = Variable(normal(2, 3)), np.empty(2)
    y = np.dot(x, np.ones(3), out=out)
    y.backward()
    np.testing.assert_array_equal(out, y.data)
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


# --- interpolation ---


def gradient_of_interp(x, points, values, **kwargs):
    v = Variable(np.array(x))
    np.interp(v, points, values, **kwargs).backward()
    return v.grad


def test_slope_at_the_points_and_outside():
    points, values = np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0])
    x = [-1.0, 0.0, 1.0, 3.0, 4.0]
    np.testing.assert_array_equal(gradient_of_interp(x, points, values), [0, 2, -0.5, -0.5, 0])


def test_slope_with_a_period_wraps_around():
    points, values = np.array([1.0, 2.0]), np.array([0.0, 3.0])
    x = [0.5, 1.5, 3.5, 5.5, -0.5]
    np.testing.assert_allclose(
        gradient_of_interp(x, points, values, period=4.0), [-1, 3, -1, 3, -1]
    )


def test_equal_points_have_slope_zero():
    points, values = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 5.0, 6.0])
    np.testing.assert_array_equal(gradient_of_interp([0.5, 1.0, 1.5], points, values), [1, 1, 1])
    np.testing.assert_array_equal(gradient_of_interp([1.0], points[:3], values[:3]), [0])


def test_left_and_right_get_the_gradient_of_what_lies_there():
    left, right = Variable(np.array(1.0)), Variable(np.array(2.0))
    fp = Variable(VALUES)
    np.interp([-3.0, -2.0, 0.1, 9.0], POINTS, fp, left=left, right=right).backward()
    assert (left.grad, right.grad) == (2, 1)
    assert fp.grad[0] == fp.grad[-1] == 0


@pytest.mark.parametrize("kwargs", [{}, {"left": 1.0}, {"period": 2.7}], ids=str)
def test_second_derivative_of_interp(kwargs):
    rest = tuple({"left": None, "right": None, "period": None, **kwargs}.values())

    def gradients_of(vs):
        g, *xs = vs
        return [convolution.interp_vjp(fnp, i, g, None, *xs, *rest) for i in range(3)]

    check_second(gradients_of, [normal(7, seed="g"), X, POINTS, VALUES])
