"""The mathematics of + - * / ** @, of neg and of abs: a rule each, and a class each."""

from fastgrad._node cimport Rule

cdef Rule add_rule, sub_rule, mul_rule, div_rule, neg_rule, pow_rule, abs_rule, matmul_rule
