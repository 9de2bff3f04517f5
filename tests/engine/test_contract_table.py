"""Every row of the table of deliberate differences between the seed and fastgrad (README)."""

import itertools
import threading

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Config, Variable, add, no_grad

FLOATING = ["float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble"]
F = functions_for(fastgrad)


# --- a gradient is an ndarray with the shape of its variable, and its dtype if floating ---


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize(
    "f",
    [
        pytest.param(lambda x: x + x, id="add"),
        pytest.param(lambda x: x * x * x, id="mul"),
        pytest.param(lambda x: 2 * x - x / 3, id="scalars"),
        pytest.param(lambda x: x**2, id="pow"),
        pytest.param(lambda x: -x, id="neg"),
        pytest.param(abs, id="abs"),
        pytest.param(lambda x: F.Square()(x), id="Python"),
        pytest.param(lambda x: F.Split()(x)[0], id="many outputs"),
        pytest.param(lambda x: x * np.ones(3)[:, None], id="broadcast"),
    ],
)
def test_gradient_is_an_ndarray_of_the_variables_shape_and_dtype(dtype, shape, f):
    x = Variable(np.full(shape, 2, dtype))
    for _ in range(2):  # accumulated on the second round
        f(x).backward()
        assert type(x.grad) is np.ndarray
        assert (x.grad.shape, x.grad.dtype) == (shape, np.dtype(dtype))


@pytest.mark.parametrize("returned", [1, 1.5, True, np.float32(2), np.float64(2), np.array(3)])
def test_scalar_returned_by_a_python_backward_becomes_an_array(returned):
    x = Variable(np.array(1.0))
    F.Keeper(returned)(x).backward()
    assert type(x.grad) is np.ndarray
    assert (x.grad.shape, x.grad.dtype, x.grad[()]) == ((), np.float64, returned)


def test_complex_gradient_of_a_real_variable_is_its_real_part():
    x = Variable(np.array([1.0, 2.0]))
    y = x * np.array([3 + 4j, 5j])
    y.backward()
    assert x.grad.dtype == np.float64
    assert np.array_equal(x.grad, [3.0, 0.0])


def test_gradient_of_an_integer_variable_keeps_the_dtype_it_was_computed_in():
    x = Variable(np.array([1, 2]))
    (x * np.array([0.5, 0.25])).backward()
    assert x.grad.dtype == np.float64
    assert np.array_equal(x.grad, [0.5, 0.25])


# --- broadcasting: gradients are summed to each input's shape ---

SHAPES = [(), (1,), (3,), (1, 1), (2, 1), (1, 3), (2, 3), (4, 1, 3), (4, 2, 1), (0, 3), (0, 1)]


def broadcastable(shape0, shape1):
    try:
        np.broadcast_shapes(shape0, shape1)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("shape0", "shape1"), [p for p in itertools.product(SHAPES, repeat=2) if broadcastable(*p)]
)
def test_broadcast_gradient_is_summed_to_the_inputs_shape(shape0, shape1):
    x0, x1 = Variable(np.full(shape0, 2.0)), Variable(np.full(shape1, 3.0))
    y = x0 * x1 + x0
    y.backward()
    assert (x0.grad.shape, x1.grad.shape) == (shape0, shape1)
    assert np.array_equal(x0.grad, np.full(shape0, 4.0 * y.size / max(x0.size, 1)))
    assert np.array_equal(x1.grad, np.full(shape1, 2.0 * y.size / max(x1.size, 1)))


# --- no two visible gradients share memory: test_aliasing.py ---


# --- a dropped output of a many-output function counts as an output without gradient ---


@pytest.mark.parametrize(("kept", "expected"), [(0, 2.0), (1, 3.0)])
@pytest.mark.parametrize("dropped", [False, True])
def test_an_output_that_is_dropped_or_unused_has_gradient_none(kept, expected, dropped):
    seen = []

    class Split(F.Split):
        def backward(self, *gys):
            seen.append([gy is None for gy in gys])
            return super().backward(*gys)

    x = Variable(np.array(1.0))
    ys = Split()(x)
    y, other = ys[kept], None if dropped else ys[1 - kept]
    del ys
    (y * y).backward()
    assert seen == [[kept == 1, kept == 0]]
    assert x.grad == expected * 2 * expected
    assert dropped == (other is None)


