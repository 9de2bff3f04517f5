"""See direct.pxd."""

from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport ARRAY, Gradient, NONE, boxed, forget
from fastgrad._core.fit cimport brought
from fastgrad._core.graph cimport not_walkable
from fastgrad._core.node cimport ALIKE, Edge, SAVED, STAND_IN
from fastgrad._core.operation cimport gradient_of, saved_like, saved_operand
from fastgrad._core.run cimport deposit, place, put_back, take, taken_out
from fastgrad._kernels.loops cimport Operand, clear_errors, import_numpy, is_large, same_dtype

import_numpy()


cdef int visit_operation(Run run, Node f) except -1:
    cdef Gradient gy
    cdef int first
    take(run, f, 0, &gy)
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
