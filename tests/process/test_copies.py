"""Copies and pickles: data and settings travel, the graph does not."""

import copy
import pickle

import numpy as np
import pytest

from fastgrad import Function, Variable, add


class Parameter(Variable):
    """A subclass with a constructor, an attribute and a slot of its own."""

    __slots__ = ("rate",)

    def __init__(self, data, rate):
        super().__init__(data, "p", requires_grad=False)
        self.rate, self.note = rate, ["kept"]


class Scale(Function):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return self.factor * x

    def backward(self, gy):
        return self.factor * gy


PICKLES = {
    f"pickle {protocol}": lambda x, protocol=protocol: pickle.loads(pickle.dumps(x, protocol))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
}
DEEP = {"deepcopy": copy.deepcopy} | PICKLES
COPIES = {"copy": copy.copy} | DEEP


def leaf():
    return Variable(np.array([1.0, 2.0]))


def recorded():
    x = leaf()
    return x, x * x + 1


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_recorded_variable_is_a_leaf(how):
    x, y = recorded()
    y.name, y.note = "y", "kept"
    y.backward(retain_grad=True)
    z = COPIES[how](y)
    assert (z.creator, z.generation, z.requires_grad) == (None, 0, True)
    assert (z.name, z.note) == ("y", "kept")
    assert np.array_equal(z.data, y.data)
    assert np.array_equal(z.grad, y.grad)
    assert y.creator is not None
    x.cleargrad()
    z.cleargrad()
    (z * z).backward()
    assert x.grad is None
    assert np.array_equal(z.grad, 2 * y.data)


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_knows_its_settings(how):
    p = Parameter(np.ones(2), 0.5)
    q = COPIES[how](p)
    assert type(q) is Parameter
    assert (q.requires_grad, q.name, q.rate, q.note) == (False, "p", 0.5, ["kept"])
    assert (q.note is p.note) == (how == "copy")


@pytest.mark.parametrize("how", COPIES)
def test_only_a_shallow_copy_shares_the_array(how):
    for x in (leaf(), recorded()[1]):
        assert np.shares_memory(COPIES[how](x).data, x.data) == (how == "copy")


@pytest.mark.parametrize("how", COPIES)
def test_a_gradient_with_a_graph_arrives_as_an_array(how):
    x = leaf()
    (x * x * x).backward(create_graph=True)
    assert x.grad.creator is not None
    z = COPIES[how](x)
    assert type(z.grad) is np.ndarray
    assert np.array_equal(z.grad, x.grad.data)


@pytest.mark.parametrize("how", DEEP)
def test_what_is_copied_together_stays_together(how):
    x, y = recorded()
    y.source = x
    xs = [x, y, x]
    a, b, c = DEEP[how](xs)
    assert a is c is b.source
    assert (a.creator, b.creator) == (None, None)


@pytest.mark.parametrize("how", COPIES)
def test_variables_without_data_and_numbers(how):
    for v in (Variable(None), Variable(np.array(2.0)) * 3, Variable(np.array([1, None], object))):
        z = COPIES[how](v)
        assert repr(z) == repr(v)
        assert z.creator is None


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_a_function_was_not_called(how):
    x = leaf()
    y = Scale(2.0)(x)
    f = COPIES[how](y.creator)
    assert f.factor == 2.0
    assert not hasattr(f, "inputs")
    f(x).backward()
    assert np.array_equal(x.grad, [2, 2])


@pytest.mark.parametrize("how", COPIES)
def test_a_graph_is_as_deep_as_it_likes(how):
    y = x = leaf()
    for _ in range(100_000):
        y = add(y, x)
    assert COPIES[how](y).creator is None


def test_numpys_copy_is_recorded():
    x = leaf()
    (x.copy() + np.copy(x)).backward()
    assert np.array_equal(x.grad, [2, 2])
