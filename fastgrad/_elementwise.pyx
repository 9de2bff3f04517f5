"""See _elementwise.pxd.

A section a function: its forward and the gradient for its operand, for numbers and for arrays with
direct loops. `y` is the output, which is saved in place of the operand where the gradient reads it.
As in _arithmetic, False leaves it to NumPy, by way of the row.
"""

from cpython.object cimport PyObject
from libc.math cimport sqrt

from fastgrad._accumulate cimport Gradient, NUMBER, add_product
from fastgrad._arithmetic cimport (
    add_array_if_sound, add_if_sound, array, compute_in_place, computed, number,
)
from fastgrad._loops cimport (
    COS, DIVIDE, EXP, LOG, MULTIPLY, Operand, SIN, SQRT, SUBTRACT, TANH, apply1, apply2,
    apply_number, clear_errors, errors, import_numpy, settled, take_object,
)
from fastgrad._node cimport Rule
from fastgrad._operation cimport Operation, X0, Y, define

import_numpy()


cdef object computed1(int loop, Operand x):
    """A new array, or None where there is no direct loop."""
    cdef PyObject *y = NULL
    return take_object(y) if x.array != NULL and apply1(loop, x.array, &y) else None


cdef bint add_slope(Gradient *gx, Gradient *gy, object slope, bint last) except -1:
    """Add `gy * slope`, the slope just computed, or None."""
    if slope is None:
        return False
    if errors():
        clear_errors()
        return False
    return add_product(gx, gy, array(slope), last)


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
    gx0 = computed(DIVIDE, Operand(gy.value.array, 0), x)
    return gx0 is not None and add_array_if_sound(gx, gx0)


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
    gx0 = computed(MULTIPLY, y, number(2))
    cdef PyObject *in_place = <PyObject *>gx0
    if gx0 is None or not apply2(DIVIDE, Operand(gy.value.array, 0), array(gx0), &in_place):
        return False
    return add_array_if_sound(gx, gx0)


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
    cdef PyObject *in_place
    if gy.state == NUMBER:
        return y.array == NULL and add_if_sound(gx, gy.value.number * (1 - y.number * y.number))
    slope = computed(MULTIPLY, y, y)
    if slope is not None:
        in_place = <PyObject *>slope
        apply2(SUBTRACT, number(1), array(slope), &in_place)
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
    slope = computed1(SIN, x)
    if slope is not None:
        compute_in_place(MULTIPLY, slope, number(-1))
    return add_slope(gx, gy, slope, last)


cdef class Cos(Operation):
    """cos(x)"""


cdef Rule cos_rule
define(&cos_rule, Cos, "cos", 1, X0, 0, NULL, NULL, cos_numbers, cos_arrays, cos_directly)
