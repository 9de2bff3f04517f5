"""The birth and death of handles, and where a leaf was made."""

from cpython.object cimport PyTypeObject

from fastgrad._core.node cimport Handle

# A new handle of the public class Variable: all zero, untracked.
cdef Handle new_handle()
cdef Handle new_handle_of(PyTypeObject *type)  # of that subclass, uninitialized; NULL: Variable
cdef PyTypeObject *variable_type  # borrowed from its module
cdef int origin_here() noexcept  # of a leaf that is made now; see NOTE [Origins] in handles.pyx

cdef void adopt_handles(PyTypeObject *type) noexcept  # a compiled class; its memory is ours now
cdef void adopt_variable(PyTypeObject *type) noexcept  # the public class, that new_handle makes
cdef void adopt_results(PyTypeObject *type) noexcept  # a subclass, which many will be of
