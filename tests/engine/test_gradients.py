"""Gradients of the arithmetic: central differences, matmul's ranks, points of convention."""

import operator

import numpy as np
import pytest
from helpers import assert_same_bits

from fastgrad import Variable

SHAPES = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3))]
SHAPES += [((4, 1, 3), (2, 1))]
OPERATIONS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": lambda x0, x1: -x0 * x1,
    "abs": lambda x0, x1: abs(x0) * x1,
    "power 3": lambda x0, x1: x0**3 * x1,
    "power -0.5": lambda x0, x1: x0**-0.5 - x1,
    "2 to the": lambda x0, x1: 2.0**x0 * x1,
    "1 over": lambda x0, x1: 1 / x0 - x1 / 3,
    "1 minus": lambda x0, x1: (1 - x0) * (x1 - 1),
    "array on the left": lambda x0, x1: np.array([2.0, 3.0, 4.0]) * x0 / x1,
    "array on the right": lambda x0, x1: (x0 - np.array([2.0, 3.0, 4.0])) ** 2 @ np.ones(3) * x1,
    "shared": lambda x0, x1: (x0 * x1 + x0) * (x0 - x1) / (x0 * x0 + x1 * x1),
}


def positive(rng, shape, dtype="float64"):
    """Numbers away from every singular point."""
    x = rng.uniform(0.5, 2.0, shape)
    return np.asarray(x + 1j * rng.uniform(0.1, 0.5, shape) if dtype == "complex128" else x, dtype)


def central_differences(f, xs, w, h=1e-6):
    """The gradient of sum(w * f(*xs)) for every array of `xs`; `f` is of NumPy arrays."""
    gradients = []
    for x in xs:
        gx = np.zeros_like(x)
        for i in np.ndindex(x.shape):
            before, sums = x[i], []
            for step in (h, -h):
                x[i] = before + step
                sums.append(np.sum(w * f(*xs)))
            x[i] = before
            gx[i] = (sums[0] - sums[1]) / (2 * h)
        gradients.append(gx)
    return gradients


def assert_gradients(f, xs, rng):
    y0 = np.asarray(f(*xs))
    w = positive(rng, y0.shape, y0.dtype)
    variables = [Variable(x.copy()) for x in xs]
    y = f(*variables)
    y.grad = w
    y.backward()
    for x, gx in zip(variables, central_differences(f, xs, w), strict=True):
        assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)
        assert np.allclose(x.grad, gx, rtol=1e-6, atol=1e-7)


# The complex abs is not holomorphic: it has a test of its own below.
CASES = [(name, "float64") for name in OPERATIONS]
CASES += [(name, "complex128") for name in OPERATIONS if name != "abs"]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_gradient_is_the_central_difference(name, dtype, rng):
    f, ran = OPERATIONS[name], 0
    for shape0, shape1 in SHAPES:
        xs = positive(rng, shape0, dtype), positive(rng, shape1, dtype)
        try:
            f(*xs)
        except ValueError:  # shapes that this expression does not accept
            continue
        assert_gradients(f, xs, rng)
        ran += 1
    assert ran >= 2


MATMUL_SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((2, 0), (0, 3)),
    ((0, 2), (2, 3)),
    ((1, 1), (1, 1)),
]


