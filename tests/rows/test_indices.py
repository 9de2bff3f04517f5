"""Every form of index that NumPy takes: what is read, and derivatives of first and second order.

The truth is kept apart from all of fastgrad's code: the places that an index selects, by NumPy, and
sums over them in Python.
"""

from __future__ import annotations

import numpy as np
import pytest

from fastgrad import Variable, grad, gradients, hessian, jacobian, jvp
from fastgrad.functions._indexing import REPEATED, VIEWED, selection


class Integer:
    """What has `__index__`, and is no int."""

    def __init__(self, i):
        self.i = i

    def __index__(self):
        return self.i

    def __repr__(self):
        return f"Integer({self.i})"


class Int(int):
    """A subclass of int."""


class Array(np.ndarray):
    """A subclass of ndarray."""


T, F = True, False
A = np.array
M = np.random.default_rng(12).standard_normal((4, 3))
C = np.random.default_rng(13).standard_normal((2, 3, 4))
V = np.random.default_rng(14).standard_normal(5)
S = np.array(0.7)
ROWS = A([T, F, T, F])
MASK = M > 0

FORMS = [
    # integers
    *((V, i) for i in (0, -1, np.int8(2), np.uint64(3), np.intp(-2), Int(1), Integer(2), A(1),
                       A(-1, "i1"), A(2, ">i4"), A(3).view(Array))),
    *((M, i) for i in (1, -4, (1, 2), (Int(1), -1), (np.int64(0), 1), (Integer(3), np.uint8(2)),
                       (A(1), A(2)), (A(1), 2), (1,), (A(1),), A(1))),
    # slices, ellipsis, newaxis
    *((V, i) for i in (slice(None), slice(1, -1), slice(None, None, -2), slice(9, 2), Ellipsis,
                       None, (Ellipsis,), (None, Ellipsis, None), slice(np.int64(1), A(3)), ())),
    *((M, i) for i in ((slice(None), 1), (Ellipsis, -1), (1, Ellipsis), (Ellipsis, 0, 2),
                       (slice(None, None, -1), slice(None, 2)), (None, 1, None, slice(1)),
                       (slice(0), 1), (), (Ellipsis, None, slice(None)), (0, Ellipsis, 1))),
    # arrays of integers, and what becomes one: repeated, out of order, negative, empty
    *((V, i) for i in ([0, 2], [2, 0, 2], [-1, 4, 0], [], [3], [[0, 1], [1, 0]], [[]], A([2, 2]),
                       A([[4], [0]]), A([], int), A([1, 1], "u1"), A([0, 3, 3], ">i8"),
                       ([0, 2, 2],), ((0, 1, 0),), ((),), (((0, 1), (1, 4)),), (A([1, 1]),),
                       [np.int64(1), 1], [Int(1), 1], [A(1), A(1)], A([2, 2]).view(Array),
                       [(0, 1), (1, 0)], ([(0, 1), [1, 0]],), range(3), (range(1, 4),))),
    *((M, i) for i in ([0, 0], (0, [1, 1]), ([0, 1, 0], [2, 2, 2]), ((0, 1, 0), (1, 1, 1)),
                       ((0, 1), slice(None)), (slice(None), (0, 1)), (slice(None), (1, 1)),
                       (slice(None), (0,)), (slice(None), ()), (slice(None), [2, 0]),
                       (slice(None, None, 2), [0, 0]), ([[0], [3]], [0, 0]), np.ix_([0, 0], [1, 2]),
                       (A([0, 0]), 1), (A([[0, 1], [1, 0]]), A(2)), ([], []), ([], 0),
                       (Ellipsis, [1, 1]), (None, [1, 1]), ([1, 1], None), (Ellipsis, (1, 1), None),
                       ((0, 1), A([1, 1])), (A([1, 3, 1]), slice(1, None)), (((0, 1), (1, 0)), 1),
                       (np.uint8(1), (0, 0)))),
    *((C, i) for i in ((0, [0, 0], slice(None)), ([0, 0], slice(None), [1, 1]),
                       ([1, 0], slice(None), 2), (slice(None), [0, 2, 0], [1, 1, 1]),
                       (1, slice(None), [3, 3]), (Ellipsis, (0, 0)), ((0, 1), Ellipsis),
                       (slice(None), None, [0, 0]), ([1], [2], [3]), ((1,), (2,), (3,)),
                       ([[0], [1]], slice(None), [0, 0]),
                       (slice(1), (2, 2), slice(None, None, 3)))),
    # masks
    *((V, i) for i in (A([T, F, T, T, F]), [T, F, F, F, T], (A([F] * 5),), ([T] * 5,), T, F,
                       np.True_, np.False_, A(T), A(F), (T, slice(1)), (T, None, 0), (T, T), (F, T),
                       ((T, F, T, F, T),), A([T, F, T, T, F]).view(Array), (np.True_, [0, 0]))),
    *((M, i) for i in (ROWS, MASK, MASK.tolist(), (ROWS, 1), (ROWS, slice(None, None, -1)),
                       (slice(None), A([T, F, T])), (ROWS, A([T, F, T])), (ROWS, [0, 0]),
                       (A([F, T, F, F]), [2, 2]), (A([F, T, F, F]), A([T, F, T])),
                       (A([F, T, F, F]), (0, 1, 0)), ([T, F, T, F], (0, 1)), (ROWS, A(1)),
                       (Ellipsis, A([T, T, F])), (None, MASK), (MASK, None), (MASK, Ellipsis),
                       (T, ROWS), (T, [1, 1]), (T, 1), (ROWS, np.int64(-1)), (ROWS, None, 0),
                       np.zeros((4, 3), bool), (1, A([T, F, T])), A([T, F, T, F])[::-1],
                       (T, MASK), (slice(None), [T, F, T]), ((T, F, T, F), 2), (1, T),
                       (1, np.True_))),
    *((C, i) for i in (C > 0, (A([T, F]), slice(None), [1, 1]), (C[:, :, 0] > 0, 1),
                       (C[..., 0] > 0, [1] * int((C[..., 0] > 0).sum())), (1, C[0] > 0),
                       (A([T, T]), 0, A([T, F, F, T])), (slice(None), C[0] > 0), (F, 0))),
    # nothing to select along
    *((S, i) for i in ((), Ellipsis, None, T, F, A(T), (None, None), (T, None), np.True_)),
]  # fmt: skip


