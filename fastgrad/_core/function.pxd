"""What a program sees of a node, and the Functions that it writes in Python."""

from fastgrad._core.node cimport Handle, Node


cdef class Function(Node):
    pass


# For backward, of a Function that is run in Python:
# The data of its inputs when it was called: of one input an ndarray or None, of several a tuple.
cdef object recorded_data(Node f)
cdef object recorded_value(object xs, int i, int n)  # that of input `i` of `n`
# Its inputs, with Variables that have those data in place of those that were assigned others since.
cdef tuple recorded_inputs(Node f)
# Another Variable in the place of `x`, with this array: what is recorded with it leads to `x`.
cdef Handle variable_at(Handle x, object array)
# What its backward returns for the gradients of its slots, which it may write into: a tuple of one
# for each of `inputs`, or the one itself. `xs` is the data of the inputs, see `recorded_data`.
cdef object call_backward(Node node, list gys, tuple inputs, object xs)
# The same where gradients are Variables and what it computes is recorded: always a tuple; and the
# Variables that it was given.
cdef tuple call_recorded(Node node, list gys, tuple inputs, object xs)
cdef object guarded(Handle gy)  # `gy` for Python code, which cannot write into it
