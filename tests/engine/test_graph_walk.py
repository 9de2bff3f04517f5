"""`creator.inputs` and `creator.outputs` of built-in operations, made when asked for."""

import weakref

import numpy as np

import fastgrad
from fastgrad import Variable, add, mul


def leaf(lib, x=3.0):
    return lib.Variable(np.array(x))


def test_graph_of_built_ins_can_be_walked(lib):
    x, w, b = leaf(lib, 2.0), leaf(lib, 5.0), leaf(lib, 1.0)
    t = lib.mul(x, w)
    y = lib.add(t, b)
    f = y.creator
    assert type(f) is lib.Add
    assert f.inputs[0] is t
    assert f.inputs[1] is b
    assert [r() for r in f.outputs][0] is y
    assert isinstance(f.outputs[0], weakref.ref)
    assert f.inputs[0].creator.inputs[0] is x
    assert f.inputs[0].creator is t.creator


def test_walking_a_graph_whose_handles_are_gone_gives_fresh_ones_on_the_same_place():
    x = Variable(np.array(3.0))
    y = (x * x) * (x + 1)
    product, total = y.creator.inputs
    assert (type(product.creator), type(total.creator)) == (fastgrad.Mul, fastgrad.Add)
    assert (product.data, total.data) == (9.0, 4.0)  # mul saved both
    assert product.generation == total.generation == 1
    assert product.creator.inputs[0] is x
    product.backward()
    assert x.grad == 6.0


def test_a_value_that_no_rule_saved_is_gone_from_a_fresh_handle():
    x = Variable(np.array([3.0, 4.0]))
    y = x * x + 1
    product = y.creator.inputs[0]
    assert product.data is None
    assert type(product.creator) is fastgrad.Mul


def test_outputs_of_a_node_whose_output_is_gone_is_a_dead_reference():
    x = Variable(np.array(3.0))
    t = x * x
    y = t + 1
    f = t.creator
    assert f.outputs[0]() is t
    del t
    assert f.outputs[0]() is None
    y.backward()
    assert x.grad == 6.0


def test_graph_drawn_as_the_book_does_it(lib):
    """The walk of the book's `get_dot_graph`: every Function once, by identity in a set."""
    x = leaf(lib, 2.0)
    t = lib.mul(x, x)
    y = lib.add(lib.add(t, t), x)
    funcs, seen, names = [y.creator], {y.creator}, []
    while funcs:
        f = funcs.pop()
        names.append(type(f).__name__)
        for v in f.inputs:
            if v.creator is not None and v.creator not in seen:
                seen.add(v.creator)
                funcs.append(v.creator)
    assert names == ["Add", "Add", "Mul"]


def test_functions_compare_and_hash_by_identity():
    x = Variable(np.array(1.0))
    y, z = add(x, x), mul(x, x)
    assert y.creator == y.creator
    assert y.creator != z.creator
    assert len({y.creator, z.creator, y.creator}) == 2


def test_constants_are_inputs_that_require_no_gradient():
    x, c = Variable(np.array([1.0, 2.0])), np.array([3.0, 4.0])
    for y, i in ((x * 2.0, 1), (2.0 * x, 0), (x * c, 1), (c @ x, 0), (x + c, 1), (2 - x, 0)):
        constant, variable = y.creator.inputs[i], y.creator.inputs[1 - i]
        assert variable is x
        assert type(constant) is Variable
        assert (constant.requires_grad, constant.creator, constant.generation) == (False, None, 0)
    assert (x * 2.0).creator.inputs[1].data == 2.0
    assert (c * x).creator.inputs[0].data is c


def test_a_handle_made_by_a_walk_counts_as_the_variable_that_it_stands_for():
    x = Variable(np.array(3.0))
    y = (x * x) * (x + 1)
    product = y.creator.inputs[0]
    assert y.creator.inputs[0] is product
    assert product.creator.outputs[0]() is product
    product.creator = None
    y.backward()
    assert (product.grad, x.grad) == (4.0, 9.0)
