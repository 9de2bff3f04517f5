"""compat.autograd: functions whose derivatives a program gives, with `defvjp` and its kin."""

import functools
import gc
import math
import weakref

import numpy as onp
import pytest

import fastgrad
import fastgrad.compat.autograd as autograd
import fastgrad.compat.autograd.numpy as np
from fastgrad.compat.autograd import core, deriv, grad, hessian, jacobian, make_jvp
from fastgrad.compat.autograd.extend import (
    Box,
    JVPNode,
    SparseObject,
    VJPNode,
    VSpace,
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    deflinear,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    defvjp_is_zero,
    notrace_primitive,
    primitive,
    register_notrace,
    vspace,
)
from fastgrad.compat.autograd.tracer import getval, isbox

X = onp.array([0.3, -1.2, 2.1])


def made(function, *rules, **kwargs):
    """A primitive with these rules."""
    f = primitive(function)
    defvjp(f, *rules, **kwargs)
    return f


@pytest.fixture
def weighted():
    """sum(x**2 * y) * k, with rules by the front end's NumPy."""
    return made(
        lambda x, y, k=1.0: np.sum(x**2 * y) * k,
        lambda ans, x, y, k=1.0: lambda g: g * 2 * x * y * k,
        lambda ans, x, y, k=1.0: lambda g: np.sum(g * x**2) * k,
    )


# --- reverse mode ---


def test_rules_of_all_arguments(weighted):
    gx, gy = grad(weighted, (0, 1))(X, 2.0, k=3.0)
    onp.testing.assert_allclose(gx, 12 * X)
    onp.testing.assert_allclose(gy, 3 * onp.sum(X**2))


def test_second_and_third_order(weighted):
    onp.testing.assert_allclose(hessian(weighted)(X, 2.0), 4 * onp.eye(3))
    onp.testing.assert_allclose(jacobian(grad(weighted), 1)(X, 2.0), 2 * X)
    cube = made(lambda x: x**3, lambda ans, x: lambda g: g * 3 * x**2)
    assert grad(grad(grad(cube)))(2.0) == 6.0
    by_ans = made(np.exp, lambda ans, x: lambda g: g * ans)
    assert grad(grad(grad(by_ans)))(0.5) == math.exp(0.5)


def test_argnums_and_zero_rules():
    f = made(
        lambda x, n, y: x * n * y,
        lambda ans, x, n, y: lambda g: g * n * y,
        lambda ans, x, n, y: lambda g: g * n * x,
        argnums=[0, 2],
    )
    assert grad(f, (0, 2))(2.0, 3.0, 4.0) == (12.0, 6.0)
    with pytest.raises(NotImplementedError, match=r"VJP of .* wrt argnums \(1,\) not defined"):
        grad(f, 1)(2.0, 3.0, 4.0)
    f = made(lambda x, n: x * n, lambda ans, x, n: lambda g: g * n, None)
    assert grad(f, (0, 1))(2.0, 3.0) == (3.0, 0.0)
    onp.testing.assert_array_equal(grad(lambda n: np.sum(f(2.0, n)))(X), onp.zeros(3))
    assert hessian(lambda x: f(x, x) + x**2)(2.0) == 3.0  # of g * n, for n
    defvjp_is_zero(f, (0,))
    assert grad(f)(2.0, 3.0) == 0.0


def test_rules_for_several_arguments_share_work():
    seen = []

    def maker(argnums, ans, args, kwargs):
        seen.append((argnums, kwargs))
        return lambda g: [g * args[1 - i] for i in argnums]

    f = primitive(lambda x, y, **kwargs: np.dot(x, y))
    defvjp_argnums(f, maker)
    gx, gy = grad(lambda x, y: f(x, y, k=1), (0, 1))(X, 2 * X)
    onp.testing.assert_allclose((gx, gy), (2 * X, X))
    assert seen == [((0, 1), {"k": 1})]
    onp.testing.assert_allclose(jacobian(grad(f), 1)(X, X), onp.eye(3))
    g = primitive(lambda *xs: sum((i + 1) * x for i, x in enumerate(xs)))
    defvjp_argnum(g, lambda argnum, ans, args, kwargs: lambda g: g * (argnum + 1))
    assert grad(g, (0, 2))(1.0, 2.0, 3.0) == (1.0, 3.0)


