"""Every sample in every dtype: gradients are those of the same real numbers in float64.

Integers and booleans are real numbers, and narrow floating-point numbers are no excuse for a
formula that overflows, wraps around or loses digits: within the precision of the result, a gradient
does not depend on the dtypes of the operands.
"""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
from helpers import assert_close
from samples.sample import rng_for
from test_rows import SAMPLES, call, found, operands, with_operands

import fastgrad
from fastgrad import Variable, gradients, special
from fastgrad import numpy as fnp

INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "bool"]
FLOATS = ["float16", "float32", "longdouble"]
TWICE = ["uint8", "int64", "float16", "float32"]  # in which second derivatives are compared, too
COMPLEX = {"float16": "complex64", "float32": "complex64", "longdouble": "clongdouble"}


def is_comparable(sample, dtype):
    """Not so where NumPy itself computes something else of numbers of this dtype."""
    if not sample.orders or sample.name in ("unique_values", "partition"):  # in whatever order
        return False
    if dtype == "longdouble" and sample.name.startswith("scipy.linalg"):
        return False  # LAPACK has none
    if dtype in FLOATS:
        return True
    if sample.name in ("reciprocal", "piecewise") or sample.kwargs.get("dtype") is int:
        return False  # rounded to the operand's integers: in steps
    if sample.name == "pad" and "median" in sample.args[2:]:
        return False  # of padding that was rounded
    # By False, which divides nothing; and with an initial element that is no truth value.
    return dtype != "bool" or not (sample.name in ("fmod", "divmod", "remainder", "mod")
                                   or "initial" in sample.kwargs)  # fmt: skip


def in_dtype(x, dtype):
    """Numbers about as large as those of `x` that are exact in the dtype, and in float64."""
    if dtype == "bool":
        return np.asarray(x.real > 0)
    if dtype in INTEGERS:
        x = np.rint(3 * np.nan_to_num(x.real, nan=5, posinf=7, neginf=-7)).clip(-100, 100)
        return np.asarray(np.abs(x) if dtype.startswith("u") else x).astype(dtype)
    return np.asarray(np.rint(x * 64) / 64).astype(COMPLEX[dtype] if x.dtype.kind == "c" else dtype)


def is_numpys(sample, xs):
    """Whether NumPy computes it for operands of these dtypes."""
    function = sample.forward or sample.function or found(sample.name, np)
    try:
        function(*with_operands(sample, xs), **sample.kwargs)
    except (TypeError, ValueError, OverflowError, np.linalg.LinAlgError, AttributeError):
        return False
    return True


def derivatives(sample, xs, weights, order):
    """All outputs, and the gradients of their sum with weights; of these, the same again.

    The operands are interior Variables.
    """
    vs = [x if i in sample.fixed else Variable(x) for i, x in enumerate(xs)]
    ys = call(sample, [fnp.reshape(v, v.shape) if isinstance(v, Variable) else v for v in vs])
    ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
    ys = [y for y in ys if isinstance(y, Variable) and y.dtype.kind in "biufc"]
    vs = [v for v in vs if isinstance(v, Variable)]
    results = []
    xs = ys
    for k in range(order):
        total = Variable(np.zeros(()))
        for i, x in enumerate(xs):
            if x.requires_grad:
                total = total + fnp.sum(fnp.real(x * weights(k, i, x.shape)))
        xs = gradients(total, vs, create_graph=k + 1 < order)
        results.append([x.data if isinstance(x, Variable) else x for x in xs])
    return ys, results


def precision(xs, ys):
    """The least precise of the dtypes in which something was computed."""
    kinds = [x.dtype for x in (*xs, *ys) if x.dtype.kind in "fc"]
    return max([np.finfo(dtype).eps for dtype in kinds], default=0) or 2.0**-52


@functools.cache
def eighths(*key):
    """Random multiples of 1/8 that depend on the key, the last part of which is their shape."""
    x = np.round(rng_for(*key[:-1]).standard_normal(key[-1]) * 8) / 8
    if isinstance(x, np.ndarray):
        x.flags.writeable = False  # they are shared
    return x


