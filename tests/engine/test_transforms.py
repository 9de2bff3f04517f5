"""grad and its kin: values, shapes, nesting, what they leave untouched, what they refuse."""

import gc
import threading
import weakref

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import (
    Function,
    GradientWarning,
    Variable,
    checkpoint,
    elementwise_grad,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    stop_gradient,
    value_and_grad,
    vjp,
)
from fastgrad.testing import check_gradients

X = np.array([0.5, -1.0, 2.0])


def rosenbrock(x):
    return fnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def matyas(x):
    return 0.26 * (x[0] ** 2 + x[1] ** 2) - 0.48 * x[0] * x[1]


def goldstein_price(p):
    x, y = p[0], p[1]
    a = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    b = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * a) * (30 + (2 * x - 3 * y) ** 2 * b)


# --- closed forms ---


def test_derivatives_of_tanh_to_order_five():
    y = np.tanh(0.5)
    expected = [
        1 - y**2,
        -2 * y * (1 - y**2),
        (1 - y**2) * (6 * y**2 - 2),
        (1 - y**2) * (16 * y - 24 * y**3),
        (1 - y**2) * (120 * y**4 - 120 * y**2 + 16),
    ]
    f = fnp.tanh
    for value in expected:
        f = grad(f)
        assert f(0.5) == pytest.approx(value, rel=1e-12)


def test_derivatives_of_a_polynomial():
    f, expected = (lambda x: x**5 - 2 * x**3 + x), [27.0, 60.0 + 56.0, 228.0, 240.0, 120.0, 0.0]
    x, orders = 2.0, []
    for _ in range(6):
        f = grad(f)
        orders.append(f(x))
    assert orders == pytest.approx([57.0, 136.0, 228.0, 240.0, 120.0, 0.0])
    assert expected[-2:] == orders[-2:]


def test_create_graph_to_order_four():
    x = Variable(np.array(2.0))
    y = x**4
    for value in (32.0, 48.0, 48.0, 24.0):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        assert isinstance(y, Variable)
        assert y.data == value


@pytest.mark.parametrize(
    ("f", "start", "minimum"),
    [
        (rosenbrock, [0.9, 1.1], [1, 1]),
        (matyas, [5.0, -3.0], [0, 0]),
        (goldstein_price, [0.1, -0.9], [0, -1]),
    ],
)
@pytest.mark.parametrize("way", ["hessian", "create_graph"])
def test_newtons_method_on_the_functions_of_the_book(f, start, minimum, way):
    x = np.array(start)
    for _ in range(30):
        if way == "hessian":
            g, h = grad(f)(x), hessian(f)(x)
        else:
            v = Variable(x)
            f(v).backward(create_graph=True)
            g, rows = v.grad, []
            for i in range(2):
                v.cleargrad()
                g[i].backward(create_graph=True)
                rows.append(v.grad.data)
            g, h = g.data, np.stack(rows)
        x = x - np.linalg.solve(h, g)
    assert x == pytest.approx(np.array(minimum, float), abs=1e-8)


def test_hessians_are_scipys():
    optimize = pytest.importorskip("scipy.optimize")
    x = np.linspace(0.5, 1.5, 10)
    assert np.allclose(grad(rosenbrock)(x), optimize.rosen_der(x))
    assert np.allclose(hessian(rosenbrock)(x), optimize.rosen_hess(x))
    v = np.arange(10.0)
    assert np.allclose(hvp(rosenbrock)(x, v), optimize.rosen_hess_prod(x, v))


# --- shapes and structures, as JAX has them ---


def test_gradient_has_the_structure_of_its_argument():
    def f(p, scale):
        return scale * (fnp.sum(p["w"] * p["b"][0]) + p["b"][1] ** 2)

    gradient = grad(f)({"w": X, "b": (2.0, np.float64(3.0))}, 10)
    assert np.array_equal(gradient["w"], [20, 20, 20])
    assert type(gradient["b"]) is tuple
    assert type(gradient["b"][0]) is float
    assert type(gradient["b"][1]) is np.float64
    assert gradient["b"] == (15.0, 60.0)


