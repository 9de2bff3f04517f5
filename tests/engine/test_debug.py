"""`fastgrad.debug` finds every array that is written into before the backward that needs it."""

import asyncio
import threading

import numpy as np
import pytest

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Function, Variable, debug, grad

CHANGED = "changed in place"


def vector():
    return Variable(np.array([0.5, 1.0, 2.0]))


class Sine(Function):
    def forward(self, x):
        self.cosine = np.cos(x)
        return np.sin(x)

    def backward(self, gy):
        return gy * self.cosine


# What reads the elements of its operand, of its output, of a parameter.
READ = {
    "mul": (lambda x: x * x, "Mul: operand 0"),
    "mul by a constant": (lambda x: x * x.data, "Mul: operand 1"),
    "div": (lambda x: 1 / x, "Div: operand 1"),
    "pow": (lambda x: x**3, "Pow: operand 0"),
    "matmul": (lambda x: x @ x, "MatMul: operand"),
    "log": (fnp.log, "Log: operand 0"),
    "maximum": (lambda x: fnp.maximum(x, 1.0), "Maximum: operand 0"),
    "a row": (fnp.arctan, "Arctan: operand 0"),
    "a row of many": (lambda x: fnp.cumprod(x), "Cumprod: operand 0"),
    "a list": (lambda x: fnp.einsum("i,i->", x, x), "Einsum: operand 0"),
    "a Function": (lambda x: Sine()(x), "Sine: input 0"),
}
UNREAD = {
    "add": lambda x: x + x.data,
    "sum": fnp.sum,
    "getitem": lambda x: x[1:],
    "concatenate": lambda x: fnp.concatenate([x, x]),
    "exp, which reads its output": fnp.exp,
}


@pytest.mark.parametrize(("f", "who"), READ.values(), ids=list(READ))
def test_an_operand_that_was_changed_is_found(f, who):
    x = vector()
    with debug():
        y = f(x)
    x.data[1] += 1
    with pytest.raises(RuntimeError, match=CHANGED) as error:
        y.backward()
    text = str(error.value)
    assert text.startswith(who)
    assert "shape (3,) and dtype float64" in text
    assert text.count("test_debug.py:") == 2  # where it was recorded, and the backward
    assert x.grad is None
    x.data[1] -= 1
    y.backward()  # as it was: nothing is wrong
    assert x.grad is not None


@pytest.mark.parametrize("f", UNREAD.values(), ids=list(UNREAD))
def test_what_no_backward_reads_may_change(f):
    x = vector()
    with debug():
        y = f(x)
    x.data[:] = 7
    y.backward()
    assert x.grad is not None


def test_an_output_that_was_changed_is_found():
    x = vector()
    with debug():
        y = fnp.exp(x)
        z = fnp.arctan(y) + fnp.cosh(y)
    y.data[0] = 0
    with pytest.raises(RuntimeError, match=CHANGED):
        z.backward()
    with pytest.raises(RuntimeError, match="Exp: its output"):
        y.backward()


def test_a_mask_and_an_index_that_were_changed_are_found():
    x, mask, index = vector(), np.array([True, False, True]), np.array([0, 0, 2])
    with debug():
        y, z = fnp.where(mask, x, 0.0), x[index]
    mask[0], index[0] = False, 1
    with pytest.raises(RuntimeError, match="Where: its index or condition"):
        y.backward()
    with pytest.raises(RuntimeError, match="GetItem: its index or condition"):
        z.backward()
    assert x.grad is None


def test_an_attribute_of_a_function_that_was_changed_is_found():
    x = vector()
    with debug():
        y = Sine()(x)
    y.creator.cosine[0] = 9
    with pytest.raises(RuntimeError, match="Sine: its attribute cosine"):
        y.backward()


@pytest.mark.parametrize("flags", [
    {"create_graph": True}, {"retain_graph": False}, {"retain_grad": True},
], ids=str)  # fmt: skip
def test_every_backward_finds_it(flags):
    x = vector()
    with debug():
        y, z = (x * x).sum(), (x * x).sum()
    x.data[0] = 3
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward(**flags)
    assert x.grad is None
    with pytest.raises(RuntimeError, match=CHANGED):
        fastgrad.gradients(z, x)


def test_an_update_in_place_after_backward_is_none():
    x = vector()
    with debug():
        for _ in range(3):
            x.cleargrad()
            y = (x * x).sum()
            y.backward()
            x.data -= 0.1 * x.grad
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()


def test_a_rebound_array_is_none():
    x = vector()
    with debug():
        y = x * x
    x.data = np.zeros(3)
    y.backward()
    assert x.grad.tolist() == [1, 2, 4]


def test_values_that_a_comparison_could_not_tell_apart():
    x = Variable(np.array([0.0, np.nan]))
    with debug():
        y = x * x
    y.backward()  # NaN is NaN
    x.data[0] = -0.0
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()


def test_a_large_view_of_one_row_is_noted_once():
    row = np.ones(4)
    x = Variable(np.ones((3, 4)))
    with debug():
        y = x * np.broadcast_to(row, (3, 4))
    y.backward()
    row[0] = 2
    with pytest.raises(RuntimeError, match=r"shape \(3, 4\)"):
        y.backward()


def test_off_it_finds_nothing():
    x = vector()
    y = x * x
    with debug(), debug(False):
        z = x * x
    x.data[0] = 3
    y.backward()
    z.backward()
    assert vars(y.creator) == {}


@debug()
def square(x):
    return x * x


def test_it_decorates():
    x = vector()
    y = square(x)
    x.data[0] = 3
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()


def test_it_sees_through_derivatives_of_functions():
    def f(x):
        y = (x * x).sum()
        x.data[0] = 3
        return y

    with debug(), pytest.raises(RuntimeError, match=CHANGED):
        grad(f)(np.ones(3))


def test_it_belongs_to_its_thread_and_task():
    x, ys = vector(), {}

    def other():
        ys["thread"] = x * x

    async def task(name, on):
        with debug(on):
            await asyncio.sleep(0)
            ys[name] = x * x

    async def tasks():
        await asyncio.gather(task("on", True), task("off", False))

    with debug():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    asyncio.run(tasks())
    x.data[0] = 3
    ys["thread"].backward()
    ys["off"].backward()
    with pytest.raises(RuntimeError, match=CHANGED):
        ys["on"].backward()
