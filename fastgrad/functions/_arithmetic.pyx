"""See functions/_arithmetic.pxd.

A section an operation: its direct way, forward for numbers and for arrays (where one loop is not
all), and backward; its rule. What it computes, its row says (functions/arithmetic.py, choosing.py).
The direct ways return False for NumPy and the row to do it, which they also do when a
floating-point flag is up: NumPy reports it, as its own.
"""

from cpython.number cimport PyNumber_Add, PyNumber_Multiply, PyNumber_Subtract, PyNumber_TrueDivide
from cpython.object cimport PyObject
from libc.math cimport fabs, sqrt

from fastgrad._core.accumulate cimport (
    Gradient, NUMBER, add_array, add_itself, add_negative, add_number, add_product,
)
from fastgrad._kernels.loops cimport (
    ABSOLUTE, ADD, DIVIDE, MULTIPLY, NEGATIVE, NO_LOOP, Operand, POWER, SIGN, SUBTRACT, apply1,
    apply2, apply_numbers, array, clear_errors, errors, import_numpy, number, settled,
)
from fastgrad._core.graph cimport is_scalar
from fastgrad._core.node cimport Handle, X0, X1
from fastgrad._core.operation cimport apply
from fastgrad._core.rules cimport Operation, define
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


cdef PyObject *computed(int loop, Operand x0, Operand x1) except? NULL:
    cdef PyObject *y = NULL
    apply2(loop, x0, x1, &y)
    return y


cdef bint compute_in_place(int loop, PyObject *x0, Operand x1) except -1:
    return apply2(loop, array(x0), x1, &x0)


cdef bint add_times(Gradient *gx, Gradient *gy, Operand x, bint last) except -1:
    if gy.state == NUMBER:
        return x.array == NULL and add_if_sound(gx, gy.value.number * x.number)
    return add_product(gx, gy, x, last)


# --- add ---


cdef bint add_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 + x1)
    return True


cdef bint add_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_itself(gx, gy, last)


cdef class Add(Operation):
    """x0 + x1"""


define(&add_rule, Add, name="add", n_inputs=2, uses0=0, uses1=0, loop=ADD, numbers=add_numbers,
       arrays=NULL, gradient=add_directly)
add_rule.forward = PyNumber_Add
add_rule.passes = X0 | X1


# --- sub ---


cdef bint sub_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 - x1)
    return True


cdef bint sub_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_itself(gx, gy, last) if i == 0 else add_negative(gx, gy, last)


cdef class Sub(Operation):
    """x0 - x1"""


define(&sub_rule, Sub, name="sub", n_inputs=2, uses0=0, uses1=0, loop=SUBTRACT,
       numbers=sub_numbers, arrays=NULL, gradient=sub_directly)
sub_rule.forward = PyNumber_Subtract
sub_rule.passes = X0


# --- mul ---


cdef bint mul_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 * x1)
    return True


cdef bint mul_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_times(gx, gy, x1 if i == 0 else x0, last)


cdef class Mul(Operation):
    """x0 * x1"""


define(&mul_rule, Mul, name="mul", n_inputs=2, uses0=X1, uses1=X0, loop=MULTIPLY,
       numbers=mul_numbers, arrays=NULL, gradient=mul_directly)
mul_rule.forward = PyNumber_Multiply


# --- div ---


cdef bint div_numbers(double x0, double x1, double *y) noexcept:
    y[0] = settled(x0 / x1)
    return True


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


define(&div_rule, Div, name="div", n_inputs=2, uses0=X1, uses1=X0 | X1, loop=DIVIDE,
       numbers=div_numbers, arrays=NULL, gradient=div_directly)
div_rule.forward = PyNumber_TrueDivide


# --- neg ---


cdef bint neg_numbers(double x0, double x1, double *y) noexcept:
    y[0] = -x0
    return True


cdef bint neg_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    return add_negative(gx, gy, last)


cdef class Neg(Operation):
    """-x"""


define(&neg_rule, Neg, name="neg", n_inputs=1, uses0=0, uses1=0, loop=NEGATIVE,
       numbers=neg_numbers, arrays=NULL, gradient=neg_directly)


# --- pow ---


cdef object pow_forward(object x0, object x1):
    return x0 ** x1


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


cdef object pow_call(const Rule *rule, tuple args, dict kwargs):
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
    return apply(rule, args[0], args[1])


cdef class Pow(Operation):
    """Pow(c=None)\n--\n
    x0 ** x1; with a number `c`, of one operand, x ** c: `Pow(2)(x)`. TypeError for another `c`.
    """

    def __init__(self, c=None):
        if c is not None:
            if not is_scalar(c):
                raise TypeError(f"Pow: the exponent is a {type(c).__name__}, expected a number; "
                                "pass it as an operand, Pow()(x, c)")
            setattr(self, "c", c)


define(&pow_rule, Pow, name="pow", n_inputs=2, uses0=X0 | X1, uses1=X0 | X1, loop=NO_LOOP,
       numbers=pow_numbers, arrays=pow_arrays, gradient=pow_directly)
pow_rule.forward = pow_forward
pow_rule.weak_x1 = True
pow_rule.fast_call = pow_call


# --- abs ---


cdef bint abs_numbers(double x0, double x1, double *y) noexcept:
    y[0] = fabs(x0)
    return True


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


define(&abs_rule, Abs, name="abs", n_inputs=1, uses0=X0, uses1=0, loop=ABSOLUTE,
       numbers=abs_numbers, arrays=NULL, gradient=abs_directly)
abs_rule.names_output = True  # see NOTE [Lengths]
