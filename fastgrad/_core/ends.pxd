"""Where edges end, and what leads to what."""

from fastgrad._core.node cimport Node
from fastgrad._core.run cimport Run

# Claim the nodes that `ys` depend on: those on a way to what the run wants as AHEAD, to be queued
# when a gradient comes; the others as DONE, where none ever comes.
cdef int claim_ahead(Run run, list ys) except -1
cdef list ends_of(Node f)  # what its edges lead to: nodes, and leaves
cdef size_t address(object x)
