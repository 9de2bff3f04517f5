"""The mathematics of + - * / **, of neg and of abs: a rule each, and a class each."""

from cpython.object cimport PyObject

from fastgrad._accumulate cimport Gradient
from fastgrad._loops cimport Operand
from fastgrad._node cimport Rule

cdef Rule add_rule, sub_rule, mul_rule, div_rule, neg_rule, pow_rule, abs_rule

# What fast paths of other functions are made of too.
cdef bint add_if_sound(Gradient *gx, double c) except -1
cdef bint add_array_if_sound(Gradient *gx, object c) except -1
cdef Operand array(object x) noexcept
cdef Operand number(double x) noexcept
cdef object computed(int loop, Operand x0, Operand x1)
cdef bint compute_in_place(int loop, object x0, Operand x1) except -1
