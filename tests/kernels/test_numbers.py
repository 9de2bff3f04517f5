"""Overflow, underflow, NaN and infinities: bits, warnings and errors are NumPy's own.

Every compiled operation meets every special value, forward and backward, on its direct ways and on
those by NumPy. `test_fp_errors.py` has sums of gradients, and flags that others left up.
"""

import itertools
import operator
import warnings

import numpy as np
import pytest
from helpers import same_bits

import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad._core.row import Row

DTYPES = ["float32", "float64"]
SIZES = [None, 1, 7, 1000]  # None: 0-d
UNARY = "exp log sqrt square tanh sin cos negative absolute sum mean".split()
BINARY = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
}


def special(dtype):
    info = np.finfo(dtype)
    plain = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, 1e3, np.inf, -np.inf, np.nan]
    limits = [info.max, -info.max, info.max / 4, info.tiny, -info.tiny, info.eps]
    return [*plain, *limits, info.smallest_subnormal]


def array(value, size, dtype):
    """The value in the last place: an error anywhere in an array counts."""
    if size is None:
        return np.array(value, dtype)
    x = np.full(size, 1.5, dtype)
    x[-1] = value
    return x


def outcome(f):
    """The result of `f`, or None if it raised; every warning, or the error, as text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            y = f()
        except FloatingPointError as error:
            return None, [str(error)]
    return y, [(w.category, str(w.message)) for w in caught]


def assert_same(actual, expected, what):
    assert actual[1] == expected[1], what
    if expected[0] is None:
        assert actual[0] is None, what
    else:
        assert same_bits(actual[0].data, expected[0]), (*what, actual[0], expected[0])


@pytest.mark.parametrize("mode", ["warn", "raise"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_operation_of_one_operand(name, dtype, mode):
    for size, value in itertools.product(SIZES, special(dtype)):
        x = array(value, size, dtype)
        with np.errstate(all=mode):
            expected = outcome(lambda: getattr(np, name)(x))  # noqa: B023
            actual = outcome(lambda: getattr(fnp, name)(Variable(x)))  # noqa: B023
        assert_same(actual, expected, (size, value))


@pytest.mark.parametrize("mode", ["warn", "raise"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_operation_of_two_operands(name, dtype, mode):
    f = BINARY[name]
    for size, v0, v1 in itertools.product(SIZES, special(dtype), special(dtype)):
        x0, x1 = array(v0, size, dtype), array(v1, size, dtype)
        n0, n1 = float(v0), float(v1)  # Python's, which change no dtype
        with np.errstate(all=mode):
            for a, b, c, d in (
                (x0, x1, Variable(x0), Variable(x1)),
                (x0, x1, Variable(x0), x1),
                (x0, x1, x0, Variable(x1)),
                (x0, n1, Variable(x0), n1),
                (n0, x1, n0, Variable(x1)),
            ):
                expected = outcome(lambda: f(a, b))  # noqa: B023
                actual = outcome(lambda: f(c, d))  # noqa: B023
                assert_same(actual, expected, (size, v0, v1, type(c), type(d)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_last_bits_are_numpys(dtype, size, rng):
    """Of numbers in the middle too, where a loop may have a way of its own for one alone."""
    for _ in range(300):
        x, w = np.abs(rng.normal(size=(2, *([] if size is None else [size])))).astype(dtype) * 3
        x, w = np.asarray(x), np.asarray(w)  # 0-d arrays, not scalars
        for name in [*UNARY, "power"]:
            xs = [x, w] if name == "power" else [x]
            expected = getattr(np, name)(*xs)
            assert same_bits(getattr(fnp, name)(*map(Variable, xs)).data, expected), (name, xs)


# --- backward: the row is the specification, and by NumPy alone ---


def gradients(f, xs, gy):
    """The gradients of the Variables among `xs`, and what was reported on the way."""
    with np.errstate(all="ignore"):
        y = f(*xs)
    y.grad = np.broadcast_to(gy, y.shape).copy() if y.ndim else gy.flat[-1]
    reports = outcome(y.backward)[1]
    gxs = [x.grad for x in xs if isinstance(x, Variable)]
    # NumPy's scalars, which 0-d arrays become on the way, call the same errors "in scalar add".
    return gxs, {(kind, text.replace("scalar ", "")) for kind, text in reports}


def without_fast_path(row):
    return Row(row.name, row.forward, tuple(row.vjp), row.saves, False, None, "", __name__)


def operands(dtype, size, n):
    """All pairs of special values as Variables, and as Variables beside numbers; or single ones."""
    for values in itertools.product(special(dtype), repeat=n):
        xs = [array(value, size, dtype) for value in values]
        yield lambda xs=xs: [Variable(x) for x in xs]
        if n == 2:
            yield lambda xs=xs, v=values: [Variable(xs[0]), float(v[1])]
            yield lambda xs=xs, v=values: [float(v[0]), Variable(xs[1])]


@pytest.mark.parametrize("size", [None, 7])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_backward_is_the_rows(name, dtype, size):
    row = getattr(fnp, name)
    slow = without_fast_path(row)
    info = np.finfo(dtype)
    starts = [1.0, -0.3, np.inf, np.nan, -0.0, info.max, info.tiny]
    with np.errstate(all="warn"):
        for make, start in itertools.product(operands(dtype, size, len(row.vjp)), starts):
            gy = array(start, size, dtype)
            (gxs, reports), (expected, expected_reports) = (
                gradients(f, make(), gy) for f in (row, slow)
            )
            what = (make(), start)
            for gx, expected_gx in zip(gxs, expected, strict=True):
                assert same_bits(gx, expected_gx), (*what, gx, expected_gx)
            assert reports == expected_reports, what


# --- contributions to a part ---


@pytest.mark.parametrize("index", [0, -1, slice(1, 3), (Ellipsis, 2), [0, 2]], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", ["max", "inf", "nan", "tiny"])
def test_gradients_added_to_a_part(value, index, dtype):
    """`g + g` and `g - g` in the same place of the gradient of the whole."""
    big = np.dtype(dtype).type(getattr(np.finfo(dtype), value, value))
    for sign in (1, -1):
        x = Variable(np.ones(4, dtype))
        y = x[index] + sign * x[index]
        y.grad = np.full(y.shape, big, dtype)
        expected = np.zeros(4, dtype)
        with np.errstate(all="warn"):

            def by_numpy():
                expected[index] += sign * big  # noqa: B023
                expected[index] += big  # noqa: B023

            reports = [outcome(f)[1] for f in (by_numpy, y.backward)]
        numpys, ours = ({text.partition(" encountered")[0] for _, text in r} for r in reports)
        assert ours == numpys
        assert same_bits(x.grad, expected)
