# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""Backward: the walk from a Variable to the leaves, in the seed's order.

A node is claimed, and queued, when the first gradient reaches it, and visited when no node of a
greater generation is queued. A visit takes the gradient out of the node's slots and adds, for each
edge, to the place it leads to: a slot of another node, or a leaf. No `.grad` changes before the
end: an exception leaves each as it was.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

import numpy as np

from fastgrad._core.accumulate cimport Gradient, NONE, boxed, forget, ones_gradient, put, shown
from fastgrad._core.asides cimport Aside
from fastgrad._core.debug cimport check_if_noted
from fastgrad._core.direct cimport visit_operation
from fastgrad._core.ends cimport claim_ahead
from fastgrad._core.fit cimport brought
from fastgrad._core.graph cimport as_recorded, called_again, held, not_walkable, value_of
from fastgrad._kernels.loops cimport clear_errors, import_numpy, is_double
from fastgrad._core.node cimport (
    IN_PYTHON, LEAF, Node, OF_ROW, RECORDED, REQUIRES_GRAD, SPENT, spend,
)
from fastgrad._core.queue cimport pop
from fastgrad._core.row cimport Call, call_of, whole
from fastgrad._core.run cimport (
    aside_of, deposit, end, fit_in, grad_of, leads, note, result, show, taken,
)
from fastgrad._core.stand_ins cimport recorded_data, recorded_value

import_numpy()


cdef int walk(Run run) except -1:
    cdef unsigned int n_visits = 0
    cdef PyObject *f = <PyObject *>pop(&run.queue)
    while f != NULL:
        try:
            visit(run, <Node>f)
        except BaseException:
            forget_in_flight(run, <Node>f)
            raise
        finally:
            Py_DECREF(<object>f)
        n_visits += 1
        if not n_visits & 0xFFF:
            PyErr_CheckSignals()  # Ctrl-C
        f = <PyObject *>pop(&run.queue)
    return 0


cdef int forget_in_flight(Run run, Node f) except -1:
    """Of a node that could not be visited: what is left there might close a cycle."""
    cdef int slot
    if f.run == run.number:
        for slot in range(f.n_slots):
            forget(&f.slots[slot].gradient)
    return 0


cdef inline int visit(Run run, Node f) except -1:
    if f.flags & SPENT or not f.flags & RECORDED:
        raise not_walkable(f)
    check_if_noted(f)
    if f.flags & IN_PYTHON:
        visit_function(run, f)
    elif f.flags & OF_ROW:
        visit_call(run, f)
    elif run.directly:
        visit_operation(run, f)
    else:
        run.visit_lifted(f)
    if not run.retain_graph:
        let_go(run, f)
    return 0


cdef int let_go(Run run, Node f) except -1:
    cdef int i
    for i in range(f.n_edges):
        hold_output(run, f.edges[i].to, f.edges[i].slot)
    if run.outputs and f.flags & IN_PYTHON:
        run.outputs.pop(<size_t><PyObject *>f, None)
    spend(f)
    return 0


cdef inline int hold_output(Run run, PyObject *x, int slot) except -1:
    """The backward of a Function run in Python may read its outputs: when it is visited."""
    cdef PyObject *f = (<Handle>x).creator if slot == LEAF and x != NULL else NULL
    if f != NULL and (<Node>f).flags & IN_PYTHON:
        run.outputs.setdefault(<size_t>f, []).append(<object>x)
    return 0


cdef int visit_call(Run run, Node f) except -1:
    """Of a row."""
    cdef Node own = held(f)  # the VJPs run any code, which may release `f`
    cdef Call call = call_of(own)
    cdef int i, slot
    cdef bint reached = False
    cdef list gys = []
    for slot in range(f.n_slots):
        gys.append(taken(run, f, slot, not call.row.ours))
        reached |= gys[slot] is not None
    if not reached:
        return 0
    if isinstance(call.y, tuple):
        gys = whole(call.row, gys, call.y)
    opened = run.opened(f, own, call, gys)
    for i in range(own.n_edges):
        if leads(run, own.edges[i].to, own.edges[i].slot):
            made = run.by_row(own, call, opened, i)
            gx = fit_in(run, made, call.operand(i), call.row.name, i, None)
            if gx is not None:
                run.require(own, i, made, gys, opened)
                deposit(run, <object>own.edges[i].to, own.edges[i].slot, gx)
    return 0


