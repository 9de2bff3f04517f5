"""See sums.pxd."""

from libc.string cimport memcpy

import numpy as np

from fastgrad._kernels.loops cimport (
    ADD, C_ORDER, DOUBLE, clear_errors, data, dims, empty, errors, import_numpy, intp, is_direct,
    ndim, plain, run, size, strides, type_num,
)

import_numpy()

cdef bint add_strided(PyObject *y, PyObject *x) noexcept:
    cdef char *args[3]
    cdef intp steps[3]
    cdef bint double = type_num(y) == DOUBLE
    if not is_direct(x) or not is_direct(y) or type_num(x) != type_num(y):
        return False
    if ndim(y) == 1:
        steps[0], steps[1] = strides(y)[0], strides(x)[0]
    elif plain(y) & plain(x):
        steps[0] = steps[1] = 8 if double else 4
    else:
        return False
    args[0] = args[2] = data(y)
    args[1] = data(x)
    steps[2] = steps[0]
    run(ADD, double, args, size(y), steps)
    return True


# What np.sum begins with: minus zero since NumPy 1.25, before that zero.
cdef double nothing = np.add.reduce(np.array([-0.0]))


cdef bint sum_all(PyObject *x, double *y) noexcept:
    cdef bint double = type_num(x) == DOUBLE
    cdef double total = nothing
    cdef float single = nothing
    cdef char *args[3]
    cdef intp steps[3]
    if not plain(x):
        return False
    args[0] = args[2] = <char *>&total if double else <char *>&single
    args[1] = data(x)
    steps[0] = steps[2] = 0
    steps[1] = 8 if double else 4
    run(ADD, double, args, size(x), steps)
    if errors():
        clear_errors()
        return False
    y[0] = total if double else single
    return True


cdef PyObject *sum_leading(PyObject *x, PyObject *like) except? NULL:
    cdef int i, n_leading = ndim(x) - ndim(like)
    cdef intp n = size(like), n_rows = 1
    cdef bint double = type_num(x) == DOUBLE
    cdef char *args[3]
    cdef intp steps[3]
    cdef PyObject *y
    if n_leading < 1 or n < 8 or not plain(x) & C_ORDER:
        return NULL  # (of short rows NumPy sums in another order)
    for i in range(n_leading):
        n_rows *= dims(x)[i]
    for i in range(ndim(like)):
        if dims(x)[n_leading + i] != dims(like)[i]:
            return NULL
    if n_rows == 0:
        return NULL
    y = empty(x, ndim(like), dims(like))
    steps[0] = steps[1] = steps[2] = 8 if double else 4
    memcpy(data(y), data(x), n * steps[0])
    args[0] = args[2] = data(y)
    args[1] = data(x)
    for _ in range(1, n_rows):
        args[1] += n * steps[0]
        args[0] = args[2] = data(y)
        run(ADD, double, args, n, steps)
    return y
