# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""Many gradients in one sweep: the rows of a jacobian, carried together as a leading axis.

A VJP that computes element by element takes gradients with a leading axis as it is, by
broadcasting; others have a batched rule beside them, see `op`. A graph with an operation that has
none is swept row by row: `gradients` returns None.
"""

from cpython.object cimport PyObject

import numpy as np

from fastgrad._core.row import zero

from fastgrad._core.accumulate cimport gradient_dtype
from fastgrad._core.graph cimport held
from fastgrad._kernels.loops cimport import_numpy
from fastgrad._core.node cimport Handle, Node, REQUIRES_GRAD
from fastgrad._core.operation cimport call_vjp, parameter_of, saved_value
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
        x0, x1, y = read[0], read[own.rule.n_inputs - 1], gy[0]
        if own.rule.n_inputs == 1 and own.n_edges > 1 and own.rule.add_whole == NULL:
            y = saved_value(own, 1, own_gy[0])
        if <object>own.rule.row_batched is None:
            raise NotBatched
        for i in range(own.rule.n_inputs):
            if own.edges[i].to == NULL:
                continue
            to = <object>own.edges[i].to
            if not self.leads_on(to, own.edges[i].slot):
                continue
            gx = call_vjp(own.rule, own.rule.row_batched, i, np, gy, y, x0, x1, parameter_of(own))
            self.add(to, own.edges[i].slot, self.fitted(gx, xs[i]))
        return 0

    cdef int visit_call(self, Node f, list gys) except -1:
        cdef Node own = held(f)
        cdef Call call = call_of(own)
        cdef Row row = call.row
        cdef int i
        if row.batched is None or isinstance(call.y, tuple):
            raise NotBatched
        for i in range(own.n_edges):
            if own.edges[i].to == NULL or row.vjp[i] is zero:
                continue
            if self.leads_on(<object>own.edges[i].to, own.edges[i].slot):
                gy = gys[0] if row.ours else gys[0].copy()
                gx = self.fitted(row.batch(i, np, gy, call), call.operand(i))
                self.add(<object>own.edges[i].to, own.edges[i].slot, gx)
        return 0

    cdef int visit_function(self, Node f, list gys) except -1:
        raise NotBatched

    cdef object fitted(self, object gx, object like):
        """Summed over the axes along which an array of the shape of `like` was broadcast."""
        if gx is NotImplemented:
            raise NotBatched
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
