# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See functions/_choosing.pxd. Their rows, in functions/choosing.py, say what they compute."""

import numpy as np

from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport Gradient, NUMBER
from fastgrad.functions._arithmetic cimport add_if_sound, add_new
from fastgrad._kernels.loops cimport (
    BOOL, C_ORDER, DOUBLE, MAXIMUM, MINIMUM, NO_LOOP, Operand, clear_errors, data, dims, empty,
    errors, flags, import_numpy, intp, is_exact, ndim, plain, same_shape, size, type_num,
)
from fastgrad._core.node cimport Handle, IN_PYTHON, Node, Rule, X0, X1
from fastgrad._core.handles cimport new_handle_of
from fastgrad._core.operation cimport (
    Argument, EXACT_ARRAY, STRONG_NUMBER, call_vjp, parameter_of, read, record, suits,
)
from fastgrad._core.rules cimport Operation, define
from fastgrad._core.record cimport is_recorded
from fastgrad._core.watch cimport watched
from fastgrad._core.classes cimport class_among

import_numpy()

ctypedef fused real:
    float
    double


cdef inline bint is_like(PyObject *x, PyObject *y) noexcept:
    """Whether `x` is an array of numbers one after the other, of the shape of `y`."""
    return plain(x) & C_ORDER and same_shape(x, y)


# --- maximum, minimum ---

# The gradient for u, the greater of u and v, is `share`. That of the lesser is the greater one's,
# of v and u.


cdef inline real share(real g, real u, real v) noexcept:
    return g / 2 if u == v else g if u > v else 0


cdef void share_all(real *g, Operand u, Operand v, real *y, intp n) noexcept:
    cdef real u0 = <real>u.number, v0 = <real>v.number
    cdef real *p = &u0 if u.array == NULL else <real *>data(u.array)
    cdef real *q = &v0 if v.array == NULL else <real *>data(v.array)
    cdef intp i, step_p = u.array != NULL, step_q = v.array != NULL
    for i in range(n):
        y[i] = share(g[i], p[i * step_p], q[i * step_q])


cdef bint add_share(Gradient *gy, Operand u, Operand v, Gradient *gx) except -1:
    cdef PyObject *g = gy.value.array
    if gy.state == NUMBER:
        if u.array != NULL or v.array != NULL:
            return False
        return add_if_sound(gx, share(gy.value.number, u.number, v.number))
    if not plain(g) & C_ORDER or not is_beside(u, g) or not is_beside(v, g):
        return False
    cdef PyObject *y = empty(g, ndim(g), dims(g))
    if type_num(g) == DOUBLE:
        share_all(<double *>data(g), u, v, <double *>data(y), size(g))
    else:
        share_all(<float *>data(g), u, v, <float *>data(y), size(g))
    return add_new(gx, y)


cdef inline bint is_beside(Operand x, PyObject *g) noexcept:
    return x.array == NULL or (is_like(x.array, g) and type_num(x.array) == type_num(g))


cdef bint maximum_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                           Gradient *gx) except -1:
    return add_share(gy, x0, x1, gx) if i == 0 else add_share(gy, x1, x0, gx)


cdef class Maximum(Operation):
    """The greater of x0 and x1"""


cdef Rule maximum_rule
define(&maximum_rule, Maximum, name="maximum", n_inputs=2, uses0=X0 | X1, uses1=X0 | X1,
       loop=MAXIMUM, numbers=NULL, arrays=NULL, gradient=maximum_directly)


cdef bint minimum_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                           Gradient *gx) except -1:
    return add_share(gy, x1, x0, gx) if i == 0 else add_share(gy, x0, x1, gx)


cdef class Minimum(Operation):
    """The lesser of x0 and x1"""


cdef Rule minimum_rule
define(&minimum_rule, Minimum, name="minimum", n_inputs=2, uses0=X0 | X1, uses1=X0 | X1,
       loop=MINIMUM, numbers=NULL, arrays=NULL, gradient=minimum_directly)


# --- where: the parameter is the condition, a mask of the shape of what gets a gradient ---


