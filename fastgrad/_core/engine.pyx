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

from fastgrad._core.ends import leaves

from fastgrad._core.accumulate cimport ARRAY, Gradient, NONE, boxed, forget
from fastgrad._core.asides cimport Aside
from fastgrad._core.debug cimport check_if_noted
from fastgrad._core.ends cimport claim_ahead
from fastgrad._core.fit cimport brought
from fastgrad._core.graph cimport (
    array_of, as_recorded, called_again, knows_its_handles, not_walkable, value_of,
)
from fastgrad._core.mixed cimport contribute_mixed
from fastgrad._core.hooks cimport Undecided, hook_leaves, hook_outputs
from fastgrad._kernels.loops cimport (
    DOUBLE, Operand, clear_errors, import_numpy, is_large, same_dtype, type_num,
)
from fastgrad._core.node cimport (
    ALIKE, CHECKED, Edge, HOOKED, Handle, IN_PYTHON, LEAF, Node, OF_ROW, RECORDED, REQUIRES_GRAD,
    SAVED, SPENT, STAND_IN, spend,
)
from fastgrad._core.operation cimport gradient_of, saved_like, saved_operand
from fastgrad._core.queue cimport is_heap, pop
from fastgrad._core.row cimport Call, call_of
from fastgrad._core.row_function cimport as_called, is_built_in, whole
from fastgrad._core.results cimport end, result, show
from fastgrad._core.watch cimport watched, watcher
from fastgrad._core.run cimport (
    aside_of, deposit, fit_in, forget_in_flight, leads, place, put_back, take_only, taken,
    taken_out,
)
from fastgrad._core.stand_ins cimport recorded_data, recorded_value
from fastgrad._core.start cimport from_given, ones_for, start, start_from

import_numpy()


cdef int walk(Run run) except -1:
    cdef unsigned int n_visits = 0
    cdef bint visited
    cdef PyObject *f = <PyObject *>pop(&run.queue)
    while f != NULL:
        visited = False
        try:
            assert is_heap(&run.queue) and knows_its_handles(<Node>f)
            visit(run, <Node>f)
            assert is_heap(&run.queue) and not holds_gradient(run, <Node>f)
            visited = True
        finally:
            if not visited and (<Node>f).run == run.number:
                forget_in_flight(<Node>f)
            Py_DECREF(<object>f)
        n_visits += 1
        if not n_visits & 0xFFF:
            PyErr_CheckSignals()  # Ctrl-C
        f = <PyObject *>pop(&run.queue)
    if run.aside and not run.deaf:
        hook_leaves(run)
    return 0


cdef bint holds_gradient(Run run, Node f) noexcept:
    """For assertions: whether a gradient of this run is left at a node that was visited."""
    cdef int slot
    if f.run == run.number:
        for slot in range(f.n_slots):
            if f.slots[slot].gradient.state != NONE:
                return True
    return False


cdef inline int visit(Run run, Node f) except -1:
    if f.flags & SPENT or not f.flags & RECORDED:
        raise not_walkable(f)
    if f.flags & (CHECKED | HOOKED):
        prepare(run, f)
    if f.flags & (IN_PYTHON | OF_ROW):
        visit_other(run, f)
    elif run.directly:
        visit_operation(run, f)
    else:
        visit_lifted(run, f)
    if not run.retain_graph:
        let_go(run, f)
    return 0


cdef int visit_other(Run run, Node f) except -1:
    """Of what is no compiled operation's call."""
    if f.flags & IN_PYTHON and not is_built_in(f):
        return visit_function(run, f)
    return visit_call(run, f) if f.rule == NULL else visit_lifted(run, f)


cdef int prepare(Run run, Node f) except -1:
    """What few nodes need before they are visited."""
    check_if_noted(f)
    if f.flags & HOOKED and not run.deaf:
        hook_outputs(run, f)  # which runs any code, that may release `f`
        if f.flags & SPENT or not f.flags & RECORDED:
            raise not_walkable(f)
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


# --- visits ---


cdef inline int visit_operation(Run run, Node f) except -1:
    """Of a compiled operation, by a run of arrays: in C, where there is a direct way."""
    cdef Gradient gy
    cdef int first
    take_only(run, f, &gy)
    try:
        if f.n_edges == 2 and f.edges[0].to != NULL and f.edges[1].to != NULL:
            first = first_operand(run, f) if gy.state == ARRAY else 0
            contribute(run, f, first, &gy, False)
            contribute(run, f, 1 - first, &gy, True)
        else:
            contribute(run, f, 0 if f.edges[0].to != NULL else 1, &gy, True)
    finally:
        forget(&gy)
    return 0


cdef int visit_lifted(Run run, Node f) except -1:
    """The same by another run, or of one that the program called itself: by the row's VJPs."""
    cdef Node own = as_called(f)  # the VJPs run any code, which may release `f`
    cdef int i
    gy = taken(run, f, 0, False)
    for i in range(own.n_edges):
        place(run, own.edges[i].to, own.edges[i].slot)
    if gy is None:
        return 0
    opened = run.opened_rule(f, own, gy)
    for i in range(own.n_edges):
        if leads(run, own.edges[i].to, own.edges[i].slot):
            like = saved_like(own, i, gy[0] if run.n_leading else gy)
            gx = brought(run.lifted(run.by_rule(own, opened, i)), like, run.n_leading)
            clear_errors()  # NumPy reported them, and leaves them up
            deposit(run, <object>own.edges[i].to, own.edges[i].slot, gx)
    return 0


