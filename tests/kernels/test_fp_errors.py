"""Floating-point errors are reported as NumPy reports them: errstate, warnings, nothing more.

The engine calls NumPy's inner loops directly where it can; these tests run on its shapes.
"""

import operator
import warnings

import numpy as np
import pytest
from helpers import assert_same_bits

import fastgrad
from benchmarks import baseline
from fastgrad import Variable

SHAPES = [(), (1,), (3,), (2, 3), (1000,), (70_000,)]
DTYPES = ["float32", "float64"]


def limits(dtype):
    """The largest number of the dtype, and its smallest normal one."""
    info = np.finfo(dtype)
    return info.max, info.tiny


# name, operation, operands as functions of (largest, smallest)
FORWARD = [
    ("overflow in add", operator.add, lambda big, tiny: (big, big)),
    ("overflow in subtract", operator.sub, lambda big, tiny: (-big, big)),
    ("overflow in multiply", operator.mul, lambda big, tiny: (big, 2)),
    ("underflow in multiply", operator.mul, lambda big, tiny: (tiny, tiny)),
    ("overflow in divide", operator.truediv, lambda big, tiny: (big, tiny)),
    ("divide by zero", operator.truediv, lambda big, tiny: (1, 0)),
    ("zero by zero", operator.truediv, lambda big, tiny: (0, 0)),
    ("infinity less infinity", operator.sub, lambda big, tiny: (np.inf, np.inf)),
    ("zero times infinity", operator.mul, lambda big, tiny: (0, np.inf)),
    ("overflow in power", operator.pow, lambda big, tiny: (big, 2)),
    ("negative to a fraction", operator.pow, lambda big, tiny: (-1, 0.5)),
    ("zero to a negative", operator.pow, lambda big, tiny: (0, -1)),
    ("quiet nan", operator.add, lambda big, tiny: (np.nan, 1)),
    ("quiet infinity", operator.mul, lambda big, tiny: (np.inf, 2)),
    ("nothing to report", operator.mul, lambda big, tiny: (1.1, 1.1)),
]
FORWARD_IDS = [case[0] for case in FORWARD]


