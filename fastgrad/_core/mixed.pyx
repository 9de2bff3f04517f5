"""See mixed.pxd. What is of float32 is converted first, as the row's VJP has NumPy do it."""

from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport NONE, boxed, forget
from fastgrad._core.fit cimport brought
from fastgrad._core.node cimport ALIKE, Edge, SAVED, SAVED_NUMBER, STAND_IN
from fastgrad._core.operation cimport saved_like, saved_operand
from fastgrad._core.run cimport deposit
from fastgrad._kernels.casts cimport converted
from fastgrad._kernels.loops cimport (
    DOUBLE, Operand, import_numpy, is_large, same_shape, type_num,
)
from fastgrad._kernels.spares cimport drop

import_numpy()


cdef bint contribute_mixed(Run run, Node f, int i, Gradient *gy) except -1:
    cdef Edge *edge = &f.edges[i]
    cdef bint own_shape = edge.flags & ALIKE or (edge.flags & (SAVED | STAND_IN) and (
        f.rule.unlike or same_shape(edge.saved.array, gy.value.array)))
    if f.rule.add_gradient == NULL or not own_shape or is_large(gy.value.array):
        return False
    if edge.flags & SAVED_NUMBER:
        return False  # ... of an output that was assigned an array since
    cdef object to = <object>edge.to, like = saved_like(f, i, boxed(gy))
    cdef int slot = edge.slot
    cdef Operand x0, x1
    cdef PyObject *made0 = NULL
    cdef PyObject *made1 = NULL
    cdef Gradient own
    cdef bint done = False
    own.state = NONE
    try:
        if (in_double(f, 0, gy, &x0, &made0) and in_double(f, 1, gy, &x1, &made1)
                and (made0 != NULL or made1 != NULL or type_num(<PyObject *>like) != DOUBLE)):
            done = f.rule.add_gradient(i, gy, x0, x1, False, &own)
        gx = boxed(&own) if done else None
    finally:
        forget(&own)
        if made0 != NULL:
            drop(made0)
        if made1 != NULL:
            drop(made1)
    if done:
        deposit(run, to, slot, brought(gx, like, 0))
    return done


cdef bint in_double(Node f, int i, const Gradient *gy, Operand *x, PyObject **made) except -1:
    """Operand `i` as it was saved; of float32, one that was `made` of it. False: it is neither."""
    if not saved_operand(f, i, x):
        return False
    if x.array == NULL or type_num(x.array) == DOUBLE:
        return True
    x.array = made[0] = converted(x.array, gy.value.array)
    return made[0] != NULL
