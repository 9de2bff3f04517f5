"""Lists and tuples as operands: read as NumPy reads them; what holds Variables is recorded."""

import operator

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Variable

OPERATORS = [
    getattr(operator, name)
    for name in "add sub mul truediv pow mod floordiv matmul lt le gt ge eq ne".split()
]
LISTS = [
    [1, 2, 3], (1, 2, 3), [1.5, 2.5, 3.5], [[1, 2, 3]], [], [True, True, False],
    [np.float32(1), 2, 3], [np.array(1.0), 2.0, 3.0],
]  # fmt: skip

OLD = np.lib.NumpyVersion(np.__version__) < "2.3.0"


def outcome(f, x0, x1):
    with np.errstate(all="ignore"):
        try:
            y = f(x0, x1)
        except (TypeError, ValueError, ArithmeticError) as error:
            return type(error)
    return y.data if isinstance(y, Variable) else y


@pytest.mark.parametrize("f", OPERATORS)
@pytest.mark.parametrize("x", [
    np.array([1.0, 2.0, 3.0]), np.array([1, 2, 3], "f4"), np.array(2.0), np.array([1, 2, 3]),
    np.array([1j, 2, 3]), np.eye(3),
], ids=lambda x: f"{x.dtype}{x.ndim}")  # fmt: skip
def test_operators_read_lists_as_numpy_does(f, x):
    for xs in LISTS:
        for swap in (False, True):
            expected = outcome(f, *((xs, x) if swap else (x, xs)))
            actual = outcome(f, *((xs, Variable(x)) if swap else (Variable(x), xs)))
            if isinstance(expected, type):
                assert actual is expected
            elif OLD and f is operator.pow and not isinstance(expected, Variable) and x.ndim == 0:
                # NumPy's short cuts (x**2 is a square, of bool too) took any 0-d exponent then, but
                # not beside a list; fastgrad makes an array of the list first.
                np.testing.assert_allclose(actual, expected, rtol=1e-15)
            else:
                np.testing.assert_array_equal(actual, expected, strict=True)


@pytest.mark.parametrize("f", [*OPERATORS[:6], operator.matmul])
@pytest.mark.parametrize("swap", [False, True])
def test_gradients_beside_a_list(f, swap):
    xs = [2.0, 3.0, 0.5]

    def gradient(xs):
        v = Variable(np.array([1.5, 2.0, 4.0]))
        fnp.sum(f(xs, v) if swap else f(v, xs)).backward()
        return v.grad

    np.testing.assert_array_equal(gradient(xs), gradient(np.array(xs)))
    np.testing.assert_array_equal(gradient(tuple(xs)), gradient(np.array(xs)))


@pytest.mark.parametrize("f", [*OPERATORS[:6], operator.matmul])
@pytest.mark.parametrize("swap", [False, True])
def test_a_list_that_holds_variables_is_recorded(f, swap):
    v, w = Variable(np.array([1.5, 2.0])), Variable(np.array([3.0, 0.5]))
    xs = [v[1], 2.0]
    y = fnp.sum(f(xs, w) if swap else f(w, xs))
    y.backward()
    u, z = Variable(np.array([2.0, 2.0])), Variable(np.array([3.0, 0.5]))
    fnp.sum(f(u, z) if swap else f(z, u)).backward()
    np.testing.assert_allclose(v.grad, [0, u.grad[0]])
    np.testing.assert_allclose(w.grad, z.grad)


def test_in_place_forms_and_nested_lists():
    v = w = Variable(np.array([1.0, 2.0]))
    w += [1, 2]
    w *= (2.0, 3.0)
    xs = [1.0, 1.0]
    xs *= w
    y = [[v[0], 2.0], (3.0, v[1])] * xs
    fnp.sum(y).backward()
    np.testing.assert_array_equal(y.data, [[4, 24], [12, 24]])
    np.testing.assert_array_equal(v.grad, [1 * 4 + 4 * 2, 1 * 12 + 4 * 3])


@pytest.mark.parametrize("f", OPERATORS[:8])
@pytest.mark.parametrize("xs", [["a", "b"], [None, None], [[1.0], [1.0, 2.0]], [{}, 1.0]], ids=str)
def test_what_is_no_array_of_numbers_raises(f, xs):
    v = Variable(np.array([1.0, 2.0]))
    for operands in ((v, xs), (xs, v)):
        with pytest.raises((TypeError, ValueError)):
            f(*operands)
    assert v.generation == 0


def test_comparisons_with_a_list_that_holds_variables():
    v, w = Variable(np.array([1.5, 2.0])), Variable(np.array([3.0, 0.5]))
    np.testing.assert_array_equal(w < [v[0], 2.0], [False, True])
    np.testing.assert_array_equal([v[0], 2.0] < w, [True, False])
    np.testing.assert_array_equal(np.less(w, [v[0], 2.0]), [False, True])


def test_functions_that_take_lists_of_variables():
    for f in (
        lambda x: fnp.sum([x, 1.0]),
        lambda x: fnp.linalg.det([[x, 1.0], [2.0, x]]),
        lambda x: fnp.dot([x, 1.0], [1.0, x]),
        lambda x: fnp.einsum("i,i", [x, 1.0], (1.0, x)),
        lambda x: fnp.sum(fnp.concatenate([[x, 1.0], [1.0, x]]) ** 2),
        lambda x: fnp.sum(fnp.where([True, False], [x, 1.0], [2 * x, x])),
        lambda x: fnp.max([x, 1.0]),
        lambda x: fnp.trapezoid([x, 1.0, 2 * x]),
        lambda x: fnp.sum(fnp.multiply([x, 1.0], x)),
        lambda x: fnp.sum(fnp.bincount([0, 1], weights=[x, 2 * x]) ** 2),
        lambda x: fnp.linalg.solve([[x, 1.0], [2.0, x]], [1.0, x])[0],
    ):
        v, h = Variable(np.array(2.5)), 1e-6
        y = f(v)
        y.backward()
        expected = (f(Variable(np.array(2.5 + h))).data - f(Variable(np.array(2.5 - h))).data) / (
            2 * h
        )
        np.testing.assert_allclose(v.grad, expected, rtol=1e-6)


def test_methods_of_ufuncs_take_lists_of_variables():
    s = Variable(np.array(2.0))
    for made, expected in [
        (fnp.add.reduce([s, 1.0, s]), 5),
        (fnp.multiply.accumulate((s, s, 3.0)), [2, 4, 12]),
        (fnp.multiply.outer([s, 1.0], [1.0, s]), [[2, 4], [1, 2]]),
    ]:
        assert isinstance(made, Variable)
        assert np.allclose(made.data, expected)
        s.cleargrad()
        made.sum().backward()
        assert s.grad > 0
    assert fnp.add.reduce([1.0, 2.0]) == 3.0
    assert (fnp.add.nin, fnp.add.identity) == (2, 0)
