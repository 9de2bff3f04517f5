"""Where NumPy's inner loops are called directly: the same bits as through NumPy."""

import operator

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Variable, no_grad

DTYPES = ["float64", "float32"]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv]

# Operands of which one is broadcast to the other: a row to all rows, or a number to each row; and
# some for which there is no direct way.
BROADCAST = [
    ((4, 5), (5,)), ((5,), (4, 5)), ((3, 4, 5), (4, 5)), ((3, 4, 5), (5,)), ((2, 3), (3,)),
    ((4, 5), (4, 1)), ((4, 1), (4, 5)), ((3, 4, 5), (3, 4, 1)), ((1, 5), (1, 1)),
    ((4, 1), (5,)), ((4, 5), (1, 5)), ((3, 4, 5), (4, 1)), ((3, 1, 5), (4, 1)), ((5,), (1,)),
    ((0, 5), (5,)), ((5, 0), (0,)), ((4, 0), (4, 1)), ((4, 5), ()), ((1,), ()), ((200, 33), (33,)),
]  # fmt: skip


def random(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(0.5, 2.0, shape)).astype(dtype)


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
def test_broadcast_values_are_numpys(f, shapes, dtype):
    a, b = (random(shape, dtype, seed) for seed, shape in enumerate(shapes))
    assert same_bits(f(Variable(a), Variable(b)).data, f(a, b))
    assert same_bits(f(Variable(np.asfortranarray(a)), b).data, f(a, b))
    assert same_bits(f(Variable(a), b.astype("float64")).data, f(a, b.astype("float64")))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", BROADCAST, ids=str)
@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
def test_broadcast_gradients_are_sums_of_those_that_are_not(f, shapes, dtype):
    a, b = (random(shape, dtype, seed) for seed, shape in enumerate(shapes))
    x, w = Variable(a), Variable(b)
    f(x, w).backward()
    whole = [Variable(each.copy()) for each in np.broadcast_arrays(a, b)]
    f(*whole).backward()
    for v, full in zip((x, w), whole, strict=True):
        assert v.grad.shape == v.shape
        assert v.grad.dtype == dtype
        n = full.ndim - v.ndim
        axes = [n + i for i, m in enumerate(v.shape) if m == 1 != full.shape[n + i]]
        expected = full.grad.sum(axis=(*range(n), *axes)).reshape(v.shape)
        np.testing.assert_allclose(v.grad, expected, rtol=1e-5 if dtype == "float32" else 1e-13)


PRODUCTS = [
    ((3, 4), (4, 5)), ((3, 4), (4,)), ((4,), (4, 5)), ((4,), (4,)), ((1, 4), (4, 1)), ((1,), (1,)),
    ((3, 1), (1, 5)), ((1, 1), (1, 1)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((0,), (0,)),
    ((3, 4), (4, 0)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)), ((32, 64), (64, 64)), ((120, 110), (110, 100)),
]  # fmt: skip

LAYOUTS = {
    "C": lambda x: x,
    "F": np.asfortranarray,
    "negative": lambda x: x[..., ::-1].copy()[..., ::-1],
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "read-only": lambda x: np.broadcast_to(x, x.shape),
    "swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shapes", PRODUCTS, ids=str)
def test_products_and_their_gradients_are_numpys(shapes, layout, dtype):
    a, b = (LAYOUTS[layout](random(shape, dtype, seed)) for seed, shape in enumerate(shapes))
    x, w = Variable(a), Variable(b)
    y = x @ w
    assert same_bits(y.data, np.asarray(a @ b))
    gy = random(y.shape, dtype, 2)
    y.grad = gy
    y.backward()
    row, column = np.atleast_2d(a), b[:, None] if b.ndim == 1 else b
    g = gy.reshape(np.matmul(row, column).shape)
    gx, gw = g @ column.swapaxes(-1, -2), row.swapaxes(-1, -2) @ g
    for v, expected in ((x, gx), (w, gw)):
        stacked = expected.ndim - max(v.ndim, 2)
        expected = expected.sum(axis=tuple(range(stacked))).reshape(v.shape)
        np.testing.assert_allclose(v.grad, expected, rtol=1e-5 if dtype == "float32" else 1e-13)
        assert v.grad.dtype == v.dtype.newbyteorder("=")


def test_a_matrix_times_its_own_transpose_is_numpys():
    a = random((20, 30))
    assert same_bits((Variable(a) @ a.T).data, a @ a.T)
    assert same_bits((Variable(a.T) @ a).data, a.T @ a)


@pytest.mark.parametrize("shapes", [((3, 4), (5, 2)), ((3, 4), (3,)), ((3,), (4,)), ((3, 4), ())])
def test_products_that_do_not_fit_raise_as_numpy_does(shapes):
    a, b = map(random, shapes)
    with pytest.raises(ValueError, match="matmul") as numpys:
        a @ b
    with pytest.raises(ValueError, match="matmul") as ours:
        Variable(a) @ b
    assert str(ours.value) == str(numpys.value)


def test_a_product_that_overflows_warns_as_numpy_does():
    a = np.full((2, 2), 1e200)
    with pytest.warns(RuntimeWarning, match="overflow encountered in matmul"):
        y = Variable(a) @ a
    assert np.isinf(y.data).all()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="matmul"):
        Variable(a) @ a


