# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""Many gradients in one sweep: the rows of a jacobian, carried together as a leading axis.

A VJP that computes element by element takes gradients with a leading axis as it is, by
broadcasting; others have a batched rule beside them, see `op`. An operation that has none computes
them one by one, as a Function does. A graph with hooks is swept row by row: `gradients` returns
None.
"""

from cpython.object cimport PyObject

import numpy as np

from fastgrad._core.row import zero

from fastgrad._core.engine cimport gradients_by
from fastgrad._core.fit cimport brought, fit
from fastgrad._core.graph cimport array_of
from fastgrad._kernels.loops cimport import_numpy
from fastgrad._core.node cimport Handle, Node, REQUIRES_GRAD, Rule
from fastgrad._core.operation cimport call_vjp, gradient_of, parameter_of, saved_value
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.row cimport Call, Row
from fastgrad._core.run cimport Run
from fastgrad._core.stand_ins cimport recorded_value

import_numpy()


cdef class NotBatched(Exception):
    pass


cdef class BatchedRun(Run):
    cdef Py_ssize_t n_rows

    def __cinit__(self, bint retain_grad, bint retain_graph, dict wanted=None):
        self.directly, self.n_leading = False, 1

    cdef object opened_rule(self, Node f, Node own, object gy):
        cdef int i, n = own.rule.n_inputs
        # Of `gy`, that of one row has the shape and the dtype of the output.
        xs = [saved_value(own, i, gy[0]) for i in range(n)]
        own_gy, gy = gy, widened(gy)
        y = gy[0]
        if n == 1 and own.n_edges > 1 and own.rule.add_whole == NULL:
            y = saved_value(own, 1, own_gy[0])
        return own_gy, gy, y, xs, [as_read(x, gy) for x in xs]

    cdef object by_rule(self, Node own, object opened, int i):
        cdef const Rule *rule = own.rule
        own_gy, gy, y, xs, read = opened
        if <object>rule.row_batched is not None:
            gx = call_vjp(rule, rule.row_batched, i, np, gy, y, read[0], read[len(read) - 1],
                          parameter_of(own))
            gx = carried(gx, xs[i])
            if gx is not None:
                return gx
        return together([brought(gradient_of(own, i, g), xs[i], 0) for g in each(own_gy)])

    cdef object by_row(self, Node f, Call call, object opened, int i):
        cdef Row row = call.row
        cdef list gys = opened
        cdef bint many = isinstance(call.y, tuple)
        if not row.sequence and row.vjp[i] is zero:
            return None
        if not many and row.batched is not None and (row.sequence or row.batched[i] is not None):
            gy = gys[0] if row.ours else gys[0].copy()
            gx = carried(row.batch(i, np, gy, call), call.operand(i))
            if gx is not None:
                return gx
        ys = call.y if many else (call.y,)
        like, made = call.operand(i), []
        for k in range(self.n_rows):
            gx = Run.by_row(self, f, call, [gradient_at(g, y, k) for g, y in zip(gys, ys)], i)
            made.append(fit(gx, like, row.name, i, None))
        return together(made)

    cdef object passed(self, object gx):
        raise NotBatched  # a hook sees one gradient at a time

    cdef tuple by_function(self, Node f, list gys, tuple inputs, object xs):
        cdef int i, n = len(inputs)
        cdef list made = [[] for _ in range(n)]
        for k in range(self.n_rows):
            own = [None if g is None else np.array(g[k, ...]) for g in gys]
            gxs = Run.by_function(self, f, own, inputs, xs)
            for i in range(n):
                gx = gxs[i] if (<Handle>inputs[i]).flags & REQUIRES_GRAD else None
                like = recorded_value(xs, i, n)
                if like is None and gx is not None:  # a Variable without data takes any gradient
                    like = np.asanyarray(array_of(gx))
                made[i].append(fit(gx, like, f, i, own))
        return tuple([together(rows) for rows in made])


cdef list each(object gy):
    """The gradients one by one."""
    return [gy[k, ...] for k in range(len(gy))]


cdef object gradient_at(object gy, object y, Py_ssize_t k):
    """Number `k` of the gradients of `y`; zeros made in place of them have no leading axis."""
    return gy if gy is None or gy.ndim == y.ndim else gy[k, ...]


cdef object together(list rows):
    """Gradients for one input, computed one by one, with a leading axis; None: there is none."""
    cdef object row, made = None
    cdef Py_ssize_t k
    for k in range(len(rows)):
        row = rows[k]
        if row is None:
            continue
        if made is None:
            made = np.zeros((len(rows), *row.shape), row.dtype)
        made[k, ...] = row
    return made


cdef object carried(object gx, object like):
    """Brought to the shape and dtype of `like`, after the leading axis.

    None, if there is no batched rule for these arguments.
    """
    if gx is NotImplemented:
        return None
    try:
        return brought(gx, like, 1)
    except ValueError:
        return None  # of a VJP that did not look at its gradient


def gradients(Handle y, gys, list xs):
    """The gradients of the Variables `xs` for each of `gys`, an array of gradients of `y`.

    Arrays with that leading axis, or None where `y` does not depend on one; None instead of a list
    if the graph has hooks.
    """
    if not y.flags & REQUIRES_GRAD:
        return [None] * len(xs)
    cdef BatchedRun run = BatchedRun(False, True, {<size_t><PyObject *>x: None for x in xs})
    run.n_rows = len(gys)
    try:
        return gradients_by(run, [y], [gys], xs, True)
    except NotBatched:
        return None
