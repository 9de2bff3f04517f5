"""See functions/_indexing.pxd.

The gradient of a part is added to the same part of a gradient of the whole, in place: a loop over
`x[i]` makes one array of the shape of `x`, not one for each `i`.
"""

import numpy as np

from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.accumulate cimport (
    ARRAY, Gradient, NONE, NUMBER, boxed, forget, tell,
)
from fastgrad._core.graph cimport enter_call, leave_call, value_of
from fastgrad._kernels.loops cimport (
    BOOL, DOUBLE, clear_errors, data, dims, errors, import_numpy, is_array, is_direct,
    is_exclusive, is_float_or_double, ndim, same_shape, strides, take_object, type_num,
    zeros_like,
)
from fastgrad._core.node cimport Handle, Node
from fastgrad._kernels.sums cimport add_strided
from fastgrad._core.operation cimport apply_with
from fastgrad._core.rules cimport Operation, define_with_parameter

import_numpy()

cdef object add = np.add, add_at = np.add.at


# --- what an index selects ---

cpdef enum:
    REPEATED  # maybe an element twice; all that is not known to be one of the others
    ONCE  # no element twice, into a copy
    VIEWED  # no element twice, and `x[index]` is a view of `x`, or a scalar


cpdef int selection(object index) except -1:
    """The one answer, for reading, gradients, and the rules in functions/indexing.py.

    With masks, integers and slices stay as they are: two masks select pairs of their elements, all
    different. An array of integers may repeat one; of its elements nothing is looked at, nor of
    those of a list or of a tuple inside a tuple, which NumPy makes an array of.
    """
    cdef int all_parts = VIEWED
    if type(index) is not tuple:
        return selection_of_part(index)
    for part in <tuple>index:
        all_parts = min(all_parts, selection_of_part(part))
    return all_parts


cdef inline int selection_of_part(object part) except -1:
    """The same of one index, for one axis or more."""
    if PyLong_CheckExact(part) or type(part) is slice or part is None or part is Ellipsis:
        return VIEWED
    if is_array(<PyObject *>part):
        # (An integer in an array without axes is one as any other, but for the copy.)
        return ONCE if type_num(<PyObject *>part) == BOOL or part.ndim == 0 else REPEATED
    if isinstance(part, np.integer):
        return VIEWED
    return ONCE if isinstance(part, (bool, np.bool_)) else REPEATED


cdef object getitem_forward(object x, object index):
    return x[index]


cdef object getitem_call(const Rule *rule, tuple args, dict kwargs):
    if kwargs or len(args) != 2 or not isinstance(args[0], Handle):
        return NotImplemented
    return getitem(args[0], args[1])


cpdef int add_at_index(object gx, object index, object gy) except -1:
    """`gx[index] += gy`, as often as an element is selected."""
    cdef object view
    cdef int selected = selection(index)
    if selected == VIEWED:
        view = gx[index]
        if is_array(<PyObject *>view):
            add(view, gy, view)
        else:
            gx[index] = view + gy
    elif selected == ONCE:
        gx[index] += gy  # ten times faster than add.at
    else:
        add_at(gx, index, gy)
    return 0


cdef object getitem_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    cdef PyObject *x = f.edges[0].saved.array
    cdef object index = <object>f.kept
    cdef object value, buffer
    if not is_float_or_double(x) or gx.state == NUMBER:
        return False
    if gx.state == NONE:
        buffer = take_object(zeros_like(x))
    elif not is_direct(gx.value.array) or not same_shape(gx.value.array, x):
        return False
    elif is_exclusive(gx.value.array):
        buffer = <object>gx.value.array
    else:
        buffer = (<object>gx.value.array).copy()
    if gx.state == NONE or <PyObject *>buffer != gx.value.array:
        forget(gx)
        Py_INCREF(buffer)
        gx.value.array, gx.state = <PyObject *>buffer, ARRAY
    # From here on Python code may run, and `gx` be gone.
    if add_directly(<PyObject *>buffer, index, gy):
        return tell(0, errors()) if errors() else True
    value = boxed(gy)
    add_at_index(buffer, index, value)
    clear_errors()  # NumPy reported them, and leaves them up
    return True


cdef bint add_directly(PyObject *buffer, object index, Gradient *gy) except -1:
    """`buffer[index] += gy` by a direct loop, where there is one; its flags are left up."""
    cdef Py_ssize_t i, n
    cdef PyObject *view
    if not is_direct(buffer):
        return False
    if PyLong_CheckExact(index) and ndim(buffer) == 1:
        if gy.state != NUMBER or type_num(buffer) != DOUBLE:
            return False
        i, n = index, dims(buffer)[0]
        (<double *>(data(buffer) + strides(buffer)[0] * (i + n if i < 0 else i)))[0] += (
            gy.value.number)
        return True
    if gy.state != ARRAY or selection(index) != VIEWED:
        return False
    part = (<object>buffer)[index]
    view = <PyObject *>part
    if not is_array(view) or not same_shape(view, gy.value.array):
        return False
    return add_strided(view, gy.value.array)


cdef class GetItem(Operation):
    """x[index]"""


define_with_parameter(&getitem_rule, GetItem, name="getitem", forward=getitem_forward,
                      call=getitem_call, gradient=getitem_whole)


cdef object getitem(object x, object index):
    return apply_with(&getitem_rule, <Handle>x, plain_index(index))


cdef object plain_index(object index):
    """An index without Variables."""
    if isinstance(index, Handle):
        return value_of(<Handle>index)
    if type(index) is tuple:
        for part in <tuple>index:
            if isinstance(part, Handle):
                enter_call(" in an index")
                try:
                    return tuple([plain_index(part) for part in <tuple>index])
                finally:
                    leave_call()
    return index
