"""The algebra of Variables: a backward that is itself recorded."""

from fastgrad._core.row cimport Row
from fastgrad._core.run cimport Run


cdef class RecordedRun(Run):
    cdef bint linear  # only what depends on the gradients at its start will be differentiated
    cdef object xp

    cdef bint pulls(self, Row row, int i) except -1
    cdef tuple by_hand(self, object f, list gys, tuple inputs)
