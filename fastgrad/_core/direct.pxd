"""The visit of a compiled operation by a run of arrays: in C, where there is a direct way."""

from fastgrad._core.node cimport Node
from fastgrad._core.run cimport Run

cdef int visit_operation(Run run, Node f) except -1
