"""Operands that no C loop may touch as they lie: of the other byte order, misaligned, subclasses.

Everything runs in child processes that keep neither spare arrays nor freed blocks, for those hide
what is wrong with a new array.
"""

from __future__ import annotations

from pathlib import Path

import pytest

FRESH = f"""
import os, sys, warnings
os.environ["FASTGRAD_POOL_MB"] = "0"
sys.path.insert(0, {str(Path(__file__).parent)!r})
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "numpy.fix is deprecated", DeprecationWarning)  # NumPy 2.5
# SciPy's own, of versions 1.15 and 1.16.
warnings.filterwarnings("ignore", "dtype=.* is not supported by correlate", DeprecationWarning)
import numpy as np
from fastgrad import (
    Add, Function, GradientWarning, Mul, Variable, elementwise_grad, grad, gradients, hessian,
    hessian_operator, hvp, jacobian, jvp, set_num_threads, value_and_grad, vjp,
)

def same(x, expected):
    expected = np.asarray(expected)
    assert type(x) is np.ndarray and x.dtype.isnative, (type(x), x.dtype)
    assert x.dtype == expected.dtype and x.shape == expected.shape, (x.dtype, x.shape)
    assert np.array_equal(x, expected), (x, expected)
"""


@pytest.fixture
def run_fresh(run_child):
    return lambda code: run_child(FRESH + code)


@pytest.mark.parametrize(("precision", "layouts"), [("double", "LAYOUTS"), ("single", "[both]")])
def test_no_layout_changes_a_result(run_fresh, precision, layouts):
    found = run_fresh(f"""
from layout_sweep import *
print(*faults({precision!r}, {layouts}), sep="\\n")
""")
    assert found.split("\n") == ["", ""]


@pytest.mark.parametrize("code", ["f8", "f4", "c16", "c8"])
def test_the_gradient_is_native_for_sums_of_parts_and_of_views(run_fresh, code):
    run_fresh(f"""
code = {code!r}
ones = np.ones(3, code)
for f, expected in [
    (np.sum, ones),
    (np.mean, ones / np.array(3, code)),
    (lambda v: np.sum(np.reshape(v, (3, 1))), ones),
    (lambda v: np.sum(v.reshape(1, 3), axis=1), ones),
    (lambda v: np.sum(np.broadcast_to(v, (2, 3))), 2 * ones),
    (lambda v: np.sum(v[1:]), np.array([0, 1, 1], code)),
    (lambda v: v[1] + v[1], np.array([0, 2, 0], code)),
    (lambda v: np.sum(v[[2, 2, 0]]), np.array([1, 0, 2], code)),
    (lambda v: np.sum(v[v.data.real > 1]), np.array([0, 1, 1], code)),
    (lambda v: v @ np.array([1, 2, 4], code), np.array([1, 2, 4], code)),
    (lambda v: np.sum(v.T), ones),
    (lambda v: np.sum(v * 2.0), 2 * ones),
]:
    v = Variable(np.array([1, 2, 3], ">" + code))
    f(v).backward()
    same(v.grad, expected)
    f(v).backward()  # added to what is there
    same(v.grad, expected + expected)
    v.cleargrad()
    f(v).backward(create_graph=True)
    same(v.grad.data, expected)
""")


def test_extremes_and_what_reads_the_dtype_of_its_operand(run_fresh):
    run_fresh("""
for code in "f8 f4".split():
    for f in (np.max, np.min, np.amax, np.nanmax, np.ptp, np.median, np.prod, np.std):
        v, w = Variable(np.array([1, 3, 2], ">" + code)), Variable(np.array([1, 3, 2], code))
        for x in (v, w):
            f(x).backward()
        same(v.grad, w.grad)
""")


def test_large_arrays_whose_loops_are_split_and_whose_blocks_are_pooled(run_fresh):
    run_fresh("""
set_num_threads(2)
native = np.linspace(1, 2, 1 << 17)
shifted = np.zeros(native.nbytes + 1, np.uint8)[1:].view(float)
shifted[:] = native
for x in (native.astype(">f8"), shifted):
    v = Variable(x)
    y = np.sum(np.exp(v * v) * 2.0 + v)
    y.backward()
    w = Variable(native)
    np.sum(np.exp(w * w) * 2.0 + w).backward()
    same(v.grad, w.grad)
""")


