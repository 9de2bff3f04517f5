"""Instances of built-in classes that a program calls itself: `Sin()(x)`, as any call of `sin`."""

from __future__ import annotations

import contextlib
import weakref

import numpy as np
import pytest
from helpers import assert_close, assert_same_bits
from test_rows import (
    SAMPLES,
    directions,
    function_of,
    inner,
    of_each,
    operands,
    outputs,
    variables,
    with_operands,
)

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Variable, gradients, jacobian, op
from fastgrad._core.row import Row

X = np.array([0.5, 1.5, 0.25])


def is_callable_so(sample):
    """Whether its arguments are what an instance takes: operands, then numbers."""
    row = None if sample.name.startswith("scipy.") else function_of(sample, fnp)
    if not isinstance(row, Row) or sample.kwargs or not sample.orders:
        return False
    args = sample.args
    if row.sequence:
        args = args[0] if len(args) == 1 else [None]
    if row.compiled is not None:
        return all(isinstance(x, np.ndarray) for x in args) and sample.name != "getitem"
    n = len(args) if row.sequence else len(row.vjp)
    return all(isinstance(x, np.ndarray if i < n else (int, float)) for i, x in enumerate(args))


def call_instance(sample, xs, f):
    """The call of the instance `f`; for a sequence, the operands one by one."""
    args = with_operands(sample, xs)
    return f(*args[0]) if function_of(sample, fnp).sequence else f(*args)


def called(sample, xs):
    return call_instance(sample, xs, function_of(sample, fnp).Function())


def called_again(sample, xs):
    f = function_of(sample, fnp).Function()
    with np.errstate(all="ignore"):
        call_instance(sample, others(xs), f)
    return call_instance(sample, xs, f)


def called_in_between(sample, xs):
    f = function_of(sample, fnp).Function()
    y = call_instance(sample, xs, f)
    with np.errstate(all="ignore"):
        values = [x.data if isinstance(x, Variable) else x for x in others(xs)]
        call_instance(sample, values, f.forward)
    return y


def others(xs):
    """Operands like these, with other values."""
    return [Variable(np.asarray(x.data * 0.75)) if isinstance(x, Variable) else x for x in xs]


WAYS = {"called": called, "called again": called_again, "forward in between": called_in_between}


def called_by_name(sample, xs):
    return function_of(sample, fnp)(*with_operands(sample, xs))


def results(sample, make):
    """Values, gradients, the same recorded, and what differentiating these again gives."""
    found = []
    for create_graph in (False, True):
        xs = variables(sample, operands(sample))
        ys = outputs(make(sample, [x * 1 if isinstance(x, Variable) else x for x in xs]))
        needy = [x for x in xs if isinstance(x, Variable)]
        y = inner(ys, directions([y.data for y in ys], "w", sample.name))
        gxs = gradients(y, needy, create_graph=create_graph)
        found += [y.data for y in ys]
        found += [gx.data if create_graph else gx for gx in gxs if gx is not None]
        if create_graph and sample.orders >= 2:
            again = [gx for gx in gxs if gx is not None and gx.requires_grad]
            total = inner(again, directions([gx.data for gx in again], "v", sample.name))
            if isinstance(total, Variable):
                found += [g for g in gradients(total, needy) if g is not None]
    return found


@of_each([s for s in SAMPLES if is_callable_so(s)])
def test_an_instance_gives_what_the_function_gives(sample):
    expected = results(sample, called_by_name)
    for way, make in WAYS.items():
        found = results(sample, make)
        assert len(found) == len(expected), way
        for x, y in zip(found, expected, strict=True):
            if sample.name == "inner":  # BLAS is asked for another product, that has other bits
                assert_close(x, y, 1e-14, 1e-14, way)
            else:
                assert_same_bits(x, y, way)


@pytest.mark.parametrize("row", [fnp.exp, fnp.cbrt, fnp.cumsum, fnp.abs], ids=str)
def test_its_jacobian_and_one_whose_output_is_gone(row):
    expected = jacobian(row)(X)
    assert_same_bits(jacobian(lambda x: row.Function()(x))(X), expected)

    def moved(x):
        y = row.Function()(x)
        z = y * np.ones(3)
        y.creator = None  # so that the output is none of that call's any more
        return z

    assert not np.any(jacobian(moved)(X))
    x = Variable(X)
    f = row.Function()
    gone = [weakref.ref(f(x))]
    y = Variable(row(X))
    y.set_creator(f)
    assert gone[0]() is None
    y.backward(create_graph=True)
    assert_same_bits(x.grad.data, expected.sum(axis=0))


@pytest.mark.parametrize("create_graph", [False, True])
def test_one_operand_twice_and_constants(create_graph):
    x = Variable(X)
    y = fastgrad.Mul()(x, x)
    z = fastgrad.Add()(fastgrad.Mul()(y, 2.0), fastgrad.Pow(3)(x))
    z.backward(create_graph=create_graph)
    gx = x.grad.data if create_graph else x.grad
    assert np.array_equal(gx, 2 * (X + X) + 3 * X**2)
    if create_graph:
        assert_close(gradients(x.grad, x), 4 + 6 * X, 1e-14, 0)