def test_argnums():
    def f(x, y):
        return x * y**2

    assert grad(f)(2.0, 3.0) == 9
    assert grad(f, 1)(2.0, 3.0) == 12
    assert grad(f, -1)(2.0, 3.0) == 12
    assert grad(f, (1, 0))(2.0, 3.0) == (12, 9)
    assert value_and_grad(f, (0,))(2.0, 3.0) == (18, (9,))


def test_auxiliary_outputs_and_keywords():
    def f(x, *, power):
        y = fnp.sum(x**power)
        return y, {"double": 2 * y, "text": "kept"}

    gradient, aux = grad(f, has_aux=True)(X, power=2)
    assert np.array_equal(gradient, 2 * X)
    assert aux["text"] == "kept"
    assert type(aux["double"]) is np.float64
    (value, aux), gradient = value_and_grad(f, has_aux=True)(X, power=2)
    assert value == np.sum(X**2)


def test_dtypes():
    assert grad(fnp.sum)(X.astype(np.float32)).dtype == np.float32
    assert grad(lambda z: fnp.real(z * z))(1 + 2j) == 2 + 4j


def test_jacobian_shapes():
    a = np.arange(6.0).reshape(2, 3)
    j = jacobian(lambda x: x[:, :2] * 2)(a)
    assert j.shape == (2, 2, 2, 3)
    assert np.array_equal(j.reshape(4, 6) @ a.ravel(), (a[:, :2] * 2).ravel())
    nest = jacobian(lambda p: {"s": fnp.sum(p[0]), "v": p[0] * p[1]})((X, 2.0))
    assert nest["s"][0].shape == (3,)
    assert nest["s"][1].shape == ()
    assert np.array_equal(nest["v"][0], 2 * np.eye(3))
    assert np.array_equal(nest["v"][1], X)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_jacobian_by_rows_and_by_columns(shape):
    a = np.random.default_rng(0).standard_normal(shape)
    x = np.linspace(0.1, 1, shape[1])
    expected = (1 - np.tanh(a @ x) ** 2)[:, None] * a
    assert np.allclose(jacobian(lambda x: np.tanh(a @ x))(x), expected)


def test_jacobian_of_jacobian_and_hessian_of_parts():
    second = jacobian(jacobian(lambda x: x**3))(X)
    assert np.array_equal(second, np.einsum("ij,jk,i->ijk", np.eye(3), np.eye(3), 6 * X))
    h = hessian(lambda x, y: fnp.sum(x * y**2), (0, 1))(X, 2.0)
    assert np.array_equal(h[0][0], np.zeros((3, 3)))
    assert np.array_equal(h[0][1], np.full(3, 4))
    assert np.array_equal(h[1][0], np.full(3, 4))
    assert h[1][1] == 2 * X.sum()


def test_hessian_within_a_gradient():
    def f(x):
        return fnp.sum(hessian(lambda y: fnp.sum(y**4))(x))

    assert np.allclose(grad(f)(X), 24 * X)


def test_products():
    y, pullback = vjp(lambda x, w: (x * w, fnp.sum(x)), X, 2.0)
    assert np.array_equal(y[0], 2 * X)
    for _ in range(2):
        gx, gw = pullback((np.ones(3), 10.0))
        assert np.array_equal(gx, np.full(3, 12))
        assert gw == X.sum()
    y, dy = jvp(lambda x, w: (x * w, 7.0), (X, 2.0), (np.ones(3), 1.0))
    assert np.array_equal(dy[0], 2 + X)
    assert dy[1] == 0
    assert np.allclose(grad(lambda x: jvp(fnp.sin, (x,), (1.0,))[1])(0.5), -np.sin(0.5))
    assert np.array_equal(elementwise_grad(np.square)(X), 2 * X)


def test_hessian_operator():
    pytest.importorskip("scipy")
    from fastgrad import hessian_operator

    h = hessian_operator(rosenbrock, X)
    assert np.allclose(h @ np.eye(3), hessian(rosenbrock)(X))


# --- nesting ---


