# cython: c_api_binop_methods=True
"""See _arithmetic.pxd.

A section an operation: its mathematics for whatever operands, by NumPy; the same for numbers and
for arrays with direct loops; its rule. Summing a gradient to its operand's shape, and leaving out
who needs none, is the engine's. The direct ways return False for NumPy to do it, which they also do
when a floating-point flag is up: NumPy reports it, as its own.
"""

import numpy as np

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.math cimport fabs, sqrt

from fastgrad._accumulate cimport (
    Gradient, NUMBER, add_array, add_itself, add_negative, add_number, add_product,
)
from fastgrad._loops cimport (
    ABSOLUTE, ADD, DIVIDE, MULTIPLY, NEGATIVE, Operand, POWER, SIGN, SUBTRACT, apply1, apply2,
    apply_numbers, clear_errors, errors, import_numpy, settled, take_object,
)
from fastgrad._node cimport (
    AddGradient, ForArrays, ForNumbers, Forward, GradientOf, Rule, adopt_handles,
)
from fastgrad._operation cimport Operation, X0, X1, apply, register_operation

import_numpy()


cdef inline bint add_if_sound(Gradient *gx, double c) except -1:
    """Add `c`, just computed, if no flag is up."""
    c = settled(c)
    if errors():
        clear_errors()
        return False
    return add_number(gx, c)


cdef inline bint add_array_if_sound(Gradient *gx, object c) except -1:
    """Add the array `c`, just computed, if no flag is up."""
    if errors():
        clear_errors()
        return False
    Py_INCREF(c)  # for `add_array` to steal
    if add_array(gx, <PyObject *>c):
        return True
    Py_DECREF(c)
    return False


cdef inline Operand array(object x) noexcept:
    return Operand(<PyObject *>x, 0)


cdef inline Operand number(double x) noexcept:
    return Operand(NULL, x)


cdef object computed(int loop, Operand x0, Operand x1):
    """A new array, or None where there is no direct loop."""
    cdef PyObject *y = NULL
    return take_object(y) if apply2(loop, x0, x1, &y) else None


cdef bint compute_in_place(int loop, object x0, Operand x1) except -1:
    cdef PyObject *y = <PyObject *>x0
    return apply2(loop, array(x0), x1, &y)


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
    if gy.state == NUMBER:
        if x0.array != NULL or x1.array != NULL:
            return False
        c = gy.value.number / x1.number
        return add_if_sound(gx, c if i == 0 else -c * (x0.number / x1.number))
    gx0 = computed(DIVIDE, Operand(gy.value.array, 0), x1)
    if gx0 is None or i == 0:
        return gx0 is not None and add_array_if_sound(gx, gx0)
    gx1 = computed(DIVIDE, x0, x1)
    # The product of -gx0 is minus that of gx0, bit for bit.
    if gx1 is None or not compute_in_place(MULTIPLY, gx1, array(gx0)):
        return False
    compute_in_place(MULTIPLY, gx1, number(-1.0))
    return add_array_if_sound(gx, gx1)


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


# --- pow ---

# By the rules of calculus, with two conventions at 0: x**0 is constant, so its gradient for x is 0
# (at x = 0 too, where x1 * x0**(x1 - 1) is 0 * inf); for the exponent it is 0 where x0 is 0.


cdef object pow_forward(object x0, object x1):
    return x0 ** x1


cdef object pow_gradient(int i, object gy, object x0, object x1):
    if i == 1:
        log = np.log(np.where(x0 == 0, 1, x0))
        return np.multiply(gy, np.multiply(x0 ** x1, log))
    if type(x1) in (bool, int, float, complex):  # NumPy has short cuts for such exponents
        if x1 == 0:
            return np.zeros_like(x0)
        e = x1 - 1
    else:
        e = np.where(x1 == 0, 1, x1 - 1)
    return np.multiply(gy, np.multiply(x1, x0 ** e))


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
    cdef PyObject *made = NULL
    if i == 1 or x1.number == 0:
        return False
    if gy.state == NUMBER:
        if x0.array != NULL:
            return False
        pow_numbers(x0.number, x1.number - 1, &power)
        return add_if_sound(gx, gy.value.number * (x1.number * power))
    if x1.number == 2:
        slope = computed(MULTIPLY, x0, x1)
        if slope is None:
            return False
    elif pow_arrays(x0, number(x1.number - 1), &made):
        slope = take_object(made)
        compute_in_place(MULTIPLY, slope, x1)
    else:
        return False
    if errors():
        clear_errors()
        return False
    return add_product(gx, gy, array(slope), last)


