"""What a program may do to a graph by hand: creators, generations, its own `__call__`, cuts."""

import weakref

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Variable

F = functions_for(fastgrad)


def leaf(lib, x=3.0):
    return lib.Variable(np.array(x))


# --- graphs recorded by hand ---


def by_hand(lib):
    """A Function that records itself, line by line as the seed's `Function.__call__` does."""

    class ByHand(lib.Function):
        def __call__(self, *inputs):
            ys = self.forward(*[x.data for x in inputs])
            outputs = [lib.Variable(lib.as_array(y)) for y in ys]
            self.generation = max([x.generation for x in inputs])
            for output in outputs:
                output.set_creator(self)
            self.inputs = inputs
            self.outputs = [weakref.ref(output) for output in outputs]
            return outputs

        def forward(self, x0, x1):
            return x0 * x1, x0 + x1

        def backward(self, gy0, gy1):
            x0, x1 = self.inputs[0].data, self.inputs[1].data
            return gy0 * x1 + gy1, gy0 * x0 + gy1

    return ByHand


def test_graph_recorded_by_hand_in_call(lib):
    x0, x1 = leaf(lib, 2.0), leaf(lib, 5.0)
    t = lib.mul(x0, x1)
    f = by_hand(lib)()
    y0, y1 = f(t, x1)
    z = lib.add(lib.mul(y0, y0), y1)
    z.backward()
    assert (f.generation, y0.generation, z.generation) == (1, 2, 4)
    assert y0.creator is y1.creator is f
    assert f.outputs[1]() is y1
    # z = (x0 x1^2)^2 + x0 x1 + x1
    assert (float(x0.grad), float(x1.grad)) == (2 * 50 * 25 + 5, 2 * 50 * 20 + 2 + 1)


def test_graph_recorded_by_hand_in_the_style_of_the_books_first_steps(lib):
    """Steps 7-9: one input, one output, `set_creator` before `inputs` are known."""

    class Square(lib.Function):
        generation = 0

        def __call__(self, x):
            y = lib.Variable(lib.as_array(x.data**2))
            y.set_creator(self)
            self.inputs, self.outputs = [x], [weakref.ref(y)]
            return y

        def backward(self, gy):
            return 2 * self.inputs[0].data * gy

    x = leaf(lib)
    y = Square()(x)
    y.backward()
    assert (float(y.data), float(x.grad), y.generation) == (9.0, 6.0, 1)


def test_call_may_wrap_the_inherited_call(lib):
    class Named(functions_for(lib).Square):
        def __call__(self, x, name):
            y = super().__call__(x)
            y.name = name
            return y

    x = leaf(lib)
    y = Named()(x, "y")
    y.backward()
    assert (y.name, float(x.grad)) == ("y", 6.0)


def test_inputs_assigned_after_recording_redirect_the_gradient(lib):
    x, z = leaf(lib, 2.0), leaf(lib, 5.0)
    y = functions_for(lib).Square()(x)
    y.creator.inputs = (z,)
    y.backward()
    assert (x.grad, float(z.grad)) == (None, 10.0)


# --- set_creator, creator, generation ---


def test_set_creator_sets_creator_and_generation(lib):
    f = functions_for(lib).Square()
    f.generation = 6
    y = leaf(lib)
    y.set_creator(f)
    assert y.creator is f
    assert y.generation == 7


def test_cutting_an_interior_variable_makes_it_a_leaf_for_graphs_recorded_before(lib):
    x = leaf(lib, 2.0)
    t = lib.mul(x, x)
    y = lib.mul(t, t)
    t.creator = None
    y.backward()
    assert (x.grad, float(t.grad), t.creator) == (None, 8.0, None)


def test_cutting_an_interior_variable_makes_it_a_leaf_for_python_functions_too(lib):
    Square = functions_for(lib).Square
    x = leaf(lib, 2.0)
    t = Square()(x)
    y = Square()(t)
    t.creator = None
    y.backward()
    assert (x.grad, float(t.grad)) == (None, 8.0)


def test_cutting_one_of_many_outputs_leaves_the_others():
    x = Variable(np.array(1.0))
    y0, y1 = F.Split()(x)
    z = y0 * 5 + y1 * 7
    y0.creator = None
    z.backward()
    assert (x.grad, y0.grad) == (21.0, 5.0)


def test_a_cut_variable_dropped_before_backward_takes_its_gradient_with_it():
    x = Variable(np.array(2.0))
    t = x * x
    y = t * t + x
    t.creator = None
    del t
    y.backward()
    assert x.grad == 1.0


def test_truncated_backpropagation_by_cutting_every_few_steps(lib):
    x = h = leaf(lib, 1.0)
    w = leaf(lib, 2.0)
    for n in range(1, 7):
        h = lib.mul(h, w)
        if n % 3 == 0:
            h.creator = None
            h.generation = 0
    h = lib.mul(h, w)
    h.backward()
    assert (float(w.grad), x.grad) == (64.0, None)


def test_another_creator_sends_the_gradient_there(lib):
    Square = functions_for(lib).Square
    x, z = leaf(lib, 2.0), leaf(lib, 5.0)
    t = lib.mul(x, x)
    y = lib.add(t, t)
    other = Square()(z)
    f = other.creator
    f.outputs = [weakref.ref(t)]
    t.set_creator(f)
    y.backward()
    assert (x.grad, float(z.grad)) == (None, 20.0)


def test_a_leaf_given_a_creator_after_it_was_used_sends_the_gradient_on(lib):
    z = leaf(lib, 5.0)
    f = functions_for(lib).Square()
    t = leaf(lib, 2.0)
    y = lib.mul(t, t)
    y.generation = y.creator.generation = 9
    f.inputs, f.outputs, f.generation = (z,), [weakref.ref(t)], 0
    t.set_creator(f)
    y.backward()
    assert (float(z.grad), t.grad) == (40.0, None)


def test_set_creator_with_the_creator_of_another_variable(lib):
    x = leaf(lib, 3.0)
    u = lib.mul(x, x)
    v = lib.Variable(u.data)
    v.set_creator(u.creator)
    assert v.creator is u.creator
    assert v.generation == u.generation


def test_generation_assigned_before_use_is_passed_on(lib):
    x = leaf(lib, 2.0)
    x.generation = 10
    y = lib.mul(lib.add(x, x), x)
    assert (y.creator.generation, y.generation) == (11, 12)
    y.backward()
    assert float(x.grad) == 8.0


@pytest.mark.parametrize("generation", [-(2**40), -1, 0, 2**40])
def test_any_generation_that_fits_is_kept(lib, generation):
    x = leaf(lib, 2.0)
    x.generation = generation
    y = functions_for(lib).Square()(x)
    assert (y.creator.generation, y.generation) == (generation, generation + 1)
    y.backward()
    assert float(x.grad) == 4.0