every_form = pytest.mark.parametrize(
    ("x", "index"),
    FORMS,
    ids=[f"{k}: {x.ndim}-d {''.join(repr(index).split())}" for k, (x, index) in enumerate(FORMS)],
)


def selected(x, index):
    """The numbers, in C order, of the elements that the index selects, in the shape selected."""
    return np.asarray(np.arange(x.size).reshape(x.shape)[index])


def scattered(x, places, gy):
    """The gradient of `x`, where its elements at `places` get `gy`."""
    gx = np.zeros(x.size)
    for place, g in zip(places.ravel(), np.ravel(gy), strict=True):
        gx[place] += g
    return gx.reshape(x.shape)


def weights(places):
    return np.arange(1.0, 1 + places.size).reshape(places.shape)


@every_form
def test_reading(x, index):
    y = Variable(x)[index]
    expected = x[index]
    assert y.shape == expected.shape
    assert np.array_equal(y.data, expected)


@every_form
def test_gradient(x, index):
    places = selected(x, index)
    w = weights(places)
    v = Variable(x)
    expected = scattered(x, places, w)
    np.sum(v[index] * w).backward()
    assert np.array_equal(v.grad, expected)
    np.sum(v[index] * w).backward()  # to what is there
    assert np.array_equal(v.grad, 2 * expected)
    v.cleargrad()
    y = v * 1.0  # twice in one graph, into one gradient
    (np.sum(y[index] * w) + np.sum(y[index] * w) + np.sum(y)).backward()
    assert np.array_equal(v.grad, 2 * expected + 1)


@every_form
def test_recorded_gradient_and_second_order(x, index):
    places = selected(x, index)
    w = weights(places)
    v = Variable(x)
    np.sum(v[index] ** 3 * w).backward(create_graph=True)
    first = v.grad
    np.testing.assert_allclose(first.data, scattered(x, places, 3 * x[index] ** 2 * w), 1e-14)
    (second,) = gradients(np.sum(first * first), [v])
    n = scattered(x, places, w)  # of each element, the sum of the weights that it is taken with
    np.testing.assert_allclose(second, 36 * x**3 * n**2, 1e-13)


@every_form
def test_jacobian_jvp_and_hessian(x, index):
    places = selected(x, index)
    unit = np.eye(x.size).reshape(x.size, *x.shape)
    expected = unit[places.ravel()].reshape(places.shape + x.shape)
    assert np.array_equal(jacobian(lambda x: x[index])(x), expected)
    square = jacobian(lambda x: (x * 2.0)[index] * 1.5)(x)  # in one sweep, if it can be
    assert np.array_equal(square, 3 * expected)
    assert np.array_equal(jvp(lambda x: x[index], (x,), (x,))[1], x[index])
    w = weights(places)
    n = scattered(x, places, w)
    hess = np.diag(6 * (x * n).ravel()).reshape(x.shape * 2)
    np.testing.assert_allclose(hessian(lambda x: np.sum(x[index] ** 3 * w))(x), hess, 1e-13)


@every_form
def test_the_answer_is_never_that_a_repeated_element_is_selected_once(x, index):
    places = selected(x, index)
    if selection(index) != REPEATED:
        assert np.unique(places).size == places.size
    if selection(index) == VIEWED:
        part = x[index]
        assert not isinstance(part, np.ndarray) or part.size == 0 or np.shares_memory(part, x)


