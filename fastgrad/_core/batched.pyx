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

from fastgrad._core.engine cimport gradients_by
from fastgrad._core.fit cimport brought
from fastgrad._kernels.loops cimport import_numpy
from fastgrad._core.node cimport Handle, Node, REQUIRES_GRAD, Rule
from fastgrad._core.operation cimport call_vjp, parameter_of, saved_value
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.row cimport Call
from fastgrad._core.run cimport Run, deposit, leads

import_numpy()


cdef class NotBatched(Exception):
    pass


cdef class BatchedRun(Run):
    def __cinit__(self, bint retain_grad, bint retain_graph, dict wanted=None):
        self.directly, self.n_leading = False, 1

    cdef int visit_lifted(self, Node f, Node own, object gy) except -1:
        cdef const Rule *rule = f.rule
        cdef int i, n = rule.n_inputs
        if <object>rule.row_batched is None:
            raise NotBatched
        # Of `gy`, that of one row has the shape and the dtype of the output.
        xs = [saved_value(own, i, gy[0]) for i in range(n)]
        own_gy, gy = gy, widened(gy)
        read = [as_read(x, gy) for x in xs]
        y = gy[0]
        if n == 1 and own.n_edges > 1 and rule.add_whole == NULL:
            y = saved_value(own, 1, own_gy[0])
        for i in range(n):
            if leads(self, own.edges[i].to, own.edges[i].slot):
                gx = call_vjp(rule, rule.row_batched, i, np, gy, y, read[0], read[n - 1],
                              parameter_of(own))
                gx = carried(gx, xs[i])
                deposit(self, <object>own.edges[i].to, own.edges[i].slot, gx)
        return 0

    cdef object opened(self, Node f, Node own, Call call, list gys):
        if call.row.batched is None or isinstance(call.y, tuple):
            raise NotBatched
        return gys[0]

    cdef object by_row(self, Node f, Call call, object opened, int i):
        if not call.row.sequence and call.row.vjp[i] is zero:
            return None
        gy = opened if call.row.ours else opened.copy()
        return carried(call.row.batch(i, np, gy, call), call.operand(i))

    cdef object passed(self, object gx):
        raise NotBatched  # a hook sees one gradient at a time

    cdef tuple by_function(self, Node f, list gys, tuple inputs, object xs):
        raise NotBatched


cdef object carried(object gx, object like):
    """Brought to the shape and dtype of `like`, after the leading axis."""
    if gx is NotImplemented:
        raise NotBatched
    try:
        return brought(gx, like, 1)
    except ValueError:
        raise NotBatched from None  # of a VJP that did not look at its gradient


def gradients(Handle y, gys, list xs):
    """The gradients of the Variables `xs` for each of `gys`, an array of gradients of `y`.

    Arrays with that leading axis, or None where `y` does not depend on one; None instead of a list
    if the graph has operations that take no leading axis.
    """
    if not y.flags & REQUIRES_GRAD:
        return [None] * len(xs)
    cdef BatchedRun run = BatchedRun(False, True, {<size_t><PyObject *>x: None for x in xs})
    try:
        return gradients_by(run, [y], [gys], xs, True)
    except NotBatched:
        return None
