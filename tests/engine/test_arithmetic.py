"""Arithmetic, forward: what NumPy computes for the arrays, bit for bit, errors included."""

import operator
import pickle
from fractions import Fraction

import numpy as np
import pytest
from helpers import assert_same_bits

import fastgrad
from fastgrad import Variable

BINARY = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "matmul": operator.matmul,
}
UNARY = {"neg": operator.neg, "abs": abs}
FLOATING = ["float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble"]
DTYPES = ["bool", "int8", "uint8", "int32", "int64", "uint64", *FLOATING, "object"]


def numbers(rng, shape, dtype):
    """Numbers that suit the dtype, with negatives, zeros, and values that round."""
    x = rng.normal(size=shape) * 3
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    if dtype in ("uint8", "uint64", "bool"):
        x = abs(x)
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(dtype)


def outcome(f, *operands):
    """What `f` returns as an array, or the type of what it raises."""
    with np.errstate(all="ignore"):
        try:
            y = f(*operands)
        except Exception as error:  # noqa: BLE001
            return type(error)
    assert isinstance(y, Variable) == any(isinstance(x, Variable) for x in operands)
    return y.data if isinstance(y, Variable) else np.asanyarray(y)


def assert_as_numpy(f, *operands, wrap=None):
    """`f` of Variables (of the operands that `wrap` selects) is `f` of the arrays."""
    wrap = wrap or [True] * len(operands)
    variables = [Variable(x) if w else x for x, w in zip(operands, wrap, strict=True)]
    actual, expected = outcome(f, *variables), outcome(f, *operands)
    if isinstance(expected, type):
        assert actual is expected
        return
    assert type(actual) is type(expected)
    assert_same_bits(actual, expected, f.__name__)


# --- dtypes ---


@pytest.mark.parametrize("dtype0", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_forward_is_numpys_for_every_pair_of_dtypes(name, dtype0, rng):
    for dtype1 in DTYPES:
        for shape in [(), (3,), (2, 2), (0,)]:
            x0, x1 = numbers(rng, shape, dtype0), numbers(rng, shape, dtype1)
            assert_as_numpy(BINARY[name], x0, x1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary_forward_is_numpys_for_every_dtype(name, dtype, rng):
    for shape in [(), (3,), (2, 2), (0,), (0, 3), (1000,)]:
        assert_as_numpy(UNARY[name], numbers(rng, shape, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "neg", "abs"])
def test_forward_of_special_values_is_numpys(name, dtype):
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-45, 5e-324, 3.0e38, 1.7e308]
    with np.errstate(all="ignore"):
        x = np.array(special).astype(dtype)
    if name in UNARY:
        assert_as_numpy(UNARY[name], x)
        return
    x0, x1 = (np.ascontiguousarray(x) for x in np.meshgrid(x, x))
    assert_as_numpy(BINARY[name], x0, x1)
    for a, b in zip(x0.flat, x1.flat, strict=True):
        assert_as_numpy(BINARY[name], np.array(a), np.array(b))


def test_object_arrays_compute_exactly_forward_and_backward():
    x0 = Variable(np.array([Fraction(1, 3), Fraction(2, 3)], dtype=object))
    x1 = Variable(np.array([Fraction(1, 7), Fraction(3, 5)], dtype=object))
    y = x0 * x1 - x0 / x1
    y.backward()
    assert list(y.data) == [a * b - a / b for a, b in zip(x0.data, x1.data, strict=True)]
    assert list(x0.grad) == [b - 1 / b for b in x1.data]
    expected = [a + a / b**2 for a, b in zip(x0.data, x1.data, strict=True)]
    assert list(x1.grad) == expected


# --- scalars and ndarrays on either side are constants (NEP 50) ---

SCALARS = [True, 2, -3, 2.5, 1 + 2j, 300, 10**30, np.float16(1.5), np.float32(0.1), np.float64(0.1)]
SCALARS += [np.int8(3), np.complex64(1j), np.bool_(True), np.longdouble("0.1")]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [n for n in BINARY if n != "matmul"])
def test_scalar_on_either_side_gives_numpys_values_and_dtype(name, dtype, rng):
    for shape in [(), (3,)]:
        x = numbers(rng, shape, dtype)
        for c in SCALARS:
            assert_as_numpy(BINARY[name], x, c, wrap=[True, False])
            assert_as_numpy(BINARY[name], c, x, wrap=[False, True])