def test_a_maker_is_called_once_for_all_gradients():
    calls = []

    def maker(ans, x):
        calls.append(0)
        return lambda g: g * 2 * x

    onp.testing.assert_allclose(jacobian(made(lambda x: x**2, maker))(X), onp.diag(2 * X))
    assert len(calls) == 1


def test_rules_given_late_or_anew():
    f = primitive(lambda x: x**2)
    with pytest.raises(NotImplementedError, match="VJP of"):
        grad(f)(3.0)
    with pytest.raises(NotImplementedError):
        deriv(f)(3.0)
    defvjp(f, lambda ans, x: lambda g: g * 2 * x)
    assert grad(f)(3.0) == 6.0
    defvjp(f, lambda ans, x: lambda g: g * 70.0)
    assert grad(f)(3.0) == 70.0
    with pytest.raises(TypeError, match="Bad VJP 3"):
        defvjp(f, 3)


def test_first_order_is_of_arrays_and_second_of_boxes():
    seen = []

    def maker(ans, x, y):
        seen.append([isbox(v) for v in (ans, x, y)])

        def pull(g):
            seen.append(isbox(g))
            return g * y

        return pull

    def raw(x, y):
        seen.append((isbox(x), isbox(y), fastgrad.grad(lambda t: t**3)(2.0)))
        return x * y

    f = made(raw, maker, None)
    assert grad(f)(2.0, 3.0) == 3.0
    assert seen == [(False, False, 12.0), [False, False, False], False]
    seen.clear()
    grad(lambda x: grad(f)(x, 3.0) + x)(2.0)
    assert seen[1:] == [[True, True, False], True]


def test_rules_that_call_math_serve_the_first_order():
    f = made(math.sin, lambda ans, x: lambda g: g * math.cos(x))
    assert grad(f)(0.5) == math.cos(0.5)
    with pytest.raises(TypeError, match="a gradient is lost"):
        grad(grad(f))(0.5)
    array = made(onp.cumsum, lambda ans, x: lambda g: onp.asarray(getval(g))[::-1].cumsum()[::-1])
    onp.testing.assert_allclose(grad(lambda x: np.sum(array(x)))(X), [3, 2, 1])
    with pytest.raises(RuntimeError, match="computed with arrays"):
        hessian(lambda x: np.sum(array(x) ** 2))(X)


def test_a_rule_of_what_does_not_depend_on_a_box():
    double = primitive(lambda x: 2 * x)
    defvjp(double, lambda ans, x: lambda g: double(g))
    assert grad(grad(lambda x: double(x) + x**2))(1.0) == 2.0
    assert grad(grad(lambda x: double(x) ** 2))(1.0) == 8.0


@pytest.mark.parametrize("zero", [0.0, onp.zeros(()), None])
def test_a_rule_of_zeros_is_differentiable(zero):
    f = made(np.floor, lambda ans, x: lambda g: zero)
    assert grad(grad(lambda x: f(x) * x + x**3))(2.5) == 15.0


@pytest.mark.parametrize(("gx", "expected"), [
    (2.0, 2.0), (2, 2.0), (onp.array([2.0]), 2.0), (onp.float32(2), 2.0), (2 + 1j, 2.0),
])  # fmt: skip
def test_what_rules_return_is_fitted(gx, expected):
    found = grad(made(lambda x: x * 2.0, lambda ans, x: lambda g: gx))(1.0)
    assert found == expected
    assert found.dtype == onp.float64


def test_wrong_shapes_are_errors():
    f = made(lambda x: x * 2.0, lambda ans, x: lambda g: onp.ones(3))
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(\)"):
        grad(f)(1.0)


# --- what goes in and comes out ---


def test_outputs_of_several_arrays():
    f = made(lambda x: (x**2, np.sum(x)), lambda ans, x: lambda g: g[0] * 2 * x + g[1])
    onp.testing.assert_allclose(grad(lambda x: np.sum(f(x)[0]))(X), 2 * X)
    onp.testing.assert_allclose(grad(lambda x: f(x)[1])(X), onp.ones(3))

    def both(x):
        squares, total = f(x)
        return np.sum(squares) * total

    second = 2 * X.sum() * onp.eye(3) + 2 * X + 2 * X[:, None]
    onp.testing.assert_allclose(hessian(both)(X), second)
    g = made(lambda x: {"a": x * 2, "n": 3}, lambda ans, x: lambda g: g["a"] * 2)
    assert grad(lambda x: g(x)["a"] * g(x)["n"])(1.5) == 6.0


