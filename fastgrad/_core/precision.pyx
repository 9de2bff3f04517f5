"""See precision.pxd."""

import numpy as np

from cpython.object cimport PyObject

from fastgrad._core.graph cimport value_of
from fastgrad._kernels.loops cimport (
    HALF, LAST_INTEGER, import_numpy, is_array, is_stand_in, type_num,
)
from fastgrad._core.node cimport Handle

import_numpy()

cdef object half = np.dtype(np.float16)
cdef object single = np.dtype(np.float32)
cdef object double = np.dtype(np.float64)

# By the dtype's character: the real dtype of that precision, and the complex one.
cdef dict reals = {c: np.dtype(r) for c, r in zip("efdgFDG", "efdgfdg")}
cdef dict complexes = {"f": np.dtype("F"), "d": np.dtype("D"), "g": np.dtype("G")}
cdef dict sizes = {"e": 2, "f": 4, "d": 8, "g": 16}  # longdouble is the largest, whatever its size

cdef object EXACT = 1 << 53  # integers up to here are doubles exactly


cdef inline int number_of(object x):
    """The type number of an array, or of the data of a Variable; -1 of anything else."""
    if isinstance(x, Handle):
        x = value_of(x)
    return type_num(<PyObject *>x) if is_array(<PyObject *>x) else -1


cdef object widened(object gy):
    if is_array(<PyObject *>gy):
        return gy.astype(single) if type_num(<PyObject *>gy) == HALF else gy
    if type(gy) is tuple:
        return tuple([widened(g) for g in <tuple>gy])
    if isinstance(gy, Handle):
        return recorded_cast(gy, single) if number_of(gy) == HALF else gy
    return single.type(gy) if type(gy) is half.type else gy


cdef object read_in_precision(object x, object gy):
    cdef PyObject *array = <PyObject *>x
    cdef int own = number_of(x)
    if own > LAST_INTEGER and own == number_of(gy):
        return x  # the rest takes a microsecond
    if is_array(array):
        if is_stand_in(array):
            return x
        dtype = wanted(x.dtype, gy)
        return x if dtype is None else x.astype(dtype)
    if isinstance(x, Handle):
        value = value_of(x)
        if value is None or is_stand_in(<PyObject *>value):
            return x
        dtype = wanted(value.dtype, gy)
        return x if dtype is None else recorded_cast(x, dtype)
    if isinstance(x, np.generic):
        dtype = wanted(x.dtype, gy)
        return x if dtype is None else dtype.type(x)
    if type(x) is bool or type(x) is int and not -EXACT <= x <= EXACT:
        return float(x)  # weak as it was: it changes no dtype
    return x


cdef object recorded_cast(object x, object dtype):
    from fastgrad.methods import astype  # which is made of all the rest

    return astype(x, dtype)


cdef object wanted(object dtype, object gy):
    """The dtype in which it is read, or None for its own."""
    cdef str own = dtype.char
    if dtype.kind not in "biufc":
        return None
    real = precision_of(gy)
    if real is None:
        return None
    if dtype.kind in "biu":
        return real
    if sizes[reals[own].char] >= sizes[real.char]:
        return None
    return real if dtype.kind == "f" else complexes[real.char]


cdef object precision_of(object gy):
    """The real dtype of a gradient's precision; of several, the greatest. None: of objects."""
    if type(gy) is tuple:
        found = [precision_of(g) for g in gy if g is not None]
        if None in found or not found:
            return None if found else double
        return max(found, key=lambda real: sizes[real.char])
    dtype = getattr(gy, "dtype", double)
    return None if dtype.kind == "O" else reals.get(dtype.char, double)