def test_inner_and_outer_variables_are_not_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(2.0) == 1
    assert grad(lambda x: x * grad(lambda y: x * y * y)(3.0))(2.0) == 24
    assert grad(lambda x: grad(lambda x: x * x)(x) * x)(3.0) == 12
    assert grad(lambda x: grad(lambda y: grad(lambda z: x * y * z)(1.0) * y)(2.0))(3.0) == 4
    f = lambda x, y: x**2 * y**3  # noqa: E731
    assert grad(grad(f, 0), 1)(2.0, 3.0) == grad(grad(f, 1), 0)(2.0, 3.0) == 2 * 2 * 3 * 9


def test_grad_of_a_variable_is_differentiable_for_it():
    x = Variable(np.array(3.0))
    y = grad(lambda t: t**3)(x)
    assert isinstance(y, Variable)
    y.backward()
    assert x.grad == 18


def test_grad_within_a_python_function():
    class Root(Function):
        """The root of y**2 = x, by Newton's method on an inner function."""

        def forward(self, x):
            y = 1.0
            for _ in range(30):
                y = y - (y * y - x) / grad(lambda t: t * t - x)(float(y))
            self.y = y
            return np.asarray(y)

        def backward(self, gy):
            return gy / grad(lambda t: t * t)(float(self.y))

    assert grad(lambda x: Root()(x))(4.0) == pytest.approx(0.25)


def test_threads_have_levels_of_their_own():
    results, started = {}, threading.Barrier(4)

    def work(i):
        def f(x):
            started.wait()
            return x * grad(lambda y: x * y * y)(float(i))

        results[i] = grad(f)(2.0), type(grad(lambda x: x * x)(1.0))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: (8.0 * i, float) for i in range(4)}


# --- what is left untouched ---


def test_nobodys_grad_is_touched():
    w, x = Variable(np.array(2.0)), Variable(X)
    w.grad = x.grad = 7.0
    assert np.array_equal(grad(lambda v: fnp.sum(v * w))(X), np.full(3, 2))
    y = fnp.sum(x * w)
    gx, gw = gradients(y, (x, w))
    assert np.array_equal(gx, np.full(3, 2))
    assert gw == X.sum()
    assert w.grad == 7
    assert np.array_equal(x.grad, 7)
    y.backward()
    assert w.grad == 7 + X.sum()


def test_gradients_of_interior_variables_visit_only_what_lies_between():
    visited = []

    class Watch(Function):
        def forward(self, x):
            return x + 0

        def backward(self, gy):
            visited.append(self)
            return gy

    x = Variable(np.array(3.0))
    below = Watch()(x)
    middle = below * 2
    beside = Watch()(middle)
    y = middle * middle + beside * 0.0
    assert gradients(y, middle) == 12
    assert len(visited) == 1  # the one beside, not the one below
    assert gradients(y, [below, x]) == [24, 24]


def test_grad_outputs_and_unconnected_inputs():
    x, z = Variable(X), Variable(np.ones(2))
    y = x * 3
    gx = gradients(y, x, np.array([1.0, 0.0, 2.0]))
    assert np.array_equal(gx, [3, 0, 6])
    assert np.array_equal(gradients(y, z), np.zeros(2))
    with pytest.raises(ValueError, match="does not depend on input 1"):
        gradients(y, (x, z), unconnected="raise")
    with pytest.warns(GradientWarning, match="depends on no argument"):
        assert grad(lambda x: 1.0)(2.0) == 0
    with pytest.raises(ValueError, match="does not depend on input 0"):
        grad(lambda x: 1.0, unconnected="raise")(2.0)


def test_no_grad_around_a_transform_changes_nothing():
    with no_grad():
        assert grad(lambda x: x**2)(3.0) == 6
        assert hessian(lambda x: x**3)(3.0) == 18
    assert np.array_equal(stop_gradient((Variable(X), 2))[0].data, X)
    assert grad(lambda x: x * stop_gradient(x))(3.0) == 3


def test_functional_forms_make_no_cycle():
    alive = []

    def f(x):
        alive.append(weakref.ref(x))
        y = fnp.sum(fnp.tanh(x) * x**2)
        alive.append(weakref.ref(y.creator))
        return y

    gc.collect()
    gc.disable()
    try:
        grad(f)(X)
        hessian(f)(X)
        jacobian(lambda x: fnp.tanh(x) * f(x))(X)
        grad(lambda x: grad(f)(x)[0])(X)
        hvp(f)(X, X)
        jvp(f, (X,), (X,))
        assert [ref() for ref in alive] == [None] * len(alive)
    finally:
        gc.enable()


