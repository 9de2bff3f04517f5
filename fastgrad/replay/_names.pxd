"""What names held when a log was made."""

from cpython.object cimport PyObject

cdef struct Name:  # all borrowed from `kept`
    PyObject *namespace  # a dict, or a cell of a closure
    PyObject *key  # NULL: of a cell
    PyObject *value


cdef class Held:
    cdef Name *names
    cdef Py_ssize_t n
    cdef list entries  # those that are not in a dict
    cdef list kept

    cpdef bint hold(self) except -1
    cdef bint is_still(self, tuple entry) except -1
