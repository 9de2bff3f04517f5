"""Classes that take DeZero's conventions: `lifts` of a Function, `keep=True` of a Variable."""

import weakref

import numpy as np
import pytest

import fastgrad
from fastgrad import Function, Variable


class Box(Variable, results=True, keep=True):
    pass


class Plain(Variable, results=True):
    pass


class Scaled(Function):
    lifts = Box

    def forward(self, x, scale, shift=None):
        y = x * scale
        return y if shift is None else y + shift

    def backward(self, gy):
        return gy * self.inputs[1].data


def test_operands_are_lifted():
    x = Box(np.array([1.0, 2.0]))
    y = Scaled()(x, np.array(3.0), None)
    scale, shift = y.creator.inputs[1:]
    assert type(y) is type(scale) is type(shift) is Box
    assert (scale.data, shift.data) == (3.0, None)
    assert (scale.requires_grad, shift.requires_grad) == (False, False)
    y.backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert scale.grad is None


def test_they_need_a_gradient_if_no_other_operand_does():
    y = Scaled()(np.ones(2), np.array(3.0))
    y.backward()
    assert y.creator.inputs[0].grad.tolist() == [3.0, 3.0]
    constant = Box(np.ones(2), requires_grad=False)
    y = Scaled()(constant, np.array(3.0))
    assert y.requires_grad  # as of the lifted one
    y.backward()
    assert constant.grad is None
    with fastgrad.no_grad():
        y = Scaled()(np.ones(2), np.array(3.0))
    assert (type(y), y.creator) == (Box, None)


def test_what_cannot_be_lifted_is_an_error():
    x = Box(np.ones(2))
    with pytest.raises(TypeError, match="<class 'str'> is not supported"):
        Scaled()(x, "3")
    for lifts, kind in ((lambda x: x, "ndarray"), (lambda x: None, "NoneType")):
        Wrong = type("Wrong", (Scaled,), {"lifts": staticmethod(lifts)})
        with pytest.raises(TypeError, match=f"Wrong: `lifts` made a {kind}, expected a Variable"):
            Wrong()(x, np.ones(2))


def test_without_it_nothing_is_lifted():
    class Plainly(Scaled):
        lifts = None

    x = Variable(np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="operand 2 is a NoneType"):
        Plainly()(x, np.array(3.0), None)
    with pytest.raises(ValueError, match="returned 1 gradient, expected 2: there is none for"):
        Plainly()(x, Variable(np.array(3.0))).backward()


def interior(cls):
    """A weak reference to a Variable in the middle, and what was computed from it."""
    x = cls(np.array([1.0, 2.0]))
    middle = np.exp(x * 2)
    y = middle + 1
    return weakref.ref(middle), y


def test_classes_of_which_the_interior_is_kept():
    made, y = interior(Box)
    assert made().data.tolist() == np.exp([2.0, 4.0]).tolist()
    assert y.creator.inputs[0] is made()
    y.backward(retain_grad=True)
    assert made().grad.tolist() == [1.0, 1.0]
    del y
    assert made() is None
    for cls in (Plain, Variable):
        made, y = interior(cls)
        assert made() is None
        assert y.creator.inputs[0].shape == (2,)


def test_a_subclass_inherits_it_and_may_say_otherwise():
    class Kept(Box, results=True):
        pass

    class Free(Box, results=True, keep=False):
        pass

    made, y = interior(Kept)
    assert made() is not None
    made, y = interior(Free)
    assert made() is None
    with fastgrad.using_config("keep_variables", True):
        made, y = interior(Free)
        assert made() is not None


@pytest.mark.parametrize("create_graph", [False, True])
def test_derivatives_are_those_of_variables(create_graph):
    for cls in (Box, Plain, Variable):
        x = cls(np.array([0.3, 0.7]))
        y = np.sin(x) * x / (1 + x * x)
        y.backward(create_graph=create_graph)
        gx = np.asarray(x.grad.data if create_graph else x.grad)
        h = 1e-6

        def f(x):
            return np.sin(x) * x / (1 + x * x)

        assert np.allclose(gx, (f(x.data + h) - f(x.data - h)) / (2 * h))