@pytest.mark.parametrize("name", BINARY)
def test_ndarray_on_either_side_gives_a_variable_with_numpys_values(name, rng):
    for dtype in ["int64", "float32", "float64", "complex128"]:
        for shape0, shape1 in [((), ()), ((3,), (3,)), ((3, 3), (3,)), ((2, 3), (3, 1))]:
            x0, x1 = numbers(rng, shape0, dtype), numbers(rng, shape1, "float32")
            assert_as_numpy(BINARY[name], x0, x1, wrap=[True, False])
            assert_as_numpy(BINARY[name], x0, x1, wrap=[False, True])


def test_constant_of_another_dtype_does_not_change_the_gradients_dtype():
    x = Variable(np.ones(3, "float32"))
    for c in (2, 2.0, np.float64(2), np.full(3, 2.0), np.full((2, 3), 1.0)):
        x.cleargrad()
        (x * c).backward()
        assert_same_bits(x.grad, np.full(3, 2, "float32"))


# --- broadcasting and memory layouts ---


@pytest.mark.parametrize("name", [n for n in BINARY if n != "matmul"])
def test_broadcast_forward_is_numpys(name, rng):
    shapes = [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (4, 1, 1), (0, 3), (5,)]
    for shape0 in shapes:
        for shape1 in shapes:
            for dtype in ("float32", "float64", "int64"):
                x0, x1 = numbers(rng, shape0, dtype), numbers(rng, shape1, dtype)
                assert_as_numpy(BINARY[name], x0, x1)


def unaligned(x):
    raw = np.zeros(x.nbytes + 1, "uint8")
    y = raw[1:].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


def read_only(x):
    y = x.copy()
    y.flags.writeable = False
    return y


LAYOUTS = {
    "contiguous": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "negative stride": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
    "read-only": read_only,
    "byteswapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": unaligned,
}