@pytest.mark.parametrize("y", [3, "s", None, object(), True])
def test_outputs_that_cannot_be_differentiated(y):
    f = made(lambda x: y, lambda ans, x: lambda g: g)
    assert f(1.0) is y
    with pytest.raises(TypeError, match=r"Can't differentiate w\.r\.t\. type"):
        grad(f)(1.0)


def test_arguments_that_are_nests():
    f = made(lambda p, n: p["a"] * p["b"][0] * n,
             lambda ans, p, n: lambda g: {"a": g * p["b"][0] * n, "b": [g * p["a"] * n]},
             None)  # fmt: skip
    assert grad(f)({"a": 2.0, "b": [3.0]}, 5) == {"a": 15.0, "b": [10.0]}
    f = made(
        lambda xs, y: xs[0] * xs[1] * y,
        lambda ans, xs, y: lambda g: np.array(xs)[::-1] * g * y,
        lambda ans, xs, y: lambda g: None,
    )
    assert grad(f, (0, 1))((2.0, 3.0), 5.0) == ((15.0, 10.0), 0.0)
    assert hessian(lambda x: f((x, 2 * x), 1.0))(3.0) == 4.0
    product = made(lambda xs: xs[0] * xs[1], lambda ans, xs: lambda g: [g * xs[1], g * xs[0]])
    assert grad(lambda x: product([x, 3.0]))(2.0) == 3.0
    assert hessian(lambda x: product((x, x * 2)))(2.0) == 4.0
    # An array for a sequence inside of another, as PennyLane has it.
    f = made(lambda xs: xs[0][0] * xs[0][1], lambda ans, xs: lambda g: (np.array(xs[0])[::-1] * g,))
    assert grad(f)(([2.0, 3.0],)) == ([3.0, 2.0],)


def test_arguments_that_are_anything():
    f = made(lambda x, s, o, k=None: x * len(s), lambda ans, x, s, o, k=None: lambda g: g * len(s))
    assert grad(lambda x: f(x, "abc", {"k": None}, k=object()))(2.0) == 3.0


def test_a_box_that_is_no_argument():
    def uses(x):
        f = made(lambda y: y * x, lambda ans, y: lambda g: g)
        return f(x)

    with pytest.raises(TypeError, match="uses a box that is not among its positional arguments"):
        grad(uses)(2.0)


def test_plain_arguments_call_the_function():
    f = made(lambda x: x, lambda ans, x: lambda g: g)
    assert f(X) is X
    assert f.__name__ == "<lambda>"
    assert f.fun(X) is X


def test_sparse_gradients():
    def maker(ans, x, i):
        def add(array, g):
            array[i] += g
            return array

        return lambda g: SparseObject(vspace(x), lambda array: add(array, g))

    f = made(lambda x, i: x[i], maker)
    onp.testing.assert_array_equal(grad(lambda x: f(x, 1) * 3)(X), [0, 3, 0])


def test_functions_of_the_namespace_get_rules():
    before = np.cbrt
    try:
        defvjp(np.cbrt, lambda ans, x: lambda g: g * 7)
        assert grad(lambda x: np.cbrt(x))(8.0) == 7.0
        assert np.cbrt is not before
        assert np.cbrt(8.0) == 2.0
    finally:
        np.cbrt = np.numpy_wrapper.cbrt = before
        core.replaced.pop(before)
    assert grad(np.cbrt)(8.0) == pytest.approx(1 / 12)


def test_results_that_are_plain():
    seen = []
    f = notrace_primitive(lambda x: seen.append(isbox(x)) or x**2)
    assert grad(lambda x: x * f(x))(3.0) == 9.0
    g = made(lambda x: x**2, lambda ans, x: lambda g: g * 2 * x)
    register_notrace(JVPNode, g)
    assert grad(g)(3.0) == 6.0
    register_notrace(VJPNode, g)
    assert grad(lambda x: x * g(x))(3.0) == 9.0
    assert seen == [False]


