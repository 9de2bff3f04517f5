"""See functions/_shaping.pxd. All are views, forward; reshape and transpose backward too."""

import numpy as np

from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport ARRAY, Gradient
from fastgrad._core.graph cimport value_of
from fastgrad._kernels.loops cimport (
    MOST_DIMS, dims, import_numpy, intp, is_direct, is_exact, ndim, read_only_view, strides,
)
from fastgrad._core.node cimport Handle, Node, Rule
from fastgrad._core.operation cimport Operation, apply_with, define

import_numpy()


cdef bint suits(tuple args, dict kwargs, int most) except -1:
    """A float Variable, and parameters by position."""
    if kwargs or not 1 <= len(args) <= most or not isinstance(args[0], Handle):
        return False
    x = value_of(args[0])
    return x is not None and is_direct(<PyObject *>x)


cdef object call_with_shape(const Rule *rule, tuple args, dict kwargs):
    if len(args) != 2 or not suits(args, kwargs, 2):
        return NotImplemented
    return apply_with(rule, args[0], args[1])


# --- reshape: the parameter is the new shape ---


cdef object reshape_forward(object x, object shape):
    return x.reshape(shape)


cdef object reshape_gradient(int i, object gy, object x, object shape):
    return np.reshape(gy, x.shape)


cdef object reshape_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    if gy.state != ARRAY or not is_exact(gy.value.array):
        return False
    return (<object>gy.value.array).reshape((<object>f.edges[0].saved.array).shape)


cdef object reshape_call(tuple args, dict kwargs):
    return call_with_shape(&reshape_rule, args, kwargs)


cdef class Reshape(Operation):
    """The same elements in another shape."""


cdef Rule reshape_rule
define(&reshape_rule, Reshape, "reshape", 1, 0, 0, reshape_forward, reshape_gradient,
       NULL, NULL, NULL)
reshape_rule.add_whole = reshape_whole
reshape_rule.fast_call = reshape_call


# --- transpose: the parameter is the axes, or None ---


cdef object transpose_forward(object x, object axes):
    return x.transpose() if axes is None else x.transpose(axes)


cdef object transpose_gradient(int i, object gy, object x, object axes):
    if axes is None:
        return gy.transpose()
    cdef list inverse = [0] * len(axes)
    for i, axis in enumerate(axes):
        inverse[axis] = i
    return gy.transpose(inverse)


cdef object transpose_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    if gy.state != ARRAY or not is_exact(gy.value.array):
        return False
    axes = <object>f.kept
    return transpose_gradient(0, <object>gy.value.array, None, axes)


cdef object transpose_call(tuple args, dict kwargs):
    if not suits(args, kwargs, 2):
        return NotImplemented
    axes = args[1] if len(args) == 2 else None
    return apply_with(&transpose_rule, args[0], axes)


cdef class Transpose(Operation):
    """The axes in another order."""


cdef Rule transpose_rule
define(&transpose_rule, Transpose, "transpose", 1, 0, 0, transpose_forward, transpose_gradient,
       NULL, NULL, NULL)
transpose_rule.add_whole = transpose_whole
transpose_rule.fast_call = transpose_call


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


cdef object broadcast_gradient(int i, object gy, object x, object shape):
    return gy  # which the engine sums


cdef object broadcast_whole(Node f, int i, Gradient *gy, bint last, Gradient *gx):
    return False


cdef object broadcast_call(tuple args, dict kwargs):
    return call_with_shape(&broadcast_rule, args, kwargs)


cdef class BroadcastTo(Operation):
    """The same elements, seen again and again along some axes."""


cdef Rule broadcast_rule
define(&broadcast_rule, BroadcastTo, "broadcast_to", 1, 0, 0, broadcast_forward,
       broadcast_gradient, NULL, NULL, NULL)
broadcast_rule.add_whole = broadcast_whole
broadcast_rule.fast_call = broadcast_call