@pytest.mark.parametrize(("shape0", "shape1"), MATMUL_SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_matmul_follows_numpys_rank_rules(shape0, shape1, dtype, rng):
    xs = positive(rng, shape0, dtype), positive(rng, shape1, dtype)
    assert_same_bits((Variable(xs[0]) @ Variable(xs[1])).data, xs[0] @ xs[1])
    assert_gradients(operator.matmul, xs, rng)


@pytest.mark.parametrize(("shape0", "shape1"), [((2, 3), (3,)), ((5, 2, 3), (3, 4))])
def test_matmul_with_a_constant_on_either_side(shape0, shape1, rng):
    x0, x1 = positive(rng, shape0), positive(rng, shape1)
    assert_gradients(lambda x: x @ x1, (x0.copy(),), rng)
    assert_gradients(lambda x: x0 @ x, (x1.copy(),), rng)


@pytest.mark.parametrize(("shape0", "shape1"), [((), (3,)), ((3,), ()), ((2, 3), (2, 3))])
def test_matmul_of_shapes_that_numpy_refuses_is_numpys_value_error(shape0, shape1):
    x0, x1 = np.ones(shape0), np.ones(shape1)
    with pytest.raises(ValueError) as expected:
        x0 @ x1
    with pytest.raises(ValueError) as error:
        Variable(x0) @ Variable(x1)
    assert str(error.value) == str(expected.value)


@pytest.mark.parametrize("dtype", ["float16", "float32", "longdouble", "complex64", "clongdouble"])
def test_other_precisions_give_the_same_gradients_as_double(dtype, rng):
    wide = "complex128" if np.dtype(dtype).kind == "c" else "float64"
    tolerance = 50 * float(max(np.finfo(dtype).eps, np.finfo(wide).eps))
    for name, f in OPERATIONS.items():
        if "array" in name:
            continue  # a float64 constant in the expression is no test of this dtype
        for shape0, shape1 in SHAPES:
            xs = [positive(rng, shape).astype(dtype) for shape in (shape0, shape1)]
            wides, narrows = [Variable(x.astype(wide)) for x in xs], [Variable(x) for x in xs]
            f(*wides).backward()
            f(*narrows).backward()
            for x, z in zip(wides, narrows, strict=True):
                assert z.grad.dtype == z.dtype
                assert np.allclose(z.grad, x.grad, rtol=tolerance, atol=tolerance), name


def test_abs_of_zero_has_gradient_zero():
    for dtype in ("float32", "float64", "complex64", "complex128"):
        for shape in [(), (2,)]:
            x = Variable(np.zeros(shape, dtype))
            abs(x).backward()
            assert_same_bits(x.grad, np.zeros(shape, dtype))


def test_complex_abs_has_gradient_conjugate_of_x_over_its_modulus():
    x = Variable(np.array([3 + 4j, -1j, 0, -2]))
    y = abs(x)
    assert y.dtype == np.float64
    y.grad = np.array([1.0, 2.0, 3.0, 4.0])
    y.backward()
    assert np.allclose(x.grad, [0.6 - 0.8j, 2j, 0, -4])


def test_pow_at_zero_follows_the_documented_conventions():
    def gradients(f, *xs):
        variables = [Variable(np.array(x)) for x in xs]
        with np.errstate(all="raise"):
            f(*variables).backward()
        return [float(x.grad) for x in variables]

    assert gradients(operator.pow, 0.0, 0.0) == [0.0, 0.0]
    assert gradients(operator.pow, 0.0, 2.0) == [0.0, 0.0]
    assert gradients(operator.pow, 0.0, 1.0) == [1.0, 0.0]
    assert gradients(operator.pow, 3.0, 0.0) == [0.0, np.log(3.0)]
    assert gradients(lambda x: x**0, 0.0) == [0.0]
    assert gradients(lambda x: x**1, 0.0) == [1.0]
    assert gradients(lambda x: x**2, 0.0) == [0.0]
    assert gradients(lambda x: x**2, -3.0) == [-6.0]
    assert gradients(lambda x: 0.0**x, 2.0) == [0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_power_zero_has_gradient_zero_everywhere(bad):
    x = Variable(np.array([bad, 1.0]))
    (x**0).backward()
    assert np.array_equal(x.grad, [0, 0])


def test_starting_gradient_is_broadcast_and_cast_to_the_root():
    x = Variable(np.ones((2, 3), "float32"))
    y = x * 2
    y.grad = np.array([1.0, 2.0, 3.0])
    y.backward()
    assert_same_bits(x.grad, np.array([[2, 4, 6], [2, 4, 6]], "float32"))