def test_cycles_of_create_graph_are_collected():
    x = Variable(X)
    h = fnp.tanh(x) * x
    y = fnp.sum(h)
    y.backward(create_graph=True)
    fnp.sum(x.grad * x).backward(create_graph=True)
    alive = [weakref.ref(v) for v in (x, h, h.creator, y.creator, x.grad, x.grad.creator)]
    del x, h, y
    gc.collect()
    assert [ref() for ref in alive] == [None] * len(alive)


# --- create_graph ---


def test_create_graph_leaves_gradients_apart_and_adds():
    a, b = Variable(np.ones(2)), Variable(np.ones(2))
    (a + b).backward(create_graph=True)
    assert a.grad is not b.grad
    assert not np.shares_memory(a.grad.data, b.grad.data)
    (a * a).backward(create_graph=True)
    assert np.array_equal(a.grad.data, [3, 3])
    (a * a).backward()
    assert type(a.grad) is np.ndarray
    assert np.array_equal(a.grad, [5, 5])


def test_create_graph_with_retain_grad():
    x = Variable(np.array(2.0))
    h = x * x
    y = h * h
    y.backward(retain_grad=True, create_graph=True)
    assert h.grad.data == 8
    assert y.grad.data == 1
    assert x.grad.data == 32


class Cube(Function):
    differentiable = True

    def forward(self, x):
        return x**3

    def backward(self, gy):
        (x,) = self.inputs
        return 3 * x * x * gy


class Scaled(Function):
    def forward(self, x, c):
        self.x, self.c = x, c
        return x * c

    def backward(self, gy):
        gx = gy * self.c
        gy *= self.x  # its own
        return gx, np.sum(gy)


class Plain(Cube):
    differentiable = False

    def backward(self, gy):
        return 3 * self.inputs[0].data ** 2 * gy


def test_python_functions_take_part_if_they_are_differentiable():
    assert grad(grad(lambda x: Cube()(x)))(2.0) == 12
    assert grad(lambda x: Plain()(x))(2.0) == 12
    check_gradients(lambda x: Cube()(x), X)
    with pytest.raises(RuntimeError, match=r"Plain: .* differentiable = True"):
        grad(grad(lambda x: Plain()(x)))(2.0)
    x = Variable(np.array(2.0))
    y = Plain()(x)
    with pytest.raises(RuntimeError, match="Plain"):
        y.backward(create_graph=True)
    assert x.grad is None
    y.backward()
    assert x.grad == 12


def test_instances_of_built_in_operations_take_part():
    from fastgrad import Mul

    x = Variable(np.array(3.0))
    y = Mul()(x, fnp.exp.Function()(x))
    y.backward(create_graph=True)
    x.grad.backward()
    assert gradients(fnp.exp.Function()(x), x, create_graph=True).data == np.exp(3.0)


# --- checkpoint ---


def test_checkpoint_computes_again_and_keeps_less():
    calls = []

    def f(x, w):
        calls.append(1)
        return fnp.tanh(x * w["a"][0]) * w["a"][1]

    def total(g):
        return lambda x, w: fnp.sum(g(g(x, w), w))

    w = {"a": (np.array([1.0, 2.0, 3.0]), 0.5)}
    expected = grad(total(f), (0, 1))(X, w)
    calls.clear()
    actual = grad(total(checkpoint(f)), (0, 1))(X, w)
    assert len(calls) == 4
    assert np.allclose(actual[0], expected[0])
    assert np.allclose(actual[1]["a"][0], expected[1]["a"][0])
    check_gradients(checkpoint(f), X, w)


def test_checkpoint_refuses_what_it_would_lose():
    w = Variable(np.array(2.0))
    with pytest.raises(TypeError, match="not among its arguments"):
        checkpoint(lambda x: x * w)(Variable(X))


