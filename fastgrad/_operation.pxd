"""How a compiled operation is called and recorded, whichever it is."""

from cpython.object cimport PyObject, PyTypeObject

from fastgrad._function cimport Function
from fastgrad._loops cimport Operand
from fastgrad._node cimport Edge, Node, Rule


cdef class Operation(Function):
    pass


cdef enum:  # bits of Rule.uses
    X0 = 1
    X1 = 2

# The compiled class `cls` is the operation of `rule`.
cdef int register_operation(cls, const Rule *rule) except -1

# The operation on Variables, ndarrays and numbers (x1 is NULL if there is but one operand): a
# Variable, or NotImplemented if one of them is something else.
cdef object apply(const Rule *rule, PyTypeObject *type, PyObject *x0, PyObject *x1)

# Operand `i` as it was saved: for direct loops (False: it is not for them), ...
cdef bint saved_operand(Node f, int i, Operand *x) noexcept
# ... as a value (where it was not saved, `gy` if that is alike, or None), ...
cdef object saved_value(Node f, int i, object gy)
# ... and, for _accumulate.fitted, something of its shape and dtype.
cdef object saved_like(Node f, int i, object gy)
