"""The inputs and outputs of a Function run in Python, with the data of then: NOTE [Stand-ins]."""

from fastgrad._core.node cimport Handle, Node

# The data of its inputs when it was called: of one input an ndarray or None, of several a tuple.
cdef object recorded_data(Node f)
cdef object recorded_value(object xs, int i, int n)  # that of input `i` of `n`
# Its inputs, with Variables that have those data in place of those that were assigned others since.
cdef tuple recorded_inputs(Node f)
cdef list recorded_outputs(Node f)
# Another Variable in the place of `x`, with this array: what is recorded with it leads to `x`.
cdef Handle variable_at(Handle x, object array)
cdef int end_backward(Node f) except -1  # a call of it, by the engine, is over
