"""Variable: construction, text, attributes, setters, subclassing, copies."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

from fastgrad import Variable, no_grad


@pytest.mark.parametrize("data", [3.0, 3, True, "x", [1, 2], (1,), {}, np.float64(1), object()])
def test_constructor_refuses_what_is_no_ndarray_with_the_seeds_text(lib, data):
    with pytest.raises(TypeError) as error:
        lib.Variable(data)
    assert str(error.value) == f"{type(data)} is not supported"


def test_constructor_signature_and_initial_state(lib):
    data = np.ones((2, 3))
    for x in (lib.Variable(data), lib.Variable(data=data, name=None)):
        assert x.data is data
        assert (x.name, x.grad, x.creator, x.generation) == (None, None, None, 0)
    assert lib.Variable(data, "w").name == lib.Variable(data, name="w").name == "w"


def test_constructor_takes_requires_grad_by_keyword_only():
    assert Variable(np.ones(1)).requires_grad is True
    assert Variable(np.ones(1), requires_grad=False).requires_grad is False
    with pytest.raises(TypeError):
        Variable(np.ones(1), "w", False)
    with pytest.raises(TypeError):
        Variable()
    with pytest.raises(TypeError):
        Variable(np.ones(1), nonsense=1)


@pytest.mark.parametrize("data", [np.array(1.5), np.ones((2, 3), "float32"), np.arange(0)])
def test_shape_ndim_size_dtype_are_the_datas(lib, data):
    x = lib.Variable(data)
    assert (x.shape, x.ndim, x.size, x.dtype) == (data.shape, data.ndim, data.size, data.dtype)


def test_len_is_the_datas(lib):
    assert len(lib.Variable(np.ones((4, 2)))) == 4
    for data in (np.array(1.0), None):
        with pytest.raises(TypeError):
            len(lib.Variable(data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.array(1.0), "variable(1.0)"),
        (np.array([1, 2]), "variable([1 2])"),
        (np.array([[1, 2], [3, 4]]), "variable([[1 2]\n          [3 4]])"),
        (np.zeros((0,)), "variable([])"),
        (None, "variable(None)"),
    ],
)
def test_repr_and_str_are_the_seeds(lib, data, text):
    assert repr(lib.Variable(data)) == str(lib.Variable(data)) == text


def test_shape_of_a_variable_without_data_is_an_attribute_error(lib):
    for name in ("shape", "ndim", "size", "dtype"):
        assert not hasattr(lib.Variable(None), name)


@pytest.mark.parametrize("name", ["shape", "ndim", "size", "dtype"])
def test_derived_attributes_are_read_only(lib, name):
    with pytest.raises(AttributeError):
        setattr(lib.Variable(np.ones(2)), name, 1)


def test_ndarray_subclasses_are_kept_as_data(lib):
    class Tagged(np.ndarray):
        pass

    data = np.ones(3).view(Tagged)
    assert lib.Variable(data).data is data


# --- setters ---


@pytest.mark.parametrize("value", [1.5, 2, True, 1j, np.float32(2), np.int64(3)])
def test_data_accepts_a_scalar_and_stores_an_array(value):
    x = Variable(np.array(1.0))
    x.data = value
    assert type(x.data) is np.ndarray
    assert (x.data.shape, x.data.dtype, x.data[()]) == ((), np.asarray(value).dtype, value)


def test_data_of_zero_dimensions_can_be_updated_by_arithmetic(lib):
    x = lib.Variable(np.array(2.0))
    x.data = x.data - 0.5 * x.data
    y = lib.mul(x, x)
    y.backward()
    assert (float(y.data), float(x.grad)) == (1.0, 2.0)


def test_data_accepts_none_and_another_shape_and_dtype(lib):
    x = lib.Variable(np.array(1.0))
    x.data = None
    assert x.data is None
    x.data = data = np.ones((2, 2), "float32")
    assert x.data is data


@pytest.mark.parametrize("value", ["x", [1.0], object(), {}])
def test_data_refuses_anything_else_and_keeps_its_value(value):
    x = Variable(np.array(1.0))
    with pytest.raises(TypeError) as error:
        x.data = value
    assert str(error.value) == f"{type(value)} is not supported"
    assert x.data == 1.0


@pytest.mark.parametrize("value", [2.0, 3, np.float32(4), np.array(5.0), Variable(np.array(6.0))])
def test_grad_accepts_arrays_scalars_and_variables_and_starts_backward(value):
    x = Variable(np.array(1.0))
    y = x * 2
    y.grad = value
    y.backward()
    assert x.grad == 2 * np.asarray(getattr(value, "data", value))


def test_grad_set_to_a_scalar_reads_as_an_array():
    x = Variable(np.array(1.0))
    x.grad = 2.5
    assert type(x.grad) is np.ndarray
    assert (x.grad.shape, x.grad[()]) == ((), 2.5)
    x.grad = None
    assert x.grad is None


def test_a_variable_as_grad_is_kept():
    x, g = Variable(np.array([1.0, 2.0])), Variable(np.array([1.0, 1.0]))
    x.grad = g
    x.grad.name = "gx"
    x.grad.data = np.array([2.0, 2.0])
    assert x.grad is g
    assert (g.name, g.data.tolist()) == ("gx", [2, 2])
    x.backward()  # a leaf's stays
    x.backward(create_graph=True)
    assert x.grad is g
    (x * x).backward()  # to which this is added, elsewhere
    assert type(x.grad) is np.ndarray
    assert (x.grad.tolist(), g.data.tolist()) == ([4, 6], [2, 2])
    x.grad = g
    (x * x).backward(create_graph=True)
    assert (x.grad.data.tolist(), g.data.tolist()) == ([4, 6], [2, 2])
    assert x.grad.creator is not None


def test_a_recorded_backward_starts_from_the_variable_in_grad():
    x, g = Variable(np.array([1.0, 2.0])), Variable(np.array(3.0))
    y = x * x
    y.grad = g
    y.backward(create_graph=True)
    assert x.grad.data.tolist() == [6, 12]
    x.grad.sum().backward()
    assert g.grad == 6
    assert y.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("of_root", [False, True])
def test_a_grad_without_data_is_an_error(of_root, create_graph):
    x = Variable(np.array([1.0, 2.0]))
    y = x * x
    (y if of_root else x).grad = Variable(None)
    with pytest.raises(TypeError, match="without data"):
        y.backward(create_graph=create_graph)


def test_a_grad_that_leads_back_is_a_cycle_for_the_collector():
    x = Variable(np.ones(2))
    x.grad = x * 2
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("value", ["x", [1.0], object(), {}])
def test_grad_refuses_anything_else_and_keeps_its_value(value):
    x = Variable(np.array(1.0))
    x.grad = np.array(7.0)
    with pytest.raises(TypeError):
        x.grad = value
    assert x.grad == 7.0


def test_cleargrad_forgets_the_gradient(lib):
    x = lib.Variable(np.array(1.0))
    x.cleargrad()
    x.grad = np.array(1.0)
    x.cleargrad()
    assert x.grad is None


def test_name_and_generation_are_assignable(lib):
    x = lib.Variable(np.array(1.0))
    x.name, x.generation = ("any", "object"), 41
    y = lib.mul(x, x)
    assert (x.name, y.creator.generation, y.generation) == (("any", "object"), 41, 42)


# --- free attributes, subclassing, copying ---


def test_free_attributes_and_weak_references(lib):
    x = lib.Variable(np.array(1.0))
    x.note = note = object()
    assert x.note is note
    assert vars(x)["note"] is note
    del x.note
    assert not hasattr(x, "note")
    r = weakref.ref(x)
    assert r() is x
    del x
    assert r() is None


def test_attributes_and_methods_can_be_assigned_on_the_class(lib):
    try:
        lib.Variable.twice = lambda self: lib.add(self, self)
        lib.Variable.flag = "seen"
        x = lib.Variable(np.array(1.5))
        assert (float(x.twice().data), x.flag) == (3.0, "seen")
    finally:
        del lib.Variable.twice, lib.Variable.flag


def test_subclass_with_a_constructor_and_attributes_of_its_own(lib):
    class Parameter(lib.Variable):
        kind = "parameter"

        def __init__(self, data, decay):
            super().__init__(data, name="p")
            self.decay = decay

        def norm(self):
            return self.decay * float(abs(self.data))

    p = Parameter(np.array(3.0), decay=0.5)
    y = lib.mul(p, p)
    y.backward()
    assert (p.name, p.kind, p.norm(), float(p.grad)) == ("p", "parameter", 1.5, 6.0)
    assert type(y) is lib.Variable  # the seed's Function.__call__ makes plain Variables
    assert y.creator.inputs[0] is p


def test_subclass_may_override_operators_and_methods(lib):
    calls = []

    class Loud(lib.Variable):
        def __add__(self, other):
            calls.append("add")
            return lib.add(self, other)

        def cleargrad(self):
            calls.append("cleargrad")
            super().cleargrad()

    x = Loud(np.array(3.0))
    y = x + x
    y.backward()
    assert x.grad == 2.0
    x.cleargrad()
    assert (calls, x.grad) == (["add", "cleargrad"], None)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_leaf_can_be_copied_and_pickled(lib, duplicate):
    x = lib.Variable(np.array([1.0, 2.0]), name="w")
    x.grad = np.array([3.0, 4.0])
    x.note = "kept"
    z = duplicate(x)
    assert z is not x
    assert (type(z), z.name, z.note, z.creator, z.generation) == (type(x), "w", "kept", None, 0)
    assert np.array_equal(z.data, x.data)
    assert np.array_equal(z.grad, x.grad)


# --- requires_grad ---


def test_what_needs_no_gradient_is_not_recorded():
    x = Variable(np.ones(2), requires_grad=False)
    y = x * x + 1
    assert (y.creator, y.generation, y.requires_grad) == (None, 0, False)
    with pytest.raises(RuntimeError):
        y.backward()
    z = y * Variable(np.ones(2))
    z.backward()
    assert z.requires_grad
    assert (x.grad, y.grad) == (None, None)


def test_results_made_under_no_grad_are_leaves_that_may_be_trained():
    with no_grad():
        y = Variable(np.ones(2)) * 3
        z = Variable(np.ones(2), requires_grad=False) * 3
    assert (y.creator, y.requires_grad, z.requires_grad) == (None, True, False)
    (y * y).backward()
    assert np.array_equal(y.grad, [6, 6])


def test_requires_grad_switched_off_later_stops_gradients_of_later_operations():
    x, w = Variable(np.array(2.0)), Variable(np.array(3.0))
    x.requires_grad = False
    (x * w).backward()
    assert (x.grad, w.grad) == (None, 2.0)
    x.requires_grad = True
    (x * w).backward()
    assert x.grad == 3.0


def test_requires_grad_can_be_set_on_leaves_only():
    x = Variable(np.array(2.0))
    y = x * x
    with pytest.raises(RuntimeError, match="requires_grad"):
        y.requires_grad = False
    y.backward()
    assert x.grad == 4.0
    y.creator = None
    y.requires_grad = False
    assert (y.requires_grad, (y * 2).creator) == (False, None)


def test_requires_grad_switched_off_after_recording_stops_gradients_for_the_leaf():
    x, w = Variable(np.array(2.0)), Variable(np.array(3.0))
    y = x * w
    x.requires_grad = False
    y.backward()
    assert (x.grad, w.grad) == (None, 2.0)


# --- as_array ---


@pytest.mark.parametrize("value", [1, 1.5, True, 2j, np.float32(3), np.int8(4)])
def test_as_array_makes_an_array_of_a_scalar(lib, value):
    x = lib.as_array(value)
    assert type(x) is np.ndarray
    assert (x.shape, x.dtype, x[()]) == ((), np.asarray(value).dtype, value)


@pytest.mark.parametrize("value", [np.ones(2), np.array(1.0), [1, 2], None, object()])
def test_as_array_gives_anything_else_back(lib, value):
    assert lib.as_array(value) is value