cdef inline int first_operand(Run run, Node f) except -1:
    """Claims are made in the order of the operands; contributions to two places need no order.

    The last contribution may take over the array of gy: best one to a place that has none yet.
    """
    place(run, f.edges[0].to, f.edges[0].slot)
    place(run, f.edges[1].to, f.edges[1].slot)
    # Only now, for a claim may run the garbage collector, and it what it likes.
    cdef Gradient *g0 = place(run, f.edges[0].to, f.edges[0].slot)
    cdef Gradient *g1 = place(run, f.edges[1].to, f.edges[1].slot)
    return 1 if g0 != NULL and g1 != NULL and g0 != g1 and g0.state == NONE != g1.state else 0


cdef inline int contribute(Run run, Node f, int i, Gradient *gy, bint last) except -1:
    """Add what operand `i` gets. `last`: gy is not needed hereafter."""
    cdef Edge *edge = &f.edges[i]
    cdef Operand x0, x1
    if edge.to == NULL:
        raise not_walkable(f)  # since a moment ago: a warning's handler ran a backward here
    cdef Gradient *gx = place(run, edge.to, edge.slot)
    if gx == NULL or gy.state == NONE:
        return 0
    if f.rule.add_whole != NULL:
        return contribute_whole(run, f, i, gy, last, gx)
    if f.rule.add_gradient != NULL and (edge.flags & ALIKE or takes_unlike(f, edge, gy)):
        if saved_operand(f, 0, &x0) and saved_operand(f, 1, &x1):
            if gy.state == ARRAY and is_large(gy.value.array):
                if contribute_held(run, f, i, gy, x0, x1, last, gx):
                    return 0
            elif f.rule.add_gradient(i, gy, x0, x1, last, gx):
                return 0
    if gy.state == ARRAY and type_num(gy.value.array) == DOUBLE and contribute_mixed(run, f, i, gy):
        return 0
    return contribute_by_numpy(run, f, i, boxed(gy))


cdef bint contribute_held(Run run, Node f, int i, Gradient *gy, Operand x0, Operand x1, bint last,
                          Gradient *gx) except -1:
    """`add_gradient` of large arrays: see NOTE [Large loops]."""
    cdef object _held0 = None if x0.array == NULL else <object>x0.array
    cdef object _held1 = None if x1.array == NULL else <object>x1.array
    cdef object to = <object>f.edges[i].to
    cdef int slot = f.edges[i].slot
    cdef Gradient own = taken_out(gx)
    cdef bint done
    try:
        done = f.rule.add_gradient(i, gy, x0, x1, last, &own)
    except BaseException:
        forget(&own)
        raise
    put_back(run, to, slot, &own)
    return done


cdef int contribute_whole(Run run, Node f, int i, Gradient *gy, bint last, Gradient *gx) except -1:
    cdef object to = <object>f.edges[i].to
    cdef int slot = f.edges[i].slot
    cdef Gradient own
    if gx.state == ARRAY and is_large(gx.value.array):
        own = taken_out(gx)
        try:
            made = f.rule.add_whole(f, i, gy, last, &own)
        except BaseException:
            forget(&own)
            raise
        put_back(run, to, slot, &own)
    else:
        made = f.rule.add_whole(f, i, gy, last, gx)
    if made is False:
        return contribute_by_numpy(run, f, i, boxed(gy))
    return 0 if made is True else deposit(run, to, slot, made)


cdef int contribute_by_numpy(Run run, Node f, int i, object gy) except -1:
    if f.edges[i].to == NULL:
        raise not_walkable(f)
    cdef object to = <object>f.edges[i].to
    cdef int slot = f.edges[i].slot
    like = saved_like(f, i, gy)
    gx = brought(gradient_of(f, i, gy), like, 0)
    clear_errors()  # NumPy reported them, and leaves them up
    return deposit(run, to, slot, gx)


cdef inline bint takes_unlike(Node f, const Edge *edge, const Gradient *gy) noexcept:
    """Whether the direct way is for operands of any shape, and this one has the dtype of gy."""
    return (f.rule.unlike and gy.state == ARRAY and edge.flags & (SAVED | STAND_IN)
            and same_dtype(edge.saved.array, gy.value.array))


cdef int visit_call(Run run, Node f) except -1:
    """Of a row."""
    cdef Node own = as_called(f)  # as above
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
            like = np.asanyarray(array_of(gxs[i]))
        gx = fit_in(run, gxs[i], like, f, i, gys)
        if gx is not None:
            run.require(f, i, gxs[i], gys, None)
            start_from(run, x, gx)
    return 0


# --- runs of arrays ---


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
        if watched and (run.directly or run.n_leading):
            watcher().run(ys)
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
        if watched:
            watcher().run([y])
    finally:
        end(run)


def gradients(list ys, list gys, list xs, int origin=0, bint prune=False, bint hooks=True):
    """The gradients of the Variables `xs` alone, and nobody's `.grad`: arrays, None if not reached.

    `gys` are the arrays, or None for ones, with which the Variables `ys` begin. With an `origin`,
    None instead of the gradients if one of `ys` depends on a captured Variable, see NOTE [Origins].
    With `prune` no node is visited that does not lead to one of `xs`; without `hooks` none are
    called.
    """
    cdef Handle x, y
    cdef list begun = []
    for y, gy in zip(ys, gys):
        if y.flags & REQUIRES_GRAD:
            like = as_recorded(y)
            begun.append(ones_for(like) if gy is None else from_given(gy, like))
        else:
            begun.append(None)
    cdef Run run = Run(False, True, {<size_t><PyObject *>x: None for x in xs})
    run.origin, run.deaf = origin, not hooks
    clear_errors()
    try:
        return gradients_by(run, ys, begun, xs, prune)
    except Undecided:
        pass
    # Hooks are called once, so not by a run of which nothing may come.
    for x in leaves(ys):
        if x.slot != origin and <size_t><PyObject *>x not in run.wanted:
            return None
    return gradients(ys, gys, xs, 0, prune)