# --- bad input ---


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: grad(lambda x: x * 2)(X), TypeError, r"shape \(3,\).*jacobian.*elementwise_grad"),
        (lambda: grad(lambda x: (x, x))(1.0), TypeError, "output is a tuple"),
        (lambda: grad(lambda x: x * 1j)(1.0), TypeError, "complex"),
        (lambda: grad(lambda x: x)(1), TypeError, "argument 0 is an int.*floating"),
        (lambda: grad(lambda x: x)(np.arange(3)), TypeError, "array of int64"),
        (lambda: grad(lambda x: x, 1)(1.0), IndexError, "argnums has 1, but 1 argument came"),
        (lambda: grad(lambda x: x, (0, -3))(1.0, 2.0), IndexError, "2 arguments came"),
        (lambda: jvp(np.sin, (X,), (np.ones(2),)), ValueError, r"tangent has shape \(2,\)"),
        (lambda: hvp(np.sum)(X, np.ones(2)), ValueError, r"v has shapes \[\(2,\)\]"),
        (lambda: gradients(X, Variable(X)), TypeError, "outputs has a ndarray"),
        (lambda: gradients(Variable(X), Variable(X), np.ones(2)), ValueError, "shape"),
        (lambda: check_gradients(np.sum, np.arange(3)), TypeError, "no input is floating"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_an_exception_leaves_levels_as_they_were():
    def fail(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        grad(fail)(1.0)
    assert type(grad(lambda x: x * x)(1.0)) is float


def test_check_gradients_tells_what_is_wrong():
    class Wrong(Cube):
        def backward(self, gy):
            return 2 * self.inputs[0] * gy

    with pytest.raises(AssertionError, match=r"order 1 for input 0, of shape \(3,\).*seed 5"):
        check_gradients(lambda x: Wrong()(x), X, seed=5)


# --- SciPy ---


def test_scipys_solvers():
    optimize = pytest.importorskip("scipy.optimize")
    integrate = pytest.importorskip("scipy.integrate")
    start = np.array([-1.2, 1.0, 0.5])
    found = optimize.minimize(
        value_and_grad(rosenbrock), start, jac=True, hessp=hvp(rosenbrock), method="Newton-CG"
    )
    assert np.allclose(found.x, 1, atol=1e-4)

    t = np.linspace(0, 1, 20)
    data = 2.0 * np.exp(-1.5 * t)

    def residuals(p):
        return p[0] * np.exp(-p[1] * t) - data

    fit = optimize.least_squares(residuals, [1.0, 1.0], jac=jacobian(residuals))
    assert np.allclose(fit.x, [2.0, 1.5])

    def circle(x):
        return fnp.stack([x[0] ** 2 + x[1] ** 2 - 1, x[0] - x[1]])

    root = optimize.root(lambda x: np.array(circle(x)), [1.0, 0.5], jac=jacobian(circle))
    assert np.allclose(root.x, np.sqrt(0.5))

    def field(t, y):
        return fnp.stack([y[1], 50 * (1 - y[0] ** 2) * y[1] - y[0]])

    solution = integrate.solve_ivp(
        field, (0, 1), [2.0, 0.0], method="Radau", jac=jacobian(field, argnums=1)
    )
    assert solution.success


# --- the rows of a jacobian, together ---

W = np.random.default_rng(1).standard_normal((20, 30))
BATCHED = {
    "elementwise": lambda x: fnp.tanh(x) * x**2 - fnp.exp(-x) / (1 + x * x) + fnp.arctan2(x, 2.0),
    "matrix @ vector": lambda x: fnp.sin(W @ x),
    "vector @ matrix": lambda x: fnp.sin(x @ W.T),
    "outer": lambda x: (fnp.reshape(x, (30, 1)) @ fnp.reshape(x, (1, 30)))[3],
    "matrices": lambda x: fnp.reshape(x, (5, 6)) @ fnp.reshape(x * 2, (6, 5)),
    "dot": lambda x: fnp.dot(fnp.reshape(x, (5, 6)), fnp.reshape(x * 2, (1, 6, 5))),
    "dot of vectors": lambda x: fnp.dot(x, x * 2) * x,
    "inner": lambda x: fnp.inner(fnp.reshape(x, (5, 6)), x[:6]) * fnp.dot(x[0], x[:5]),
    "tensordot": lambda x: (
        fnp.tensordot(fnp.reshape(x, (5, 2, 3)), fnp.reshape(x, (3, 5, 2)), ((0, 2), (1, 0))).sum()
        * x
    ),
    "tensordot of matrices": lambda x: fnp.tensordot(
        fnp.reshape(x, (5, 2, 3)), fnp.reshape(x, (3, 5, 2)), ((2,), (0,))
    ),
    "outer of matrices": lambda x: fnp.outer(x[:6], fnp.reshape(x[6:12], (2, 3))),
    "einsum": lambda x: fnp.einsum(
        "ij,kj,i->ki", fnp.reshape(x, (5, 6)), fnp.reshape(x, (5, 6)), x[:5]
    ),
    "einsum of a diagonal": lambda x: fnp.einsum(
        "ii,...j->...i", fnp.reshape(x[:25], (5, 5)), fnp.reshape(x, (3, 10))
    ),
    "sums": lambda x: x[:20] * fnp.sum(x) + fnp.sum(x * W, axis=1) + fnp.sum(x),
    "means": lambda x: x[:20] * fnp.mean(x) + fnp.mean(x * W, axis=-1),
    "keepdims": lambda x: x * fnp.sum(x * W, axis=(0, 1), keepdims=True),
    "broadcast": lambda x: (x[:16] + fnp.reshape(x[:16], (16, 1))) * np.ones((3, 16, 16)),
    "transpose": lambda x: fnp.transpose(fnp.reshape(x, (2, 3, 5)) ** 2, (2, 0, 1)),
    "T": lambda x: fnp.reshape(x, (5, 6)).T * fnp.reshape(x, (6, 5)),
    "index": lambda x: x[::-1] * x[-1] + fnp.reshape(x, (5, 6))[1:4, None, ::2].sum(),
    "unconnected": lambda x: stop_gradient(x) * 2.0,
    # One by one, amid others that are not.
    "taking": lambda x: x[[0, 0, 1] * 10] ** 2 * fnp.sum(x),
    "Function": lambda x: Cube()(x * 2) * x,
    "Function of two": lambda x: Scaled()(x[1:], x[0]) * Scaled()(np.ones(29), x[0]) + x[1:],
    "many outputs": lambda x: fnp.modf(x * 3)[0] * x + fnp.sum(fnp.frexp(x)[0] * x),
    "split": lambda x: fnp.split(x * 2, 3)[1] * fnp.split(x * x, 3)[2].sum() * np.ones((2, 10)),
    "eigenvalues": lambda x: fnp.linalg.eigh(fnp.reshape(x[:9], (3, 3)))[0].sum() * x,
    "sort": lambda x: fnp.sort(x * W[0]) * 2,
    "rows of sums": lambda x: fnp.max(x * W, axis=1) + fnp.var(x * W, axis=1) * fnp.prod(x * 3),
    "turned": lambda x: fnp.roll(fnp.flip(fnp.cumsum(x**2)), 3) * fnp.concatenate([x[3:], x[:3]]),
}
ROW_BY_ROW = {"hook": lambda x: hooked(x * 2) * x}


def hooked(y):
    y.register_hook(lambda gy: gy * 2)
    return y


@pytest.mark.parametrize("name", [*BATCHED, *ROW_BY_ROW])
def test_rows_together_are_the_rows_one_by_one(name, monkeypatch):
    f = {**BATCHED, **ROW_BY_ROW}[name]
    x = np.linspace(0.1, 1.0, 30)
    together = jacobian(f)(x)
    monkeypatch.setattr("fastgrad.transforms.jacobians.MANY", np.inf)
    one_by_one = jacobian(f)(x)
    assert together.shape == one_by_one.shape
    assert np.allclose(together, one_by_one, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [*BATCHED, *ROW_BY_ROW])
def test_hooks_alone_take_no_leading_axis(name):
    from fastgrad._core import batched

    x = Variable(np.linspace(0.1, 1.0, 30))
    y = {**BATCHED, **ROW_BY_ROW}[name](x)
    units = np.eye(y.size).reshape(y.size, *y.shape)
    assert (batched.gradients(y, units, [x]) is not None) is (name in BATCHED)


# --- found by review ---

X30 = np.linspace(0.1, 1.0, 30)


def test_released_graphs_raise():
    x = Variable(X)
    h = fnp.tanh(x) * x
    y = fnp.sum(h)
    y.backward(retain_graph=False)
    for root in (y, fnp.sum(h * x)):
        with pytest.raises(RuntimeError, match="retain_graph=False"):
            gradients(root, x)


def test_pullbacks_are_differentiable():
    y, pullback = vjp(fnp.sin, 0.5)
    assert grad(lambda g: pullback(g)[0])(1.0) == np.cos(0.5)


def test_variables_anywhere_make_the_result_a_variable():
    w = Variable(np.array(2.0))
    for gx in (
        grad(lambda x, w: x * x * w)(3.0, w),
        grad(lambda x, w: x * x * w)(3.0, w=w),
        jacobian(lambda x, w: x * x * w)(3.0, w),
        hvp(lambda x: x**3)(1.0, w),
        jvp(lambda x: x * x, (3.0,), (w,))[1],
    ):
        assert isinstance(gx, Variable)
        assert gx.requires_grad


@pytest.mark.parametrize("interior", [False, True])
def test_recorded_values_count_not_those_assigned_since(interior):
    x = Variable(np.array(2.0))
    h = x * 1.0 if interior else x
    y = h**3
    h.data = np.array(5.0)
    assert gradients(y, x) == 12
    y.backward(create_graph=True)
    assert x.grad.data == 12
    f = checkpoint(lambda x: x**3)
    x = Variable(np.array(2.0))
    y = f(x)
    x.data = np.array(5.0)
    y.backward()
    assert x.grad == 12


def test_dicts_match_by_key_and_structures_are_checked():
    def f(p):
        return p["a"] * 10 + p["b"]

    point = {"a": 1.0, "b": 2.0}
    assert jvp(f, (point,), ({"b": 1.0, "a": 0.0},))[1] == 1
    assert hvp(lambda p: p["a"] ** 2)(point, {"b": 5.0, "a": 1.0})["a"] == 2
    with pytest.raises(ValueError, match="expected a dict of"):
        jvp(f, (point,), ({"a": 1.0},))
    with pytest.raises(ValueError, match="2 entries, expected 1"):
        vjp(lambda x: (x,), 1.0)[1]((1.0, 2.0))


def test_complex_jacobian_of_a_real_input_is_refused():
    with pytest.raises(TypeError, match="output is complex"):
        jacobian(lambda x: x * 1j)(X)


def test_inner_gradients_within_a_recorded_backward_are_recorded():
    class Inner(Cube):
        def forward(self, x):
            return x * x

        def backward(self, gy):
            (x,) = self.inputs
            return gy * grad(lambda y: x * x * y)(1.0) * 2 / x

    assert grad(grad(Inner()))(2.0) == pytest.approx(2)
    assert hessian(Inner())(2.0) == pytest.approx(2)
    x = Variable(np.array(2.0))
    Inner()(x).backward(create_graph=True)
    assert gradients(x.grad, x) == pytest.approx(2)


def test_graphs_that_a_function_closes_over_stay():
    w = Variable(np.array(2.0))
    h = w * w
    for transform in (grad, value_and_grad, elementwise_grad):
        transform(lambda v: v * h)(3.0)
    h.backward()
    assert w.grad == 4


def test_hvp_of_numbers_and_nests():
    assert hvp(lambda x: x**3)(2.0, 1.0) == 12
    assert hvp(lambda p: p["a"] ** 3)({"a": 2.0}, {"a": 1.0}) == {"a": 12.0}


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[np.arange(20)] ** 2,
        lambda x: x[X30 > 0.5] ** 2,
        lambda x: fnp.reshape(x, (5, 6))[True, :, 0] * x[:5],
        lambda x: fnp.sign(x[0]) * x,
        lambda x: fnp.sign(fnp.sum(x)) * x,
    ],
    ids=["indices", "mask", "True", "sign", "sign of sum"],
)
def test_jacobians_of_graphs_with_odd_ends(f, monkeypatch):
    together = jacobian(f)(X30)
    monkeypatch.setattr("fastgrad.transforms.jacobians.MANY", np.inf)
    assert np.allclose(together, jacobian(f)(X30))


