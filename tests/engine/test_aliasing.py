"""No two visible gradients share memory, and none aliases an array of the user's."""

import itertools

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Function, Variable

F = functions_for(fastgrad)


def visible_gradients(*variables):
    return [x.grad for x in variables if x.grad is not None]


def assert_apart(*arrays):
    for x, y in itertools.combinations(arrays, 2):
        assert x is not y
        assert not np.shares_memory(x, y)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)])
@pytest.mark.parametrize("retain_grad", [False, True])
def test_gradients_share_no_memory_after_add(shape, retain_grad):
    a, b, c = (Variable(np.ones(shape)) for _ in range(3))
    t = a + b
    y = t + c
    y.backward(retain_grad=retain_grad)
    assert_apart(*visible_gradients(a, b, c, t, y), a.data, b.data, c.data, t.data, y.data)


def test_gradients_share_no_memory_when_a_function_returns_one_array_for_all_its_inputs():
    class Sum3(Function):
        def forward(self, x0, x1, x2):
            return x0 + x1 + x2

        def backward(self, gy):
            return gy, gy, gy[:]

    xs = [Variable(np.ones(3)) for _ in range(3)]
    y = Sum3()(*xs)
    y.grad = g = np.ones(3)
    y.backward(retain_grad=True)
    assert_apart(*visible_gradients(*xs), g)
    assert_apart(*visible_gradients(*xs), y.grad)


@pytest.mark.parametrize("kept", [np.ones(3), np.ones((2, 3))[0], np.ones(3)[::-1]])
def test_gradient_never_aliases_an_array_that_a_backward_keeps(kept):
    x = Variable(np.ones(3))
    F.Keeper(kept)(x).backward()
    assert not np.shares_memory(x.grad, kept)
    F.Keeper(kept)(x).backward()
    assert np.array_equal(kept, np.ones(3))
    assert np.array_equal(x.grad, [2, 2, 2])


def test_gradient_never_aliases_data_that_a_backward_returns():
    class Half(Function):
        def forward(self, x):
            return x * x / 2

        def backward(self, gy):
            return self.inputs[0].data

    x = Variable(np.array([1.0, 2.0]))
    y = Half()(x)
    y.backward()
    y.backward()
    assert np.array_equal(x.data, [1, 2])
    assert np.array_equal(x.grad, [2, 4])


def test_gradient_never_aliases_the_array_that_started_backward():
    x, g = Variable(np.ones(3)), np.array([1.0, 2.0, 3.0])
    y = x + np.zeros(3)
    y.grad = g
    y.backward(retain_grad=True)
    x.grad += 1
    assert np.array_equal(g, [1, 2, 3])
    assert np.array_equal(y.grad, [1, 2, 3])


def test_a_later_backward_does_not_write_into_a_gradient_the_user_holds():
    x = Variable(np.ones(3))
    (x * 2).backward()
    held = x.grad
    (x * 3).backward()
    x.grad = mine = np.ones(3)
    (x * 4).backward()
    assert np.array_equal(held, [2, 2, 2])
    assert np.array_equal(mine, [1, 1, 1])
    assert np.array_equal(x.grad, [5, 5, 5])


# --- gradients with a graph: copied where somebody else has the Variable, or its array ---


def nodes_of(gx):
    found, stack = [], [gx.creator]
    while stack:
        f = stack.pop()
        if f is not None and f not in found:
            found.append(f)
            stack += [x.creator for x in f.inputs]
    return sorted(type(f).__name__ for f in found)


@pytest.mark.parametrize(
    ("f", "nodes"),
    [
        (lambda x: x * x, ["Add", "Mul", "Mul"]),
        (lambda x: x**2, ["Mul", "Mul"]),
        (np.sin, ["Cos", "Mul"]),
        (np.tanh, ["Mul", "Mul", "Sub", "Tanh"]),
        (lambda x: x + x, []),
    ],
    ids=["x * x", "x**2", "sin", "tanh", "x + x"],
)
def test_no_copy_of_a_gradient_that_nobody_shares(f, nodes):
    x = Variable(np.array([1.0, 2.0]))
    f(x).backward(create_graph=True)
    assert nodes_of(x.grad) == nodes


class Keeps(Function):
    differentiable = True

    def forward(self, x):
        return x * 1

    def backward(self, gy):
        self.gx = gy * self.inputs[0]
        return self.gx


def test_gradients_with_a_graph_are_shared_by_nobody():
    a, b, g = Variable(np.ones(2)), Variable(np.ones(2)), Variable(np.ones(2))
    y = a + b
    y.grad = g
    y.backward(retain_grad=True, create_graph=True)
    f = Keeps()
    x = Variable(np.ones(2))
    f(x).backward(create_graph=True)
    h = Variable(np.ones(2))
    kept = []
    h.register_hook(lambda gx: kept.append(gx * 2) or kept[0])
    (h * h).backward(create_graph=True)
    r = Variable(np.ones((2, 1)))
    z = r.reshape(2)
    z.grad = g
    z.backward(retain_grad=True, create_graph=True)
    assert y.grad is z.grad is g  # as it was
    seen = [a.grad, b.grad, g, x.grad, f.gx, h.grad, kept[0], r.grad]
    for i, v in enumerate(seen):
        for w in seen[:i]:
            assert v is not w
            assert not np.shares_memory(v.data, w.data)


def test_a_leafs_copied_gradient_leads_to_what_it_is_a_copy_of():
    f = Keeps()
    x = Variable(np.array([1.0, 2.0]))
    f(x).backward(create_graph=True)
    assert x.grad is not f.gx
    assert x.grad.creator.inputs[0] is f.gx