cdef void choose_all(char *mask, Operand x0, Operand x1, real *y, intp n) noexcept:
    cdef real u0 = <real>x0.number, v0 = <real>x1.number
    cdef real *p = &u0 if x0.array == NULL else <real *>data(x0.array)
    cdef real *q = &v0 if x1.array == NULL else <real *>data(x1.array)
    cdef intp i, step_p = x0.array != NULL, step_q = x1.array != NULL
    for i in range(n):
        y[i] = p[i * step_p] if mask[i] else q[i * step_q]


cdef PyObject *chosen(PyObject *mask, Operand x0, Operand x1) except? NULL:
    """A new array; NULL where these are for NumPy."""
    cdef PyObject *like = x1.array if x0.array == NULL else x0.array
    if not is_exact(mask) or type_num(mask) != BOOL or not flags(mask) & C_ORDER or like == NULL:
        return NULL
    if not is_like(like, mask) or not is_beside(x0, like) or not is_beside(x1, like):
        return NULL
    cdef PyObject *y = empty(like, ndim(like), dims(like))
    if type_num(like) == DOUBLE:
        choose_all(data(mask), x0, x1, <double *>data(y), size(like))
    else:
        choose_all(data(mask), x0, x1, <float *>data(y), size(like))
    return y


cdef object where_call(const Rule *rule, tuple args, dict kwargs):
    cdef Argument a[2]
    cdef int i
    if kwargs or len(args) != 3 or watched:
        return NotImplemented
    # First, for it may run the garbage collector, which may give the Variables other arrays.
    cdef Handle y = new_handle_of(class_among(args))
    mask = args[0]
    for i in range(2):
        read(<PyObject *>args[1 + i], &a[i])
        if a[i].kind > EXACT_ARRAY or (a[i].requires_grad and a[i].kind == STRONG_NUMBER):
            return NotImplemented
    if not a[0].requires_grad and not a[1].requires_grad:
        return NotImplemented
    if not suits(&a[0], &a[1]) or not suits(&a[1], &a[0]):
        return NotImplemented
    cdef object _held0 = None if a[0].value.array == NULL else <object>a[0].value.array
    cdef object _held1 = None if a[1].value.array == NULL else <object>a[1].value.array
    y.array = chosen(<PyObject *>mask, a[0].value, a[1].value)
    if y.array == NULL:
        return NotImplemented
    if errors():  # of a number that overflows in float32: for NumPy to report
        clear_errors()
        return NotImplemented
    if is_recorded(y, True):
        record(rule, a, y, <PyObject *>mask)
    return y


cdef object where_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    cdef Operand nothing = Operand(NULL, 0)
    cdef Operand g = Operand(gy.value.array, 0)
    if gy.state == NUMBER or not is_exact(g.array):
        return False
    mask = parameter_of(f)
    return add_new(gx, chosen(<PyObject *>mask, g if i == 0 else nothing, nothing if i == 0 else g))


cdef tuple where_arguments(object x0, object x1, object mask):
    """The condition is the first argument of the row."""
    return mask, x0, x1


cdef class Where(Operation):
    """x0 where the condition holds, x1 elsewhere"""

    differentiable = True

    def forward(self, condition, x0, x1):
        """The output's array, from the operands'."""
        return np.where(condition, x0, x1)

    def backward(self, gy):
        """The gradients of x0 and x1; None for the condition, if that was an operand."""
        if not self.flags & IN_PYTHON:
            return Operation.backward(self, gy)
        mask, x0, x1 = [x.data for x in <tuple>self.kept]
        return None, *[call_vjp(&where_rule, where_rule.row_vjps, i, np, gy, gy, x0, x1, mask)
                       for i in range(2)]


cdef Rule where_rule
define(&where_rule, Where, name="where", n_inputs=2, uses0=0, uses1=0, loop=NO_LOOP, numbers=NULL,
       arrays=NULL, gradient=NULL)
where_rule.add_whole = where_whole
where_rule.fast_call = where_call
where_rule.arguments = where_arguments
