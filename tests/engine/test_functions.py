"""Functions written in Python: inputs, outputs, state, subclassing, graphs recorded by hand."""

import copy
import weakref

import numpy as np
import pytest
from helpers import functions_for

import fastgrad
from fastgrad import Function, Variable


@pytest.fixture
def F(lib):
    return functions_for(lib)


def leaf(lib, x=3.0):
    return lib.Variable(np.array(x))


# --- forward and backward ---


def test_forward_gets_the_arrays_and_backward_sees_inputs_and_outputs(lib):
    seen = {}

    class Probe(lib.Function):
        def forward(self, x0, x1):
            seen["xs"] = (x0, x1)
            return x0 + x1

        def backward(self, gy):
            seen["inputs"], seen["outputs"], seen["gy"] = self.inputs, self.outputs, gy
            return gy, gy

    x0, x1 = leaf(lib), leaf(lib)
    f = Probe()
    y = f(x0, x1)
    assert seen["xs"][0] is x0.data
    assert seen["xs"][1] is x1.data
    y.backward()
    assert seen["inputs"][0] is x0
    assert seen["inputs"][1] is x1
    assert isinstance(seen["outputs"], list)
    assert isinstance(seen["outputs"][0], weakref.ref)
    assert seen["outputs"][0]() is y
    assert seen["gy"] == 1.0
    assert y.creator is f
    assert (f.generation, y.generation) == (0, 1)


