"""What the snippets of test_hostile.py are written with; imported by their child processes."""

import copy
import gc
import pickle
import sys
import threading
import weakref

import numpy as np

import fastgrad
from fastgrad import Add, Function, Variable

__all__ = ["NoInit", "Square", "copy", "fastgrad", "gc", "junk", "leaf", "np", "sys", "threading"]
__all__ += ["tries", "use", "weakref", "Function", "Variable"]


class Square(Function):
    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.inputs[0].data * gy


class NoInit(Variable):
    def __init__(self):
        """Without the call of super().__init__() that belongs here."""


def leaf(x=2.0):
    return Variable(np.array(x))


def junk():
    """One object of every kind that does not belong."""
    plain = [None, 0, -1, 2**63, 1.5, float("nan"), "x", b"x", [], [1], {}, object(), type, len]
    return [*plain, Variable, Function, leaf(), np.ones(3), np.array("s"), np.array(None),
            Square(), Add(), Variable.__new__(Variable), lambda: 0]  # fmt: skip


def tries(f, *args):
    """Call `f`; an exception is a good answer."""
    try:
        f(*args)
    except Exception:  # noqa: BLE001
        return


USES = [
    repr,
    len,
    hash,
    bool,
    abs,
    vars,
    copy.copy,
    copy.deepcopy,
    weakref.ref,
    Variable.backward,
    Variable.cleargrad,
    lambda v: v + v,
    lambda v: -v,
    lambda v: v * 2,
    lambda v: 2 - v,
    lambda v: np.ones(2) / v,
    lambda v: v**2,
    lambda v: v @ v,
    lambda v: v == v,
    lambda v: v < 1,
    lambda v: Square()(v).backward(),
    lambda v: (v * v).backward(retain_grad=True),
    lambda v: (v + v).backward(retain_graph=False),
    lambda v: (v.shape, v.ndim, v.size, v.dtype),
    lambda v: (v.data, v.grad, v.name, v.requires_grad),
    lambda v: (v.creator, v.generation, repr(v.creator)),
    lambda v: [r() for r in v.creator.outputs],
    lambda v: [(x.data, x.creator, x.generation, repr(x)) for x in v.creator.inputs],
    lambda v: pickle.loads(pickle.dumps(v)),
]


def use(v):
    """Do to `v` everything that reads a Variable."""
    for f in USES:
        tries(f, v)
