"""compat.autograd.misc and test_util: flatten, optimizers, fixed points, graphs, checks."""

from __future__ import annotations

import functools

import numpy as onp
import pytest

from fastgrad import grad as fastgrads_grad
from fastgrad.compat.autograd import grad, make_vjp
from fastgrad.compat.autograd import numpy as np
from fastgrad.compat.autograd.extend import defvjp, primitive
from fastgrad.compat.autograd.misc import const_graph, flatten, optimizers
from fastgrad.compat.autograd.misc.fixed_points import fixed_point
from fastgrad.compat.autograd.misc.flatten import flatten_func
from fastgrad.compat.autograd.misc.tracers import full_graph
from fastgrad.compat.autograd.test_util import (
    check_equivalent,
    check_grads,
    check_jvp,
    check_vjp,
    combo_check,
    numerical_jvp,
    scalar_close,
)

TREE = {"w": onp.arange(6.0).reshape(2, 3), "b": (1.5, [onp.array(2.0), ()]), "a": onp.zeros(0)}

# --- flatten ---


def test_flatten_and_back():
    vector, unflatten = flatten(TREE)
    onp.testing.assert_array_equal(vector, [1.5, 2, 0, 1, 2, 3, 4, 5])  # by the sorted keys
    tree = unflatten(vector * 2)
    assert sorted(tree) == sorted(TREE)
    onp.testing.assert_array_equal(tree["w"], 2 * TREE["w"])
    assert tree["b"] == (3.0, [4.0, ()])
    assert tree["a"].shape == (0,)
    assert flatten(())[0].shape == (0,)
    assert flatten(3.0)[1](onp.array([4.0])) == 4.0


def test_flatten_of_complex_numbers():
    vector, unflatten = flatten([1 + 2j, 3.0])
    assert vector.dtype == complex
    back = unflatten(vector)
    assert back == [1 + 2j, 3.0]
    assert onp.isrealobj(back[1])


def test_flatten_is_differentiable():
    def f(tree):
        vector, unflatten = flatten(tree)
        return np.sum(vector**2) + unflatten(vector**3)["b"][0]

    gradient = grad(f)(TREE)
    onp.testing.assert_array_equal(gradient["w"], 2 * TREE["w"])
    assert gradient["b"][0] == 3 + 3 * 1.5**2
    vector, unflatten = flatten(TREE)
    pull, _ = make_vjp(unflatten)(vector)
    onp.testing.assert_array_equal(pull(TREE), vector)
    of_vector, _, x = flatten_func(lambda tree: {"y": tree["w"] ** 2}, TREE)
    onp.testing.assert_array_equal(grad(lambda x: np.sum(of_vector(x)))(x)[2:], 2 * vector[2:])


# --- optimizers ---

