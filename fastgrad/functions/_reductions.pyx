"""See functions/_reductions.pxd.

The parameter that their Functions save is None, for the sum of all elements, or what NumPy's
functions take after the operand: (axis, dtype, out, keepdims), two of which are None.
"""

import numpy as np

from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport ARRAY, Gradient, NONE, NUMBER, tell
from fastgrad._core.graph cimport value_of
from fastgrad._kernels.loops cimport (
    ADD, DIVIDE, DOUBLE, apply2, array, clear_errors, data, dims, empty, errors, from_double,
    import_numpy, intp, is_direct, is_exclusive, ndim, number, plain, same_shape, size,
    take_object, type_num,
)
from fastgrad._kernels.sums cimport sum_all
from fastgrad._core.node cimport Handle, Node, Rule
from fastgrad._core.operation cimport apply_with
from fastgrad._core.rules cimport Operation, define_with_parameter

import_numpy()

cdef object add_reduce = np.add.reduce, mean = np.mean
cdef object single = np.float32

ctypedef fused real:
    float
    double


cdef object reduction_call(const Rule *rule, tuple args, dict kwargs):
    """Of a float Variable, with `axis` and `keepdims`."""
    cdef object axis = None, keepdims = False
    cdef Py_ssize_t n = len(args), n_used = 0
    if not 1 <= n <= 2 or not isinstance(args[0], Handle):
        return NotImplemented
    if n == 2:
        axis = args[1]
    if kwargs:
        if "axis" in kwargs:
            if n == 2:
                return NotImplemented  # NumPy's error
            axis = kwargs["axis"]
            n_used += 1
        if "keepdims" in kwargs:
            keepdims = kwargs["keepdims"]
            n_used += 1
        if n_used < len(kwargs) or not isinstance(keepdims, bool):
            return NotImplemented
    if axis is not None and not PyLong_CheckExact(axis) and type(axis) is not tuple:
        return NotImplemented
    cdef object x = value_of(args[0])
    if x is None or not is_direct(<PyObject *>x):
        return NotImplemented
    if axis is None and keepdims is False:
        return apply_with(rule, args[0], None)
    return apply_with(rule, args[0], (axis, None, None, keepdims))


cdef tuple arguments(object x, object _, object parameter):
    return (x,) if parameter is None else (x, *<tuple>parameter)


# --- the gradient, of both ---


cdef object spread(object gy, object x, tuple parameter):
    """`gy` with the axes that were summed, of length one."""
    cdef object axis = parameter[0]
    if parameter[3]:
        return gy
    cdef Py_ssize_t i, n = x.ndim
    cdef list shape = [1] * n if axis is None else list(x.shape)
    if axis is None or n == 0:  # NumPy lets a 0-d array be summed along its axis 0
        return gy.reshape(tuple(shape))
    for i in axis if type(axis) is tuple else (axis,):
        shape[i + n if i < 0 else i] = 1
    return gy.reshape(tuple(shape))


cdef object add_everywhere(Node f, Gradient *gy, double count, Gradient *gx):
    """Add `gy / count` to each element of the gradient of what was summed: see AddWhole."""
    cdef PyObject *x = f.edges[0].saved.array
    cdef object parameter = <object>f.kept
    if gx.state == NUMBER or ndim(x) == 0:
        return False
    if parameter is None or gy.state == NUMBER:  # the latter of a sum along each axis
        return add_to_all(x, gy, count, gx)
    if not is_direct(gy.value.array):
        return False
    if type_num(gy.value.array) != type_num(x):
        return False
    cdef PyObject *shares = NULL
    part = <object>gy.value.array
    if count != 1:
        if not apply2(DIVIDE, array(gy.value.array), number(count), &shares):
            return False
        part = take_object(shares)
        if errors():
            clear_errors()
            return False
    whole = take_object(empty(x, ndim(x), dims(x)))
    whole[...] = spread(part, <object>x, parameter)
    return whole


cdef bint add_to_all(PyObject *x, Gradient *gy, double count, Gradient *gx) except -1:
    """The same of the sum of all elements, whose gradient is one number."""
    cdef double value
    if gx.state == ARRAY and not (is_exclusive(gx.value.array) and plain(gx.value.array)
                                  and same_shape(gx.value.array, x)
                                  and type_num(gx.value.array) == type_num(x)):
        return False
    if gy.state == NUMBER:
        value = gy.value.number
    elif ndim(gy.value.array) == 0 and is_direct(gy.value.array):
        value = float(<object>gy.value.array)
    else:
        return False
    value = value / count if type_num(x) == DOUBLE else <float>value / <float>count
    if errors():
        clear_errors()
        return False
    if gx.state == NONE:
        gx.value.array = filled(x, value)
        gx.state = ARRAY
        return True
    apply2(ADD, array(gx.value.array), number(value), &gx.value.array)
    return tell(0, errors()) if errors() else True


cdef PyObject *filled(PyObject *x, double value) except NULL:
    """A new array of the shape and dtype of `x`, with that value everywhere."""
    cdef PyObject *y = empty(x, ndim(x), dims(x))
    if type_num(y) == DOUBLE:
        fill(<double *>data(y), value, size(y))
    else:
        fill(<float *>data(y), <float>value, size(y))
    return y


cdef inline void fill(real *y, real value, intp n) noexcept:
    cdef intp i
    for i in range(n):
        y[i] = value


cdef object total_forward(object x, object parameter):
    """The sum; of all elements by a direct loop, if there is one."""
    cdef double y
    if parameter is None:
        if sum_all(<PyObject *>x, &y):
            return take_object(from_double(y)) if type_num(<PyObject *>x) == DOUBLE else single(y)
        return add_reduce(x, None)
    return add_reduce(x, *<tuple>parameter)


# --- sum ---


cdef object sum_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    return add_everywhere(f, gy, 1, gx)


cdef class Sum(Operation):
    """The sum of all elements, or along axes."""


cdef Rule sum_rule
define_with_parameter(&sum_rule, Sum, name="sum", forward=total_forward, call=reduction_call,
                      gradient=sum_whole)
sum_rule.arguments = arguments


# --- mean ---


cdef double count_of(object x, object parameter) except -1:
    """Over how many elements the mean is taken."""
    cdef Py_ssize_t i, n = 1
    cdef object axis = None if parameter is None else parameter[0]
    if axis is None:
        return x.size
    for i in axis if type(axis) is tuple else (axis,):
        n *= x.shape[i]
    return n


cdef object mean_forward(object x, object parameter):
    cdef double y
    cdef Py_ssize_t n = size(<PyObject *>x)
    if parameter is not None:
        return mean(x, *<tuple>parameter)
    if n and sum_all(<PyObject *>x, &y):
        if type_num(<PyObject *>x) == DOUBLE:
            return take_object(from_double(y / n))
        return single(<float>y / <float>n)
    return mean(x)


cdef object mean_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    cdef object x = <object>f.edges[0].saved.array
    return add_everywhere(f, gy, count_of(x, <object>f.kept), gx)


cdef class Mean(Operation):
    """The mean of all elements, or along axes."""


cdef Rule mean_rule
define_with_parameter(&mean_rule, Mean, name="mean", forward=mean_forward, call=reduction_call,
                      gradient=mean_whole)
mean_rule.arguments = arguments