def compare(sample, dtype, order):
    """The gradients in this dtype with those in float64; whether there are any."""
    xs = [in_dtype(x, dtype) for x in operands(sample)]
    if not is_numpys(sample, xs):
        return False
    wide = [x.astype("complex128" if x.dtype.kind == "c" else "float64") for x in xs]

    def weights(k, i, shape):
        return eighths(str(sample), k, i, shape)

    try:
        _, expected = derivatives(sample, wide, weights, order)
    except np.linalg.LinAlgError:
        return False
    ys, actual = derivatives(sample, xs, weights, order)
    eps = max(precision(xs, ys), 2.0**-52) * (5 if sample.name.startswith("linalg") else 1)
    free = [x for i, x in enumerate(xs) if i not in sample.fixed]
    for k in range(order):
        for x, a, b in zip(free, actual[k], expected[k], strict=True):
            assert a.dtype == ("float64" if dtype in INTEGERS else x.dtype)
            if x.dtype.kind in "fc" and np.any(np.abs(b) > np.finfo(x.dtype).max):
                return True  # beyond the dtype, and so may be what is made of it
            scale = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
            what = f"{sample} in {dtype}, derivative {k + 1}"
            assert_close(a, b, 200 * eps, 200 * eps * scale, what)
    return True


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
def test_gradients_do_not_depend_on_the_dtype(dtype):
    n = 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for sample in SAMPLES:
            if is_comparable(sample, dtype):
                order = min(sample.orders, 2) if dtype in TWICE else 1
                if sample.name == "special.log_ndtr":
                    order = 1  # its second derivative cancels
                n += compare(sample, dtype, order)
    assert n > 1000


# --- integer Variables ---


def test_a_sum_of_paths_through_operators_and_functions_is_whole():
    x = Variable(np.array([1, 2, 3]))
    y = (x * x).sum() + (x * 2.5).sum()
    y.backward()
    assert x.grad.tolist() == [4.5, 6.5, 8.5]


IDENTITIES = """
    np.reshape(x,(2,3)) x.reshape(2,3) x.ravel() x.flatten() x.T np.transpose(x) np.copy(x) x.copy()
    np.squeeze(x) np.expand_dims(x,0) np.flip(x) np.roll(x,1) np.sort(x) np.array(x) x.astype(int)
    np.concatenate([x,x[:0]]) np.stack([x]) np.where(True,x,0) np.broadcast_to(x,(1,6)) np.pad(x,1)
    np.take(x,range(6)) x[::-1] np.diag(x) np.tile(x,1) np.repeat(x,1) np.clip(x,0,99)
    np.positive(x) np.maximum(x,0) np.array_split(x,1)[0] np.real(x) np.conj(x)
    np.unstack(x[None])[0] np.dot(x,np.eye(6,dtype=int)) np.einsum('i->i',x) np.cumsum(x)
    np.diff(x,prepend=0) np.abs(x) special.relu(x) np.vstack([x]) np.atleast_2d(x) np.insert(x,0,5)
    np.nan_to_num(x) np.trim_zeros(x)
"""


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
@pytest.mark.parametrize("text", IDENTITIES.split())
def test_a_function_of_integers_keeps_the_graph(text, dtype):
    """The sum of all elements, or of their running sums, moves with each operand."""
    x = Variable(np.arange(1, 7, dtype=dtype))
    if "unstack" in text and not hasattr(np, "unstack"):
        pytest.skip("not in this NumPy")
    y = eval(text, {"x": x, "np": fnp, "special": fastgrad.special})
    assert y.dtype.kind in "iu"
    (y.sum() + x.sum()).backward()
    slopes = {"np.cumsum(x)": np.arange(6, 0, -1), "np.diff(x,prepend=0)": np.eye(6)[5]}
    assert x.grad.dtype == np.float64
    assert x.grad.tolist() == (slopes.get(text, np.ones(6)) + 1).tolist()


def test_a_step_function_of_integers_ends_the_graph():
    x = Variable(np.array([5, -7, 9]))
    steps = [
        x // 2, np.floor_divide(x, 2), np.reciprocal(x), np.sign(x), np.divmod(x, 2)[0],
        x.astype(bool), np.mean(x, dtype=int), np.astype(x * 0.5, int),
        np.frexp(x * 1.0)[1], np.linspace(x[0], x[2], 4, dtype=int),
    ]  # fmt: skip
    assert [y.requires_grad for y in steps] == [False] * len(steps)
    for plain in (x > 0, np.argmax(x), np.argsort(x), x == 5):
        assert not isinstance(plain, Variable)
    quotient, rest = divmod(x, 2)
    assert not quotient.requires_grad
    rest.backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_counts_and_ranks_beside_other_results_end_the_graph():
    a = Variable(np.array([[1, 2], [3, 4], [5, 7]]))
    solution, _, rank, _ = np.linalg.lstsq(a, np.array([1, 2, 3]))
    assert solution.requires_grad
    assert not rank.requires_grad


