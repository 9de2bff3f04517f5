"""The backward of a Function run in Python, as a walk calls it."""

from fastgrad._core.node cimport Handle, Node

# What its backward returns for the gradients of its slots, which it may write into: a tuple of one
# for each of `inputs`, or the one itself. `xs` is the data of the inputs, see `recorded_data`.
cdef object call_backward(Node f, list gys, tuple inputs, object xs)
# The same where gradients are Variables and what it computes is recorded: always a tuple.
cdef tuple call_recorded(Node f, list gys, tuple inputs, object xs)
cdef object guarded(Handle gy)  # `gy` for Python code, which cannot write into it
