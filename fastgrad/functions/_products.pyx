"""See functions/_products.pxd. Its row is in functions/products.py."""

from cpython.number cimport PyNumber_MatrixMultiply
from cpython.object cimport PyObject

from fastgrad._core.accumulate cimport Gradient, NUMBER
from fastgrad.functions._arithmetic cimport add_new
from fastgrad._kernels.loops cimport (
    DOUBLE, Matrix, NO_LOOP, Operand, data, dims, empty, import_numpy, intp, is_direct, multiply,
    ndim, strides, type_num,
)
from fastgrad._core.node cimport X0, X1
from fastgrad._core.rules cimport Operation, define

import_numpy()

cdef enum:
    # Multiplications, at most: what takes longer NumPy does, which lets other threads run.
    MOST = 1 << 20


cdef inline bint is_matrix(PyObject *x) noexcept:
    """Whether it is a matrix or a vector that the loop takes."""
    return x != NULL and is_direct(x) and 1 <= ndim(x) <= 2


cdef inline Matrix as_matrix(PyObject *x, bint column) noexcept:
    """A vector is one row or one column."""
    if ndim(x) == 2:
        return Matrix(data(x), dims(x)[0], dims(x)[1], strides(x)[0], strides(x)[1])
    if column:
        return Matrix(data(x), dims(x)[0], 1, strides(x)[0], strides(x)[0])
    return Matrix(data(x), 1, dims(x)[0], strides(x)[0], strides(x)[0])


cdef inline Matrix transposed(Matrix x) noexcept:
    return Matrix(x.data, x.n_columns, x.n_rows, x.column_step, x.row_step)


cdef PyObject *product(PyObject *like, Matrix x0, Matrix x1, int n_dims, bint row) except? NULL:
    """A new array of the dtype of `like`; of one dimension a row, or a column. NULL: by NumPy."""
    cdef intp n[2]
    if x0.n_columns != x1.n_rows:
        return NULL
    if not 0 < <double>x0.n_rows * x0.n_columns * x1.n_columns <= MOST:
        return NULL
    n[0] = x1.n_columns if row and n_dims == 1 else x0.n_rows
    n[1] = x1.n_columns
    cdef PyObject *y = empty(like, n_dims, n)
    multiply(type_num(like) == DOUBLE, &x0, &x1, data(y))
    return y


cdef bint matmul_arrays(Operand x0, Operand x1, PyObject **y) except -1:
    if not is_matrix(x0.array) or not is_matrix(x1.array):
        return False
    if type_num(x0.array) != type_num(x1.array):
        return False
    cdef int n = ndim(x0.array) + ndim(x1.array) - 2
    y[0] = product(x0.array, as_matrix(x0.array, False), as_matrix(x1.array, True), n,
                   ndim(x0.array) == 1)
    return y[0] != NULL


cdef bint matmul_directly(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                          Gradient *gx) except -1:
    cdef PyObject *x = x1.array if i == 0 else x0.array  # the other operand
    cdef PyObject *g = gy.value.array
    cdef PyObject *gx0
    cdef Matrix slope
    if gy.state == NUMBER or not is_matrix(x) or not is_matrix(g) or type_num(x) != type_num(g):
        return False
    cdef bint vector = ndim(x) == 1
    cdef int n = ndim(g) + 2 - ndim(x)  # dimensions of this operand
    if n > 2:
        return False
    if i == 0:
        slope = transposed(as_matrix(x, True))
        gx0 = product(x, as_matrix(g, vector), slope, n, n == 1)
    else:
        slope = transposed(as_matrix(x, False))
        gx0 = product(x, slope, as_matrix(g, not vector), n, False)
    return add_new(gx, gx0)


cdef class MatMul(Operation):
    """x0 @ x1"""


define(&matmul_rule, MatMul, name="matmul", n_inputs=2, uses0=X1, uses1=X0, loop=NO_LOOP,
       numbers=NULL, arrays=matmul_arrays, gradient=matmul_directly)
matmul_rule.forward = PyNumber_MatrixMultiply
matmul_rule.unlike = True