def test_gradients_given_by_the_program_are_brought_to_native_order(run_fresh):
    run_fresh("""
x = np.array([1.0, 2.0, 3.0], ">f8")
v = Variable(x)
y = v * 2.0
y.grad = np.array([1.0, 10.0, 100.0], ">f8")
y.backward()
same(v.grad, [2.0, 20.0, 200.0])

for index in (0, slice(1)):
    v = Variable(x)
    v.grad = np.array([1.0, 1.0, 1.0], ">f8")
    np.sum(v[index]).backward()
    same(v.grad, [2.0, 1.0, 1.0])

class Double(Function):
    def forward(self, x):
        return 2 * x

    def backward(self, gy):
        return (2 * gy).astype(">f8")

class Recorded(Double):
    differentiable = True

for make in (Double, Recorded):
    for data in (x, x.astype(float), np.array([1, 2, 3])):
        v = Variable(data)
        np.sum(make()(v) * 1.0).backward()
        same(v.grad, [2.0, 2.0, 2.0])
        (gx,) = gradients(np.sum(make()(v) * 1.0), [v])
        same(gx, [2.0, 2.0, 2.0])
v = Variable(x)
np.sum(Recorded()(v)).backward(create_graph=True)
same(v.grad.data, [2.0, 2.0, 2.0])
(gx,) = gradients(v * 1.0, [v], x)
same(gx, [1.0, 2.0, 3.0])
""")


def test_transforms_give_native_derivatives(run_fresh):
    run_fresh("""
def cube(x):
    return np.sum(x * x * x)

for code in "f8 f4".split():
    x, native = np.array([1, 2, 3], ">" + code), np.array([1, 2, 3], code)
    same(grad(cube)(x), 3 * native**2)
    same(value_and_grad(cube)(x)[1], 3 * native**2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GradientWarning)
        same(grad(lambda x: 1.0)(x), 0 * native)
    same(elementwise_grad(np.square)(x), 2 * native)
    same(hessian(cube)(x), np.diag(6 * native))
    same(hvp(cube)(x, x), 6 * native**2)
    same(hessian_operator(cube, x) @ x, 6 * native**2)
    same(vjp(np.square, x)[1](x)[0], 2 * native**2)
    same(jvp(np.square, (x,), (x,))[1], 2 * native**2)
    same(jvp(lambda x: x, (x,), (x,))[1], native)
    for f in (np.square, lambda x: x[:2] * x[2], lambda x: np.cumsum(x),
              lambda x: np.concatenate([x, x * x]), lambda x: x[0] + np.zeros((2, 3))):
        same(jacobian(f)(x), jacobian(f)(native))
    same(grad(lambda x: np.sum(grad(cube)(x) ** 2))(x), 36 * native**3)
""")


def test_the_data_stay_as_they_are_and_results_are_numpys(run_fresh):
    run_fresh("""
x = np.array([[1.0, 2.0], [3.0, 4.0]], ">f8")
v = Variable(x)
assert v.data is x and v.dtype == ">f8"
y = np.reshape(v, 4)
assert y.dtype == ">f8" and np.shares_memory(y.data, x)
assert (v * v).dtype == (x * x).dtype and (v * v).dtype.isnative
# What was recorded is what counts, also of a value that is saved in native order.
v = Variable(np.array([1.0, 2.0, 3.0], ">f8"))
y = np.sum(v * v * v)
v.data = np.zeros(3)
y.backward(create_graph=True)
same(v.grad.data, [3.0, 12.0, 27.0])
v = Variable(np.array([1.0, 2.0, 3.0], ">f8"))
np.sum(v * v * v).backward(create_graph=True)
first, v.grad = v.grad, None
np.sum(first * first).backward()
same(v.grad, [36.0, 288.0, 972.0])
""")


def test_record_by_hand_of_a_built_in_class(run_fresh):
    run_fresh("""
for make in (Add, Mul):
    v, w = Variable(np.array([1.0, 2.0], ">f8")), Variable(np.array([3.0, 4.0], ">f8"))
    np.sum(make()(v, w)).backward()
    same(v.grad, [1.0, 1.0] if make is Add else [3.0, 4.0])
v = Variable(np.array([1.0, 3.0], ">f8"))
type(np.max(v).creator)()(v).backward()
same(v.grad, [0.0, 1.0])
""")
