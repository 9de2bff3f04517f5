"""compat.autograd: derivatives within derivatives, beside fastgrad's own, and in threads."""

import threading

import numpy as onp
import pytest

import fastgrad
import fastgrad.compat.autograd as autograd
import fastgrad.compat.autograd.numpy as np
from fastgrad import Variable, no_grad
from fastgrad.compat.autograd import (
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    hessian,
    jacobian,
    make_jvp,
    make_vjp,
    value_and_grad,
)
from fastgrad.compat.autograd.core import VJPNode, backward_pass
from fastgrad.compat.autograd.numpy.numpy_boxes import ArrayBox
from fastgrad.compat.autograd.tracer import Node, getval, isbox, new_box, trace, trace_stack
from fastgrad.compat.autograd.util import subval, subvals, toposort
from fastgrad.compat.autograd.wrap_util import unary_to_nary
from fastgrad.conversions import running

X = onp.array([0.3, -1.2, 2.1])


# --- which results are boxes ---

PLAIN = {
    "grad": lambda: grad(lambda y: y**2)(2.0),
    "value_and_grad": lambda: value_and_grad(lambda y: y**2)(2.0),
    "elementwise_grad": lambda: elementwise_grad(np.sin)(X),
    "jacobian": lambda: jacobian(np.sin)(X),
    "hessian": lambda: hessian(lambda y: np.sum(y**3))(X),
    "make_vjp": lambda: (make_vjp(np.sin)(X)[0](X), make_vjp(np.sin)(X)[1]),
    "make_jvp": lambda: make_jvp(np.sin)(X)(X),
    "deriv": lambda: deriv(deriv(np.sin))(1.0),
    "grad of grad": lambda: grad(grad(lambda y: y**3))(2.0),
    "grad_and_aux": lambda: grad_and_aux(lambda y: (y**3, {"a": y}))(2.0),
    "a nest": lambda: grad(lambda p: p["a"] * p["b"][0])({"a": 1.0, "b": [2.0]}),
}
BOXED = {
    "grad": lambda x: grad(lambda y: y**2 * x)(2.0),
    "elementwise_grad": lambda x: elementwise_grad(lambda y: np.sin(y) * x)(X),
    "jacobian": lambda x: jacobian(lambda y: np.sin(y) * x)(X),
    "hessian": lambda x: hessian(lambda y: np.sum(y**3) * x)(X),
    "vjp": lambda x: make_vjp(lambda y: np.sin(y) * x)(X)[0](X),
    "gradient to pull back": lambda x: make_vjp(np.sin)(X)[0](X * x),
    "value": lambda x: make_vjp(lambda y: np.sin(y) * x)(X)[1],
    "jvp": lambda x: make_jvp(lambda y: np.sin(y) * x)(X)(X)[1],
    "tangent": lambda x: make_jvp(np.sin)(X)(X * x)[1],
    "argument": lambda x: grad(lambda y: y**3)(x),
    "part of an argument": lambda x: grad(lambda p: p[0] ** 2 * p[1])([2.0, x])[0],
    "value of value_and_grad": lambda x: value_and_grad(lambda y: y**2 + x)(2.0)[0],
    "aux": lambda x: grad_and_aux(lambda y: (y**2, y * x))(2.0)[1],
}


