"""What reductions give where there is no derivative, or nothing to reduce; and what they refuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import test_rows
from samples.reductions import GRID
from samples.sample import Sample, complex_normal, distinct, normal, uniform

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad.functions import differences, statistics

NAN = float("nan")


def gradient(function, x, *args, **kwargs):
    """That of the sum of the results."""
    v = Variable(np.asarray(x))
    fastgrad.sum(function(v, *args, **kwargs)).backward()
    return v.grad


# --- ties, and NaNs that are the result ---


@pytest.mark.parametrize("function", [np.max, np.min, np.amax, np.nanmax, np.nanmin])
def test_ties_share_evenly(function):
    sign = -1.0 if "min" in function.__name__ else 1.0
    x = sign * np.array([[2.0, 1.0, 2.0], [0.0, 3.0, 3.0]])
    assert np.array_equal(gradient(function, x, axis=1), [[0.5, 0, 0.5], [0, 0.5, 0.5]])
    assert np.array_equal(gradient(function, x), [[0, 0, 0], [0, 0.5, 0.5]])
    assert np.array_equal(
        gradient(function, x, initial=sign * 3.0), np.array([[0, 0, 0], [0, 1, 1]]) / 3
    )
    assert np.array_equal(gradient(function, x, initial=sign * 4.0), np.zeros((2, 3)))


def test_ties_of_the_reduction_of_a_ufunc_share_evenly():
    assert np.array_equal(gradient(np.maximum.reduce, [1.0, 3.0, 3.0]), [0, 0.5, 0.5])


def test_ptp_of_equal_elements_has_gradient_zero():
    assert np.array_equal(gradient(np.ptp, [2.0, 2.0, 2.0]), [0, 0, 0])
    assert np.array_equal(gradient(np.ptp, [2.0, 5.0, 2.0]), [-0.5, 1, -0.5])


def test_nan_that_is_the_maximum_gets_the_gradient():
    x = np.array([[1.0, NAN, NAN], [1.0, 2.0, 0.0]])
    assert np.array_equal(gradient(np.max, x, axis=1), [[0, 0.5, 0.5], [0, 1, 0]])


@pytest.mark.parametrize("function", [np.nanmax, np.nanmean, np.nanmedian, np.nanvar, np.nanstd])
def test_slice_of_nans_gets_zeros(function):
    x = np.array([[NAN, NAN], [1.0, 3.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of the result
        v = Variable(x)
        y = function(v, axis=1)
    y.grad = np.ones(2)
    y.backward()
    assert np.array_equal(v.grad[0], [0, 0])
    assert np.isfinite(v.grad).all()


# --- variances ---


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("function", [np.std, np.nanstd])
def test_std_has_gradient_zero_at_zero_variance(function, dtype):
    x = np.array([[2, 2, 2], [1, 2, 3]], dtype)
    expected = [[0, 0, 0], np.array([-1, 0, 1]) / 3 / np.std([1, 2, 3])]
    np.testing.assert_allclose(gradient(function, x, axis=1), expected)


def test_var_of_too_few_has_gradient_nan_where_it_is_nan_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        v = Variable(np.array([3.0]))
        y = np.var(v, ddof=1)
    y.backward()
    assert np.isnan(v.grad).all()


@pytest.mark.parametrize("function", [np.var, np.std])
def test_mean_that_is_passed_is_an_operand_of_its_own(function):
    x = np.array([1.0, 2.0, 6.0])
    expected = 2 * (x - 1) / 3
    if function is np.std:
        expected = expected / (2 * np.std(x, mean=np.array([1.0])))
    np.testing.assert_allclose(gradient(function, x, mean=np.array([1.0])), expected)
    v = Variable(x)
    function(v, mean=np.mean(v, keepdims=True)).backward()
    np.testing.assert_allclose(v.grad, gradient(function, x))


# --- products ---


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_prod_is_exact_at_zeros(zeros):
    x = np.array([3.0, 5.0, 7.0])
    x[:zeros] = 0
    with np.errstate(all="raise"):
        assert np.array_equal(gradient(np.prod, x), [x[1] * x[2], x[0] * x[2], x[0] * x[1]])
        assert np.array_equal(
            gradient(np.cumprod, x), [1 + x[1] + x[1] * x[2], x[0] + x[0] * x[2], x[0] * x[1]]
        )


def test_prod_whose_value_underflows_has_its_gradient():
    x = np.array([1e-200, 1e-200])
    assert np.array_equal(gradient(np.prod, x), x)


def test_cumprod_that_overflows_has_no_nan():
    x = np.full(400, 10.0)
    with np.errstate(over="ignore"):
        assert not np.isnan(gradient(np.cumprod, x)).any()


# --- masks ---


@pytest.mark.parametrize("function", [np.sum, np.mean, np.var, np.std, np.prod, np.max])
def test_what_is_masked_out_gets_zero(function):
    x = np.array([NAN, 1.0, np.inf, 3.0])
    kwargs = {"initial": 0.0} if function is np.max else {}
    g = gradient(function, x, where=np.isfinite(x), **kwargs)
    assert g[0] == g[2] == 0
    assert np.isfinite(g).all()
    assert g[3] != 0


def test_mean_of_nothing_divides_nothing_by_zero():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        v = Variable(np.array([1.0, 2.0]))
        y = np.mean(v, where=False)
    with np.errstate(all="raise"):
        y.backward()
    assert np.array_equal(v.grad, [0, 0])


# --- order statistics ---


def test_median_of_ties_takes_those_in_stable_order():
    assert np.array_equal(gradient(np.median, [2.0, 1.0, 2.0, 2.0]), [0.5, 0, 0.5, 0])
    assert np.array_equal(gradient(np.median, [2.0, 2.0, 2.0]), [0, 1, 0])


def test_quantile_at_an_order_statistic_and_at_the_ends_is_flat_in_q():
    x, q = np.array([0.0, 1.0, 4.0]), Variable(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    fastgrad.sum(np.quantile(x, q)).backward()
    assert np.array_equal(q.grad, [0, 2, 0, 6, 0])


@pytest.mark.parametrize("function", [np.quantile, np.nanquantile])
@pytest.mark.parametrize("method", ["inverted_cdf", "higher", "nearest"])
def test_quantile_in_float32_finds_the_element_that_numpy_took(method, function):
    for n in range(2, 40):
        x = distinct(n).astype(np.float32)
        for q in np.arange(0, n + 1) / n:
            g = gradient(function, x, float(q), method=method)
            assert np.array_equal(g, x == function(x, float(q), method=method))


def test_nanquantile_whose_axes_numpy_mixes_up_is_never_silently_wrong():
    x, q = normal(2, 2, 3), np.array([[0.1, 0.2], [0.3, 0.4]])
    v = Variable(x)
    y = np.nanquantile(v, q, axis=(0, 2))
    if np.array_equal(y.data, np.quantile(x, q, axis=(0, 2))):
        pytest.skip("mended in this NumPy")
    y.grad = np.ones(y.shape)
    with pytest.raises(NotImplementedError, match="ravel"):
        y.backward()


def test_overwrite_input_does_not_change_what_the_graph_holds():
    x = distinct(7)
    v = Variable(x.copy())
    for function in (np.median, np.nanmedian):
        function(v, overwrite_input=True).backward()
    np.quantile(v, 0.5, overwrite_input=True).backward()
    assert np.array_equal(v.data, x)
    assert np.array_equal(v.grad, 3.0 * (x == np.median(x)))


# --- discrete ---


DISCRETE = [
    np.argmax, np.argmin, np.nanargmax, np.count_nonzero, np.all, np.any, np.histogram,
    np.histogram_bin_edges, lambda x: np.digitize(x, [0.0]), lambda x: np.searchsorted([0.0], x),
    lambda x: np.histogram(np.arange(3.0), bins=np.sort(x)),
    lambda x: fastgrad.bincount([0, 1], minlength=Variable(np.array(3))),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(DISCRETE)))
def test_discrete_results_are_plain(i):
    function, x = DISCRETE[i], distinct(3)
    y, expected = function(Variable(x)), function(x)
    assert type(y) is type(expected)
    y = y if isinstance(y, tuple) else (y,)
    for a, b in zip(y, expected if isinstance(expected, tuple) else (expected,), strict=True):
        assert not isinstance(a, Variable)
        assert np.array_equal(a, b)


def test_weights_of_a_histogram_are_refused():
    x, w = distinct(3), Variable(np.ones(3))
    with pytest.raises(TypeError, match=r"np\.histogram: .*bincount"):
        np.histogram(x, weights=w)
    assert not isinstance(np.histogram(Variable(x), weights=np.ones(3))[0], Variable)


# --- several operands ---


def test_operands_may_be_passed_by_name():
    x, w = Variable(normal(3)), Variable(uniform(1, 2, 3))
    for y in (
        np.average(x, weights=w), np.trapezoid(x, x=w), np.trapezoid(x, dx=w[0]),
        np.sum(np.diff(x, append=w)), np.sum(np.ediff1d(x, to_begin=w)), np.cov(x, y=w),
        np.bincount([0, 1, 1], weights=w)[1], np.quantile(a=x, q=w[0] / 3),
        np.sum(np.gradient(x, np.cumsum(w))),
    ):  # fmt: skip
        w.cleargrad()
        y.backward()
        assert w.grad is not None, type(y.creator)
        assert np.any(w.grad)


def test_errors_are_numpys():
    v = Variable(normal(3, 4))
    for call in (
        lambda f, x: f.average(x, weights=np.ones(2)), lambda f, x: f.diff(x, -1),
        lambda f, x: f.gradient(x, 1.0, 2.0, 3.0), lambda f, x: f.gradient(x, np.ones(2), 1.0),
        lambda f, x: f.gradient(x, edge_order=3),
        lambda f, x: f.sum(x, axis=5), lambda f, x: f.quantile(x, 1.5),
        lambda f, x: f.max(x[:0]), lambda f, x: f.cov(x[None]),
    ):  # fmt: skip
        with pytest.raises(Exception) as expected:
            call(np, v.data)
        with pytest.raises(type(expected.value)) as actual:
            call(fnp, v)
        assert str(actual.value) == str(expected.value)


# --- rows behind functions of the same name ---

SECOND = {
    "average": (statistics.weighted, [
        (normal(2, 3), 0, uniform(1, 2, 2)), (normal(2, 3), (1, 0), uniform(1, 2, 3, 2), True),
        (complex_normal(2, 3), None, 2 + complex_normal(2, 3)), (normal(2, 3), 0),
    ]),
    "diff": (differences.differences, [
        (normal(3, 4), 2, 0, normal(2, 4), normal(1, 4)), (normal(4), 1, -1, normal(), 1.0),
    ]),
    "ediff1d": (differences.flat_differences, [(normal(2, 3), normal(2), normal(1))]),
    "gradient": (differences.gradient_along, [
        (f, spacing, f.ndim - 1, edge_order) for edge_order in (1, 2)
        for f in (normal(5), normal(2, 5), complex_normal(5)) for spacing in (GRID, np.array(0.3))
    ]),
    "bincount": (statistics.weighted_count, [(np.array([0, 2, 2]), normal(3))]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "args"), [(name, args) for name, (_, samples) in SECOND.items() for args in samples]
)
def test_second_derivative(name, args, monkeypatch):
    monkeypatch.setattr(fnp, name, SECOND[name][0], raising=False)
    test_rows.test_second_derivative.of_one(Sample(name, args))
