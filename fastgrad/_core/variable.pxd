"""What a program sees of a handle: the attributes of a Variable."""

from fastgrad._core.node cimport Handle


cdef class VariableBase(Handle):
    pass