def leaves(tree):
    """What a result is made of."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    return [x for part in tree for x in leaves(part)] if isinstance(tree, (tuple, list)) else [tree]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("outer", [grad, fastgrad.grad], ids=["autograd", "fastgrad"])
def test_derivatives_of_plain_arguments_are_plain_inside_too(name, outer):
    found = []

    def f(x):
        found.extend(leaves(PLAIN[name]()))
        return x * 1.0

    outer(f)(3.0)
    assert found
    assert not any(map(isbox, found))
    for x, y in zip(found, leaves(PLAIN[name]()), strict=True):
        onp.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", BOXED)
@pytest.mark.parametrize("outer", [grad, fastgrad.grad], ids=["autograd", "fastgrad"])
def test_derivatives_that_depend_on_a_box_are_boxes(name, outer):
    f, eps = BOXED[name], 1e-6
    kinds = []

    def total(x):
        y = f(x)
        kinds.append(isinstance(y, Variable))
        return np.sum(y * onp.cos(onp.arange(y.size)).reshape(y.shape))

    slope = outer(total)(1.3)
    assert kinds == [True]
    assert slope == pytest.approx(float(total(1.3 + eps) - total(1.3 - eps)) / (2 * eps), rel=1e-6)


def test_no_perturbations_are_confused():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y * y)(x))(2.0) == 2 * 3 * 2.0**2
    assert grad(grad(grad(grad(lambda x: np.exp(2 * x)))))(0.0) == 16.0


def test_gradients_of_plain_parts_beside_boxes_are_plain():
    def f(x):
        gradients = grad(lambda p: p[0] * p[1])([x, 3.0])
        assert not isbox(gradients[0])
        assert isbox(gradients[1])
        return gradients[1] * gradients[0]

    assert grad(f)(2.0) == 3.0


# --- beside fastgrad's own ---


@pytest.mark.parametrize(("f", "expected"), [
    (fastgrad.grad(grad(lambda x: x**3)), 12.0),
    (grad(fastgrad.grad(lambda x: x**3)), 12.0),
    (fastgrad.grad(lambda x: grad(lambda y: x * y * y)(2.0)), 4.0),
    (grad(lambda x: fastgrad.grad(lambda y: x * y * y)(2.0)), 4.0),
    (lambda x: fastgrad.jvp(grad(lambda x: x**3), (x,), (1.0,))[1], 12.0),
    (deriv(fastgrad.grad(lambda x: x**3)), 12.0),
    (grad(lambda x: fastgrad.jvp(lambda y: y**3, (x,), (1.0,))[1]), 12.0),
    (fastgrad.hessian(lambda x: value_and_grad(lambda y: y**3)(x)[0]), 12.0),
    (fastgrad.grad(deriv(lambda x: x**3)), 12.0),
    (grad(fastgrad.checkpoint(grad(lambda y: y**3))), 12.0),
    (fastgrad.grad(autograd.checkpoint(grad(lambda y: y**3))), 12.0),
    (lambda x: fastgrad.jacobian(jacobian(lambda y: y**3))(onp.array([x]))[0, 0, 0], 12.0),
    (lambda x: jacobian(fastgrad.jacobian(lambda y: y**3))(onp.array([x]))[0, 0, 0], 12.0),
], ids=range(13))  # fmt: skip
def test_transforms_of_both_kinds(f, expected):
    assert float(f(2.0)) == pytest.approx(expected)


def test_boxes_are_of_the_front_ends_class():
    def inner(y):
        kinds.append(type(y))
        return y**2

    kinds = []
    grad(lambda x: fastgrad.grad(inner)(x))(2.0)
    fastgrad.grad(lambda x: grad(inner)(x))(2.0)
    assert kinds[0] is ArrayBox
    assert issubclass(kinds[1], Variable)


def test_variables_that_are_captured_or_passed():
    w = Variable(onp.array(3.0))
    y = grad(lambda x: x * x * w)(2.0)
    assert isinstance(y, Variable)
    y.backward()
    assert w.grad == 4.0
    w.cleargrad()
    grad(lambda x: x**3)(w).backward()
    assert w.grad == 18.0
    assert not isbox(value_and_grad(lambda x: x * 2.0)(2.0)[0])
    assert all(map(isbox, value_and_grad(lambda x: x * w)(2.0)))


def test_no_grad():
    with no_grad():
        assert grad(lambda x: x**2)(2.0) == 4.0
        assert grad(grad(lambda x: x**3))(2.0) == 12.0

    def f(x):
        with no_grad():
            c = x * x
        return c * x

    assert grad(f)(2.0) == 4.0


def test_what_was_kept_of_a_call_is_over():
    kept = []
    grad(lambda x: kept.append(x * 2) or x * 1.0)(2.0)
    assert kept[0]._value == 4.0
    with pytest.raises(RuntimeError, match="is over"):
        grad(lambda y: y * kept[0])(3.0)


def test_an_exception_leaves_nothing_behind():
    for f in (grad, jacobian, deriv, lambda f: lambda x: make_vjp(f)(x)):
        with pytest.raises(ZeroDivisionError):
            f(lambda x: 1 / 0)(2.0)
    assert not running
    assert grad(lambda x: x**2)(2.0) == 4.0


# --- threads ---


def test_threads():
    found = {}

    def work(i):
        for _ in range(30):
            nested = grad(lambda x: grad(lambda y: x * y**3)(float(i)))(2.0)
            forward = deriv(grad(lambda x: x**3))(float(i))
            found[i] = nested, forward

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: (3.0 * i**2, 6.0 * i) for i in range(6)}


def test_a_thread_that_a_differentiated_function_starts():
    found = []

    def f(x):
        thread = threading.Thread(target=lambda: found.append(grad(lambda y: y**2)(3.0)))
        thread.start()
        thread.join()
        return x**2

    assert grad(f)(2.0) == 4.0
    assert found == [6.0]


# --- the parts that programs reach for ---


def test_a_graph_begun_by_hand():
    with trace_stack.new_trace() as level:
        x = new_box(X, level, VJPNode.new_root())
        y = x**2
    onp.testing.assert_array_equal(backward_pass(onp.ones(3), y._node), 2 * X)
    g = new_box(onp.array([1.0, 0.0, 0.0]), 0, VJPNode.new_root())
    onp.testing.assert_array_equal(backward_pass(g, y._node), [2 * X[0], 0, 0])
    with pytest.raises(ValueError, match="2 boxes"):
        backward_pass(1.0, (y * g)._node)
    value, node = trace(VJPNode.new_root(), lambda x: x**2, X)
    onp.testing.assert_array_equal(backward_pass(onp.ones(3), node), 2 * X)


class Recording(Node):
    """A node that knows its call."""

    calls = ()

    def __init__(self, value, fun, args, kwargs, argnums, parents):
        self.parents = parents
        Recording.calls += ((fun.__name__, args, argnums, value),)

    def initialize_root(self):
        self.parents = ()


def traced(f, x):
    """The calls that a program's own tracer sees, and what it returns."""
    Recording.calls = ()
    value, node = trace(Recording.new_root(), f, x)
    return [name for name, *_ in Recording.calls], value, node


