"""Rules that compute with arrays: no derivative is lost silently, and a JVP brings it back."""

import numpy as np
import pytest

from fastgrad import (
    INPUTS,
    NOTHING,
    OUTPUT,
    Function,
    Variable,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    op,
    vjp,
    zero,
)
from fastgrad.testing import check_gradients

A = np.arange(1.0, 7.0).reshape(3, 2)
X = np.array([0.3, -0.7])
LOST = "the gradient for input 0 was computed with arrays"


def by_arrays(saves=NOTHING, **options):
    """A @ x, whose VJP leaves the graph in one of the ways there are."""
    return op("m", lambda x: A @ x, saves, vjp=lambda xp, g, y, x: A.T @ values(g), **options)


def values(g):
    return g.data if isinstance(g, Variable) else g


LEAVING = [
    pytest.param(values, id="data"),
    pytest.param(lambda g: Variable(values(g)), id="Variable"),
    pytest.param(lambda g: Variable(values(g), requires_grad=False), id="constant"),
    pytest.param(lambda g: np.zeros(3), id="without g"),
]


@pytest.mark.parametrize("leave", LEAVING)
def test_a_rule_that_leaves_the_graph_raises_where_its_derivative_is_asked_for(leave):
    m = op("m", lambda x: A @ x, NOTHING, vjp=lambda xp, g, y, x: A.T @ leave(g))
    with pytest.raises(RuntimeError, match=f"^m: {LOST}"):
        jvp(m, (X,), (X,))
    with pytest.raises(RuntimeError, match=f"^m: {LOST}"):
        hessian(lambda x: np.sum(m(x) ** 2))(X)
    with pytest.raises(RuntimeError, match=f"^m: {LOST}"):
        hvp(lambda x: np.sum(m(x) ** 2))(X, X)
    with pytest.raises(RuntimeError, match=f"^m: {LOST}"):
        grad(lambda x: np.sum(grad(lambda z: np.sum(m(z) ** 2))(x)))(X)
    x = Variable(X)
    y = np.sum(m(x) ** 2)
    with pytest.raises(RuntimeError, match=f"^m: {LOST}"):
        y.backward(create_graph=True)
    assert x.grad is None


def test_a_tall_jacobian_goes_by_rows_then():
    assert np.array_equal(jacobian(by_arrays())(X), A)
    assert np.allclose(grad(lambda x: np.sum(by_arrays()(x) ** 2))(X), 2 * A.T @ (A @ X))


def test_first_order_and_what_does_not_depend_on_the_operand_are_right():
    m = by_arrays()
    x = Variable(X)
    assert np.array_equal(gradients(m(x), x), A.sum(0))
    assert np.array_equal(vjp(m, X)[1](np.ones(3))[0], A.sum(0))
    # Of a linear function whose rule reads no operand: the gradient is a constant, the Hessian 0.
    assert np.array_equal(hessian(lambda x: np.sum(m(x)))(X), np.zeros((2, 2)))


@pytest.mark.parametrize("saves", [INPUTS, INPUTS | OUTPUT])
def test_a_rule_that_reads_an_operand_as_an_array_raises_though_g_is_a_constant(saves):
    square = op("square", lambda x: x * x, saves,
                vjp=lambda xp, g, y, x: values(g) * 2 * values(x))  # fmt: skip
    with pytest.raises(RuntimeError, match=f"^square: {LOST}"):
        hessian(lambda x: np.sum(square(x)))(X)
    assert np.array_equal(jacobian(square)(X), np.diag(2 * X))


def test_none_and_zero_are_no_gradient_and_variables_are_right():
    f = op("f", lambda x, c, n: x * 2, NOTHING, vjp=(lambda xp, g, y, x, c, n: 2 * g, zero, None))
    h = hessian(lambda x: np.sum(f(x, x, x) ** 2))(X)
    assert np.array_equal(h, 8 * np.eye(2))
    same = op("same", lambda x: x * 1, NOTHING, vjp=lambda xp, g, y, x: g)
    assert np.array_equal(jvp(same, (X,), (np.ones(2),))[1], np.ones(2))
    f = op("f", lambda x: x * 2, NOTHING, vjp=lambda xp, g, y, x: None)
    assert np.array_equal(hessian(lambda x: np.sum(f(x)) + np.sum(x**2))(X), 2 * np.eye(2))


@pytest.mark.parametrize("leave", LEAVING)
def test_a_differentiable_function_that_leaves_the_graph_raises_too(leave):
    class M(Function):
        differentiable = True

        def forward(self, x):
            return A @ x

        def backward(self, gy):
            return A.T @ leave(gy)

    with pytest.raises(RuntimeError, match=f"^M: {LOST}"):
        jvp(lambda x: M()(x), (X,), (X,))
    with pytest.raises(RuntimeError, match=f"^M: {LOST}"):
        hessian(lambda x: np.sum(M()(x) ** 2))(X)
    assert M()(Variable(X)).creator is not None  # only the derivative of backward is refused


# --- jvp= ---

