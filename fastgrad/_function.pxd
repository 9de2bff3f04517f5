"""What a program sees of a node, and the Functions that it writes in Python."""

from fastgrad._node cimport Handle, Node


cdef class Function(Node):
    pass


# For backward, of a Function that is run in Python:
cdef tuple call_backward(Node node, list gys)  # what it returns; gys: by slot, None for none
cdef int check_count(Node f, tuple gxs, tuple inputs) except -1
# `gx` as a gradient for the input `x`: an ndarray, a np.float64, or None; or an exception.
cdef object checked_gradient(Node f, int i, object gx, Handle x, list gys)
