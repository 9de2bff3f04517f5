"""What taking and sorting give among equal elements, and what is plain or refused."""

from __future__ import annotations

import numpy as np
import pytest
import test_rows
from samples.sample import Sample, complex_normal, distinct, normal

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad.functions import indexing


def gradient(function, x, g=None):
    """From `g`, or ones, for the result."""
    v = Variable(np.asarray(x))
    y = function(v)
    y.grad = np.ones(y.shape) if g is None else np.asarray(g)
    y.backward()
    return v.grad


# --- equal elements ---


def test_sorting_keeps_the_order_of_equal_elements():
    x = [2.0, 1.0, 2.0, 1.0]
    assert np.array_equal(gradient(np.sort, x, [1.0, 2.0, 3.0, 4.0]), [3, 1, 4, 2])
    assert np.array_equal(
        gradient(lambda v: np.sort(v, kind="heapsort"), x, [1.0, 2, 3, 4]), [3, 1, 4, 2]
    )


def test_partition_gives_each_element_the_gradient_of_its_place():
    x = np.array([3.0, 1.0, 2.0, 1.0, 5.0, 0.0])
    g = gradient(lambda v: np.partition(v, 2), x, np.partition(x, 2))
    assert np.array_equal(g, x)  # of equal elements whichever


def test_nans_are_sorted_to_the_end():
    g = gradient(np.sort, [np.nan, 1.0, np.nan, 0.0], [1.0, 2.0, 3.0, 4.0])
    assert np.array_equal(g, [3, 2, 4, 1])


@pytest.mark.parametrize("function", [np.unique, np.unique_values, lambda v: np.unique_all(v)[0]])
def test_unique_takes_the_first_of_equal_elements(function):
    x = [[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]]
    assert np.array_equal(gradient(function, x), [[1, 1], [0, 0], [1, 0]])


