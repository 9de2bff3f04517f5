# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""Many gradients in one sweep: the rows of a jacobian, carried together as a leading axis.

An operation whose gradients are products with arrays of its operands' shape does as well with a
leading axis: elementwise ones, by broadcasting; matmul, sum, reshape and their kin in their own
ways, below. A graph with anything else in it is swept row by row: `gradients` returns None.
"""

from cpython.object cimport PyObject

import numpy as np

from fastgrad.functions._choosing import Where
from fastgrad.functions._indexing import GetItem, is_basic
from fastgrad.functions._products import MatMul
from fastgrad.functions._reductions import Mean, Sum
from fastgrad._core.row import zero
from fastgrad.functions._shaping import BroadcastTo, Reshape, Transpose

from fastgrad._core.accumulate cimport gradient_dtype
from fastgrad._core.graph cimport held
from fastgrad._kernels.loops cimport import_numpy
from fastgrad._core.node cimport Handle, Node, REQUIRES_GRAD
from fastgrad._core.operation cimport parameter_of, saved_value
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.recorded cimport RecordedRun, between
from fastgrad._core.row cimport Call, Row, call_of

import_numpy()


cdef class NotBatched(Exception):
    pass


cdef class BatchedRun(RecordedRun):
    cdef int visit_operation(self, Node f, object gy) except -1:
        cdef Node own = held(f)  # as in RecordedRun
        cdef int i
        # Of `gy`, that of one row has the shape and the dtype of the output.
        xs = [saved_value(own, i, gy[0]) for i in range(own.rule.n_inputs)]
        own_gy, gy = gy, widened(gy)
        read = [as_read(x, gy) for x in xs]
        saved = None
        if own.rule.add_whole != NULL:
            saved = parameter_of(own)
        elif own.n_edges > 1:
            saved = saved_value(own, 1, own_gy[0])
        for i in range(own.rule.n_inputs):
            if own.edges[i].to == NULL:
                continue
            to = <object>own.edges[i].to
            if not self.leads_on(to, own.edges[i].slot):
                continue
            special = SPECIAL.get(type(f))
            if special is not None:
                gx = special(i, gy, read, saved)
            else:
                y = saved if own.rule.n_inputs == 1 and saved is not None else gy[0]
                gx = (<tuple>own.rule.row_vjps)[i](np, gy, y, *read)
            self.add(to, own.edges[i].slot, self.fitted(gx, xs[i]))
        return 0

    cdef int visit_call(self, Node f, list gys) except -1:
        cdef Node own = held(f)
        cdef Call call = call_of(own)
        cdef Row row = call.row
        cdef int i
        if not row.is_ufunc or isinstance(call.y, tuple):
            raise NotBatched
        for i in range(own.n_edges):
            if own.edges[i].to == NULL or row.vjp[i] is zero:
                continue
            if self.leads_on(<object>own.edges[i].to, own.edges[i].slot):
                gy = gys[0] if row.ours else gys[0].copy()
                gx = self.fitted(row.differentiate(i, np, gy, call), call.operand(i))
                self.add(<object>own.edges[i].to, own.edges[i].slot, gx)
        return 0

    cdef int visit_function(self, Node f, list gys) except -1:
        raise NotBatched

    cdef object fitted(self, object gx, object like):
        """Summed over the axes along which an array of the shape of `like` was broadcast."""
        like = np.asarray(like)
        cdef int n_leading = gx.ndim - 1 - like.ndim
        if n_leading < 0:
            raise NotBatched  # of a VJP that did not look at its gradient
        if n_leading > 0:
            gx = gx.sum(axis=tuple(range(1, 1 + n_leading)))
        axes = tuple([i + 1 for i, n in enumerate(like.shape) if n == 1 != gx.shape[i + 1]])
        if axes:
            gx = gx.sum(axis=axes, keepdims=True)
        if gx.shape[1:] != like.shape:
            raise NotBatched
        dtype = gradient_dtype(like.dtype)
        if gx.dtype != dtype and dtype.kind in "fc":
            if gx.dtype.kind == "c" and dtype.kind == "f":
                gx = gx.real
            gx = gx.astype(dtype)
        return gx


# --- operations with ways of their own: (i, gradients, operands, parameter) ---


def matmul(i, gy, xs, _):
    """Of matrices and vectors."""
    x0, x1 = xs
    if x0.ndim > 2 or x1.ndim > 2 or x0.ndim + x1.ndim < 3:
        raise NotBatched
    if i == 0:
        return gy[:, :, None] * x1 if x1.ndim == 1 else gy @ x1.T
    if x0.ndim == 1:
        return x0[:, None] * gy[:, None, :]
    return gy @ x0 if x1.ndim == 1 else x0.T @ gy


def getitem(i, gy, xs, index):
    """Of an index that selects a view: others order the axes of what they select differently."""
    if not is_basic(index):
        raise NotBatched
    index = index if isinstance(index, tuple) else (index,)
    gx = np.zeros((len(gy), *xs[0].shape), gy.dtype)
    gx[(slice(None), *index)] = gy
    return gx


def summed(i, gy, xs, parameter):
    """The gradient of a sum, everywhere."""
    x = xs[0]
    axis, keepdims = (None, False) if parameter is None else parameter
    if not keepdims:
        axes = range(x.ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(
            axis, x.ndim)
        shape = [1 if k in axes else n for k, n in enumerate(x.shape)]
        gy = gy.reshape((len(gy), *shape))
    return np.broadcast_to(gy, (len(gy), *x.shape))


def averaged(i, gy, xs, parameter):
    """The same, for the mean."""
    gx = summed(i, gy, xs, parameter)
    return gx * (gy[0].size / max(xs[0].size, 1))


def broadcast(i, gy, xs, _):
    """As it is: summed by the run."""
    return gy


def chosen(i, gy, xs, mask):
    """The gradient where the operand was chosen."""
    return np.where(mask, gy, 0) if i == 0 else np.where(mask, 0, gy)


def reshaped(i, gy, xs, _):
    """Back in the shape of the operand."""
    return gy.reshape((len(gy), *xs[0].shape))


def transposed(i, gy, xs, axes):
    """The axes in their old order."""
    n = xs[0].ndim
    inverse = range(n)[::-1] if axes is None else np.argsort([axis % n for axis in axes])
    return gy.transpose((0, *[int(axis) + 1 for axis in inverse]))


SPECIAL = {
    MatMul: matmul, GetItem: getitem, Sum: summed, Mean: averaged, Reshape: reshaped,
    Transpose: transposed, BroadcastTo: broadcast, Where: chosen,
}


def gradients(Handle y, gys, list xs):
    """The gradients of the Variables `xs` for each of `gys`, an array of gradients of `y`.

    Arrays with that leading axis, or None where `y` does not depend on one; None instead of a list
    if the graph has operations that take no leading axis.
    """
    cdef dict wanted = {<size_t><PyObject *>x: None for x in xs}
    cdef BatchedRun run = BatchedRun(False, False, wanted, between([y], wanted))
    if not y.flags & REQUIRES_GRAD:
        return [None] * len(xs)
    try:
        run.start(y, gys)
        run.walk()
    except NotBatched:
        return None
    return [run.result(x) for x in xs]
