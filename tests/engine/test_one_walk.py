"""One walk for every kind of gradient: the same errors, the same bits, nothing left in flight."""

import gc
import weakref

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Function, Variable, checkpoint, grad, gradients, jacobian

WAYS = {
    "backward": lambda f, x: f(x).backward(),
    "create_graph": lambda f, x: f(x).backward(create_graph=True),
    "releasing": lambda f, x: f(x).backward(retain_graph=False),
    "gradients": lambda f, x: gradients(f(x), x),
    "recorded gradients": lambda f, x: gradients(f(x), x, create_graph=True),
    "grad": lambda f, x: grad(f)(x.data),
    "jacobian": lambda f, x: jacobian(f)(x.data),
}


def function_that_returns(made):
    """A sum by a Function whose backward returns something else."""

    class Wrong(Function):
        differentiable = True

        def forward(self, x):
            return x * 2.0

        def backward(self, gy):
            return made(gy)

    return lambda x: fnp.sum(Wrong()(x))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("made", "error", "text"),
    [
        (lambda gy: np.ones(2), ValueError, r"shape \(2,\), expected \(3,\)"),
        (lambda gy: np.ones(()), ValueError, r"shape \(\), expected \(3,\)"),
        (lambda gy: fnp.sum(gy), ValueError, r"shape \(\), expected \(3,\)"),
        (lambda gy: "2", TypeError, "is a str, expected an ndarray"),
        (lambda gy: np.array(["a"] * 3), TypeError, "is a ndarray, expected an ndarray"),
    ],
    ids=["shape", "0-d", "a Variable", "string", "strings"],
)
def test_a_wrong_gradient_is_the_same_error_everywhere(way, made, error, text):
    x = Variable(np.ones(3))
    with pytest.raises(error, match="Wrong: gradient for input 0 .*" + text):
        WAYS[way](function_that_returns(made), x)
    assert x.grad is None


def chain(x, w):
    """Sums whose roundings depend on their order."""
    y = x
    for k in range(4):
        y = np.tanh(y * w + x / (k + 3.0)) + np.sin(y) * x
    return np.sum(y * y + np.cumsum(x) * 0.1)


@pytest.mark.parametrize("seed", range(20))
def test_every_backward_agrees_with_every_other_bit_for_bit(seed):
    generator = np.random.default_rng(seed)
    data, old = generator.normal(size=(2, 5)) * 10.0 ** generator.integers(-3, 3, (2, 5))
    w = generator.normal(size=5)

    def added(**options):
        x = Variable(data)
        x.grad = old.copy()
        chain(x, w).backward(**options)
        return np.asarray(x.grad.data if isinstance(x.grad, Variable) else x.grad)

    into = added()
    for options in ({"create_graph": True}, {"retain_graph": False}, {"retain_grad": True}):
        assert np.array_equal(added(**options), into), (seed, options)
    x = Variable(data)
    y = chain(x, w)
    y.backward()
    assert np.array_equal(gradients(y, x), x.grad), seed
    assert np.array_equal(gradients(y, x, create_graph=True).data, x.grad), seed
    assert np.array_equal(grad(lambda v: chain(v, w))(data), x.grad), seed
    assert np.array_equal(grad(checkpoint(lambda v: chain(v, w)))(data), x.grad), seed


@pytest.mark.parametrize("create_graph", [False, True])
def test_nothing_is_in_flight_after_an_error(create_graph):
    class Fails(Function):
        differentiable = True

        def forward(self, x):
            return x + 1.0, x * 2.0

        def backward(self, *gys):
            raise ZeroDivisionError

    gc.disable()
    try:
        x = Variable(np.ones(3))
        a, b = Fails()(x)
        y = fnp.sum(a * b) + fnp.sum(x * x)
        with pytest.raises(ZeroDivisionError):
            y.backward(create_graph=create_graph)
        alive = weakref.ref(y)
        del a, b, y
        assert alive() is None
    finally:
        gc.enable()


def test_gradients_of_a_leaf_that_is_the_root():
    x = Variable(np.ones(3))
    assert np.array_equal(gradients(x, x), np.ones(3))
    x.backward(create_graph=True)
    assert np.array_equal(x.grad.data, np.ones(3))