def test_floats_that_become_integers_get_no_gradient_and_integers_do():
    x, w = Variable(np.array([1, 2, 3])), Variable(np.array(2.5))
    y = np.insert(x, 1, w)  # NumPy makes a 2 of it
    assert y.data.tolist() == [1, 2, 2, 3]
    y.backward()
    assert x.grad.tolist() == [1, 1, 1]
    assert w.grad is None


@pytest.mark.parametrize("dtype", ["int8", "uint8", "uint64", "bool"])
def test_gradients_of_integers_do_not_wrap_around(dtype):
    x = Variable(np.array([1, 0, 1], dtype))
    (3 - x * 200.0 - np.sum(x)).backward()
    assert x.grad.tolist() == [-203, -203, -203]
    if dtype != "bool":
        x = Variable(np.array([1, 100], dtype))
        (x * x - x).backward()
        assert x.grad.tolist() == [1, 199]


def test_a_python_function_of_integers():
    """Its backward gets float64, and what it returns becomes it."""
    from fastgrad import Function

    class Twice(Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            assert gy.dtype == np.float64
            return np.array([2, 2]) * gy.astype(int)

    x = Variable(np.array([1, 2]))
    (Twice()(x) * x).backward()
    assert x.grad.dtype == np.float64
    assert x.grad.tolist() == [4, 8]


def test_transforms_pass_through_interior_integer_variables():
    from fastgrad import grad, hessian, jacobian, jvp

    n = Variable(np.array([1, 2, 3]))

    def f(a):
        m = np.concatenate([n * n, n[:1]])[:3]
        return a * m + a * a * np.sum(n)

    a = np.array([1.0, 2.0, 3.0])
    expected = np.diag([1, 4, 9] + 12 * a)
    np.testing.assert_allclose(np.asarray(jacobian(f)(a).data), expected)
    tangent = jvp(f, (a,), (np.ones(3),))[1]
    np.testing.assert_allclose(tangent.data, np.diag(expected))
    np.testing.assert_allclose(grad(lambda a: np.sum(f(a)))(a), np.diag(expected))
    np.testing.assert_allclose(hessian(lambda a: np.sum(f(a)))(a).data, 12 * np.eye(3))
    with pytest.raises(TypeError, match="array of int64"):
        grad(np.sum)(np.array([1, 2]))


# --- values named by those who found them ---


def gradient(f, *xs):
    vs = [Variable(np.asarray(x)) for x in xs]
    f(*vs).backward()
    return vs[0].grad


@pytest.mark.parametrize(
    ("f", "x", "expected", "rtol"),
    [
        (np.arctan, np.int8([20]), [1 / 401], 1e-3),
        (lambda x: np.float_power(x, 3), np.int8([20]), [1200], 1e-15),
        (lambda t: np.interp(t, [0, 1, 2], np.uint8([200, 10, 250])), [0.5], [-190], 1e-15),
        (lambda t: np.interp(t, np.uint8([200, 210]), [1, 3]), [205.0], [0.2], 1e-15),
        (lambda x: np.uint8([200]) ** x, [1.5], [200**1.5 * np.log(200)], 1e-15),
        (lambda x: np.uint8(200) ** x, [1.5], [200**1.5 * np.log(200)], 1e-15),
        (lambda h: np.gradient(np.uint8([200, 10, 250]), h)[0], 1.0, 190, 1e-15),
        (lambda x: np.gradient(x)[1], np.uint8([200, 10, 250]), [-0.5, 0, 0.5], 1e-15),
        (lambda x: np.gradient(x, np.uint8([9, 5, 2]))[1], np.uint8([200, 10, 250]),
         [3 / 28, 1 / 12, -4 / 21], 1e-14),
        (lambda x: np.poly(x)[1], np.uint8([3, 2]), [-1, -1], 1e-15),
        (lambda x: np.poly(x)[2], np.uint8([3, 2]), [2, 3], 1e-15),
        (lambda x: np.trapezoid(np.uint8([200, 200]), x), np.uint8([9, 3]), [-200, 200], 1e-15),
        (lambda x: np.copysign(True, x) * x, [2.0], [1], 0),
        (lambda x: x ** np.array([True]), [2.0], [1], 0),
        (lambda x: np.bool_(True) ** x, [2.0], [0], 0),
        (lambda x: np.logaddexp(np.array([True]), x), [1.0], [0.5], 1e-15),
        (lambda x: np.cross([True, False, True], x)[1], [1.0, 2.0, 3.0], [1, 0, -1], 0),
    ],
)  # fmt: skip
def test_formulas_are_not_evaluated_in_a_narrow_dtype(f, x, expected, rtol):
    np.testing.assert_allclose(gradient(f, x), expected, rtol=rtol)


def test_values_of_integers_that_numpys_own_make_wrap_around():
    assert np.poly(Variable(np.uint8([3, 2]))).data.tolist() == [1, -5, 6]
    y = np.trapezoid(Variable(np.uint8([200, 200])), np.uint8([9, 3]))
    assert float(y.data) == -1200


@pytest.mark.parametrize("c", [2**63, 2**64, 2**70, -(2**63) - 1])
def test_integers_beyond_64_bits_are_constants(c):
    functions = [
        lambda v, c: v + c, lambda v, c: c - v, lambda v, c: v * c, lambda v, c: c * v,
        lambda v, c: v / c, lambda v, c: c / v, lambda v, c: v % c, lambda v, c: c % v,
        lambda v, c: np.hypot(v, c), lambda v, c: np.maximum(v, c), lambda v, c: np.arctan2(c, v),
        lambda v, c: np.where([True], v, c), lambda v, c: np.clip(v, -abs(c), abs(c)),
        lambda v, c: v**c, lambda v, c: np.logaddexp(v, c), lambda v, c: np.fmod(c, v),
        lambda v, c: abs(c)**v, lambda v, c: np.float_power(abs(c), v),
    ]  # fmt: skip
    for f in functions:
        with np.errstate(all="ignore"):
            actual = gradient(lambda v, f=f: f(v, c), [1.5])
            expected = gradient(lambda v, f=f: f(v, float(c)), [1.5])
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


@pytest.mark.parametrize("name", """
    sigmoid log_sigmoid softplus silu relu leaky_relu elu gelu softmax log_softmax logsumexp erf
""".split())  # fmt: skip
@pytest.mark.parametrize("dtype", INTEGERS)
def test_special_functions_of_integers(name, dtype):
    if name == "erf":
        pytest.importorskip("scipy")
    f = getattr(fastgrad.special, name)
    x = np.array([1, 0, 0, 1, 1], dtype)
    x *= np.array([3, 1, 1, 100, 1], dtype)
    # (SciPy's erf of small integers is of float32, from 1.18 on.)
    eps = np.finfo(np.float32 if f(x).dtype == np.float32 else float).eps
    np.testing.assert_allclose(f(x), f(x.astype(float)), rtol=4 * eps)
    np.testing.assert_allclose(gradient(f, x), gradient(f, x.astype(float)), rtol=40 * eps)


def test_more_float16_elements_than_its_greatest_number():
    n = 70_000
    x = (np.arange(n) % 2).astype(np.float16)
    ones = np.ones(n, np.float16)
    np.testing.assert_allclose(gradient(np.mean, ones), 1 / n, rtol=2e-3)
    np.testing.assert_allclose(gradient(np.max, ones), 1 / n, rtol=2e-3)
    np.testing.assert_allclose(gradient(np.var, x), (2 * x.astype(float) - 1) / n, rtol=2e-3)
    np.testing.assert_allclose(gradient(np.std, x), (2 * x.astype(float) - 1) / n, rtol=2e-3)
    v = Variable(ones)
    y = np.pad(v, (0, 1), "mean")
    y[-1].backward()
    np.testing.assert_allclose(v.grad, 1 / n, rtol=2e-3)


@pytest.mark.parametrize("create_graph", [False, True])
def test_softmax_and_its_kin_of_many_float16_have_no_infinite_sum(create_graph):
    n = 70_000  # more than 65 504, the largest float16
    for f in (special.softmax, special.log_softmax, special.logsumexp):
        x = Variable(np.ones(n, np.float16))
        y = f(x)
        want = f(np.ones(n))
        assert y.dtype == np.float16
        np.testing.assert_allclose(y.data, want, rtol=5e-2, atol=1e-7)  # a few units of subnormals
        y = special.logsumexp(x)
        y.backward(create_graph=create_graph)
        gx = x.grad.data if create_graph else x.grad
        assert gx.dtype == np.float16
        np.testing.assert_allclose(gx, np.full(n, 1 / n), rtol=5e-2)
