"""fastgrad.functions.special: values, limits, conventions; SciPy's functions, and without SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastgrad import Variable
from fastgrad.functions import special
from fastgrad.functions.special import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)

X = np.linspace(-12, 12, 97)


def gradient(f, x, **kwargs):
    x = Variable(np.asarray(x, dtype=float))
    f(x, **kwargs).backward()
    return x.grad


# --- values ---

FORMULAS = {
    sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    log_sigmoid: lambda x: -np.log1p(np.exp(-x)),
    softplus: lambda x: np.log1p(np.exp(x)),
    silu: lambda x: x / (1 + np.exp(-x)),
    relu: lambda x: np.where(x > 0, x, 0),
    leaky_relu: lambda x: np.where(x > 0, x, 0.01 * x),
    elu: lambda x: np.where(x > 0, x, np.expm1(x)),
    softmax: lambda x: np.exp(x) / np.sum(np.exp(x)),
    log_softmax: lambda x: np.log(np.exp(x) / np.sum(np.exp(x))),
    logsumexp: lambda x: np.log(np.sum(np.exp(x))),
}


@pytest.mark.parametrize("f", FORMULAS, ids=lambda f: f.name)
def test_values_are_those_of_the_formula(f):
    np.testing.assert_allclose(f(X), FORMULAS[f](X), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(f(Variable(X)).data, FORMULAS[f](X), rtol=1e-13, atol=1e-15)


def test_gelu_is_the_approximation_by_tanh():
    u = math.sqrt(2 / math.pi) * (X + 0.044715 * X**3)
    np.testing.assert_allclose(gelu(X), 0.5 * X * (1 + np.tanh(u)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("f", FORMULAS, ids=lambda f: f.name)
@pytest.mark.parametrize("x", [[1, 2, -3], 2.0, np.float32(-1.5)])
def test_lists_and_numbers_are_taken_too(f, x):
    if f in (softmax, log_softmax) and np.ndim(x) == 0:
        pytest.skip("no axis")
    expected = FORMULAS[f](np.asarray(x, dtype=float))
    np.testing.assert_allclose(f(x), expected, rtol=1e-6)
    assert np.shape(f(x)) == np.shape(expected)
    assert np.ndim(x) or isinstance(f(x), np.floating)  # a scalar, as NumPy's functions return


@pytest.mark.parametrize("f", [softmax, log_softmax, logsumexp], ids=lambda f: f.name)
def test_integers_are_taken_too(f):
    x = np.array([[1, 2, -3], [0, 0, 0]])
    np.testing.assert_allclose(f(x, axis=1), f(x.astype(float), axis=1))


# --- limits ---


def test_large_arguments_overflow_nowhere():
    x = np.array([-np.inf, -1e5, -750.0, 750.0, 1e5, np.inf])
    np.testing.assert_array_equal(sigmoid(x), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(log_sigmoid(x), [-np.inf, -1e5, -750, 0, 0, 0])
    np.testing.assert_array_equal(softplus(x), [0, 0, 0, 750, 1e5, np.inf])
    np.testing.assert_array_equal(gradient(sigmoid, x), 0)
    np.testing.assert_array_equal(gradient(log_sigmoid, x), [1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(gradient(softplus, x), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(gradient(relu, x), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(gradient(leaky_relu, x), [0.01, 0.01, 0.01, 1, 1, 1])
    np.testing.assert_array_equal(elu(x), [-1, -1, -1, 750, 1e5, np.inf])
    np.testing.assert_array_equal(gradient(elu, x), [0, 0, 0, 1, 1, 1])
    for f in (silu, gelu):
        np.testing.assert_array_equal(f(x[1:-1]), [0, 0, 750, 1e5])
        np.testing.assert_array_equal(gradient(f, x[1:-1]), [0, 0, 1, 1])


def test_small_probabilities_are_exact():
    assert sigmoid(np.array(-700.0)) == pytest.approx(math.exp(-700), rel=1e-12)
    np.testing.assert_allclose(log_softmax(np.array([0.0, 1000.0])), [-1000, 0])


@pytest.mark.parametrize("x", [1e4, -1e4, 1e308, -1e308])
def test_logsumexp_of_large_numbers(x):
    assert logsumexp(np.array([x, x])) == pytest.approx(x + math.log(2), rel=1e-15)
    np.testing.assert_array_equal(gradient(logsumexp, [x, x]), [0.5, 0.5])
    np.testing.assert_array_equal(softmax(np.array([x, x])), [0.5, 0.5])


def test_logsumexp_of_infinities():
    inf = np.inf
    assert logsumexp(np.array([-inf, 2.0])) == 2
    assert logsumexp(np.array([-inf, -inf])) == -inf
    assert logsumexp(np.array([1000.0, inf])) == inf
    assert logsumexp(np.array([-inf, inf])) == inf
    assert np.isnan(logsumexp(np.array([np.nan, inf])))
    np.testing.assert_array_equal(gradient(logsumexp, [-inf, 2.0]), [0, 1])
    np.testing.assert_array_equal(gradient(logsumexp, [-inf, -inf]), [0.5, 0.5])
    np.testing.assert_array_equal(gradient(logsumexp, [1000.0, inf]), [0, 1])
    np.testing.assert_array_equal(gradient(logsumexp, [inf, inf, 1]), [0.5, 0.5, 0])
    np.testing.assert_array_equal(softmax(np.array([-inf, 2.0])), [0, 1])
    np.testing.assert_array_equal(gradient(softmax, [-inf, 2.0]), [0, 0])


def test_of_nothing():
    assert logsumexp(np.empty(0)) == -np.inf
    np.testing.assert_array_equal(logsumexp(np.empty((2, 0)), axis=1), [-np.inf, -np.inf])
    assert softmax(np.empty((2, 0))).shape == log_softmax(np.empty((2, 0))).shape == (2, 0)
    assert gradient(logsumexp, np.empty((2, 0)), axis=1).shape == (2, 0)


def test_errors_are_numpys():
    with pytest.raises(np.exceptions.AxisError):
        logsumexp(Variable(np.ones(2)), axis=1)


# --- kinks ---


def test_rectifiers_have_the_gradient_of_their_left_side_at_0():
    assert gradient(relu, 0.0) == 0
    assert gradient(leaky_relu, 0.0) == 0.01
    assert gradient(elu, 0.0, alpha=0.3) == 0.3


# --- SciPy's ---


def test_importing_fastgrad_does_not_import_scipy(run_child):
    run_child(
        """
        import sys, fastgrad, fastgrad.numpy
        from fastgrad.functions.special import *
        from fastgrad.functions import special
        assert "erf" in dir(special)
        assert "scipy" not in sys.modules
        """
    )


def test_without_scipy_the_error_says_what_to_install(run_child):
    run_child(
        """
        import sys
        sys.modules["scipy"] = sys.modules["scipy.special"] = None
        import numpy as np
        from fastgrad.functions import special
        for f in (lambda: special.erf, lambda: special.gelu(np.ones(2), approximate=False)):
            try:
                f()
            except ImportError as error:
                assert "fastgrad[scipy]" in str(error)
            else:
                raise AssertionError
        special.gelu(np.ones(2))
        """
    )


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="'erfx'"):
        special.erfx  # noqa: B018


@pytest.mark.parametrize("name", special.SCIPY)
def test_scipys_functions_take_variables(name):
    scipy_special = pytest.importorskip("scipy.special")
    row = getattr(special, name)
    assert getattr(special, name) is row
    args = {"polygamma": (1, 0.5), "beta": (0.5, 0.3), "betaln": (0.5, 0.3)}.get(name, (0.5,))
    args = (0.5, 0.3) if name.startswith("xlog") else args
    function = getattr(scipy_special, name)
    x = Variable(np.array(args[-1]))
    assert row(*args[:-1], x).data == function(*args)
    if isinstance(function, np.ufunc):
        assert function(*args[:-1], x).creator is not None


def test_xlogy_at_0():
    pytest.importorskip("scipy.special")
    for name, y0 in (("xlogy", 0.0), ("xlog1py", -1.0)):
        f = getattr(special, name)
        x, y = Variable(np.array([0.0, 0.0])), Variable(np.array([y0, y0 + 2]))
        f(x, y).backward()
        np.testing.assert_array_equal(x.grad, [0, math.log(2)])
        np.testing.assert_array_equal(y.grad, [0, 0])


def test_i1_at_0():
    pytest.importorskip("scipy.special")
    assert gradient(special.i1, 0.0) == 0.5


def test_exact_gelu():
    pytest.importorskip("scipy.special")
    expected = [x * 0.5 * math.erfc(-x / math.sqrt(2)) for x in X]
    np.testing.assert_allclose(gelu(X, approximate=False), expected, rtol=1e-12, atol=1e-16)
