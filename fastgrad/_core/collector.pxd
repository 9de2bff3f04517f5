"""Which handles and nodes the garbage collector tracks. See NOTE [Garbage collector]."""

from cpython.object cimport PyObject

cdef extern from "Python.h":
    bint is_tracked "PyObject_GC_IsTracked"(PyObject *x) noexcept
    bint has_references "PyObject_IS_GC"(PyObject *x) noexcept  # that the collector would follow

cdef void track(PyObject *x) noexcept
cdef void untrack(PyObject *x) noexcept
cdef int make_collectable(object x) except -1  # it, a handle or a node, may close a cycle
cdef int note_attribute(object x, object name, object value) except -1  # was just set on `x`
cdef bint has_no_slots(PyObject *x) noexcept  # __slots__, in a Python subclass