def test_tall_jacobian_through_a_plain_function():
    assert np.array_equal(jacobian(lambda x: Plain()(x) * np.ones(5))(2.0), np.full(5, 12.0))


@pytest.mark.parametrize("name", ["exp", "sqrt", "tanh"])
def test_instances_whose_output_is_gone(name):
    row = getattr(fnp, name)
    x = Variable(np.array(2.0))
    (2 * row.Function()(x)).backward(create_graph=True)
    expected = grad(grad(lambda x: 2 * row(x)))(2.0)
    assert gradients(x.grad, x) == pytest.approx(expected)


def test_checkpoint_may_make_variables_and_differentiate():
    f = checkpoint(lambda x: x * grad(lambda y: x * y * y)(3.0))
    assert grad(f)(2.0) == 24
    assert grad(checkpoint(lambda x: fnp.sum(x * Variable(np.ones(3)))))(1.0) == 3
    y, none, text, empty = checkpoint(lambda x: (x * 2, None, "text", ()))(Variable(X))
    assert isinstance(y, Variable)
    assert (none, text, empty) == (None, "text", ())


def test_gradients_within_forward_of_a_function_are_values():
    class Inside(Function):
        def forward(self, x):
            return x * grad(lambda t: t * t)(3.0)

        def backward(self, gy):
            return gy * 6

    assert grad(Inside())(2.0) == 6


