"""The rule for conversions: where they raise or are silent, and what the error says.

The idioms are in test_lost_gradients.py, the warnings in test_gradient_warnings.py.
"""

import copy
import math
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastgrad
from fastgrad import (
    NOTHING,
    Function,
    GradientWarning,
    Variable,
    checkpoint,
    elementwise_grad,
    grad,
    hessian,
    hessian_operator,
    hvp,
    jacobian,
    jvp,
    no_grad,
    op,
    stop_gradient,
    using_config,
    value_and_grad,
    vjp,
)

X = np.array([0.5, 1.25, 1.9])
LOST = "a gradient is lost"


def lost():
    return pytest.raises(RuntimeError, match=LOST)


def warned():
    return pytest.warns(GradientWarning, match="no gradient passes")


def by_exp(x):
    return x * math.exp(x)


# --- in a function that is being differentiated ---

TRANSFORMS = {
    "grad": lambda f: grad(f)(2.0),
    "grad of an array": lambda f: grad(f)(np.array(2.0)),
    "value_and_grad": lambda f: value_and_grad(f)(2.0),
    "has_aux": lambda f: grad(lambda x: (f(x), 1.0), has_aux=True)(2.0),
    "argnums": lambda f: grad(lambda x, y: x * f(y), argnums=(0, 1))(1.0, 2.0),
    "elementwise_grad": lambda f: elementwise_grad(f)(2.0),
    "vjp": lambda f: vjp(f, 2.0),
    "jvp": lambda f: jvp(f, (2.0,), (1.0,)),
    "jacobian": lambda f: jacobian(f)(2.0),
    "hessian": lambda f: hessian(f)(2.0),
    "hvp": lambda f: hvp(f)(2.0, 1.0),
    "checkpoint": lambda f: checkpoint(f)(Variable(np.array(2.0))),
    "grad of grad": lambda f: grad(grad(f))(2.0),
    "in no_grad": lambda f: no_grad()(grad(f))(2.0),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform(name):
    with lost():
        TRANSFORMS[name](by_exp)
    TRANSFORMS[name](lambda x: x * np.exp(x))  # and nothing is left behind
    assert float(Variable(np.array(2.0)) * 2) == 4


def test_hessian_operator():
    pytest.importorskip("scipy")
    with lost():
        hessian_operator(lambda x: x[0] * math.exp(x[0]), X)


def test_error_names_the_operation_the_line_and_the_way_to_go_on():
    with pytest.raises(RuntimeError) as raised:
        grad(by_exp)(2.0)
    text = str(raised.value)
    assert text.startswith("float(x) at ")
    line = by_exp.__code__.co_firstlineno + 1
    assert f"{__file__}:{line} (return x * math.exp(x))" in text
    for way in ("stop_gradient(x)", "fastgrad.numpy", "x.data"):
        assert way in text
    with pytest.raises(RuntimeError, match=r"numpy\S*full, by np.asarray .* \(.*np.full\(3, x\)"):
        grad(lambda x: np.sum(np.full(3, x)))(2.0)
    with pytest.raises(RuntimeError, match=r"a list with x.* \(return np.sum\(\[x, x\]\)\)"):
        grad(of_a_list)(2.0)
    with pytest.raises(RuntimeError, match=r"np.add at .*: a gradient is lost.*p = p \+ v"):
        grad(in_place)(X)


def of_a_list(x):
    return np.sum([x, x])


def in_place(v):
    p = o = np.zeros(3)
    p += v
    return np.sum(o) + np.sum(p)


def test_lists_are_trees_and_numpy_converts_them():
    with lost():
        grad(np.sum)([1.0, 2.0])
    assert grad(lambda p: sum(p) * p[0])([1.0, 2.0]) == [4.0, 1.0]
    assert grad(fastgrad.numpy.sum)([1.0, 2.0]) == [1.0, 1.0]


def test_levels():
    with lost():  # the outer one's, in the inner one
        grad(lambda x: grad(lambda y: y * y * float(x))(3.0))(2.0)
    with lost():  # the inner one's
        grad(lambda x: x * grad(lambda y: y * float(y))(3.0))(2.0)
    with lost():  # what came out of the inner one
        grad(lambda x: float(grad(lambda y: y * y * x)(3.0)))(2.0)
    assert grad(lambda x: grad(lambda y: y * y * x)(3.0) * x)(2.0) == 24
    # An inner one that has nothing to do with the outer: its result leads nowhere.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(lambda x: x * float(grad(lambda y: y * y)(3.0)))(2.0) == 6
        assert grad(lambda x: x * np.asarray(jacobian(lambda y: y * y)(X)).sum())(2.0) == 7.3
        assert grad(lambda x: x * float(hessian(lambda y: y**3)(3.0)))(2.0) == 18
        assert grad(lambda x: x * float(hvp(lambda y: y**3)(3.0, 1.0)))(2.0) == 18
        assert grad(lambda x: x * float(jvp(lambda y: y**3, (3.0,), (1.0,))[1]))(2.0) == 27
        assert grad(lambda x: x * float(elementwise_grad(np.square)(3.0)))(2.0) == 6


def test_pullback_of_an_inner_vjp_stays_differentiable():
    def f(x):
        _, pullback = vjp(lambda y: y**3 * x, 2.0)
        return pullback(1.0)[0] * x

    assert grad(f)(5.0) == 120  # 12 x ** 2


def solved(target):
    optimize = pytest.importorskip("scipy.optimize")
    loss = value_and_grad(lambda t: (t[0] - target) ** 2)
    return optimize.minimize(loss, np.zeros(1), jac=True).x[0]


def test_a_solver_inside():
    assert np.isclose(solved(2.0), 2)
    assert np.isclose(grad(lambda x: x * solved(2.0))(3.0), 2)
    assert np.isclose(grad(lambda x: x * solved(x.data))(3.0), 3)
    with lost():
        grad(lambda x: x * solved(x))(3.0)


class Solve(Function):
    def forward(self, x):
        return np.array(solved(float(x)))

    def backward(self, gy):
        ones = [of_itself(x) for x in self.inputs]
        return gy * sum(ones)


def of_itself(x):
    return np.asarray(x) / float(x)


def test_functions_in_python_compute_with_arrays():
    assert np.isclose(grad(lambda x: Solve()(x * x))(3.0), 6)
    x = Variable(np.array(3.0))
    y = Solve()(x * x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y.backward()
    assert np.isclose(x.grad, 6)


class Scale(Function):
    """What it keeps on itself is no operand, and has no gradient."""

    def __init__(self, w):
        self.w = w

    def forward(self, x):
        v = Variable(np.asarray(x))
        y = v * v
        y.backward()
        return float(y) * float(v.grad) * float(self.w)

    def backward(self, gy):
        return gy * 6 * self.inputs[0].data ** 2 * float(self.w)


def test_an_argument_that_is_no_operand_of_a_function_in_python():
    assert grad(lambda x: Scale(2.0)(x))(3.0) == 108
    assert grad(lambda x: Scale(Variable(np.array(2.0)))(x))(3.0) == 108
    with lost():
        grad(lambda w: Scale(w)(Variable(np.array(3.0))))(2.0)
    with lost():
        grad(lambda w: Scale(w * 2)(w))(2.0)


class Inner(Function):
    """What is differentiated in a Function is no part of it."""

    def forward(self, x):
        return grad(lambda t: t * math.exp(t))(x)

    def backward(self, gy):
        return gy


def test_a_function_that_is_differentiated_in_a_function_in_python():
    with lost():
        Inner()(Variable(np.array(2.0)))


class ByArrays(Function):
    differentiable = True

    def forward(self, x):
        return x**3

    def backward(self, gy):
        return 3 * np.asarray(self.inputs[0]) ** 2 * gy


def test_differentiable_functions_that_compute_with_arrays_raise():
    assert grad(lambda x: ByArrays()(x))(2.0) == 12
    with lost():
        grad(grad(lambda x: ByArrays()(x)))(2.0)


def test_rules_that_compute_with_arrays():
    a = np.arange(10.0).reshape(5, 2)
    product = op("product", lambda x: a @ x, NOTHING, vjp=lambda xp, g, y, x: a.T @ np.asarray(g))
    x = np.ones(2)
    assert np.array_equal(jacobian(product)(x), a)
    with lost():
        jvp(product, (x,), (x,))
    with lost():
        hessian(lambda x: np.sum(product(x) ** 2))(x)


def test_no_grad_and_constants_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        def f(x):
            with no_grad():
                scale = math.exp(x) + float(np.asarray(x * 2)) + np.full(1, x)[0]
            return x * scale

        assert np.isclose(grad(f)(2.0), math.exp(2) + 6)
        with using_config("enable_backprop", False):
            assert np.asarray(Variable(X) * 2) @ X
        assert grad(lambda x: x * float(stop_gradient(x * 2)))(2.0) == 4
        assert grad(lambda x: x * np.asarray(stop_gradient(x * 2)))(2.0) == 4
        assert grad(lambda x: x * float(x.data))(2.0) == 2
        assert grad(lambda x: x * float(Variable(np.array(5.0), requires_grad=False)))(2.0) == 5


def test_step_functions_are_silent():
    table = np.arange(10.0)

    def f(x):
        k = int(np.floor(x * 3)) + int(np.ceil(x + 1) * 0) + int(x // 1)
        return table[k] * x + np.asarray(np.rint(x)) * float(np.round(x))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(f)(2.1) == 8
        assert np.array_equal(np.asarray(np.floor(Variable(X) * 2)), [1, 2, 3])
    with lost():
        grad(lambda x: float(x % 1.0))(2.1)


def test_captured_leaves_need_gradients_too():
    w = Variable(np.array(2.0))
    with lost():
        grad(lambda x: x * float(w))(3.0)
    labels = Variable(np.array([0, 2]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert grad(lambda x: np.sum(x[labels] * X[labels] * int(labels[1])))(X).any()
        assert grad(lambda x: np.sum(x[np.asarray(labels)]))(X).sum() == 2


def test_exceptions_and_results_leave_no_trace():
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            grad(lambda x: 1 // 0)(2.0)
        with lost():
            grad(by_exp)(2.0)
    assert math.exp(Variable(np.array(0.0)) * 1) == 1


# --- threads ---


def test_threads():
    with ThreadPoolExecutor(2) as pool:
        for read in (math.exp, np.asarray, float, copy.copy):
            with lost():
                grad(lambda x, read=read: sum(pool.map(lambda k: read(x), range(3))) * x)(2.0)
            with lost():
                grad(lambda x, read=read: pool.submit(read, x * 2).result() * x)(2.0)
        with lost():
            checkpoint(lambda x: pool.submit(float, x).result() * x)(Variable(np.array(2.0)))
        total = grad(lambda x: sum(pool.map(lambda k: np.exp(x) * k, range(3))) * x)(0.0)
        assert total == 3


def test_a_thread_of_its_own_is_outside():
    inside, go_on = threading.Event(), threading.Event()

    def slow(x):
        inside.set()
        go_on.wait()
        return x * x

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: grad(slow)(3.0))
        inside.wait()
        try:
            y = Variable(np.array(2.0)) * 2
            assert float(y) == y.item() == 4
            with warned():
                np.asarray(y)
        finally:
            go_on.set()
        assert other.result() == 6


def test_nothing_is_kept_of_a_thread_when_its_transforms_are_over():
    from fastgrad.conversions import running

    def work():
        assert grad(grad(lambda x: x**3))(2.0) == 12
        for fun, x in ((lambda x: float(x) * x, 1.0), (lambda p: float(p["x"]), {"x": 1.0})):
            with pytest.raises(RuntimeError, match="a gradient is lost"):
                grad(fun)(x)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
    assert running == {}
