"""Whether names hold what they held: see names.py."""

from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject

from types import CellType


def holds(list entries not None):
    """Whether each (namespace, key, value) is so still; see Names.entries."""
    cdef PyObject *now
    cdef tuple entry
    for entry in entries:
        namespace, key, value = entry
        if type(namespace) is dict and key is not None:
            now = PyDict_GetItem(namespace, key)
            if now == <PyObject *>value:
                continue
            if now == NULL or not is_equal(<object>now, value):
                return False
        elif key is not None:
            if not is_equal(getattr(namespace, key, None), value):
                return False
        elif not is_as_it_was(namespace, value):
            return False
    return True


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
    """A cell, a list or a dict, of which the parts are known."""
    cdef Py_ssize_t i
    cdef object parts
    if type(holder) is CellType:
        try:
            return is_equal(holder.cell_contents, value)
        except ValueError:
            return False
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
