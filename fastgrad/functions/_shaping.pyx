"""See functions/_shaping.pxd. All are views, forward; reshape and transpose backward too."""

import numpy as np

from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport ARRAY, Gradient
from fastgrad._core.graph cimport value_of
from fastgrad._kernels.loops cimport (
    MOST_DIMS, dims, import_numpy, intp, is_direct, is_exact, ndim, read_only_view, strides,
)
from fastgrad._core.node cimport Handle, Node, Rule, X0
from fastgrad._core.operation cimport apply_with
from fastgrad._core.rules cimport Operation, define_with_parameter

import_numpy()


cdef bint is_plain_call(tuple args, dict kwargs, int most) except -1:
    """A float Variable, and parameters by position."""
    if kwargs or not 1 <= len(args) <= most or not isinstance(args[0], Handle):
        return False
    x = value_of(args[0])
    return x is not None and is_direct(<PyObject *>x)


cdef object call_with_shape(const Rule *rule, tuple args, dict kwargs):
    if len(args) != 2 or not is_plain_call(args, kwargs, 2):
        return NotImplemented
    return apply_with(rule, args[0], args[1])


# --- reshape: the parameter is the new shape ---


cdef object reshape_forward(object x, object shape):
    return x.reshape(shape)


cdef object reshape_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    if gy.state != ARRAY or not is_exact(gy.value.array):
        return False
    return (<object>gy.value.array).reshape((<object>f.edges[0].saved.array).shape)


cdef class Reshape(Operation):
    """The same elements in another shape."""


cdef Rule reshape_rule
define_with_parameter(&reshape_rule, Reshape, name="reshape", forward=reshape_forward,
                      call=call_with_shape, gradient=reshape_whole)


# --- transpose: the parameter is the axes, or None ---


cdef object transpose_forward(object x, object axes):
    return x.transpose() if axes is None else x.transpose(axes)


cdef object transpose_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    if gy.state != ARRAY or not is_exact(gy.value.array):
        return False
    cdef object g = <object>gy.value.array, axes = <object>f.kept
    if axes is None:
        return g.transpose()
    cdef list inverse = [0] * len(axes)
    for i, axis in enumerate(axes):
        inverse[axis] = i
    return g.transpose(inverse)


cdef object transpose_call(const Rule *rule, tuple args, dict kwargs):
    if not is_plain_call(args, kwargs, 2):
        return NotImplemented
    axes = args[1] if len(args) == 2 else None
    return apply_with(rule, args[0], axes)


cdef class Transpose(Operation):
    """The axes in another order."""


cdef Rule transpose_rule
define_with_parameter(&transpose_rule, Transpose, name="transpose", forward=transpose_forward,
                      call=transpose_call, gradient=transpose_whole)


# --- broadcast_to: the parameter is the new shape ---


cdef object broadcast_forward(object x, object shape):
    """np.broadcast_to, which takes 2 us, for an ndarray and a tuple."""
    cdef intp n[MOST_DIMS]
    cdef intp steps[MOST_DIMS]
    cdef int i, own
    cdef PyObject *source = <PyObject *>x
    cdef int n_dims = len(shape) if type(shape) is tuple else MOST_DIMS + 1
    if not is_exact(source) or not ndim(source) <= n_dims <= MOST_DIMS:
        return np.broadcast_to(x, shape)
    for i in range(n_dims):
        size = shape[i]
        if not PyLong_CheckExact(size) or not 0 <= size < 1 << 48:
            return np.broadcast_to(x, shape)
        own = i - (n_dims - ndim(source))
        n[i] = size
        steps[i] = strides(source)[own] if own >= 0 and dims(source)[own] == n[i] else 0
        if own >= 0 and dims(source)[own] not in (1, n[i]):
            return np.broadcast_to(x, shape)  # raises
    return read_only_view(source, n_dims, n, steps)


cdef object broadcast_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    return False  # it is `gy`, which the engine sums


cdef class BroadcastTo(Operation):
    """The same elements, seen again and again along some axes."""


cdef Rule broadcast_rule
define_with_parameter(&broadcast_rule, BroadcastTo, name="broadcast_to", forward=broadcast_forward,
                      call=call_with_shape, gradient=broadcast_whole)
broadcast_rule.passes = X0
