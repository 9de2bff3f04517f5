"""What a program's subclasses of Variable asked for: of which class results are; who is kept."""

from cpython.object cimport PyObject, PyTypeObject

from fastgrad._core.node cimport Handle
from fastgrad._core.handles cimport new_handle, new_handle_of, variable_type

# Whether the program made a subclass of Variable, with whatever keywords: until then nobody asks.
cdef bint any_subclass

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *x) noexcept

# Whether what consumes `x` keeps it alive, for its class asked for that.
cdef bint keeps(Handle x) noexcept

# The class that `results=True` declared for what is computed from instances of `type`, borrowed
# from that; NULL: Variable.
cdef PyTypeObject *declared_for(PyTypeObject *type) noexcept

# The same for what is computed from `x`, borrowed from it, which may be anything ...
cdef inline PyTypeObject *class_from(object x) noexcept:
    if not any_subclass or not isinstance(x, Handle) or Py_TYPE(<PyObject *>x) == variable_type:
        return NULL
    return declared_for(Py_TYPE(<PyObject *>x))

# ... and from several: the first that has one.
cdef PyTypeObject *first_class(object xs) except? NULL
cdef inline PyTypeObject *class_among(object xs) except? NULL:
    return first_class(xs) if any_subclass else NULL

cdef PyTypeObject *class_from_either(object x0, object x1) noexcept

cdef inline Handle new_result(object x0, object x1):  # a new handle for what is computed of these
    return new_handle_of(class_from_either(x0, x1)) if any_subclass else new_handle()
