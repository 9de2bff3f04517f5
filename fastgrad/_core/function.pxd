"""What a program sees of a node, and the Functions that it writes in Python."""

from fastgrad._core.node cimport Handle, Node


cdef class Function(Node):
    pass
