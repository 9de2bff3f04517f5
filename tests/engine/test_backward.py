"""backward: accumulation, retain_grad, retain_graph, starting gradients, the order of Functions."""

import importlib
import random

import numpy as np
import pytest
from helpers import assert_same_bits

from fastgrad import Variable


def leaf(lib, x=3.0):
    return lib.Variable(np.array(x))


# --- what backward leaves behind ---


def test_backward_returns_none_and_leaves_data_alone(lib):
    x = leaf(lib, 2.0)
    y = lib.mul(x, x)
    assert y.backward() is None
    assert (float(x.data), float(y.data)) == (2.0, 4.0)


def test_gradients_of_interior_variables_and_root_are_cleared_by_default(lib):
    x = leaf(lib, 2.0)
    t = lib.mul(x, x)
    y = lib.mul(t, x)
    y.backward()
    assert (t.grad, y.grad, float(x.grad)) == (None, None, 12.0)


def test_retain_grad_keeps_gradients_of_interior_variables_and_root(lib):
    x = leaf(lib, 2.0)
    t = lib.mul(x, x)
    y = lib.mul(t, x)
    y.backward(retain_grad=True)
    assert [float(v.grad) for v in (y, t, x)] == [1.0, 2.0, 12.0]


def test_retain_grad_may_be_given_by_position_and_be_any_truthy_object(lib):
    for truthy in (True, 1, "yes"):
        x = leaf(lib, 2.0)
        y = lib.mul(x, x)
        y.backward(truthy)
        assert (float(y.grad), float(x.grad)) == (1.0, 4.0)


def test_a_gradient_retained_earlier_is_cleared_by_a_later_backward_without_retain_grad():
    x = Variable(np.array(2.0))
    t = x * x
    y = t * x
    y.backward(retain_grad=True)
    y.cleargrad()
    y.backward()
    assert (t.grad, y.grad, x.grad) == (None, None, 24.0)


def test_interior_gradient_set_by_hand_is_not_added_to_the_flow():
    x = Variable(np.array(2.0))
    t = x * x
    y = t * 3
    t.grad = np.array(100.0)
    y.backward()
    assert (t.grad, x.grad) == (None, 12.0)


def test_gradients_of_variables_outside_the_graph_are_untouched(lib):
    x, z = leaf(lib, 2.0), leaf(lib, 5.0)
    t, y = lib.mul(x, z), lib.mul(x, x)
    t.grad, z.grad = np.array(7.0), np.array(8.0)
    y.backward()
    assert (float(t.grad), float(z.grad), float(x.grad)) == (7.0, 8.0, 4.0)


# --- repeated ---


def test_same_graph_can_be_differentiated_again_and_gradients_add_up(lib):
    x = leaf(lib, 2.0)
    y = lib.mul(lib.mul(x, x), x)
    for n in (1, 2, 3):
        y.backward()
        assert float(x.grad) == n * 12.0
    x.cleargrad()
    y.backward()
    assert float(x.grad) == 12.0


def test_several_roots_of_one_graph(lib):
    x = leaf(lib, 2.0)
    t = lib.mul(x, x)
    y, z = lib.mul(t, x), lib.add(t, x)
    y.backward()
    z.backward()
    t.backward()
    assert float(x.grad) == 12.0 + 5.0 + 4.0


def test_old_gradient_of_a_leaf_comes_first_in_the_sum(lib):
    """((old + c1) + c2): with these numbers every other order rounds to something else."""
    old, c1, c2 = 1e16, 1.0, 1.0
    x = leaf(lib, 1.0)
    x.grad = np.array(old)
    y = lib.add(lib.mul(x, leaf(lib, c1)), lib.mul(x, leaf(lib, c2)))
    y.backward()
    assert float(x.grad) == (old + c1) + c2 != old + (c1 + c2)


def test_retain_graph_false_gives_the_same_gradients_and_spends_the_graph():
    x = Variable(np.array(2.0))
    t = x * x
    y = t * x
    y.backward(retain_graph=False)
    assert x.grad == 12.0
    for root in (y, t):
        with pytest.raises(RuntimeError, match="retain_graph"):
            root.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        (t * 3).backward()
    assert x.grad == 12.0
    (x * 3).backward()
    assert x.grad == 15.0


def test_arguments_may_be_given_by_position_in_their_order():
    x = Variable(np.array(2.0))
    y = x * x
    y.backward(True, False, False)
    assert (y.grad, x.grad) == (1.0, 4.0)
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_retain_graph_false_leaves_what_it_did_not_visit():
    x = Variable(np.array(2.0))
    y, z = x * x, x * 5
    y.backward(retain_graph=False)
    z.backward()
    assert x.grad == 9.0


# --- the starting gradient ---


@pytest.mark.parametrize("start", [np.array([1.0, 2.0, 3.0]), np.array([0.0, -1.0, np.inf])])
def test_gradient_set_on_the_root_starts_backward(lib, start):
    x = lib.Variable(np.array([2.0, 2.0, 2.0]))
    y = lib.mul(x, lib.Variable(np.full(3, 4.0)))
    y.grad = start
    y.backward(retain_grad=True)
    assert_same_bits(x.grad, start * 4.0)
    assert_same_bits(y.grad, start)


def test_starting_gradient_is_used_once(lib):
    x = leaf(lib, 2.0)
    y = lib.mul(x, x)
    y.grad = np.array(10.0)
    y.backward()
    y.backward()
    assert float(x.grad) == 40.0 + 4.0


