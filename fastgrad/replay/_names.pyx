# cython: binding=False
"""Whether names hold what they held: see names.py."""

cimport cython
from cpython.object cimport PyObject
from libc.stdlib cimport calloc, free

from types import CellType

import numpy as np

cdef extern from "Python.h":
    PyObject *dict_item "PyDict_GetItem"(PyObject *d, PyObject *key) noexcept  # borrowed
    PyObject *cell_item "PyCell_GET"(PyObject *cell) noexcept

ABSENT = object()  # in place of the value of a name that a dict has not


@cython.final
cdef class Held:
    """What names held: (namespace, key, value) each; see Names.entries."""

    def __cinit__(self, list entries not None):
        self.entries = []
        self.kept = list(entries)
        self.names = <Name *>calloc(len(entries) + 1, sizeof(Name))
        if not self.names:
            raise MemoryError
        for entry in entries:
            namespace, key, value = entry
            if type(namespace) is CellType or (type(namespace) is dict and key is not None):
                self.names[self.n].namespace = <PyObject *>namespace
                if key is not None:
                    self.names[self.n].key = <PyObject *>key
                self.names[self.n].value = <PyObject *>value
                self.n += 1
            else:
                self.entries.append(entry)

    def __dealloc__(self):
        free(self.names)

    cpdef bint hold(self) except -1:
        """Whether they hold the same still."""
        cdef PyObject *now
        cdef PyObject *absent = <PyObject *>ABSENT
        cdef Py_ssize_t i
        cdef tuple entry
        for i in range(self.n):
            if self.names[i].key == NULL:
                now = cell_item(self.names[i].namespace)
            else:
                now = dict_item(self.names[i].namespace, self.names[i].key)
            if now == self.names[i].value or (now == NULL and self.names[i].value == absent):
                continue
            if now == NULL or not is_equal(<object>now, <object>self.names[i].value):
                return False
        for entry in self.entries:
            if not self.is_still(entry):
                return False
        return True

    cdef bint is_still(self, tuple entry) except -1:
        namespace, key, value = entry
        if key is None:
            return is_as_it_was(namespace, value)
        return is_equal(getattr(namespace, key, None), value)


cdef bint is_equal(object x, object y) except -1:
    """Whether two objects are the same number: a name may be bound anew to it."""
    if x is y:
        return True
    if type(x) is not type(y):
        return False
    if type(x) is float:
        return x.hex() == y.hex()
    return type(x) in (bool, int, str) and x == y


cdef bint is_as_it_was(object holder, object value) except -1:
    """A list, a set or a dict, of which the parts are known."""
    cdef Py_ssize_t i
    cdef object parts
    if isinstance(holder, np.ndarray):
        return holder.tobytes() == value
    if isinstance(holder, set):
        return holder == value
    if isinstance(holder, dict):
        parts = list(holder.items())
        if len(parts) != len(<tuple>value):
            return False
        for i in range(len(parts)):
            if parts[i][0] is not value[i][0] or not is_equal(parts[i][1], value[i][1]):
                return False
        return True
    if len(holder) != len(<tuple>value):
        return False
    for i in range(len(holder)):
        if not is_equal(holder[i], value[i]):
            return False
    return True