OPTIMIZERS = ("sgd", "rmsprop", "adam")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_find_the_minimum_of_a_nest(name):
    target = (1.0, {"x": onp.array([2.0, -3.0])})

    def loss(params, i):
        return (params[0] - target[0]) ** 2 + np.sum((params[1]["x"] - target[1]["x"]) ** 2)

    seen = []
    start = (0.0, {"x": onp.zeros(2)})
    options = {"num_iters": 400, "step_size": 0.1 if name == "sgd" else 0.05}
    x = getattr(optimizers, name)(
        grad(loss), start, lambda x, i, g: seen.append((i, x[0], g[0])), **options
    )
    onp.testing.assert_allclose(flatten(x)[0], flatten(target)[0], atol=1e-2)
    assert len(seen) == 400
    assert seen[0] == (0, 0.0, -2.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_autograds_steps(name):
    """The same bits as autograd's own, where that is installed."""
    pytest.importorskip("autograd", reason="HIPS autograd is not installed")
    import autograd.misc.optimizers as theirs

    def gradient(x, i):
        return onp.cos(x * (i + 1)) + x

    start = onp.linspace(-1, 2, 5)
    ours = getattr(optimizers, name)(gradient, start, num_iters=50)
    onp.testing.assert_array_equal(ours, getattr(theirs, name)(gradient, start, num_iters=50))


def test_an_optimizer_can_be_differentiated():
    def last(step_size):
        return optimizers.sgd(lambda x, i: 2 * x, onp.ones(1), None, 3, step_size, 0.0)[0]

    assert grad(last)(0.1) == pytest.approx(3 * (1 - 0.2) ** 2 * -2)  # (1 - 2 s)**3


# --- fixed points ---


def newton_sqrt(a):
    return lambda x: 0.5 * (x + a / x)


def distance(x, y):
    return np.abs(x - y)


def test_fixed_point_and_its_derivatives():
    def f(a):
        return fixed_point(newton_sqrt, a, 1.0, distance, 1e-12)

    assert f(2.0) == pytest.approx(2**0.5)
    assert grad(f)(2.0) == pytest.approx(0.5 * 2**-0.5)
    assert grad(grad(f))(2.0) == pytest.approx(-0.25 * 2**-1.5)


def test_fixed_point_of_a_nest_of_parameters():
    def step(params):
        return lambda x: params[0] * np.cos(x) + params[1]

    def f(params):
        return fixed_point(step, params, 0.5, distance, 1e-13)

    x = f((0.5, 0.2))
    gradient = grad(f)((0.5, 0.2))
    below = 1 + 0.5 * onp.sin(x)
    onp.testing.assert_allclose(gradient, (onp.cos(x) / below, 1 / below), rtol=1e-9)


# --- graphs ---


def test_const_graph_runs_the_function_once():
    calls = []

    def f(x, y):
        calls.append(1)
        return np.sin(x * y) + 2 * x

    kept = const_graph(f)
    for x, y in ((1.0, 2.0), (0.5, -1.0), (3.0, 0.1)):
        assert kept(x, y) == pytest.approx(np.sin(x * y) + 2 * x)
    assert len(calls) == 1
    with pytest.raises(Exception, match="independent"), pytest.warns(UserWarning, match="seems"):
        const_graph(lambda x: 1.0)(2.0)


def test_full_graph_has_all_calls():
    node = full_graph(lambda x: np.tanh(x * x), 0.5)
    assert node.value == onp.tanh(0.25)
    fun, _, _, parents = node.recipe
    assert getattr(fun, "__name__", "") == "tanh"
    assert len(list(parents)) == 1


# --- test_util ---


def wrong(factor):
    """The double, with another derivative."""
    double = primitive(lambda x: 2 * x)
    defvjp(double, lambda ans, x: lambda g: g * factor)
    double.__name__ = "double"
    return double


def test_check_grads():
    check_grads(np.tanh)(onp.array([0.5, 1.0]))
    check_grads(np.tanh, modes=["fwd"], order=3)(0.5)
    check_grads(lambda x, y: x * np.sin(y), (0, 1))(0.5, onp.ones(2))
    check_grads(np.exp, modes=["rev"])(1 + 0.5j)
    check_grads(wrong(2.0), modes=["rev"])(1.0)
    with pytest.raises(AssertionError, match=r"Derivative \(VJP\) check of double failed"):
        check_grads(wrong(2.1), modes=["rev"])(1.0)
    with pytest.raises(AssertionError):
        check_grads(wrong(2.1), modes=["fwd"])(1.0)
    with pytest.raises(AssertionError):
        check_grads(np.tanh, modes=["both"])(1.0)


def test_combo_check_takes_every_combination():
    seen = []

    def f(x, n, power=1):
        seen.append((n, power))
        return n * x**power

    combo_check(f, 0, modes=["rev"], order=1)([0.5, 1.5], [1, 2], power=[1, 3])
    assert set(seen) == {(1, 1), (1, 3), (2, 1), (2, 3)}


def test_the_other_checks():
    check_vjp(np.sin, 0.5)
    check_jvp(np.sin, 0.5)
    check_equivalent({"a": 1.0}, {"a": 1.0})
    with pytest.raises(AssertionError, match="VSpace mismatch"):
        check_equivalent(1.0, (1.0,))
    with pytest.raises(AssertionError, match="Value mismatch"):
        check_equivalent(1.0, 2.0)
    assert scalar_close(1e9, 1e9 + 1)
    assert not scalar_close(1.0, 1.1)
    assert numerical_jvp(np.sin, 0.5)(2.0) == pytest.approx(2 * onp.cos(0.5))


def test_flatten_within_fastgrads_own_transforms():
    f = functools.partial(lambda x: np.sum(flatten([x, x**2])[0]))
    assert fastgrads_grad(f)(3.0) == 7.0
