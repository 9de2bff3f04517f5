"""What fastgrad.functions.polynomials promises beyond the table of samples."""

from __future__ import annotations

import numpy as np
import pytest

from fastgrad import Variable


def test_roots_leave_leading_zeros_without_a_gradient():
    p = Variable(np.array([0.0, 0.0, 1.0, -3.0, 2.0]))
    y = np.roots(p)
    assert y.data.tolist() == [2, 1]
    np.sum(y * np.array([1.0, 0.0])).backward()
    np.testing.assert_allclose(p.grad, [0, 0, -4, -2, -1])


def test_roots_at_zero_have_a_gradient_if_they_are_simple():
    p = Variable(np.array([1.0, -1.0, 0.0]))
    y = np.roots(p)
    assert y.data.tolist() == [1, 0]
    y[1].backward()
    np.testing.assert_allclose(p.grad, [0, 0, 1])


def test_roots_of_a_constant_and_of_zero():
    for p in ([2.0], [0.0, 0.0]):
        y = np.roots(Variable(np.array(p)))
        assert y.shape == (0,)


def test_polymul_gives_what_it_trims_no_gradient():
    a, b = Variable(np.array([0.0, 1.0, 2.0])), Variable(np.array([3.0]))
    np.sum(np.polymul(a, b)).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0, 3, 3], [3])
    zero = np.polymul(Variable(np.zeros(3)), b)
    assert np.array_equal(zero.data, np.polymul(np.zeros(3), b.data))


def test_poly_of_conjugate_roots_is_real():
    z = Variable(np.array([1 + 2j, 1 - 2j]))
    y = np.poly(z)
    assert y.dtype == np.float64
    y[2].backward()
    np.testing.assert_allclose(z.grad, [1 - 2j, 1 + 2j])


def test_polyfit_warns_and_refuses_like_numpy():
    x, y = Variable(np.ones(4)), np.arange(4.0)
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        np.polyfit(x, y, 2)
    for wrong in ((x, y[:3], 1), (x, y, -1), (Variable(np.ones((2, 2))), y, 1)):
        with pytest.raises((TypeError, ValueError), match="expected"):
            np.polyfit(*wrong)
    for kwargs in ({"full": True}, {"cov": True}):
        with pytest.raises(TypeError, match=r"np\.polyfit: .* use np\.linalg\.lstsq"):
            np.polyfit(x, y, 1, **kwargs)


@pytest.mark.parametrize("f", [np.polyder, np.polyint])
def test_orders_below_zero_raise_numpys_error(f):
    with pytest.raises(ValueError, match="must be positive"):
        f(Variable(np.ones(3)), -1)


def test_polyint_wants_enough_constants():
    with pytest.raises(ValueError, match="k must be a scalar"):
        np.polyint(Variable(np.ones(3)), 3, [1.0, 2.0])