def reports(f):
    """The result of `f`, and every warning it gave, as text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = f()
    return y, [(w.category, str(w.message)) for w in caught]


def one_bad_element(value, shape, dtype):
    """Ones, and `value` in the last place: an error anywhere in the array counts."""
    x = np.ones(shape, dtype)
    x[(-1,) * len(shape)] = value
    return x


@pytest.mark.parametrize(("_", "f", "operands"), FORWARD, ids=FORWARD_IDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["warn", "ignore", "raise"])
def test_forward_reports_what_numpy_reports(_, f, operands, dtype, mode):
    for shape in SHAPES:
        x0, x1 = (one_bad_element(v, shape, dtype) for v in operands(*limits(dtype)))
        with np.errstate(all=mode):
            try:
                expected = reports(lambda: f(x0, x1))  # noqa: B023
            except FloatingPointError as error:
                with pytest.raises(FloatingPointError) as raised:
                    f(Variable(x0), Variable(x1))
                assert str(raised.value) == str(error)
                continue
            actual = reports(lambda: f(Variable(x0), Variable(x1)))  # noqa: B023
        assert_same_bits(actual[0].data, expected[0])
        assert actual[1] == expected[1]


def test_errstate_call_is_called_once_with_numpys_arguments():
    calls = {"numpy": [], "fastgrad": []}
    x = np.array([1.0, 2.0])
    for name, a in (("numpy", x), ("fastgrad", Variable(x))):
        with np.errstate(
            divide="call", call=lambda kind, flag, name=name: calls[name].append((kind, flag))
        ):
            a / np.zeros(2)
    assert calls["fastgrad"] == calls["numpy"]
    assert len(calls["numpy"]) == 1


# --- backward: the baseline's NumPy calls are the reference ---

BACKWARD = [
    ("overflow in a product", lambda x0, x1: x0 * x1, (2, 2), "big"),
    ("underflow in a product", lambda x0, x1: x0 * x1, (1e-30, 1), "tiny"),
    ("overflow in a sum of two", lambda x0, x1: x0 + x0 - x1, (2, 2), "big"),
    ("overflow in a fused sum", lambda x0, x1: x0 * x1 + x0 * x1, (1, 1), "big"),
    ("overflow in a quotient", lambda x0, x1: x0 / x1, (1, 0.5), "big"),
    ("divide by zero in a quotient", lambda x0, x1: x0 / x1, (1, 0), "one"),
    ("overflow in a power", lambda x0, x1: x0**3 - x1, (2, 1), "big"),
    ("infinity less infinity", lambda x0, x1: x0 * x1 - x0 * x1, (np.inf, np.inf), "one"),
    ("nothing to report", lambda x0, x1: (x0 * x1 + x0 / x1) * x0, (1.1, 1.3), "one"),
]
BACKWARD_IDS = [case[0] for case in BACKWARD]


def recorded(lib, f, values, start, shape, dtype):
    """`(y, x0, x1)` recorded quietly, with `y.grad` set."""
    big, tiny = limits(dtype)
    x0, x1 = (lib.Variable(one_bad_element(v, shape, dtype)) for v in values)
    with np.errstate(all="ignore"):
        y = f(x0, x1)
    y.grad = one_bad_element({"big": big, "tiny": tiny, "one": 1}[start], shape, dtype)
    return y, x0, x1


@pytest.mark.parametrize(("_", "f", "values", "start"), BACKWARD, ids=BACKWARD_IDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["warn", "ignore"])
def test_backward_reports_what_numpy_reports(_, f, values, start, dtype, mode):
    for shape in SHAPES:
        outcomes = []
        for lib in (fastgrad, baseline):
            y, x0, x1 = recorded(lib, f, values, start, shape, dtype)
            with np.errstate(all=mode):
                caught = reports(y.backward)[1]
            outcomes.append((x0.grad, x1.grad, set(caught)))
        (gx0, gx1, actual), (expected_gx0, expected_gx1, expected) = outcomes
        assert_same_bits(gx0, np.asarray(expected_gx0))
        assert_same_bits(gx1, np.asarray(expected_gx1))
        # The number of warnings is the number of NumPy calls, which is the engine's affair.
        # The baseline's scalar arithmetic, for 0-d gradients, names its operations "scalar add".
        expected = {(kind, text.replace("scalar ", "")) for kind, text in expected}
        assert {(kind, text.replace("scalar ", "")) for kind, text in actual} == expected


RAISING = [case for case in BACKWARD if case[0] != "nothing to report"]


@pytest.mark.parametrize(("_", "f", "values", "start"), RAISING, ids=[case[0] for case in RAISING])
@pytest.mark.parametrize("dtype", DTYPES)
def test_error_raised_in_backward_leaves_gradients_as_they_were(_, f, values, start, dtype):
    for shape in SHAPES:
        y, x0, x1 = recorded(fastgrad, f, values, start, shape, dtype)
        before = y.grad.copy()
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            y.backward()
        assert (x0.grad, x1.grad) == (None, None)
        assert_same_bits(y.grad, before)
        with np.errstate(all="ignore"):
            y.backward()
        assert x0.grad is not None
        assert x1.grad is not None


# --- flags that others left up are not ours to report ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_flags_left_by_python_floats_are_not_reported(dtype):
    factors = [1e308, 1e-308]
    for shape in SHAPES:
        x = Variable(np.ones(shape, dtype))
        with np.errstate(all="raise"):
            assert [factors[0] * 10, factors[1] * 1e-300] == [np.inf, 0]  # flags go up, and stay
            y = x * x + x / x - x
            assert [factors[0] * 10, factors[1] * 1e-300] == [np.inf, 0]
            y.backward()


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_warning_from_numbers_that_give_none_in_numpy(dtype):
    with np.errstate(all="raise"):
        for value in (np.nan, np.inf, -0.0, 0.0):
            for shape in SHAPES:
                x = Variable(np.full(shape, value, dtype))
                y = x + x
                z = abs(-(y * 1)) * 2
                z.backward()