def test_unique_rows():
    x = [[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]]
    g = gradient(lambda v: np.unique(v, axis=0), x, [[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(g, [[3, 4], [0, 0], [1, 2]])


def test_elements_that_are_taken_again_and_again_add_up():
    assert np.array_equal(gradient(lambda v: np.take(v, [0, 2, 0, -1]), [1.0, 2.0, 3.0]), [2, 0, 2])


# --- indices are constants ---


def test_indices_and_conditions_may_be_variables():
    x = normal(3, 4)
    index, mask = np.array([2, 0, 0]), np.array([True, False, True])
    for function in (
        lambda v, c: np.take(v, c(index), axis=0), lambda v, c: np.take(v, indices=c(index)),
        lambda v, c: np.take_along_axis(v, c(index[:, None]), 1),
        lambda v, c: np.compress(c(mask), v, 0), lambda v, c: np.extract(c(mask), v[0, :3]),
        lambda v, c: np.choose(c(index), [v[:, 0], v[:, 1], v[:, 2]]),
        lambda v, c: np.select([c(mask), c(~mask)], [v[:, 0], v[:, 1]]),
        lambda v, c: np.piecewise(v[:, 0], [c(mask)], [np.exp, np.tanh]),
        lambda v, c: np.partition(v, c(np.array(1))),
    ):  # fmt: skip
        expected = gradient(lambda v, f=function: f(v, lambda x: x), x)
        assert np.array_equal(gradient(lambda v, f=function: f(v, Variable), x), expected)
        assert np.any(expected)


def test_indices_of_variables_into_plain_arrays():
    assert np.array_equal(fastgrad.take(normal(3), Variable(np.array([1, 2]))).data, normal(3)[1:])
    assert np.array_equal(np.choose(Variable(np.array([1, 0])), [[1, 2], [3, 4]]), [3, 2])


INDICES = [
    np.argsort, lambda x: np.argpartition(x, 1), lambda x: np.lexsort((x,)), np.nonzero,
    np.flatnonzero, np.argwhere, lambda x: np.isin(x, x[:1]), lambda x: np.ix_(np.argsort(x)),
    lambda x: np.unique_inverse(x)[1], lambda x: np.unique(x, return_counts=True)[1],
    lambda x: np.unravel_index(np.argsort(x), (3, 1)),
    lambda x: np.tril_indices_from(np.outer(x, x) if not isinstance(x, Variable) else
                                   fastgrad.reshape(x, (3, 1)) * x),
    lambda x: np.ravel_multi_index((np.argsort(x),), (3,)),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(INDICES)))
def test_indices_are_plain(i):
    function, x = INDICES[i], distinct(3)
    y, expected = function(Variable(x)), function(x)
    assert type(y) is type(expected)
    y, expected = ((z if isinstance(z, tuple) else (z,)) for z in (y, expected))
    for a, b in zip(y, expected, strict=True):
        assert not isinstance(a, Variable)
        assert np.array_equal(a, b)


# --- functions of the user ---


def test_functions_are_called_with_variables():
    w = Variable(np.array(2.0))
    x = Variable(np.array([1.0, -1.0, 3.0]))
    fastgrad.sum(np.piecewise(x, [x > 0], [lambda part: part * w, lambda part: part])).backward()
    assert np.array_equal(x.grad, [2, 1, 2])
    assert w.grad == 4
    w.cleargrad()
    rows = Variable(np.array([[1.0, 2.0], [3.0, 4.0]]))
    fastgrad.sum(np.apply_along_axis(lambda row: row[0] * row[1] * w, 1, rows)).backward()
    assert np.array_equal(rows.grad, [[4, 2], [8, 6]])
    assert w.grad == 14


def test_results_that_do_not_change_are_plain():
    x = Variable(distinct(2, 3))
    y = np.apply_along_axis(np.argmax, 1, x)
    assert np.array_equal(y, np.argmax(x.data, 1))
    assert not isinstance(y, Variable)


def test_piecewise_takes_the_dtype_of_x():
    x = np.array([1, -1, 3])
    w = Variable(np.array(1.7))
    y = fastgrad.piecewise(x, [x > 0], [lambda part, w: part * w, 0], w)
    assert y.dtype == x.dtype
    assert np.array_equal(y.data, [1, 0, 5])


# --- refused ---


REFUSED = [
    (lambda x: np.put(x, [0], 1.0), "np.where"), (lambda x: np.place(x, [True], 1.0), "np.where"),
    (lambda x: np.putmask(x, [True], 1.0), "np.where"), (lambda x: np.copyto(x, 1.0), "np.where"),
    (lambda x: np.copyto(np.zeros(2), x), "np.where"),
    (lambda x: np.put_along_axis(x, np.array([0]), 1.0, 0), "np.where"),
    (lambda x: np.fill_diagonal(x, 1.0), "np.eye"), (lambda x: np.setdiff1d(x, x), "np.isin"),
    (lambda x: np.intersect1d(x, x), "np.isin"), (lambda x: np.setxor1d(x, x), "np.isin"),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_refused(i):
    call, advice = REFUSED[i]
    with pytest.raises(TypeError, match=advice):
        call(Variable(np.array([1.0, 2.0])))


def test_errors_are_numpys():
    v = Variable(normal(3, 4))
    for call in (
        lambda f, x: f.take(x, [5], 0), lambda f, x: f.sort(x, 3), lambda f, x: f.trace(x[0]),
        lambda f, x: f.select([True, False], [x]), lambda f, x: f.choose([3], [x, x]),
        lambda f, x: f.piecewise(x, [x > 0], [1, 2, 3]),
        lambda f, x: f.apply_along_axis(f.sum, 3, x),
        lambda f, x: f.apply_along_axis(f.sum, 1, x[:0]), lambda f, x: f.unique(x, axis=4),
    ):  # fmt: skip
        with pytest.raises(Exception) as expected:
            call(np, v.data)
        with pytest.raises(type(expected.value)) as actual:
            call(fnp, v)
        assert str(actual.value) == str(expected.value)


# --- rows behind functions of another signature ---

SECOND = {
    "choose_among": [([normal(3), normal(2, 1)], np.array([0, 1, 1]))],
    "select_among": [([normal(3), normal(2, 1), normal()], [np.array([True, False, True]), True])],
    "scatter": [
        (normal(3), np.array([0, 2, 2]), (4,)), (complex_normal(2), slice(1, 3), (4,)),
        (normal(2, 2), (slice(None), np.array([1, 0])), (2, 3)),
        (normal(2), np.array([True, False, True]), (3,)),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "args"), [(name, args) for name, samples in SECOND.items() for args in samples]
)
def test_derivatives(name, args, monkeypatch):
    monkeypatch.setattr(fnp, name, getattr(indexing, name), raising=False)
    test_rows.test_first_derivative.of_one(Sample(name, args))
    test_rows.test_second_derivative.of_one(Sample(name, args))
