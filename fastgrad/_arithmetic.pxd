"""The arithmetic: + - * / ** @, neg and abs, as Functions, as functions, and as operators."""

from fastgrad._variable cimport VariableBase


cdef class Operators(VariableBase):
    pass