# --- choosing ---

SPECIAL = [-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_greater_of_special_values(name, dtype):
    a, b = (x.ravel() for x in np.meshgrid(*[np.array(SPECIAL, dtype)] * 2))
    numpys, ours = getattr(np, name), getattr(fnp, name)
    x, w = Variable(a), Variable(b)
    y = ours(x, w)
    assert same_bits(y.data, numpys(a, b))
    y.backward()
    wins = (a > b) if name == "maximum" else (a < b)
    assert x.grad.tolist() == np.where(a == b, 0.5, wins).tolist()
    loses = (a < b) if name == "maximum" else (a > b)
    assert w.grad.tolist() == np.where(a == b, 0.5, loses).tolist()
    for p, q in zip(a, b, strict=True):  # numbers
        v = Variable(np.array(p))
        y = ours(v, q)
        np.testing.assert_array_equal(y.data, numpys(p, q))
        y.backward()
        wins = p > q if name == "maximum" else p < q
        assert v.grad == (0.5 if p == q else wins)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_choice_passes_no_gradient_to_what_was_not_chosen(dtype):
    mask = np.array([[True, False, True], [False, False, True]])
    x, w = Variable(random((2, 3), dtype)), Variable(random((2, 3), dtype, 1))
    y = fnp.where(mask, x, w)
    assert same_bits(y.data, np.where(mask, x.data, w.data))
    y.grad = gy = np.full((2, 3), np.inf, dtype)
    y.backward()
    assert same_bits(x.grad, np.where(mask, gy, np.zeros((), dtype)))
    assert same_bits(w.grad, np.where(mask, np.zeros((), dtype), gy))


@pytest.mark.parametrize(
    "other", [0, 2.5, True, np.float64(3), np.float32(3), np.ones(3), [1, 2, 3]]
)
@pytest.mark.parametrize("condition", [
    np.array([True, False, True]), [1, 0, 1], np.array([0.0, np.nan, -1.0]), True,
    np.array([[True], [False]]), np.array([True, True, True, False, False, False])[::2],
], ids=str)  # fmt: skip
@pytest.mark.parametrize("dtype", DTYPES)
def test_choices_of_constants_are_numpys(condition, other, dtype):
    a = random(3, dtype)
    for chosen in (lambda x: (x, other), lambda x: (other, x)):
        x = Variable(a)
        y = fnp.where(condition, *chosen(x))
        assert same_bits(y.data, np.where(condition, *chosen(a)))
        y.backward()
        mask = np.broadcast_to(np.asarray(condition, bool), y.shape).reshape(-1, 3)
        first = chosen(a)[0] is a
        assert x.grad.tolist() == (mask if first else ~mask).sum(axis=0).tolist()
        assert x.grad.dtype == dtype


def test_a_number_that_overflows_in_a_choice_is_reported():
    x = Variable(np.ones(2, np.float32))
    for numpys in (np.where, lambda *args: fnp.where(*args)):
        with pytest.warns(RuntimeWarning, match="overflow"):
            y = numpys(np.array([True, False]), x.data if numpys is np.where else x, 1e300)
    assert y.data.tolist() == [1, np.inf]


def test_a_choice_can_be_recorded_and_taken_apart():
    mask = np.array([True, False])
    x, w = Variable(np.array([1.0, 2.0])), Variable(np.array([3.0, 4.0]))
    y = fnp.where(mask, x * x, w)
    f = y.creator
    assert type(f) is fnp.where.Function
    assert f.inputs[1] is w
    assert f.inputs[0].data is None
    y.backward(create_graph=True)
    assert x.grad.data.tolist() == [2, 0]
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert x.grad.tolist() == [2, 0]
    with no_grad():
        assert fnp.where(mask, x, w).creator is None


def test_a_choice_called_as_a_function():
    mask, x = Variable(np.array([True, False])), Variable(np.array([1.0, 2.0]))
    y = fnp.where.Function()(mask, x, np.zeros(2))
    assert y.data.tolist() == [1, 0]
    y.backward(create_graph=True)
    assert x.grad.data.tolist() == [1, 0]


# --- broadcast_to ---


@pytest.mark.parametrize(
    "shape", [(3,), (2, 3), (1, 3), (0, 3), (2, 0, 3), 3, [2, 3], (np.int64(2), 3)]
)
def test_broadcast_to_is_numpys(shape):
    a = random(3)[::-1]
    x = Variable(a)
    y = fnp.broadcast_to(x, shape)
    expected = np.broadcast_to(a, shape)
    assert same_bits(y.data, expected)
    assert y.data.strides == expected.strides or expected.size == 0
    assert not y.data.flags.writeable
    assert np.shares_memory(y.data, a) == np.shares_memory(expected, a)
    y.backward()
    assert x.grad.tolist() == [expected.size / 3] * 3


@pytest.mark.parametrize("shape", [(2,), (), (3, 1), (-1, 3), (2.0, 3), "ab", (3,) * 65, None])
def test_broadcast_to_raises_as_numpy_does(shape):
    a = random(3)
    with pytest.raises((ValueError, TypeError)) as numpys:
        np.broadcast_to(a, shape)
    with pytest.raises(numpys.type) as ours:
        fnp.broadcast_to(Variable(a), shape)
    assert str(ours.value) == str(numpys.value)