@pytest.mark.parametrize("dtype", ["float16", "float32", "longdouble", "complex64"])
def test_without_a_gradient_backward_starts_from_ones_of_the_roots_dtype(lib, dtype):
    x = lib.Variable(np.full((2,), 3, dtype))
    y = lib.add(x, x)
    y.backward(retain_grad=True)
    assert_same_bits(y.grad, np.ones(2, dtype))
    assert_same_bits(x.grad, np.full(2, 2, dtype))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64"])
def test_of_an_integer_root_backward_starts_from_ones_of_float64(dtype):
    """Those of the seed are integers, which wrap around: the gradient of -x would be 255."""
    x = Variable(np.full((2,), 1, dtype))
    y = x + x
    y.backward(retain_grad=True)
    assert_same_bits(y.grad, np.ones(2))
    assert_same_bits(x.grad, np.full(2, 2.0))


def test_starting_gradient_that_does_not_fit_is_a_value_error():
    x = Variable(np.ones((2, 3)))
    y = x * 2
    for wrong in (np.ones(2), np.ones((1, 2, 3)), np.ones((3, 3))):
        y.grad = wrong
        with pytest.raises(ValueError):
            y.backward()
        assert x.grad is None
    y.grad = None
    y.backward()
    assert np.array_equal(x.grad, np.full((2, 3), 2.0))


def test_backward_of_a_root_that_is_empty():
    x = Variable(np.ones((0, 3)))
    w = Variable(np.ones(3))
    (x * w).backward()
    assert_same_bits(x.grad, np.ones((0, 3)))
    assert_same_bits(w.grad, np.zeros(3))


@pytest.mark.parametrize("new", [np.array(5), np.ones((2, 2)), np.ones(3, "float32"), np.arange(3)])
def test_backward_starts_in_the_shape_and_dtype_that_were_recorded(new):
    x = Variable(np.array([1.0, 2.0, 3.0]))
    y = x * x
    y.data = new
    y.backward(retain_grad=True)
    assert_same_bits(x.grad, np.array([2.0, 4.0, 6.0]))
    assert_same_bits(y.grad, np.ones(3))


# --- the order of the Functions ---


def run_recorded_order(lib, choices):
    """Record a random graph of Python Functions; return the order of their backwards."""
    order = []

    class Node(lib.Function):
        def __init__(self, number, outputs):
            self.number, self.n_outputs = number, outputs

        def forward(self, *xs):
            y = sum(xs[1:], xs[0])
            return tuple(y + i for i in range(self.n_outputs)) if self.n_outputs > 1 else y

        def backward(self, *gys):
            order.append(self.number)
            gy = sum(gy for gy in gys if gy is not None)
            return (gy,) * len(self.inputs)

    variables = [lib.Variable(np.array(1.0)) for _ in range(3)]
    for number, (operands, outputs, generation) in enumerate(choices):
        inputs = [variables[i % len(variables)] for i in operands]
        y = Node(number, outputs)(*inputs)
        ys = y if isinstance(y, list) else [y]
        if generation is not None:
            ys[0].generation = generation
        variables += ys
    # Every output takes part, so that none is an output without gradient (a row of the table).
    root = Node("root", 1)(*variables)
    root.backward()
    root.backward()
    return order


@pytest.mark.parametrize("assigned", [False, True], ids=["as recorded", "generations assigned"])
def test_python_functions_run_backward_in_the_baselines_order(assigned):
    """Ties in generation are everywhere here, and are taken last-in first."""
    draw = random.Random(20)
    for _ in range(100):
        choices = []
        for _ in range(draw.randrange(1, 25)):
            operands = [draw.randrange(1000) for _ in range(draw.randrange(1, 4))]
            generation = None
            if assigned and draw.random() < 0.3:
                generation = draw.randrange(0, 12)
            choices.append((operands, draw.choice([1, 1, 2, 3]), generation))
        orders = [
            run_recorded_order(importlib.import_module(name), choices)
            for name in ("fastgrad", "benchmarks.baseline")
        ]
        assert orders[0] == orders[1]


def test_ties_are_taken_last_in_first(lib):
    order = []

    class Note(lib.Function):
        def __init__(self, name):
            self.name = name

        def forward(self, x):
            return x + 0

        def backward(self, gy):
            order.append(self.name)
            return gy

    x = leaf(lib)
    a, b, c, d = (Note(name)(x) for name in "abcd")
    y = lib.add(lib.add(a, b), lib.add(c, d))
    y.backward()
    assert order == ["b", "a", "d", "c"]


def test_the_order_of_contributions_shows_in_the_rounding(lib):
    """Contributions 1, 1e16, -1e16 to one leaf: only the seed's order gives the seed's sum."""
    x = leaf(lib, 1.0)
    p, q, r = (lib.mul(x, leaf(lib, c)) for c in (1.0, 1e16, -1e16))
    for y, expected in [
        (lib.add(lib.add(p, q), r), (1e16 + 1.0) - 1e16),  # q, p, r
        (lib.add(p, lib.add(q, r)), (-1e16 + 1e16) + 1.0),  # r, q, p
        (lib.add(r, lib.add(q, p)), (1.0 + 1e16) - 1e16),  # p, q, r
    ]:
        x.cleargrad()
        y.backward()
        assert float(x.grad) == expected