def recorded_by_hand(cls):
    """A class that records itself as the seed's `Function.__call__` does."""

    class ByHand(cls):
        def __call__(self, *inputs):
            ys = self.forward(*[x.data for x in inputs])
            ys = [Variable(np.asarray(y)) for y in (ys if isinstance(ys, tuple) else (ys,))]
            self.generation = max([x.generation for x in inputs])
            for y in ys:
                y.set_creator(self)
            self.inputs, self.outputs = inputs, [weakref.ref(y) for y in ys]
            return ys if len(ys) > 1 else ys[0]

    return ByHand


@pytest.mark.parametrize("row", [fnp.exp, fnp.tanh, fnp.cbrt, fnp.cumprod], ids=str)
def test_one_that_records_itself(row):
    f = recorded_by_hand(row.Function)
    x = Variable(X)
    expected = gradients(row(x * 1), x, create_graph=True)
    found = gradients(f()(x * 1), x, create_graph=True)
    assert_same_bits(found.data, expected.data)
    assert_same_bits(gradients(found, x), gradients(expected, x))
    f()(x * 1).backward()
    assert_same_bits(x.grad, expected.data)


@pytest.mark.parametrize("row", [fnp.exp, fnp.tanh, fnp.cbrt], ids=str)
def test_a_subclass_that_computes_its_output_otherwise(row):
    """The gradients stay those of the built-in, by all kinds of backward."""

    class Twice(row.Function):
        def forward(self, x):
            return super().forward(x) * 2

    class Own(row.Function):
        def forward(self, x):
            return row(x) * 2

    for cls in (Twice, Own):
        x = Variable(X)
        y = cls()(x)
        y.backward()
        recorded = gradients(y, x, create_graph=True)
        assert_same_bits(x.grad, gradients(row(x), x))
        assert_same_bits(recorded.data, x.grad)
        again = gradients(gradients(row(x), x, create_graph=True), x)
        assert_close(gradients(recorded, x), again, 1e-14, 0)
        assert_same_bits(np.diag(jacobian(lambda x, cls=cls: cls()(x))(X)), x.grad)


@pytest.mark.parametrize("row", [fnp.exp, fnp.tanh, fnp.cbrt], ids=str)
def test_a_subclass_whose_backward_asks_that_of_the_built_in(row):
    class Twice(row.Function):
        def backward(self, gy):
            return super().backward(2 * gy)

    class RecordedTwice(Twice):
        differentiable = True

    for cls in (Twice, RecordedTwice):
        x = Variable(X)
        cls()(x).backward()
        assert np.array_equal(x.grad, 2 * gradients(row(x), x))
    once = gradients(RecordedTwice()(x), x, create_graph=True)
    twice = gradients(2 * row(x), x, create_graph=True)
    assert_same_bits(once.data, twice.data)
    assert_same_bits(gradients(once, x), gradients(twice, x))
    with pytest.raises(RuntimeError, match=r"Twice: .* differentiable = True"):
        gradients(Twice()(x), x, create_graph=True)


def test_a_backward_that_is_assigned_to_an_instance():
    for row in (fnp.exp, fnp.cbrt):
        x = Variable(X)
        f = row.Function()
        y = f(x)
        f.backward = lambda gy: 7 * gy
        y.backward()
        assert np.array_equal(x.grad, np.full(3, 7.0))


def test_an_op_whose_gradient_is_computed_with_arrays_says_so():
    def vjp(xp, g, y, x):
        gx = 3 * g * x * x
        return gx.data if isinstance(gx, Variable) else gx

    row = op("lost", lambda x: x**3, vjp=vjp)
    x = Variable(X)
    for call in (row, row.Function()):
        with pytest.raises(RuntimeError, match=r"lost: .* input 0 was computed with arrays"):
            gradients(call(x), x, create_graph=True)


def test_backward_before_a_call():
    gy = np.ones(3)
    assert all(gx is gy for gx in fastgrad.Add().backward(gy))  # as the seed's
    with pytest.raises(TypeError, match="exp: 0 operands, expected 1"):
        fnp.exp.Function().backward(gy)
    with pytest.raises(RuntimeError, match=r"Cbrt: .* no inputs"):
        fnp.cbrt.Function().backward(gy)
    for cls in (fnp.exp.Function.__base__, fnp.cbrt.Function.__base__):
        with pytest.raises(NotImplementedError, match="no built-in operation"):
            cls().backward(gy)


def test_backward_after_a_release():
    for row in (fnp.exp, fnp.cbrt):
        for y in (row(Variable(X)), row.Function()(Variable(X))):
            f = y.creator
            y.backward(retain_graph=False)
            with pytest.raises(RuntimeError, match="released"):
                f.backward(X)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("row", [fnp.dot, fnp.inner, fnp.tensordot, fnp.outer], ids=str)
def test_inputs_assigned_that_have_other_axes(row, create_graph):
    """A product over axes that are not there read beyond the shape."""
    for a in ((), (2,), (2, 3), (1, 1, 1)):
        for b in ((), (3,), (1, 1, 1)):
            args = (X, X) if row is fnp.outer else (np.ones((2, 2)), np.ones((2, 2)))
            y = row(*map(Variable, args))
            y.creator.inputs = (Variable(np.ones(a)), Variable(np.ones(b)))
            with contextlib.suppress(ValueError, IndexError):
                y.backward(create_graph=create_graph)