# --- abs ---

# For complex numbers: gy * conj(x) / |x|, and 0 at 0. (Not holomorphic; no other operation here
# conjugates.)


cdef object abs_forward(object x0, object x1):
    return np.absolute(x0)


cdef object abs_gradient(int i, object gy, object x0, object x1):
    if x0.dtype.kind == "c":
        r = np.absolute(x0)
        direction = np.divide(np.conj(x0), np.where(r == 0, 1, r))
    else:
        direction = np.sign(x0)
    return np.multiply(gy, direction)


cdef bint abs_numbers(double x0, double x1, double *y) noexcept:
    y[0] = fabs(x0)
    return True


cdef bint abs_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    return apply1(ABSOLUTE, x0.array, y)


cdef bint abs_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                       Gradient *gx) except -1:
    cdef PyObject *made = NULL
    if gy.state == NUMBER:
        if x0.array != NULL or x0.number != x0.number:
            return False
        return add_if_sound(gx, gy.value.number * ((x0.number > 0) - (x0.number < 0)))
    if x0.array == NULL or not apply1(SIGN, x0.array, &made):
        return False
    sign = take_object(made)
    if errors():
        clear_errors()
        return False
    return add_product(gx, gy, array(sign), last)


# --- matmul ---


cdef object matmul_forward(object x0, object x1):
    return x0 @ x1


cdef object matmul_gradient(int i, object gy, object x0, object x1):
    # A 1-d operand takes part as one row (left) or one column (right), an axis that gy lacks.
    cdef bint row = x0.ndim == 1, column = x1.ndim == 1
    if column:
        gy = np.expand_dims(gy, -1)
    if row:
        gy = np.expand_dims(gy, -2)
    if i == 0:
        gx = gy @ (x1[:, np.newaxis] if column else x1).swapaxes(-1, -2)
        return gx[..., 0, :] if row else gx
    gx = (x0[np.newaxis, :] if row else x0).swapaxes(-1, -2) @ gy
    return gx[..., 0] if column else gx


# --- the rules, and their classes ---


cdef Rule rule(const char *name, int n_inputs, int uses0, int uses1, Forward forward,
               GradientOf gradient, ForNumbers for_numbers, ForArrays for_arrays,
               AddGradient directly, bint weak_x1) noexcept:
    """`uses0`: the operands whose values the gradient for operand 0 reads; `uses1` likewise."""
    cdef Rule made
    made.name, made.n_inputs, made.forward, made.gradient = name, n_inputs, forward, gradient
    made.uses[0], made.uses[1] = uses0, uses1
    made.for_numbers, made.for_arrays, made.add_gradient = for_numbers, for_arrays, directly
    made.weak_x1 = weak_x1
    return made


cdef Rule ADD_ = rule("add", 2, 0, 0, add_forward, add_gradient, add_numbers, add_arrays,
                      add_directly, False)
cdef Rule SUB_ = rule("sub", 2, 0, 0, sub_forward, sub_gradient, sub_numbers, sub_arrays,
                      sub_directly, False)
cdef Rule MUL_ = rule("mul", 2, X1, X0, mul_forward, mul_gradient, mul_numbers, mul_arrays,
                      mul_directly, False)
cdef Rule DIV_ = rule("div", 2, X1, X0 | X1, div_forward, div_gradient, div_numbers, div_arrays,
                      div_directly, False)
cdef Rule POW_ = rule("pow", 2, X0 | X1, X0 | X1, pow_forward, pow_gradient, pow_numbers,
                      pow_arrays, pow_directly, True)
cdef Rule MATMUL_ = rule("matmul", 2, X1, X0, matmul_forward, matmul_gradient, NULL, NULL, NULL,
                         False)
cdef Rule NEG_ = rule("neg", 1, 0, 0, neg_forward, neg_gradient, neg_numbers, neg_arrays,
                      neg_directly, False)
cdef Rule ABS_ = rule("abs", 1, X0, 0, abs_forward, abs_gradient, abs_numbers, abs_arrays,
                      abs_directly, False)


cdef class Add(Operation):
    """x0 + x1"""


cdef class Sub(Operation):
    """x0 - x1"""


cdef class Mul(Operation):
    """x0 * x1"""


cdef class Div(Operation):
    """x0 / x1"""


cdef class Pow(Operation):
    """x0 ** x1"""


cdef class MatMul(Operation):
    """x0 @ x1"""


cdef class Neg(Operation):
    """-x"""


cdef class Abs(Operation):
    """abs(x)"""