def test_backward_gets_ndarrays_of_the_outputs_shape_and_dtype():
    seen = []

    class Probe(Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            seen.append(gy)
            return gy * 2

    for x in (np.array(1.0), np.array(1.0, "float32"), np.ones((2, 3), "complex64")):
        y = Probe()(Variable(x))
        (y * 3).backward()
        y.backward()
        for gy in seen:
            assert type(gy) is np.ndarray
            assert (gy.shape, gy.dtype) == (x.shape, x.dtype)
        seen.clear()


def test_one_output_is_a_variable_and_many_are_a_list(lib, F):
    y = F.Square()(leaf(lib))
    assert type(y) is lib.Variable
    ys = F.Split()(leaf(lib))
    assert type(ys) is list
    assert [float(y.data) for y in ys] == [6.0, 9.0]
    assert ys[0].creator is ys[1].creator

    class Single(lib.Function):
        def forward(self, x):
            return (x,)

        def backward(self, gy):
            return (gy,)

    x = leaf(lib)
    y = Single()(x)
    assert type(y) is lib.Variable
    y.backward()
    assert x.grad == 1.0


def test_many_inputs_and_many_outputs(lib, F):
    x0, x1, x2 = leaf(lib, 2.0), leaf(lib, 3.0), leaf(lib, 5.0)
    y0, y1 = F.Split()(F.Combine()(x0, x1, x2))
    z = lib.mul(y0, y1)
    z.backward()
    assert float(z.data) == 22.0 * 33.0
    assert [float(x.grad) for x in (x0, x1, x2)] == [132.0 * 3, 132.0 * 2, 132.0]


def test_one_variable_in_several_places_gets_every_contribution(lib, F):
    x = leaf(lib, 2.0)
    y = F.Combine()(x, x, x)
    y.backward()
    assert float(x.grad) == 2.0 + 2.0 + 1.0


@pytest.mark.parametrize(
    "returned",
    [5.0, 5, True, np.float64(5), np.float32(5), np.array(5.0)],
    ids=lambda returned: type(returned).__name__,
)
def test_forward_may_return_a_scalar(lib, returned):
    class Give(lib.Function):
        def forward(self, x):
            return returned

        def backward(self, gy):
            return 7

    x = leaf(lib)
    y = Give()(x)
    assert isinstance(y.data, np.ndarray)
    assert (y.shape, y.dtype, y.data[()]) == ((), np.asarray(returned).dtype, returned)
    y.backward()
    assert x.grad == 7


def test_gradients_are_summed_to_the_inputs_shape_if_they_have_the_outputs():
    class Scale(Function):
        def forward(self, x, c):
            return x * c

        def backward(self, gy):
            x, c = (v.data for v in self.inputs)
            return gy * c, gy * x

    x, c = Variable(np.ones((2, 3))), Variable(np.array(4.0))
    Scale()(x, c).backward()
    assert np.array_equal(x.grad, np.full((2, 3), 4.0))
    assert np.array_equal(c.grad, np.array(6.0))


def test_none_is_no_gradient_and_stops_there():
    calls = []

    class Stop(Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return None, gy

    class Loud(Function):
        def forward(self, x):
            return x + 0

        def backward(self, gy):
            calls.append(gy)
            return gy

    x0, x1 = Variable(np.array(1.0)), Variable(np.array(2.0))
    y = Stop()(Loud()(x0), x1)
    y.backward()
    assert (x0.grad, x1.grad, calls) == (None, 1.0, [])
    z = y + x0 * 5
    z.backward()
    assert (x0.grad, x1.grad, calls) == (5.0, 2.0, [])


def test_scalars_and_ndarrays_are_constants_passed_as_they_are():
    seen = []

    class Probe(Function):
        def forward(self, x0, x1, x2):
            seen.extend([x0, x1])
            return x0 * x1 * x2

        def backward(self, gy):
            x0, x1, x2 = (x.data for x in self.inputs)
            return gy * x1 * x2, gy * x0 * x2, gy * x0 * x1

    array, x = np.array([1.0, 2.0]), Variable(np.ones(2, "float32"))
    y = Probe()(3.0, array, x)
    assert type(seen[0]) is float
    assert seen[1] is array
    assert [v.requires_grad for v in y.creator.inputs] == [False, False, True]
    y.backward()
    assert x.grad.dtype == np.float32
    assert np.array_equal(x.grad, [3, 6])


def test_without_an_input_that_needs_a_gradient_nothing_is_recorded():
    F = functions_for(fastgrad)
    y = F.Square()(Variable(np.array(3.0), requires_grad=False))
    assert (y.data, y.creator, y.requires_grad) == (9.0, None, False)


def test_call_with_keyword_arguments_is_a_type_error(lib, F):
    with pytest.raises(TypeError):
        F.Square()(x=leaf(lib))


# --- state, attributes, reuse ---


def test_state_on_self_lives_from_forward_to_backward(lib):
    class Scale(lib.Function):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, x):
            self.saved = x * self.factor
            return self.saved

        def backward(self, gy):
            assert self.saved is not None
            return gy * self.factor

    x, f = leaf(lib, 2.0), Scale(5.0)
    y = f(x)
    f.note = "free"
    y.backward()
    assert (y.creator.note, y.creator.factor, float(f.saved), float(x.grad)) == ("free", 5, 10, 5)
    assert vars(f)["note"] == "free"


def test_a_new_function_has_no_graph_yet(lib, F):
    f = F.Square()
    assert not hasattr(f, "inputs")
    assert not hasattr(f, "outputs")
    with lib.no_grad():
        f(leaf(lib))
    assert not hasattr(f, "outputs")


def test_an_instance_called_again_belongs_to_its_last_call(lib, F):
    x0, x1, f = leaf(lib, 2.0), leaf(lib, 5.0), F.Square()
    y0 = f(x0)
    y1 = f(x1)
    y1.backward()
    assert f.inputs[0] is x1
    assert f.outputs[0]() is y1
    assert (float(y0.data), float(y1.data), float(x1.grad), x0.grad) == (4.0, 25.0, 10.0, None)


def test_a_function_can_be_called_again_after_its_graph_is_gone(lib, F):
    f = F.Square()
    for x in (leaf(lib, 2.0), leaf(lib, 5.0)):
        y = f(x)
        y.backward()
        assert float(x.grad) == 2 * float(x.data)
        del y


def test_a_copy_has_the_attributes_and_no_graph(lib):
    f = functions_for(lib).Keeper([1.0])
    f(leaf(lib))
    for duplicate in (copy.copy, copy.deepcopy):
        g = duplicate(f)
        assert (type(g), g.kept) == (type(f), [1.0])
        x = leaf(lib, 2.0)
        y = g(x)
        assert (y.creator is g, f.inputs[0] is x) == (True, False)


def test_forward_may_return_none(lib):
    class Nothing(lib.Function):
        def forward(self, x):
            return None

    assert Nothing()(leaf(lib)).data is None
