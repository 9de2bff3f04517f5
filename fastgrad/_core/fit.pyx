"""See fit.pxd."""

import numpy as np

from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport gradient_dtype
from fastgrad._core.graph cimport array_of, is_scalar
from fastgrad._core.node cimport Handle
from fastgrad._kernels.loops cimport (
    clear_errors, errors, holds_integers, import_numpy, is_array, is_double, is_double_scalar,
    is_exact, is_float_or_double, same_dtype, same_shape, take_object, type_num,
)
from fastgrad._kernels.casts cimport converted
from fastgrad._kernels.sums cimport sum_leading

import_numpy()

cdef object add_reduce = np.add.reduce
cdef object double_0d = np.zeros(())


cdef object fit(object gx, object like, object named, int i, list gys):
    return None if gx is None else brought(array_of(checked(gx, like, named, i, gys)), like, 0)


cdef bint suits(object gx, object like) noexcept:
    cdef PyObject *g = <PyObject *>gx
    cdef PyObject *x = <PyObject *>like
    if is_exact(g):
        return (is_array(x) and same_shape(g, x) and same_dtype(g, x) and not holds_integers(x))
    return is_double_scalar(g) and is_double(x)


cdef object checked(object gx, object like, object named, int i, list gys):
    if suits(gx, like):
        return gx
    g = array_of(gx)
    cdef bint of_row = type(named) is str  # whose VJPs may return what NumPy reads as an array
    if is_array(<PyObject *>g) or is_scalar(g) or of_row and type(g) in (list, tuple):
        g = np.asanyarray(g)
    if not is_array(<PyObject *>g) or g.dtype.kind not in "biufcO":
        raise TypeError(f"{subject(named, i)} is a {type(gx).__name__}, expected an ndarray, a "
                        "scalar or None")
    if g.shape != like.shape:
        if not is_broadcast(g.shape, like.shape) or (
            gys is not None
            and not any([gy is not None and gy.shape == g.shape for gy in gys])
        ):
            raise ValueError(f"{subject(named, i)} has shape {g.shape}, expected {like.shape}")
    return gx if isinstance(gx, Handle) else g


cdef str subject(object named, int i):
    """Which gradient it is that cannot be right."""
    if type(named) is tuple:
        from fastgrad._core.hooks import subject_of  # which is made of all this

        return subject_of(*named)
    name = named if type(named) is str else type(named).__name__
    return f"{name}: gradient for input {i}"


cdef bint is_broadcast(tuple shape, tuple own) except -1:
    """Whether an array of the shape `own` can be broadcast to `shape`."""
    try:
        return np.broadcast_shapes(shape, own) == shape
    except ValueError:
        return False


cdef object brought(object gx, object like, int n_leading):
    cdef PyObject *total
    cdef bint recorded = isinstance(gx, Handle)
    like = array_of(like)
    if n_leading == 0 and suits(array_of(gx), double_0d if like is None else like):
        return gx  # nearly always
    if n_leading == 0 and like is not None and is_exact(<PyObject *>gx):
        total = sum_leading(<PyObject *>gx, <PyObject *>like)
        if total != NULL:
            made = take_object(total)
            if errors():
                clear_errors()  # NumPy does it again, and reports them
            elif suits(made, like):
                return made
            else:
                gx = made
        if is_mixed(<PyObject *>gx, <PyObject *>like):
            total = converted(<PyObject *>gx, <PyObject *>like)
            if total != NULL:
                made = take_object(total)
                if not errors():
                    return made
                clear_errors()
    if not recorded:
        gx = np.asanyarray(gx)
    if like is None:
        like = double_0d
    elif not is_array(<PyObject *>like):
        like = np.asarray(like)
    if gx.ndim != n_leading + like.ndim or gx.shape[n_leading:] != like.shape:
        gx = summed(gx, like.shape, n_leading)
    dtype = gradient_dtype(like.dtype)
    if dtype.kind in "fc" and gx.dtype != dtype:
        if gx.dtype.kind == "c" and dtype.kind == "f":
            gx = gx.real
        gx = gx.astype(dtype)
        return gx if recorded else np.asanyarray(gx)
    if not recorded and not gx.dtype.isnative:
        gx = gx.astype(dtype)
    return gx


cdef bint is_mixed(PyObject *gx, PyObject *like) noexcept:
    """Whether they are alike, but for one being of float64 and the other of float32."""
    return (is_exact(gx) and is_array(like) and is_float_or_double(gx) and is_float_or_double(like)
            and type_num(gx) != type_num(like) and same_shape(gx, like))


cdef object summed(object gx, tuple own, int lead):
    """Sum `gx` over the axes along which an array of the shape `own` was broadcast."""
    cdef int i, n = gx.ndim - lead - len(own)
    if n > 0:
        gx = reduced(gx, tuple(range(lead, lead + n)), False)
    cdef tuple shape = gx.shape[lead:]
    if n < 0 or any([k != m for k, m in zip(own, shape) if k != 1]):
        raise ValueError(f"backward: a gradient has shape {shape}, expected {own} "
                         "(was an array reshaped in place?)")
    axes = tuple([i + lead for i in range(len(own)) if own[i] == 1 != shape[i]])
    return reduced(gx, axes, True) if axes else gx


cdef object reduced(object gx, tuple axes, bint keepdims):
    if isinstance(gx, Handle):
        return gx.sum(axis=axes, keepdims=keepdims)
    if is_exact(<PyObject *>gx):
        return np.asanyarray(add_reduce(gx, axis=axes, keepdims=keepdims))
    return np.asanyarray(gx.sum(axis=axes, keepdims=keepdims))
