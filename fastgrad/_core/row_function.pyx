# cython: binding=False, nonecheck=True
# (So that a method called on the class checks the type of its `self`, None included; and what a
# program may have put in a place of ours gets an exception.)
"""See row_function.pxd."""

import numpy as np

from cpython.object cimport PyTypeObject

from fastgrad._core.accumulate cimport zero_gradient
from fastgrad._core.arguments cimport to_save
from fastgrad._core.fit cimport fit
from fastgrad._core.graph cimport held, value_of
from fastgrad._core.node cimport Node, OF_ROW, adopt_nodes
from fastgrad._core.row cimport call_of
from fastgrad._core.stand_ins cimport recorded_inputs
from fastgrad._kernels.loops cimport import_numpy

from fastgrad._core.row import zero

import_numpy()


cdef list whole(Row row, gys, ys):
    if row.none_for_absent:
        return list(gys)
    return [zero_gradient(y) if gy is None else gy for gy, y in zip(gys, ys)]


cdef list owned(list gys):
    cdef object gy
    return [np.array(gy, subok=True) for gy in gys]


cdef object gradient_of_call(Call call, int i, object gy):
    cdef Row row = call.row
    cdef object x = call.operand(i)
    if not row.sequence and row.vjp[i] is zero:
        return zero_gradient(x)
    return fit(row.differentiate(i, np, gy, call), x, row.name, i, None)


cdef class RowFunction(Function):
    """What a row records. Its subclasses can be called, and subclassed, like any Function."""

    row = None

    def __reduce_ex__(self, protocol):
        made = super().__reduce_ex__(protocol)
        cdef Row row = type(self).row
        if row is None or row._function is not type(self):
            return made
        # Its class is no module's attribute: pickled by the row, which is.
        return new_function, (row,), *made[2:]

    def forward(self, *xs):
        """The output's array, from the operands'."""
        cdef Row row = row_of(self)
        y = row.forward(xs) if row.sequence else row.forward(*xs)
        self._y = tuple(y) if isinstance(y, (tuple, list)) else y
        return self._y

    def backward(self, *gys):
        """The inputs' gradients, from the output's."""
        cdef Call call
        cdef Row row
        if self.flags & OF_ROW:
            return backward_of(self, gys)
        row = row_of(self)
        call = Call.__new__(Call)
        call.row, call.y = row, self._y
        xs = tuple([to_save(value_of(x), True) for x in recorded_inputs(self)])
        call.args = (xs,) if row.sequence else xs
        return gradients_of(call, gys, None)


def output_at(Node f not None, int slot):
    """What a node of a row keeps of an output: its data, or what stands for them."""
    if not f.flags & OF_ROW:
        raise TypeError(f"{type(f).__name__} is no node of a row, or was released")
    y = call_of(f).y
    return y[slot] if isinstance(y, tuple) else y


def backward_of(Function f, tuple gys):
    """What `f.backward(*gys)` is for a node of a row."""
    cdef Node own = held(f)
    return gradients_of(call_of(own), gys, [own.edges[i].to != NULL for i in range(own.n_edges)])


cdef object gradients_of(Call call, tuple gys, list needed):
    cdef Row row = call.row
    cdef int i, n = len(call.args[0]) if row.sequence else len(call.args)
    ys = call.y if isinstance(call.y, tuple) else (call.y,)
    gys = tuple(whole(row, gys, ys))
    gy = gys if isinstance(call.y, tuple) else gys[0]
    gxs = []
    for i in range(n):
        known = row.sequence or (i < len(row.vjp) and row.vjp[i] is not None)
        known = known and (needed is None or needed[i])
        gxs.append(gradient_of_call(call, i, gy) if known else None)
    return tuple(gxs) if len(gxs) > 1 else gxs[0]


adopt_nodes(<PyTypeObject *>RowFunction)


cdef Row row_of(Function f):
    cdef object row = type(f).row
    if not isinstance(row, Row):
        raise NotImplementedError(f"{type(f).__name__} is no built-in operation")
    return row


def new_function(row):
    """A Function of a row, not called yet: what a pickle of one holds."""
    return row.Function()
