"""What a program sees of a node, and the Functions that it writes in Python."""

from fastgrad._node cimport Handle, Node


cdef class Function(Node):
    pass


# For backward, of a Function that is run in Python:
# What its backward returns for the gradients of its slots: a tuple of n, or the one itself.
cdef object call_backward(Node node, list gys, int n)
# The same where gradients are Variables and what it computes is recorded: always a tuple.
cdef object call_recorded(Node node, list gys, int n)
# `gx` as a gradient for the input `x`: an ndarray, a np.float64, or None; or an exception.
cdef object checked_gradient(Node f, int i, object gx, Handle x, list gys)