@pytest.mark.parametrize("index", [
    0, np.int64(0), slice(None), None, Ellipsis, (0, 1), (np.uint8(1), slice(2)), (None, Ellipsis),
    ROWS, MASK, (ROWS, 0), (A([T, F, T]), ROWS), T, np.False_, A(T), A(0), (A(0), 1), (T, 1), (),
], ids=repr)  # fmt: skip
def test_what_is_seen_to_select_once_takes_the_quick_way(index):
    assert selection(index) != REPEATED


@pytest.mark.parametrize("index", [
    "0", 1.0, np.float64(1), 7, -6, (0, 0), [0.5], A([T, F]), [9], ([0], slice(None), None, 1),
    slice("a"), {}, int, (Ellipsis, Ellipsis), A([0.0]), ([0, 1], [0, 1, 2]),
], ids=repr)  # fmt: skip
def test_what_numpy_refuses_is_refused_with_its_exception(index):
    v = Variable(V)
    assert error_of(lambda: v[index]) == error_of(lambda: V[index]) != ""
    assert v.grad is None


def error_of(f):
    try:
        f()
    except (IndexError, TypeError, ValueError) as error:
        return repr(error)
    return ""


# --- the functions that take, and their kin ---


@pytest.mark.parametrize("indices", [
    0, -1, np.int8(1), A(1), [0, 0], (0, 2, 0), [[0, 1], [1, 0]], [], A([2, 2], ">i4"), (-1, 2),
    A([], int), A([1, 1], "u1"),
], ids=repr)  # fmt: skip
def test_take_in_every_form(indices):
    for axis in (None, 0, 1):
        x = M
        places = np.take(np.arange(x.size).reshape(x.shape), np.asarray(indices, int), axis)
        w = weights(np.asarray(places))
        for f in (lambda x, axis=axis: np.take(x, indices, axis),
                  lambda x, axis=axis: x.take(indices, axis)):  # fmt: skip
            gx = grad(lambda x, f=f, w=w: np.sum(f(x) ** 2 * w))(x)
            expected = scattered(x, np.asarray(places), 2 * x.ravel()[places] * w)
            np.testing.assert_allclose(gx, expected, 1e-14)
            h = hessian(lambda x, f=f, w=w: np.sum(f(x) ** 2 * w))(x)
            n = scattered(x, np.asarray(places), w)
            np.testing.assert_allclose(h, np.diag(2 * n.ravel()).reshape(x.shape * 2), 1e-14)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_take_along_axis_with_repeated_places(axis):
    indices = A([[0, 2, 2], [1, 1, 1], [0, 0, 0], [2, 0, 2]])
    indices = A([0, 2, 2, 0, 11]) if axis is None else indices
    places = np.take_along_axis(np.arange(12).reshape(4, 3), indices, axis)
    w = weights(places)
    gx = grad(lambda x: np.sum(np.take_along_axis(x, indices, axis) ** 2 * w))(M)
    np.testing.assert_allclose(gx, scattered(M, places, 2 * M.ravel()[places] * w), 1e-14)


def test_indices_that_are_variables_or_hold_them():
    i, j = Variable(A([0, 2, 0])), Variable(A(1), requires_grad=False)
    mask = Variable(ROWS)
    for index, plain in [
        (i, i.data), ((i, j), (i.data, 1)), ((slice(None), i), (slice(None), i.data)),
        (mask, ROWS), ((mask, j), (ROWS, 1)), ((j, i), (1, i.data)),
    ]:  # fmt: skip
        places = selected(M, plain)
        w = weights(places)
        v = Variable(M)
        np.sum(v[index] * w).backward()
        assert np.array_equal(v.grad, scattered(M, places, w))


def test_a_list_that_changes_after_the_read_changes_nothing():
    v, rows, columns = Variable(M), [0, 1], [[0], [2]]
    y = np.sum(v[rows, columns])
    z = np.sum(v[(rows, (0, 1))])
    rows.append(3)
    columns[0][0] = 1
    (y + z).backward()
    expected = np.zeros((4, 3))
    expected[:2, ::2] = 1
    expected[0, 0] += 1
    expected[1, 1] += 1
    assert np.array_equal(v.grad, expected)


def test_the_cases_of_the_report():
    m = A([[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(grad(lambda m: np.sum(m[:, (0, 1)] ** 2))(m), [[2, 4], [6, 8]])
    assert np.array_equal(grad(lambda m: np.sum(m[:, (0,)] ** 2))(m), [[2, 0], [6, 0]])
    x = A([1.0, 2.0, 3.0])
    assert np.array_equal(grad(lambda x: np.sum(x[(0, 1),] ** 2))(x), [2, 4, 0])
    z = np.ones((3, 4))
    expected = np.zeros((3, 4))
    expected[[0, 1, 0], [3, 3, 2]] = 1
    assert np.array_equal(grad(lambda z: np.sum(z[(0, 1, 0), (3, 3, 2)]))(z), expected)