# --- leaf.backward() sets grad to ones ---


@pytest.mark.parametrize("dtype", FLOATING)
def test_backward_of_a_leaf_sets_its_gradient_to_ones(dtype):
    for shape in [(), (2, 3), (0,)]:
        x = Variable(np.full(shape, 5, dtype))
        x.backward()
        assert x.grad.dtype == x.dtype
        assert np.array_equal(x.grad, np.ones(shape))


# --- a retained interior gradient is not added again ---


def test_retained_interior_gradient_is_written_by_each_backward_and_never_added_to():
    x = Variable(np.array(2.0))
    t = x * x
    y = t * 3
    for n in (1, 2, 3):
        y.backward(retain_grad=True)
        assert (t.grad, y.grad, x.grad) == (3.0, 1.0, n * 12.0)
    z = t * 5
    z.backward()
    assert (t.grad, x.grad) == (None, 36.0 + 20.0)


# --- scalars and ndarrays as operands are constants (test_arithmetic.py has the dtypes) ---


@pytest.mark.parametrize(
    "c",
    [2, 2.0, True, np.float64(2), np.array(2.0), np.array([[2.0]] * 3)],
    ids=["int", "float", "bool", "np.float64", "0-d array", "matrix"],
)
def test_constant_operands_get_no_node_and_no_gradient(c):
    x = Variable(np.array([1.0, 2.0]))
    for y in (x + c, c + x, x * c, c * x):
        assert y.generation == 1
        assert y.creator.generation == 0
        y.backward()
    assert x.grad.shape == (2,)


# --- no_grad is per thread (test_config.py has the rest) ---


def test_no_grad_does_not_leak_into_another_thread():
    x, seen = Variable(np.array(1.0)), []
    with no_grad():
        thread = threading.Thread(
            target=lambda: seen.extend([Config.enable_backprop, (x * x).creator])
        )
        thread.start()
        thread.join()
        assert (x * x).creator is None
    assert seen[0] is True
    assert seen[1] is not None


# --- == is elementwise and bool is NumPy's; hash is identity (test_variable.py has the rest) ---


def test_equality_is_elementwise_and_hash_is_identity():
    x, y = Variable(np.array([0.0, 1.0])), Variable(np.array([0.0, 2.0]))
    assert type(x == y) is np.ndarray
    assert np.array_equal(x == y, [True, False])
    assert np.array_equal(np.where(x == 0, 10, 20), [10, 20])
    assert {x: 1, y: 2}[x] == 1
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    assert bool(Variable(np.array([0.0]))) is False  # the seed: len([0.0]) == 1 is true


# --- rebinding x.data before backward does not change the gradient ---


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (add, (1.0, 1.0)),
        (lambda a, b: a * b, (3.0, 2.0)),
        (lambda a, b: a - b, (1.0, -1.0)),
        (lambda a, b: a / b, (1 / 3, -2 / 9)),
        (lambda a, b: a**b, (12.0, 8 * np.log(2))),
        (lambda a, b: abs(a) * abs(b), (3.0, 2.0)),
        (lambda a, b: a @ b, (3.0, 2.0)),
    ],
)
def test_rebinding_data_before_backward_keeps_the_gradient_of_the_recorded_values(f, expected):
    a, b = Variable(np.array([2.0])), Variable(np.array([3.0]))
    y = f(a, b)
    a.data, b.data, y.data = np.array([-70.0]), np.array([-90.0]), np.array([-10.0])
    y.backward()
    assert np.allclose([a.grad[0], b.grad[0]], expected, rtol=1e-15)


def test_rebinding_data_of_an_interior_variable_keeps_the_gradient_of_the_recorded_values():
    x = Variable(np.array([2.0]))
    t = x * x
    y = t * t
    t.data = np.array([100.0])
    y.backward()
    assert x.grad == 32.0
