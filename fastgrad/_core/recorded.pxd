"""The algebra of Variables: a backward that is itself recorded."""

from cpython.object cimport PyObject, PyTypeObject

from fastgrad._core.node cimport Node
from fastgrad._core.row cimport Row
from fastgrad._core.run cimport Run


cdef class RecordedRun(Run):
    cdef bint linear  # only what depends on the gradients at its start will be differentiated
    cdef object xp
    cdef object cls  # that which `results=True` declared for what the run begins with, or None

    cdef object as_it_was(self, PyObject *to, int slot, object value)
    cdef object operand_of(self, Node f, int i, object gy)
    cdef object output_of(self, Node f, Node own, int i, object value)
    cdef PyTypeObject *result_class(self) noexcept  # the same: of what is made of no operand
    cdef bint pulls(self, Row row, int i) except -1
