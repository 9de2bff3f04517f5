"""The arithmetic as a program calls it: operators of Variable, and functions."""

from fastgrad._core.variable cimport VariableBase


cdef class Operators(VariableBase):
    pass