register_operation(Add, &ADD_)
register_operation(Sub, &SUB_)
register_operation(Mul, &MUL_)
register_operation(Div, &DIV_)
register_operation(Pow, &POW_)
register_operation(MatMul, &MATMUL_)
register_operation(Neg, &NEG_)
register_operation(Abs, &ABS_)


# --- as operators ---


cdef inline object apply2_to(const Rule *rule, object cls, object x0, object x1):
    return apply(rule, <PyTypeObject *>cls, <PyObject *>x0, <PyObject *>x1)


cdef class Operators(VariableBase):
    # Variable inherits these as they are: no Python function is called for `x0 * x1`. The operands
    # come in their order in the expression, and either may be the Variable (`c_api_binop_methods`).

    def __add__(x0, x1):
        return apply2_to(&ADD_, Add, x0, x1)

    def __sub__(x0, x1):
        return apply2_to(&SUB_, Sub, x0, x1)

    def __mul__(x0, x1):
        return apply2_to(&MUL_, Mul, x0, x1)

    def __truediv__(x0, x1):
        return apply2_to(&DIV_, Div, x0, x1)

    def __pow__(x0, x1, modulus):
        return apply2_to(&POW_, Pow, x0, x1) if modulus is None else NotImplemented

    def __matmul__(x0, x1):
        return apply2_to(&MATMUL_, MatMul, x0, x1)

    def __neg__(self):
        return apply(&NEG_, <PyTypeObject *>Neg, <PyObject *>self, NULL)

    def __abs__(self):
        return apply(&ABS_, <PyTypeObject *>Abs, <PyObject *>self, NULL)


adopt_handles(<PyTypeObject *>Operators)


# --- as functions ---


cdef object checked(const Rule *rule, object y, object x0, object x1):
    """`y`, or the TypeError that it stands for."""
    if y is not NotImplemented:
        return y
    names = type(x0).__name__ if rule.n_inputs == 1 else (
        f"{type(x0).__name__} and {type(x1).__name__}")
    raise TypeError(f"{rule.name.decode()}: operands are {names}, "
                    "expected Variables, ndarrays or scalars")


def add(x0, x1):
    """`x0 + x1`, broadcast.

    Here, as in the functions below, an operand is a Variable, or an ndarray or a scalar, which are
    constants: TypeError for anything else, and for a Variable without data. Shapes, dtypes and
    errors are those of NumPy's operator on the operands' arrays. The result is a Variable; the
    gradient of each operand has its shape, and its dtype if that is floating or complex.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> add(x, 3.0)
    variable([4. 5.])
    """
    return checked(&ADD_, apply2_to(&ADD_, Add, x0, x1), x0, x1)


def sub(x0, x1):
    """`x0 - x1`, broadcast; see `add`."""
    return checked(&SUB_, apply2_to(&SUB_, Sub, x0, x1), x0, x1)


def mul(x0, x1):
    """`x0 * x1`, broadcast; see `add`."""
    return checked(&MUL_, apply2_to(&MUL_, Mul, x0, x1), x0, x1)


def div(x0, x1):
    """`x0 / x1`, broadcast; see `add`."""
    return checked(&DIV_, apply2_to(&DIV_, Div, x0, x1), x0, x1)


def pow(x0, x1):
    """`x0 ** x1`, broadcast; see `add`.

    At 0: `x ** 0` has gradient 0 for x, and the exponent has gradient 0 where `x0` is 0.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array([0.0, 3.0]))
    >>> pow(x, 2).backward()
    >>> x.grad
    array([0., 6.])
    """
    return checked(&POW_, apply2_to(&POW_, Pow, x0, x1), x0, x1)


def matmul(x0, x1):
    """`x0 @ x1`, with NumPy's rules for 1-d operands and for stacks of matrices; see `add`.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x, w = Variable(np.ones((2, 3))), Variable(np.ones((3, 4)))
    >>> matmul(x, w).shape
    (2, 4)
    """
    return checked(&MATMUL_, apply2_to(&MATMUL_, MatMul, x0, x1), x0, x1)


def neg(x):
    """`-x`; see `add`."""
    return checked(&NEG_, apply(&NEG_, <PyTypeObject *>Neg, <PyObject *>x, NULL), x, None)


def abs(x):
    """`abs(x)`; see `add`. At 0 the gradient is 0; for complex x it is `gy * conj(x) / abs(x)`.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array([-2.0, 0.0]))
    >>> abs(x).backward()
    >>> x.grad
    array([-1.,  0.])
    """
    return checked(&ABS_, apply(&ABS_, <PyTypeObject *>Abs, <PyObject *>x, NULL), x, None)
