"""See functions/_elementwise.pxd.

A function takes a loop of NumPy's, which does forward, and here its gradient for numbers and for
arrays with direct loops. `y` is the output, which is saved in place of the operand where the
gradient reads it. As in _arithmetic, False leaves it to the row.
"""

from cpython.object cimport PyObject
from libc.math cimport sqrt

from fastgrad._core.accumulate cimport Gradient, NUMBER
from fastgrad.functions._arithmetic cimport (
    add_if_sound, add_new, add_slope, add_times, compute_in_place, computed,
)
from fastgrad._kernels.loops cimport (
    COS, DIVIDE, EXP, LOG, MULTIPLY, NO_LOOP, Operand, SIN, SQRT, SUBTRACT, TANH, apply1, apply2,
    apply_number, array, import_numpy, number, settled,
)
from fastgrad._core.node cimport AddGradient, Rule, X0, Y
from fastgrad._core.rules cimport Operation, define
from fastgrad._kernels.spares cimport drop

import_numpy()


cdef int define_unary(Rule *rule, cls, const char *name, int uses, int loop,
                      AddGradient gradient) except -1:
    return define(rule, cls, name=name, n_inputs=1, uses0=uses, uses1=0, loop=loop, numbers=NULL,
                  arrays=NULL, gradient=gradient)


cdef PyObject *computed1(int loop, Operand x) except? NULL:
    cdef PyObject *y = NULL
    if x.array != NULL:
        apply1(loop, x.array, &y)
    return y


cdef bint add_times_loop(int loop, Gradient *gx, Gradient *gy, Operand x, bint last) except -1:
    """+ gy * loop(x)"""
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, gy.value.number * apply_number(loop, x.number))
    return add_slope(gx, gy, computed1(loop, x), last)


# --- exp ---


cdef bint exp_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    return add_times(gx, gy, y, last)


cdef class Exp(Operation):
    """exp(x)"""


cdef Rule exp_rule
define_unary(&exp_rule, Exp, "exp", Y, EXP, exp_directly)


# --- log ---


cdef bint log_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, gy.value.number / x.number)
    return add_new(gx, computed(DIVIDE, array(gy.value.array), x))


cdef class Log(Operation):
    """log(x)"""


cdef Rule log_rule
define_unary(&log_rule, Log, "log", X0, LOG, log_directly)


# --- sqrt ---


cdef bint sqrt_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(sqrt(x))
    return True


cdef bint sqrt_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                        Gradient *gx) except -1:
    if gy.state == NUMBER:
        return y.array == NULL and add_if_sound(gx, gy.value.number / (2 * y.number))
    cdef PyObject *gx0 = computed(MULTIPLY, y, number(2))
    if gx0 != NULL and not apply2(DIVIDE, array(gy.value.array), array(gx0), &gx0):
        drop(gx0)
        return False
    return add_new(gx, gx0)


cdef class Sqrt(Operation):
    """sqrt(x)"""


cdef Rule sqrt_rule
define_unary(&sqrt_rule, Sqrt, "sqrt", Y, SQRT, sqrt_directly)
sqrt_rule.for_numbers = sqrt_numbers


# --- square ---


cdef bint square_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(x * x)
    return True


cdef bint square_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply2(MULTIPLY, x, x, y)


cdef bint square_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                          Gradient *gx) except -1:
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, gy.value.number * (2 * x.number))
    return add_slope(gx, gy, computed(MULTIPLY, x, number(2)), last)


cdef class Square(Operation):
    """x * x"""


cdef Rule square_rule
define_unary(&square_rule, Square, "square", X0, NO_LOOP, square_directly)
square_rule.for_numbers, square_rule.for_arrays = square_numbers, square_arrays


# --- tanh ---


cdef bint tanh_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                        Gradient *gx) except -1:
    cdef PyObject *slope
    if gy.state == NUMBER:
        return y.array == NULL and add_if_sound(gx, gy.value.number * (1 - y.number * y.number))
    slope = computed(MULTIPLY, y, y)
    if slope != NULL:
        apply2(SUBTRACT, number(1), array(slope), &slope)
    return add_slope(gx, gy, slope, last)


cdef class Tanh(Operation):
    """tanh(x)"""


cdef Rule tanh_rule
define_unary(&tanh_rule, Tanh, "tanh", Y, TANH, tanh_directly)


# --- sin, cos ---


cdef bint sin_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    return add_times_loop(COS, gx, gy, x, last)


cdef class Sin(Operation):
    """sin(x)"""


cdef Rule sin_rule
define_unary(&sin_rule, Sin, "sin", X0, SIN, sin_directly)


cdef bint cos_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, -gy.value.number * apply_number(SIN, x.number))
    cdef PyObject *slope = computed1(SIN, x)
    if slope != NULL:
        compute_in_place(MULTIPLY, slope, number(-1))
    return add_slope(gx, gy, slope, last)


cdef class Cos(Operation):
    """cos(x)"""


cdef Rule cos_rule
define_unary(&cos_rule, Cos, "cos", X0, COS, cos_directly)
