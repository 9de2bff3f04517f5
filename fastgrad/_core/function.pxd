"""What a program sees of a node, and the Functions that it writes in Python."""

from fastgrad._core.node cimport Handle, Node


cdef class Function(Node):
    pass


# `gx` as a gradient for the input `x`, whose data was `data`: an ndarray, a np.float64, or None; or
# an exception.
cdef object checked_gradient(Node f, int i, object gx, Handle x, object data, list gys)
# The same, not yet fitted to `data`: an ndarray, or None.
cdef object required_gradient(Node f, int i, object gx, object data, list gys)
