"""float32 beside float64: NumPy's bits forward, and backward those of the rows' VJPs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from helpers import assert_same_bits

import fastgrad
from fastgrad import Variable, jacobian

rng = np.random.default_rng(15)

BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "maximum": np.maximum, "minimum": np.minimum, "arctan2": np.arctan2, "hypot": np.hypot,
    "matmul": np.matmul,
}  # fmt: skip
ELEMENTWISE = [
    ((5,), (5,)), ((3, 9), (3, 9)), ((3, 9), (9,)), ((9,), (3, 9)), ((3, 9), (3, 1)), ((), (4,)),
    ((2, 3, 8), (3, 8)), ((4,), ()), ((0, 3), (0, 3)), ((1, 9), (7, 9)),
]  # fmt: skip
PRODUCTS = [
    ((3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((70, 40), (40, 30)),
    ((3, 0), (0, 2)), ((8, 8), (8, 8)),
]  # fmt: skip
LAYOUTS = {
    "C": lambda x: x,
    "F": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1] if x.ndim else x,
}


def gradients_of(f, x0, x1, create_graph):
    v0, v1 = Variable(x0), Variable(x1)
    y = f(v0, v1)
    y.grad = np.linspace(-1, 2, y.size).reshape(y.shape)
    y.backward(create_graph=create_graph)
    return y.data, v0.grad, v1.grad


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtypes", ["f4f8", "f8f4", "f4f4", "f8f8"])
@pytest.mark.parametrize("name", BINARY)
def test_bits_are_those_of_numpy_and_of_the_rows(name, dtypes, layout):
    f, lay = BINARY[name], LAYOUTS[layout]
    for shape0, shape1 in PRODUCTS if name == "matmul" else ELEMENTWISE:
        x0 = lay(rng.uniform(0.5, 2, shape0).astype(dtypes[:2]))
        x1 = lay(rng.uniform(0.5, 2, shape1).astype(dtypes[2:]))
        y, *gxs = gradients_of(f, x0, x1, False)
        z, *gzs = gradients_of(f, x0, x1, True)
        assert_same_bits(y, f(x0, x1), name)
        assert y.dtype == np.result_type(x0, x1)
        for x, gx, gz in zip((x0, x1), gxs, gzs, strict=True):
            assert gx.dtype == x.dtype
            assert_same_bits(gx, gz.data, f"{name} {shape0} {shape1}")


@pytest.mark.parametrize("constant", [0, 1])
@pytest.mark.parametrize("name", BINARY)
def test_beside_constants(name, constant):
    f = BINARY[name]
    for shape0, shape1 in PRODUCTS if name == "matmul" else ELEMENTWISE:
        xs = [rng.uniform(0.5, 2, shape0).astype("f4"), rng.uniform(0.5, 2, shape1)]
        for arrays in (xs, [xs[0].astype("f8"), xs[1].astype("f4")]):
            vs = [Variable(x) for x in arrays]
            vs[constant].requires_grad = False
            ws = [Variable(x) for x in arrays]
            for us, create_graph in ((vs, False), (ws, True)):
                f(*us).backward(create_graph=create_graph)
            gx, gz = vs[1 - constant].grad, ws[1 - constant].grad
            assert vs[constant].grad is None
            assert_same_bits(gx, gz.data, f"{name} {shape0} {shape1}")


def test_a_layer_of_float32_on_data_of_float64():
    x = rng.standard_normal((32, 16))
    w, b = (Variable(rng.standard_normal(s).astype("f4")) for s in ((16, 8), (8,)))
    h = x @ w + b
    loss = (np.maximum(h, 0) ** 2).sum()
    loss.backward()
    gh = 2 * np.maximum(h.data, 0)
    assert_same_bits(h.data, x @ w.data + b.data)
    assert_same_bits(w.grad, (x.T @ gh).astype("f4"))
    assert_same_bits(b.grad, gh.sum(0).astype("f4"))


def test_gradients_add_up_and_share_no_memory():
    x = Variable(np.arange(6.0).reshape(2, 3))
    w = Variable(np.ones(3, "f4"))
    y = x * w + w + x + w * 2.0
    y.backward(retain_grad=True)
    for v in (x, w):
        for u in (x, w, y):
            assert v is u or not np.shares_memory(v.grad, u.grad)
    assert_same_bits(w.grad, (x.data.sum(0) + 2 + 4).astype("f4"))
    first = w.grad.copy()
    (x * w + w + x + w * 2.0).backward()
    assert_same_bits(w.grad, first + first)


@pytest.mark.parametrize("shape", [(3,), (4, 9)])
def test_what_float32_has_no_room_for_is_reported_as_numpy_does(shape):
    w = Variable(np.ones(shape[-1:], "f4"))
    y = w * np.full(shape, 1e300)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y.backward()
    assert {str(warning.message) for warning in caught} == {"overflow encountered in cast"}
    assert np.isinf(w.grad).all()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        y.backward()
    with np.errstate(all="ignore"):
        y.backward()
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        Variable(np.full(3, 1e30, "f4")) * np.full(3, 1e300)


def test_large_arrays_and_jacobians():
    x, w = rng.standard_normal(1 << 17), rng.standard_normal(1 << 17).astype("f4")
    y, gx, gw = gradients_of(np.multiply, x, w, False)
    _, gz, gu = gradients_of(np.multiply, x, w, True)
    assert_same_bits(y, x * w)
    assert_same_bits(gx, gz.data)
    assert_same_bits(gw, gu.data)
    a = rng.standard_normal((20, 30))
    j = jacobian(lambda v: fastgrad.numpy.tanh(a @ v))(w[:30])
    assert j.dtype == np.float32
    expected = (1 - np.tanh(a @ w[:30]) ** 2)[:, None] * a
    assert np.allclose(j, expected, rtol=1e-5)