def test_backward_of_a_function_may_record_within_gradients():
    class Inside(Function):
        def forward(self, x):
            return x * x

        def backward(self, gy):
            v = Variable(self.inputs[0].data)
            (v * v).backward()
            return gy * v.grad

    x = Variable(np.array(3.0))
    assert gradients(Inside()(x), x) == 6


@pytest.mark.parametrize("y", [None, "text"])
def test_what_is_no_number_is_no_output(y):
    with pytest.raises(TypeError, match="the output is a"):
        grad(lambda x: y)(2.0)


def test_starts_have_the_dtype_of_their_output():
    x = Variable(X.astype(np.float32))
    assert gradients(x + x, x, 1).dtype == np.float32
    assert gradients(x + x, x, np.ones(3)).dtype == np.float32
    nested = grad(lambda x: fnp.sum(jacobian(lambda y: y * y)(x)))(X.astype(np.float32))
    assert nested.dtype == np.float32


def test_auxiliary_outputs_are_values_and_argnums_differ():
    for aux in (jacobian(lambda x: (x, x * 2), has_aux=True)(X)[1],
                vjp(lambda x: (x, x * 2), X, has_aux=True)[2]):  # fmt: skip
        assert type(aux) is np.ndarray
    with pytest.raises(ValueError, match="twice"):
        grad(lambda x: x, (0, 0))(2.0)
    assert vjp(lambda x: (x, 2 * x), 1.0)[1]((None, 1.0)) == (2.0,)