@pytest.mark.parametrize("layout0", LAYOUTS)
@pytest.mark.parametrize("layout1", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_and_gradients_do_not_depend_on_memory_layout(layout0, layout1, dtype, rng):
    x0, x1 = abs(numbers(rng, (4, 4), dtype)) + 1, numbers(rng, (4, 4), dtype)
    x0, x1 = LAYOUTS[layout0](x0), LAYOUTS[layout1](x1)
    for f in (*BINARY.values(), lambda a, b: abs(-a) - b):
        assert_as_numpy(f, x0, x1)
        v0, v1 = Variable(x0), Variable(x1)
        u0, u1 = Variable(x0.astype(dtype, order="C")), Variable(x1.astype(dtype, order="C"))
        f(v0, v1).backward()
        f(u0, u1).backward()
        for v, u in ((v0, u0), (v1, u1)):
            assert v.grad.shape == v.shape
            assert np.allclose(v.grad, u.grad, rtol=1e-6, atol=1e-6)


def test_results_never_share_memory_with_operands(rng):
    x = numbers(rng, (3,), "float64")
    for y in (Variable(x) + 0, Variable(x) * 1, Variable(x) ** 1, abs(Variable(x)), -Variable(x)):
        assert not np.shares_memory(x, y.data)


# --- ndarray subclasses are kept where NumPy keeps them ---


class Metres(np.ndarray):
    """A subclass with an operator of its own."""

    def __mul__(self, other):
        return (np.asarray(self) * np.asarray(other) * 10).view(Metres)


def test_subclass_of_ndarray_is_kept_and_its_operators_are_used():
    x0, x1 = np.array([1.0, 2.0]).view(Metres), np.array([3.0, 4.0]).view(Metres)
    for name in ("add", "sub", "mul", "div", "pow"):
        for operands in [(x0, x1), (x0, np.asarray(x1)), (np.asarray(x0), x1)]:
            assert_as_numpy(BINARY[name], *operands)
    assert type((Variable(x0) + Variable(x1)).data) is Metres
    assert np.array_equal((Variable(x0) * Variable(x1)).data, [30, 80])
    assert type((-Variable(x0)).data) is Metres


def test_masked_arrays_keep_their_mask():
    x = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    y = Variable(x) * Variable(np.array([2.0, 2.0, 2.0]))
    z = Variable(np.array([2.0, 2.0, 2.0])) + Variable(x)
    for v in (y, z, x * Variable(np.full(3, 2.0)), Variable(x) * 2.0):
        assert isinstance(v.data, np.ma.MaskedArray)
        assert list(v.data.mask) == [False, True, False]
    v = Variable(x)
    (v * 3.0).backward()
    assert v.grad.shape == (3,)
    assert np.array_equal(np.asarray(v.grad)[[0, 2]], [3, 3])


# --- operators and functions ---


def test_functions_are_the_operators(rng):
    x0, x1 = Variable(numbers(rng, (3, 3), "float64")), Variable(numbers(rng, (3, 3), "float64"))
    with np.errstate(all="ignore"):
        for name, f in (BINARY | UNARY).items():
            operands = (x0, x1) if name in BINARY else (x0,)
            y, z = getattr(fastgrad, name)(*operands), f(*operands)
            assert_same_bits(y.data, z.data, name)
            assert type(y.creator) is type(z.creator)


CLASSES = ["Add", "Sub", "Mul", "Div", "Pow", "MatMul", "Neg", "Abs"]


@pytest.mark.parametrize(("name", "cls"), list(zip(BINARY | UNARY, CLASSES, strict=True)))
def test_creator_shows_the_class_of_its_operation_and_the_class_can_be_called(name, cls):
    operands = [Variable(np.full((2, 2), 2.0)) for _ in range(2 if name in BINARY else 1)]
    cls = getattr(fastgrad, cls)
    for y in (getattr(fastgrad, name)(*operands), cls()(*operands)):
        assert isinstance(y.creator, cls)
        assert type(y.creator) is cls
        assert isinstance(y.creator, fastgrad.Function)
        assert cls.__name__ in repr(y.creator)
        assert all(x is v for x, v in zip(y.creator.inputs, operands, strict=True))


def test_augmented_assignment_rebinds_and_leaves_the_operand_alone():
    x = y = Variable(np.array([1.0, 2.0]))
    y += 1
    y -= 3.0
    y *= x
    y /= 2
    y **= 2
    assert y is not x
    assert np.array_equal(x.data, [1, 2])
    y.backward()
    assert np.allclose(x.grad, [0.5 * (2 * 1 - 2) * (1 - 2), 0.5 * (2 * 2 - 2) * (4 - 4)])


@pytest.mark.parametrize("c", [3, 2, 1, 0, 0.5, -1.5, np.float32(3), np.int64(2)], ids=repr)
@pytest.mark.parametrize("x", [2.0, [1.0, 4.0], [[1.0, 2.0]]], ids=str)
def test_pow_of_a_number_takes_one_operand(c, x):
    def gradients_of(f):
        v = Variable(np.array(x))
        y = f(v)
        y.backward(create_graph=True)
        gx = v.grad
        v.cleargrad()
        if c != 0:
            gx.backward()
        return y, gx, v.grad

    f = fastgrad.Pow(c)
    y, gx, ggx = gradients_of(f)
    z, gz, ggz = gradients_of(lambda v: v**c)
    assert y.creator is f
    assert (f.c, len(f.inputs), f.outputs[0]() is y) == (c, 1, True)
    assert_same_bits(y.data, z.data)
    assert_same_bits(gx.data, gz.data)
    assert ggx is ggz is None or assert_same_bits(ggx, ggz) is None
    assert_same_bits(f.backward(np.ones(y.shape)), gx.data)
    assert_same_bits(np.asarray(fastgrad.Pow(c).forward(np.array(x))), y.data)
    again = pickle.loads(pickle.dumps(fastgrad.Pow(c)))
    assert_same_bits(again(np.array(x)).data, y.data)


def test_pow_refuses_what_is_no_number_and_too_many_operands():
    x = Variable(np.array(2.0))
    with pytest.raises(TypeError, match="Pow: the exponent is a Variable, expected a number"):
        fastgrad.Pow(x)
    with pytest.raises(TypeError, match="3 operands"):
        fastgrad.Pow(2)(x, x)
    with pytest.raises(TypeError, match="1 operands"):
        fastgrad.Pow()(x)

    class Cube(fastgrad.Pow):
        def __init__(self):
            super().__init__(3)

    y = Cube()(x)
    y.backward()
    assert (float(y.data), float(x.grad)) == (8, 12)


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "c16"])
def test_a_number_as_exponent_is_no_input(dtype):
    x = Variable(np.array([1, 2], dtype))
    for c, n in ((2, 1), (2.0, 1), (x, 2), (np.ones(2), 2)):
        f = (x**c).creator
        assert [len(f.inputs), f.inputs[0] is x] == [n, True]
    assert len((2**x).creator.inputs) == len((x * 2).creator.inputs) == 2
