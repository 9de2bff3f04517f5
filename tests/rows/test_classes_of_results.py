"""Results of every row, and their gradients with a graph, are of the class of its operands."""

from __future__ import annotations

import numpy as np
from test_rows import SAMPLES, call, of_each, operands

from fastgrad import Variable, gradients


class Box(Variable, results=True):
    pass


def variables_in(tree):
    if isinstance(tree, (list, tuple)):
        return [y for part in tree for y in variables_in(part)]
    return [tree] if isinstance(tree, Variable) else []


@of_each(SAMPLES)
def test_results_are_of_the_class(sample):
    xs = [x if i in sample.fixed else Box(x) for i, x in enumerate(operands(sample))]
    ys = variables_in(call(sample, xs))
    assert {type(y) for y in ys} <= {Box}
    if sample.orders:
        assert ys
    constants = [Box(x, requires_grad=False) if isinstance(x, np.ndarray) else x for x in xs]
    assert {type(y) for y in variables_in(call(sample, constants))} <= {Box}


@of_each([s for s in SAMPLES if s.orders > 1])
def test_recorded_gradients_are_of_the_class(sample):
    xs = [x if i in sample.fixed else Box(x) for i, x in enumerate(operands(sample))]
    ys = variables_in(call(sample, xs))
    vs = variables_in(xs)
    assert {type(gx) for gx in gradients(ys, vs, create_graph=True)} <= {Box}