def test_tracers_of_a_programs_own():
    names, value, node = traced(lambda x: np.sum(np.sin(x) * 2 + x[0]), X)
    assert names == ["sin", "multiply", "getitem", "add", "sum"]
    assert value == pytest.approx(onp.sum(onp.sin(X) * 2 + X[0]))
    assert len(list(toposort(node))) == 6
    names, value, _ = traced(lambda x: 2 * grad(lambda y: y**3)(x) - (-x) ** 2, 2.0)
    assert names == ["grad_of_<lambda>_wrt_argnum_0", "multiply", "negative", "power", "subtract"]
    assert value == 20.0
    names, value, _ = traced(lambda p: np.concatenate([p[0], X]).sum().T, (X,))
    assert names == ["getitem", "concatenate", "sum", "transpose"]
    f = autograd.primitive(lambda x: x * 3)
    assert traced(f, 2.0)[1] == 6.0
    assert traced(lambda x: x * float(getval(x)), 2.0)[1] == 4.0
    with pytest.warns(UserWarning, match="Output seems independent"):
        assert traced(lambda x: 1.0, 2.0)[1:] == (1.0, None)
    inner = []
    assert traced(lambda x: inner.append(traced(lambda y: y * x, 3.0)[0]) or x * 2, 2.0)[1] == 4.0
    assert inner == [["multiply", "multiply"]]


def test_operators_of_a_programs_own():
    @unary_to_nary
    def at_twice(fun, x, k=2.0):
        """Of `fun` at another place."""
        return fun(tuple(k * part for part in x) if isinstance(x, tuple) else k * x)

    assert at_twice(lambda x: x + 1)(3.0) == 7.0
    assert at_twice(lambda a, b: a - b, 1)(1.0, 3.0) == -5.0
    assert at_twice(lambda a, b: a - b, (1, 0), k=3.0)(1.0, 3.0) == -6.0
    assert at_twice.__doc__ == "Of `fun` at another place."
    assert subvals((1, 2, 3), [(0, 4), (2, 5)]) == (4, 2, 5)
    assert subval((1, 2, 3), 1, 4) == (1, 4, 3)
