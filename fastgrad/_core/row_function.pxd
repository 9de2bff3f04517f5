"""The class of the nodes that a row records, and the gradients that its VJPs make of arrays."""

from fastgrad._core.function cimport Function
from fastgrad._core.node cimport Node
from fastgrad._core.row cimport Call, Row


cdef class RowFunction(Function):
    pass

# Whether its `backward` is that of a compiled operation, or of a row.
cdef bint is_built_in(Function f) except -1

# What `f`, of such a class, leads to and saved, held (see `held` in graph.pxd): of one that the
# program called itself, as a call of the operation, or of the row, would have recorded it.
cdef Node as_called(Function f)

# The gradient for operand `i`: an ndarray of its shape and dtype, or None; or an exception.
cdef object gradient_of_call(Call call, int i, object gy)

# The gradients of all outputs `ys` of a call, for its VJPs: what is None becomes zeros, where the
# rule does not take None.
cdef list whole(Row row, gys, ys)

# Copies of gradients, for a VJP that may write into them.
cdef list owned(list gys)
