"""The mathematics of + - * / **, of neg and of abs: a rule each, and a class each."""

from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport Gradient
from fastgrad._kernels.loops cimport Operand
from fastgrad._core.node cimport Rule

cdef Rule add_rule, sub_rule, mul_rule, div_rule, neg_rule, pow_rule, abs_rule

# What fast paths of other functions are made of too.
cdef bint add_times(Gradient *gx, Gradient *gy, Operand x, bint last) except -1  # + gy * x
cdef PyObject *computed(int loop, Operand x0, Operand x1) except? NULL  # a new array; NULL: no loop
cdef bint compute_in_place(int loop, PyObject *x0, Operand x1) except -1
# Add what was just computed, if no flag is up: a number, an array, or the product of gy with an
# array. Those steal the reference, also if they return False; NULL is no contribution.
cdef bint add_if_sound(Gradient *gx, double c) except -1
cdef bint add_new(Gradient *gx, PyObject *c) except -1
cdef bint add_slope(Gradient *gx, Gradient *gy, PyObject *slope, bint last) except -1
