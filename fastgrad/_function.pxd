"""What a program sees of a node, and the Functions that it writes in Python."""

from fastgrad._node cimport Node


cdef class Function(Node):
    pass


# For backward, of a Function that is run in Python:
cdef list output_slots(Node f)  # the slot of each output, or -1
# What f.backward(*gys) returns, checked, and brought to the inputs' shapes: ndarrays or None.
cdef list gradients_of(Node f, tuple inputs, list gys)
