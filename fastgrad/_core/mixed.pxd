"""Backward where an operand is of float32, and the gradient of float64."""

from fastgrad._core.accumulate cimport Gradient
from fastgrad._core.node cimport Node
from fastgrad._core.run cimport Run

# Add what operand `i` of a compiled operation gets, by its direct way in float64. False: there is
# none, nothing was done.
cdef bint contribute_mixed(Run run, Node f, int i, Gradient *gy) except -1
