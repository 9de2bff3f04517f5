"""See functions/_arithmetic.pxd.

A section an operation: its mathematics for whatever operands, by NumPy; the same for numbers and
for arrays with direct loops; its rule. Summing a gradient to its operand's shape, and leaving out
who needs none, is the engine's. The direct ways return False for NumPy to do it, which they also do
when a floating-point flag is up: NumPy reports it, as its own.
"""

import numpy as np

from cpython.object cimport PyObject
from libc.math cimport fabs, sqrt

from fastgrad._core.accumulate cimport (
    Gradient, NUMBER, add_array, add_itself, add_negative, add_number, add_product,
)
from fastgrad._kernels.loops cimport (
    ABSOLUTE, ADD, DIVIDE, MULTIPLY, NEGATIVE, Operand, POWER, SIGN, SUBTRACT, apply1, apply2,
    apply_numbers, clear_errors, errors, import_numpy, settled,
)
from fastgrad._core.node cimport Handle
from fastgrad._core.operation cimport Operation, X0, X1, apply, define
from fastgrad._kernels.spares cimport drop

import_numpy()


cdef bint add_if_sound(Gradient *gx, double c) except -1:
    """Add `c`, just computed, if no flag is up."""
    c = settled(c)
    if errors():
        clear_errors()
        return False
    return add_number(gx, c)


cdef bint add_new(Gradient *gx, PyObject *c) except -1:
    if c == NULL:
        return False
    if errors():
        clear_errors()
    elif add_array(gx, c):
        return True
    drop(c)
    return False


cdef bint add_slope(Gradient *gx, Gradient *gy, PyObject *slope, bint last) except -1:
    try:
        if slope != NULL and not errors():
            return add_product(gx, gy, array(slope), last)
        clear_errors()
        return False
    finally:
        drop(slope)


cdef Operand array(PyObject *x) noexcept:
    return Operand(x, 0)


cdef Operand number(double x) noexcept:
    return Operand(NULL, x)


cdef PyObject *computed(int loop, Operand x0, Operand x1) except? NULL:
    cdef PyObject *y = NULL
    apply2(loop, x0, x1, &y)
    return y


cdef bint compute_in_place(int loop, PyObject *x0, Operand x1) except -1:
    return apply2(loop, array(x0), x1, &x0)


# --- add ---


cdef object add_forward(object x0, object x1):
    return x0 + x1


cdef object add_gradient(int i, object gy, object x0, object x1):
    return gy


cdef bint add_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 + x1)
    return True


cdef bint add_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply2(ADD, x0, x1, y)


cdef bint add_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_itself(gx, gy, last)


cdef class Add(Operation):
    """x0 + x1"""


define(&add_rule, Add, "add", 2, 0, 0, add_forward, add_gradient,
       add_numbers, add_arrays, add_directly)


# --- sub ---


cdef object sub_forward(object x0, object x1):
    return x0 - x1


cdef object sub_gradient(int i, object gy, object x0, object x1):
    return gy if i == 0 else -gy


cdef bint sub_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 - x1)
    return True


cdef bint sub_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply2(SUBTRACT, x0, x1, y)


cdef bint sub_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_itself(gx, gy, last) if i == 0 else add_negative(gx, gy, last)


cdef class Sub(Operation):
    """x0 - x1"""


define(&sub_rule, Sub, "sub", 2, 0, 0, sub_forward, sub_gradient,
       sub_numbers, sub_arrays, sub_directly)


# --- mul ---


cdef object mul_forward(object x0, object x1):
    return x0 * x1


cdef object mul_gradient(int i, object gy, object x0, object x1):
    return gy * x1 if i == 0 else gy * x0


cdef bint mul_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 * x1)
    return True


cdef bint mul_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply2(MULTIPLY, x0, x1, y)


cdef bint mul_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    cdef Operand other = x1 if i == 0 else x0
    if gy.state == NUMBER:
        return other.array == NULL and add_if_sound(gx, gy.value.number * other.number)
    return add_product(gx, gy, other, last)


cdef class Mul(Operation):
    """x0 * x1"""


define(&mul_rule, Mul, "mul", 2, X1, X0, mul_forward, mul_gradient,
       mul_numbers, mul_arrays, mul_directly)


# --- div ---


cdef object div_forward(object x0, object x1):
    return x0 / x1


cdef object div_gradient(int i, object gy, object x0, object x1):
    return gy / x1 if i == 0 else np.multiply(-(gy / x1), x0 / x1)


cdef bint div_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 / x1)
    return True


cdef bint div_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply2(DIVIDE, x0, x1, y)


