"""`x[index]`, compiled: the rule, and the class that its Functions show."""

from fastgrad._core.node cimport Rule

cdef Rule getitem_rule

cdef object getitem(object x, object index)  # of a Variable