@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1, 1e6), (1e-6, 0)])
def test_check_gradients_sees_a_tenth(scale, offset):
    class Wrong(Cube):
        def backward(self, gy):
            return 1.1 * super().backward(gy)

    with pytest.raises(AssertionError):
        check_gradients(lambda x: Wrong()(x) * scale + offset, X)
    check_gradients(lambda x: Cube()(x) * scale + offset, X)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("seed", range(8))
def test_check_gradients_raises_no_false_alarm(dtype, seed):
    x = np.array([0.3, 1.0, 0.02, 0.0], dtype)
    check_gradients(lambda x: fnp.tanh(x) + fnp.exp(x), x, seed=seed)
    check_gradients(fnp.log, np.array([1e4, 1e-2], "float64"), seed=seed)


def test_no_two_results_share_memory():
    a, b = jacobian(lambda x, y: x + y, (0, 1))(X30, X30)
    assert not np.shares_memory(a, b)
    assert jacobian(lambda x: fnp.sum(x) * np.ones(20))(X30).flags.writeable
    x, y = Variable(X), Variable(X)
    gx, gy = gradients(x + y, [x, y], create_graph=True)
    assert not np.shares_memory(gx.data, gy.data)


def test_arguments_that_are_like_arrays_are_named():
    class Series:
        dtype = np.dtype(float)

        def __array__(self, dtype=None, copy=None):
            return np.ones(2)

    with pytest.raises(TypeError, match=r"argument 0 is a Series.*write np\.asarray\(x\)"):
        grad(np.sum)(Series())