cdef bint div_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    cdef double c
    cdef PyObject *gx0
    cdef PyObject *gx1
    if gy.state == NUMBER:
        if x0.array != NULL or x1.array != NULL:
            return False
        c = gy.value.number / x1.number
        return add_if_sound(gx, c if i == 0 else -c * (x0.number / x1.number))
    gx0 = computed(DIVIDE, array(gy.value.array), x1)
    if gx0 == NULL or i == 0:
        return add_new(gx, gx0)
    gx1 = computed(DIVIDE, x0, x1)
    # The sign comes before the product, as in NumPy's formula: rounding may be upward.
    if gx1 != NULL and compute_in_place(MULTIPLY, gx0, number(-1.0)):
        if compute_in_place(MULTIPLY, gx1, array(gx0)):
            drop(gx0)
            return add_new(gx, gx1)
    drop(gx0)
    drop(gx1)
    return False


cdef class Div(Operation):
    """x0 / x1"""


define(&div_rule, Div, "div", 2, X1, X0 | X1, div_forward, div_gradient,
       div_numbers, div_arrays, div_directly)


# --- neg ---


cdef object neg_forward(object x0, object x1):
    return -x0


cdef object neg_gradient(int i, object gy, object x0, object x1):
    return -gy


cdef bint neg_numbers(double x0, double x1, double *y) noexcept:
    y[0] = -x0
    return True


cdef bint neg_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply1(NEGATIVE, x0.array, y)


cdef bint neg_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_negative(gx, gy, last)


cdef class Neg(Operation):
    """-x"""


define(&neg_rule, Neg, "neg", 1, 0, 0, neg_forward, neg_gradient,
       neg_numbers, neg_arrays, neg_directly)


# --- pow ---

cdef object pow_forward(object x0, object x1):
    return x0 ** x1


# The gradients, and their conventions at 0, are the row's.
# Directly, the exponent is a Python number. The short cuts are NumPy's, for the same bits.


cdef bint pow_numbers(double x0, double x1, double *y) noexcept:
    if x1 == 2:
        y[0] = settled(x0 * x0)
    elif x1 == 1:
        y[0] = x0
    elif x1 == 0.5:
        y[0] = settled(sqrt(x0))
    elif x1 == -1:
        y[0] = settled(1 / x0)
    elif x1 == 0:
        y[0] = 1
    else:
        y[0] = settled(apply_numbers(POWER, x0, x1))
    return True


cdef bint pow_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    if x1.array != NULL:
        return False
    if x1.number == 2:
        return apply2(MULTIPLY, x0, x0, y)
    if x1.number == 1 or x1.number == 0.5 or x1.number == 0 or x1.number == -1:
        return False
    return apply2(POWER, x0, x1, y)


cdef bint pow_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    cdef double power
    cdef PyObject *slope = NULL
    if i == 1 or x1.number == 0:
        return False
    if gy.state == NUMBER:
        if x0.array != NULL:
            return False
        pow_numbers(x0.number, x1.number - 1, &power)
        return add_if_sound(gx, gy.value.number * (x1.number * power))
    if x1.number == 2:
        slope = computed(MULTIPLY, x0, x1)
    elif pow_arrays(x0, number(x1.number - 1), &slope):
        compute_in_place(MULTIPLY, slope, x1)
    return add_slope(gx, gy, slope, last)


cdef object pow_call(tuple args, dict kwargs):
    """`np.power`, which lacks some of the operator's short cuts: those are for NumPy."""
    if kwargs or len(args) != 2:
        return NotImplemented
    for x in args:
        dtype = getattr(x, "dtype", None)
        if dtype is not None and dtype.kind == "c":
            return NotImplemented
    if not isinstance(args[0], Handle) and not isinstance(args[1], Handle):
        return NotImplemented
    if type(args[1]) in (int, float) and args[1] in (0, 1, 0.5, -1):
        return NotImplemented
    return apply(&pow_rule, args[0], args[1])


cdef class Pow(Operation):
    """x0 ** x1"""


define(&pow_rule, Pow, "pow", 2, X0 | X1, X0 | X1, pow_forward, NULL,
       pow_numbers, pow_arrays, pow_directly)
pow_rule.weak_x1 = True
pow_rule.fast_call = pow_call


# --- abs ---

cdef object abs_forward(object x0, object x1):
    return np.absolute(x0)


cdef bint abs_numbers(double x0, double x1, double *y) noexcept:
    y[0] = fabs(x0)
    return True


cdef bint abs_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply1(ABSOLUTE, x0.array, y)


cdef bint abs_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    cdef PyObject *sign = NULL
    if gy.state == NUMBER:
        if x0.array != NULL or x0.number != x0.number:
            return False
        return add_if_sound(gx, gy.value.number * ((x0.number > 0) - (x0.number < 0)))
    if x0.array != NULL:
        apply1(SIGN, x0.array, &sign)
    return add_slope(gx, gy, sign, last)


cdef class Abs(Operation):
    """abs(x)"""


define(&abs_rule, Abs, "abs", 1, X0, 0, abs_forward, NULL, abs_numbers, abs_arrays, abs_directly)
abs_rule.names_output = True  # see NOTE [Lengths]
