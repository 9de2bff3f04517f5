"""Chains of Variables by all that one can own, for test_chains.py; imported by its child processes.

Each function puts a Variable behind another: the new one, which comes back, owns it.
"""

import functools
import gc
import threading

import numpy as np

from fastgrad import Function, Variable
from fastgrad._core.operators import Operators
from fastgrad._core.variable import VariableBase


class Same(Function):
    def forward(self, x):
        return x + 0

    def backward(self, gy):
        return gy


class Sub(Variable):
    pass


class Slots(Variable):
    __slots__ = ("other",)


class Base(VariableBase):
    pass


class SubArray(np.ndarray):
    pass


class Del(Variable):
    def __del__(self):
        pass


def leaf(x=1.0):
    return Variable(np.array(x))


def boxed(y):
    a = np.empty(1, object)
    a[0] = y
    return a


def attr(y):
    v = leaf()
    v.note = y
    return v


def attr_list(y):
    v = leaf()
    v.note = [y]
    return v


def attr_obj(y):
    v = leaf()
    v.note = boxed(y)
    return v


def attr_closure(y):
    v = leaf()
    v.note = lambda: y
    return v


def attr_partial(y):
    v = leaf()
    v.note = functools.partial(print, y)
    return v


def attr_gen(y):
    def g():
        yield y
        yield y

    v = leaf()
    i = g()
    next(i)
    v.note = i
    return v


def attr_subarray(y):
    a = np.ones(1).view(SubArray)
    a.note = y
    return Variable(a)


def grad_subarray(y):
    a = np.ones(1).view(SubArray)
    a.note = y
    v = leaf(np.ones(1))
    v.grad = a
    return v


def grad_obj(y):
    v = Variable(np.array([None]))
    v.grad = boxed(y)
    return v


def name(y):
    return Variable(np.array(1.0), y)


def name_tuple(y):
    return Variable(np.array(1.0), (y,))


def data_obj(y):
    return Variable(boxed(y))


def data_view(y):
    return Variable(boxed(y)[:])


def data_field(y):
    a = np.zeros(1, [("f", float), ("o", object)])
    a["o"][0] = y
    return Variable(a["f"])


def data_base(y):
    class Owner:
        pass

    owner = Owner()
    owner.y, owner.buffer = y, bytearray(24)
    owner.__array_interface__ = np.frombuffer(owner.buffer).__array_interface__
    return Variable(np.asarray(owner))


def grad_create(y):
    # .grad a Variable with a graph
    x = leaf(2.0)
    (x * x).backward(create_graph=True)
    x.grad.note = y
    return x


def grad_chain(y):
    x = leaf(2.0)
    (x * x).backward(create_graph=True)
    g = x.grad
    g.name = y
    return x


def creator_attr(y):
    v = leaf() * 2.0
    v.creator.note = y
    return v


def fn_attr(y):
    v = Same()(leaf())
    v.creator.note = y
    return v


def fn_obj(y):
    v = Same()(leaf())
    v.creator.note = boxed(y)
    return v


def fn_inputs(y):
    return Same()(y)


def fn_inputs_assigned(y):
    f, v = Same(), leaf()
    f.inputs, f.generation = (y,), 0
    v.set_creator(f)
    return v


def fn_outputs(y):
    f = Same()
    v = f(leaf())
    f.outputs = [y]
    return v


def leaf_op(y):
    v = leaf()
    v.note = y
    return v * 2.0


def leaf_row(y):
    v = leaf()
    v.note = y
    return np.arctan(v)


def op_obj(y):
    a = Variable(boxed(y))
    return a.reshape((1,))


def op_index(y):
    v = Variable(np.ones(3))
    i = v[np.array([0])]
    i.creator.note = boxed(y)
    return i


def row_obj(y):
    a = Variable(boxed(y))
    return np.concatenate([a, a])


def moved(y):
    v = leaf()
    u = v * 2.0
    w = u * 3.0
    u.creator = None
    u.note = y
    return w


def sub(y):
    v = Sub(np.array(1.0))
    v.note = y
    return v


def sub_obj(y):
    return Sub(boxed(y))


def slots(y):
    v = Slots(np.array(1.0))
    v.other = y
    return v


def slots_obj(y):
    v = Slots(np.array(1.0))
    v.other = boxed(y)
    return v


def base(y):
    v = Base(np.array(1.0))
    v.note = y
    return v


def base_obj(y):
    return Base(boxed(y))


def compiled(y):
    v = Operators(np.array(1.0))
    v.note = boxed(y)
    return v


def deleted(y):
    return Del(boxed(y))


KINDS = {
    name: f
    for name, f in list(globals().items())
    if getattr(f, "__module__", "") == __name__ and not isinstance(f, type)
    if name not in ("leaf", "boxed")
}


def chain(kind, n):
    """A chain of one kind, or of all in turn."""
    y, kinds = leaf(), list(KINDS.values()) if kind == "all" else [KINDS[kind]]
    for i in range(n):
        y = kinds[i % len(kinds)](y)
    return y


def end(kind, n, where):
    """Let such a chain die there."""
    y = [chain(kind, n)]
    if where == "a thread":
        before = threading.stack_size(256 * 1024)
        thread = threading.Thread(target=y.clear)
        thread.start()
        threading.stack_size(before)
        thread.join()
    elif where == "the collector":
        y[0].cycle = y
        del y
        gc.collect()