FROM_BOTH = {
    "linear": (by_arrays(jvp=lambda xp, dx, y, x: A @ dx), lambda x: A @ x),
    "elementwise": (
        op("cube", lambda x: x**3, vjp=lambda xp, g, y, x: values(g) * 3 * values(x) ** 2,
           jvp=lambda xp, dx, y, x: 3 * x**2 * dx),
        lambda x: x**3,
    ),
    "broadcast": (
        op("plus", lambda x, c: x + c, NOTHING, vjp=(lambda xp, g, y, x, c: values(g), None),
           jvp=(lambda xp, dx, y, x, c: dx, None)),
        lambda x, c=None: x + np.ones((4, 2)),
    ),
    "many": (
        op("parts", lambda x: (x[:1] ** 2, np.concatenate([x, x])), INPUTS,
           vjp=lambda xp, g, y, x: np.array([2 * values(x)[0] * values(g[0])[0], 0])
           + values(g[1])[:2] + values(g[1])[2:],
           jvp=lambda xp, dx, y, x: (2 * x[:1] * dx[:1], xp.concatenate([dx, dx]))),
        lambda x: (x[:1] ** 2, np.concatenate([x, x])),
    ),
    "sequence": (
        op("total", lambda xs, by: by * sum(xs), NOTHING,
           vjp=lambda xp, i, g, y, xs, by: by * values(g),
           jvp=lambda xp, i, dx, y, xs, by: by * dx, sequence=True),
        lambda x: 3 * (x + x**2),
    ),
}  # fmt: skip


def called(name):
    """The function with the rules, and the same function of NumPy's alone."""
    row, plain = FROM_BOTH[name]
    if name == "broadcast":
        return (lambda x: row(x, np.ones((4, 2)))), plain
    if name == "sequence":
        return (lambda x: row([x, x**2], 3)), plain
    return row, plain


def arrays(ys):
    return ys if isinstance(ys, tuple) else (ys,)


@pytest.mark.parametrize("name", FROM_BOTH)
def test_jvp_and_tall_jacobian_go_by_the_jvp(name):
    f, plain = called(name)
    dx = np.array([2.0, -1.0])
    for found, expected in zip(
        arrays(jvp(f, (X,), (dx,))[1]), arrays(jvp(plain, (X,), (dx,))[1]), strict=True
    ):
        assert found.shape == expected.shape
        assert np.allclose(found, expected, rtol=1e-14)
    for found, expected in zip(arrays(jacobian(f)(X)), arrays(jacobian(plain)(X)), strict=True):
        assert np.allclose(found, expected, rtol=1e-14)
    # Within other operations.
    g, plain_g = (lambda x, h=h: arrays(h(np.sin(x)))[-1] ** 2 for h in (f, plain))
    assert np.allclose(jvp(g, (X,), (dx,))[1], jvp(plain_g, (X,), (dx,))[1], rtol=1e-14)
    check_gradients(f, X, order=1)


@pytest.mark.parametrize("name", ["linear", "broadcast", "sequence"])
def test_second_derivatives_go_by_the_jvp_where_the_rule_reads_no_operand(name):
    f, plain = called(name)
    g, plain_g = (lambda x, h=h: np.sum(h(np.sin(x)) ** 3) for h in (f, plain))
    assert np.allclose(hessian(g)(X), hessian(plain_g)(X), rtol=1e-13)
    assert np.allclose(hvp(g)(X, X), hvp(plain_g)(X, X), rtol=1e-13)
    outer, plain_outer = (lambda x, h=h: np.sum(grad(h)(x) ** 2) for h in (g, plain_g))
    assert np.allclose(hessian(outer)(X), hessian(plain_outer)(X), rtol=1e-12)
    nested = grad(lambda x: np.sum(jvp(f, (x,), (x,))[1] ** 2))(X)
    assert np.allclose(nested, grad(lambda x: np.sum(jvp(plain, (x,), (x,))[1] ** 2))(X))


@pytest.mark.parametrize("name", ["elementwise", "many"])
def test_second_derivatives_of_a_rule_that_reads_operands_stay_an_error(name):
    f, _ = called(name)
    with pytest.raises(RuntimeError, match="was computed with arrays"):
        hessian(lambda x: np.sum(arrays(f(x))[0] ** 2))(X)


def test_check_gradients_finds_a_jvp_that_is_no_transpose_of_the_vjp():
    check_gradients(by_arrays(jvp=lambda xp, dx, y, x: A @ dx), X)
    wrong = by_arrays(jvp=lambda xp, dx, y, x: 1.001 * (A @ dx))
    with pytest.raises(AssertionError, match=r"by the jvp of m, .* by the vjp"):
        check_gradients(wrong, X, order=1)


def test_a_jvp_of_a_wrong_shape_names_the_op_and_the_operand():
    wrong = by_arrays(jvp=lambda xp, dx, y, x: np.ones(5))
    with pytest.raises(
        ValueError, match=r"m: the JVP for operand 0 has shape \(5,\), expected \(3,\)"
    ):
        jvp(wrong, (X,), (X,))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"jvp": 3}, "f: a JVP is a int, expected a callable"),
        ({"jvp": (np.sin, np.sin)}, "f: 2 JVPs, expected 1, one or None for each VJP"),
        ({"jvp": (np.sin,), "sequence": True}, "f: of a sequence there is one JVP"),
    ],
)
def test_declarations_that_make_no_sense(options, text):
    with pytest.raises(TypeError, match=text):
        op("f", lambda x: x, vjp=lambda xp, g, y, x: g, **options)
