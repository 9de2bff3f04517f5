"""See casts.pxd."""

from fastgrad._kernels.loops cimport (
    C_ORDER, DOUBLE, data, dims, empty, import_numpy, intp, is_float_or_double, ndim, plain, size,
    type_num,
)

import_numpy()

ctypedef fused real:
    float
    double

ctypedef fused other:
    float
    double


cdef void convert(const real *x, other *y, intp n) noexcept nogil:
    cdef intp i
    for i in range(n):
        y[i] = <other>x[i]


cdef PyObject *converted(PyObject *x, PyObject *like) except? NULL:
    if not plain(x) & C_ORDER or not is_float_or_double(like):
        return NULL
    cdef PyObject *y = empty(like, ndim(x), dims(x))
    if type_num(x) == DOUBLE and type_num(y) != DOUBLE:
        convert(<const double *>data(x), <float *>data(y), size(x))
    elif type_num(x) != DOUBLE and type_num(y) == DOUBLE:
        convert(<const float *>data(x), <double *>data(y), size(x))
    elif type_num(x) == DOUBLE:
        convert(<const double *>data(x), <double *>data(y), size(x))
    else:
        convert(<const float *>data(x), <float *>data(y), size(x))
    return y
