"""What reviews found: each a program that once went wrong."""

import copy
import gc
import pickle
import weakref
from unittest import mock

import numpy as np
import pytest

from fastgrad import Config, Function, Mul, Variable, add


class Same(Function):
    def forward(self, x):
        return x + 0

    def backward(self, gy):
        return gy


def test_leaf_that_is_given_a_creator_and_other_data_while_its_gradient_is_in_flight(run_child):
    code = """
        import numpy as np
        from fastgrad import Function, Variable

        x, w, a, u = (Variable(np.ones(3)) for _ in range(4))

        class Same(Function):
            def forward(self, x):
                return x * 1
            def backward(self, gy):
                return gy

        class Surgeon(Same):
            def backward(self, gy):
                f = Same()
                f(w)
                x.set_creator(f)
                x.data = np.full(3, 7.0)
                return gy

        y = Surgeon()(a) + x * (u * 1)
        y.backward()
        print(x.grad)
        for _ in range(100):
            x.backward()
            np.empty(3)
    """
    assert run_child(code) == "[1. 1. 1.]\n"


def test_config_can_be_patched():
    with mock.patch.object(Config, "enable_backprop", False):
        assert Config.enable_backprop is False
    assert Config.enable_backprop is True
    assert Config().enable_backprop is True
    patch = pytest.MonkeyPatch()
    patch.setattr(Config, "enable_backprop", 0)
    assert (Variable(np.ones(2)) * 2).creator is None
    patch.undo()
    assert (Variable(np.ones(2)) * 2).creator is not None


@pytest.mark.parametrize("start", [0, 0.0, True])
def test_number_assigned_to_grad_changes_no_dtype(start):
    x = Variable(np.ones(3, np.float32))
    x.grad = start
    (x * x).backward()
    assert x.grad.dtype == np.float32
    assert np.array_equal(x.grad, np.full(3, 2 + start))


def test_rebinding_an_interior_input_of_a_python_function_changes_nothing():
    x = Variable(np.full(3, 1 + 1j))
    h = x * 2j
    y = Same()(h)
    h.data = np.zeros(4)
    y.backward()
    assert np.array_equal(x.grad, np.full(3, 2j))


class Anything:
    pass


def by_closure(x, y):
    x.hook = lambda: y


def by_instance(x, y):
    owner = Anything()
    owner.loss = y
    x.owner = owner


def by_method(x, y):
    owner = Anything()
    owner.loss = y
    x.hook = owner.__repr__


@pytest.mark.parametrize("tie", [by_closure, by_instance, by_method])
def test_cycle_through_an_attribute_is_collected(tie):
    x = Variable(np.ones(3))
    y = x * x
    tie(x, y)
    alive = weakref.ref(x)
    del x, y
    gc.collect()
    assert alive() is None


def test_cycle_through_attributes_that_were_put_into_the_dict_is_collected():
    owner, x = Anything(), Variable(np.ones(3))
    f = Same()
    f.__dict__.update(owner=owner)
    owner.y = f(x)
    alive = weakref.ref(owner)
    del owner, f, x
    gc.collect()
    assert alive() is None


def test_outputs_of_an_earlier_call_of_a_function_raise():
    a, b = Variable(np.array(2.0)), Variable(np.array(3.0))
    f = Mul()
    y1 = f(a, b)
    z = y1 * 2
    y2 = f(b, b)
    for y in (y1, z):
        with pytest.raises(RuntimeError, match="called again"):
            y.backward()
    assert a.grad is None
    y2.backward()
    assert b.grad == 6


def test_copies_keep_what_slots_hold():
    assert copy.copy(slotted()).u == pickle.loads(pickle.dumps(slotted())).u == 1


class Slotted(Variable):
    __slots__ = ("u",)


def slotted():
    v = Slotted(np.ones(2))
    v.u = 1
    return v


def test_backward_of_an_uncalled_sum():
    assert add(1.0, 2.0).creator is None
    from fastgrad import Add

    assert Add().backward(2.0) == (2.0, 2.0)


def test_grad_and_name_can_be_deleted():
    x = Variable(np.ones(2), "x")
    x.grad = np.ones(2)
    del x.grad, x.name
    assert x.grad is x.name is None


@pytest.mark.parametrize("text", ["", "abc", "-1", "0.5"])
def test_any_size_of_the_pool_lets_the_package_be_imported(run_child, text):
    code = f"""
        import os, warnings
        os.environ["FASTGRAD_POOL_MB"] = {text!r}
        warnings.simplefilter("ignore")
        import fastgrad
        print("imported")
    """
    assert run_child(code) == "imported\n"


def test_class_whose_method_becomes_a_closure_is_watched():
    class Late(Same):
        pass

    f = Late()
    assert not gc.is_tracked(f)

    def backward(self, gy):
        return gy * (f is not None)

    Late.backward = backward
    assert gc.is_tracked(Late())