def test_functions_without_a_name():
    f = made(functools.partial(onp.multiply, 3.0), lambda ans, x: lambda g: g * 3.0)
    assert grad(f)(2.0) == 3.0


def test_calls_are_let_go_of():
    double = made(lambda x: x * 2, lambda ans, x: lambda g: g * 2)
    arrays = []

    def f(x):
        y = double(x)
        arrays.append(weakref.ref(getval(y)))
        return np.sum(y)

    gc.disable()
    try:
        grad(f)(X)
        assert arrays[0]() is None
        make_jvp(f)(X)(X)
        assert arrays[1]() is None
    finally:
        gc.enable()


# --- forward mode ---


def test_forward_mode_is_by_the_jvps():
    f = primitive(lambda x, y: x * y**2)
    defjvp(f, "same", lambda g, ans, x, y: 2 * g * x * y)
    assert make_jvp(f, (0, 1))(2.0, 3.0)((1.0, 2.0)) == (18.0, 33.0)
    with pytest.raises(NotImplementedError, match="VJP of"):
        grad(f)(2.0, 3.0)
    assert deriv(deriv(lambda x: f(x, x)))(2.0) == 12.0
    defvjp(f, lambda ans, x, y: lambda g: g * y**2, lambda ans, x, y: lambda g: 2 * g * x * y)
    assert deriv(grad(lambda x: f(x, x)))(2.0) == 12.0
    assert grad(deriv(lambda x: f(x, x)))(2.0) == 12.0


def test_other_ways_to_give_jvps():
    f = primitive(lambda x, y: x * y)
    defjvp(f, lambda g, ans, x, y: g * y, argnums=[0])
    with pytest.raises(NotImplementedError, match="JVP of"):
        make_jvp(f, (0, 1))(2.0, 3.0)((1.0, 1.0))
    assert make_jvp(f)(2.0, 3.0)(1.0) == (6.0, 3.0)
    defjvp(f, lambda g, ans, x, y: g * y, None)
    assert make_jvp(f, (0, 1))(2.0, 3.0)((1.0, 1.0)) == (6.0, 3.0)
    defjvp_argnum(f, lambda i, g, ans, args, kwargs: g * args[1 - i])
    assert make_jvp(f, (0, 1))(2.0, 3.0)((1.0, 10.0)) == (6.0, 23.0)
    defjvp_argnums(f, lambda argnums, gs, ans, args, kwargs: 100.0 * len(argnums))
    assert make_jvp(f, (0, 1))(2.0, 3.0)((1.0, 10.0)) == (6.0, 200.0)
    assert deflinear is def_linear
    triple = primitive(lambda x: 3 * x)
    def_linear(triple)
    onp.testing.assert_array_equal(make_jvp(triple)(X)(X)[1], 3 * X)


def test_jvps_of_nests():
    f = primitive(lambda p: (p[0] * p[1], p[0]))
    defjvp(f, lambda g, ans, p: (g[0] * p[1] + p[0] * g[1], g[0]))
    y, dy = make_jvp(lambda p: autograd.tuple(f(p)))((2.0, 3.0))((1.0, 10.0))
    assert (y, dy) == ((6.0, 2.0), (23.0, 1.0))


# --- as before autograd 1.2 ---


def test_former_methods():
    f = primitive(lambda x, y: x * y)
    with pytest.warns(UserWarning, match="defvjp method is deprecated"):
        f.defvjp(lambda g, ans, vs, gvs, x, y: g * y)
    with pytest.warns(UserWarning, match="defgrad method is deprecated"):
        f.defgrad(lambda ans, x, y: lambda g: g * x, argnum=1)
    assert grad(f, (0, 1))(2.0, 3.0) == (3.0, 2.0)
    with pytest.warns(UserWarning, match="deprecated"):
        f.defvjp_is_zero([0, 1])
    assert grad(f, (0, 1))(2.0, 3.0) == (0.0, 0.0)


def test_names_of_extend():
    assert issubclass(autograd.numpy.numpy_boxes.ArrayBox, Box)
    assert VSpace.mappings[float] is autograd.numpy.numpy_vspaces.ArrayVSpace
    assert {VJPNode, JVPNode} == {core.VJPNode, core.JVPNode}
    assert core.primitive is primitive
