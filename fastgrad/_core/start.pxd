"""The beginning of a run: with which gradients."""

from fastgrad._core.node cimport Handle
from fastgrad._core.run cimport Run

cdef int start(Run run, Handle y) except -1  # `y.backward()` begins: with ones, or its `.grad`
cdef int start_from(Run run, Handle y, object gy) except -1  # at one of several, with `gy`
cdef object ones_for(object x)  # as the gradient for `x`, an array
# `gy`, which a program passed, as a gradient for `x`; ValueError if it cannot be broadcast to that.
cdef object from_given(object gy, object x)