cdef int visit_function(Run run, Node f) except -1:
    """Of a Function that is run in Python."""
    cdef tuple inputs = <tuple>f.kept
    cdef object xs = recorded_data(f)
    cdef list gys = []
    cdef int i, slot = 0, n = len(inputs)
    cdef bint reached = False
    cdef Handle x
    cdef Aside aside = aside_of(run, f)
    if aside is not None and aside.first != f.first:
        raise called_again(f)  # since it was queued, by code in the middle; and below
    while slot < f.n_slots:
        gys.append(taken(run, f, slot, True))
        reached |= gys[slot] is not None
        slot += 1
    if not reached:
        if f.run != run.number and aside is None:
            raise called_again(f)
        return 0
    cdef tuple gxs = run.by_function(f, gys, inputs, xs)
    for i in range(n):
        x = inputs[i]
        if not x.flags & REQUIRES_GRAD or gxs[i] is None:
            continue
        like = recorded_value(xs, i, n)
        if like is None:  # a Variable without data takes any gradient
            like = np.asanyarray(value_of(gxs[i]) if isinstance(gxs[i], Handle) else gxs[i])
        gx = fit_in(run, gxs[i], like, f, i, gys)
        if gx is not None:
            run.require(f, i, gxs[i], gys, None)
            start_from(run, x, gx)
    return 0


# --- the beginning ---


cdef int start(Run run, Handle y) except -1:
    cdef Gradient gy
    gy.state = NONE
    put(&gy, run.lifted(starting_gradient(y)))
    try:
        if y.creator == NULL:
            if run.directly:
                gx = shown(&gy) if y.grad == NULL else grad_of(y)
            else:
                gx = run.visible(y, boxed(&gy))
            run.interior.append((y, gx))
        else:
            deposit(run, <object>y.creator, y.slot, boxed(&gy))
            note(run, y, &gy)
    finally:
        forget(&gy)
    return 0


cdef int start_from(Run run, Handle y, object gy) except -1:
    if y.creator == NULL:
        return deposit(run, y, LEAF, gy)
    return deposit(run, <object>y.creator, y.slot, gy)


cdef object one = np.float64(1)


cdef object starting_gradient(Handle y):
    cdef object x = as_recorded(y)
    if y.grad == NULL:
        return ones_for(x)
    return from_given(grad_of(y), x)


cdef object ones_for(object x):
    return one if is_double(<PyObject *>x) else ones_gradient(x)


cdef object from_given(object gy, object x):
    if gy.shape != x.shape:
        try:
            gy = np.broadcast_to(gy, x.shape).copy()
        except ValueError:
            raise ValueError(f"backward: the gradient to start from has shape {gy.shape}, "
                             f"expected {x.shape}") from None
    return brought(gy, x, 0)


cdef list gradients_by(Run run, list ys, list gys, list xs, bint prune):
    cdef Handle y
    try:
        if prune:
            claim_ahead(run, ys)
        for y, gy in zip(ys, gys):
            if y.flags & REQUIRES_GRAD:
                start_from(run, y, gy)
        walk(run)
        if run.origin and run.captured:
            return None
        return [result(run, x) for x in xs]
    finally:
        end(run)


def backward(Handle y not None, retain_grad=False, create_graph=False, retain_graph=True):
    """`y.backward(...)`: see Variable.backward."""
    if value_of(y) is None:
        raise TypeError("backward: this Variable has no data (None)")
    if not y.flags & REQUIRES_GRAD:
        raise RuntimeError("backward: this Variable has no gradient (requires_grad is False)")
    if create_graph:
        import fastgrad._core.recorded as recorded  # which is made of the rows

        recorded.backward(y, retain_grad)
        return
    cdef Run run = Run(bool(retain_grad), bool(retain_graph))
    clear_errors()
    try:
        start(run, y)
        walk(run)
        show(run)
    finally:
        end(run)


def gradients(list ys, list gys, list xs, int origin=0, bint prune=False):
    """The gradients of the Variables `xs` alone, and nobody's `.grad`: arrays, None if not reached.

    `gys` are the arrays, or None for ones, with which the Variables `ys` begin. With an `origin`,
    None instead of the gradients if one of `ys` depends on a captured Variable, see NOTE [Origins].
    With `prune` no node is visited that does not lead to one of `xs`.
    """
    cdef Handle y
    cdef list begun = []
    for y, gy in zip(ys, gys):
        if y.flags & REQUIRES_GRAD:
            like = as_recorded(y)
            begun.append(ones_for(like) if gy is None else from_given(gy, like))
        else:
            begun.append(None)
    cdef Run run = Run(False, True, {<size_t><PyObject *>x: None for x in xs})
    run.origin = origin
    clear_errors()
    return gradients_by(run, ys, begun, xs, prune)
