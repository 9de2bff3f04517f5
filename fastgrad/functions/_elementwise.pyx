"""See functions/_elementwise.pxd.

A section a function: its forward and the gradient for its operand, for numbers and for arrays with
direct loops. `y` is the output, which is saved in place of the operand where the gradient reads it.
As in _arithmetic, False leaves it to NumPy, by way of the row.
"""

from cpython.object cimport PyObject
from libc.math cimport sqrt

from fastgrad._core.accumulate cimport Gradient, NUMBER, add_product
from fastgrad.functions._arithmetic cimport (
    add_if_sound, add_new, add_slope, array, compute_in_place, computed, number,
)
from fastgrad._kernels.loops cimport (
    COS, DIVIDE, EXP, LOG, MULTIPLY, Operand, SIN, SQRT, SUBTRACT, TANH, apply1, apply2,
    apply_number, import_numpy, settled,
)
from fastgrad._core.node cimport Rule
from fastgrad._core.operation cimport Operation, X0, Y, define
from fastgrad._kernels.spares cimport drop

import_numpy()


cdef PyObject *computed1(int loop, Operand x) except? NULL:
    cdef PyObject *y = NULL
    if x.array != NULL:
        apply1(loop, x.array, &y)
    return y


# --- exp ---


cdef bint exp_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(apply_number(EXP, x))
    return True


cdef bint exp_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply1(EXP, x.array, y)


cdef bint exp_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    if gy.state == NUMBER:
        return y.array == NULL and add_if_sound(gx, gy.value.number * y.number)
    return y.array != NULL and add_product(gx, gy, y, last)


cdef class Exp(Operation):
    """exp(x)"""


cdef Rule exp_rule
define(&exp_rule, Exp, "exp", 1, Y, 0, NULL, NULL, exp_numbers, exp_arrays, exp_directly)


# --- log ---


cdef bint log_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(apply_number(LOG, x))
    return True


cdef bint log_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply1(LOG, x.array, y)


cdef bint log_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, gy.value.number / x.number)
    return add_new(gx, computed(DIVIDE, array(gy.value.array), x))


cdef class Log(Operation):
    """log(x)"""


cdef Rule log_rule
define(&log_rule, Log, "log", 1, X0, 0, NULL, NULL, log_numbers, log_arrays, log_directly)


# --- sqrt ---


cdef bint sqrt_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(sqrt(x))
    return True


cdef bint sqrt_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply1(SQRT, x.array, y)


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
define(&sqrt_rule, Sqrt, "sqrt", 1, Y, 0, NULL, NULL, sqrt_numbers, sqrt_arrays, sqrt_directly)


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
define(&square_rule, Square, "square", 1, X0, 0, NULL, NULL,
       square_numbers, square_arrays, square_directly)


# --- tanh ---


cdef bint tanh_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(apply_number(TANH, x))
    return True


cdef bint tanh_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply1(TANH, x.array, y)


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
define(&tanh_rule, Tanh, "tanh", 1, Y, 0, NULL, NULL, tanh_numbers, tanh_arrays, tanh_directly)


# --- sin, cos ---


cdef bint sin_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(apply_number(SIN, x))
    return True


cdef bint sin_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply1(SIN, x.array, y)


cdef bint sin_directly(int i, Gradient *gy, Operand x, Operand y, bint last,
                       Gradient *gx) except -1:
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, gy.value.number * apply_number(COS, x.number))
    return add_slope(gx, gy, computed1(COS, x), last)


cdef class Sin(Operation):
    """sin(x)"""


cdef Rule sin_rule
define(&sin_rule, Sin, "sin", 1, X0, 0, NULL, NULL, sin_numbers, sin_arrays, sin_directly)


cdef bint cos_numbers(double x, double _, double *y) noexcept:
    y[0] = settled(apply_number(COS, x))
    return True


cdef bint cos_arrays(Operand x, Operand _, PyObject **y) except -1:
    return apply1(COS, x.array, y)


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
define(&cos_rule, Cos, "cos", 1, X0, 0, NULL, NULL, cos_numbers, cos_arrays, cos_directly)
