"""See sums.pxd."""

from libc.string cimport memcpy

import numpy as np

from fastgrad._kernels.loops cimport (
    ADD, C_ORDER, DOUBLE, InnerLoop, MULTIPLY, Number, SMALL, clear_errors, data, dims, empty,
    errors, import_numpy, intp, is_direct, locate, loops, ndim, plain, run, same_shape, size,
    strides, type_num,
)
from fastgrad._kernels.parallel cimport in_parallel, n_threads

import_numpy()

cdef enum:
    BLOCK = 1024  # elements of a temporary that stays in the first cache

cdef struct Blocks:
    # g += x0 * x1
    bint double
    char *g
    char *args[2]
    intp steps[2]


cdef int add_part(void *context, intp start, intp left) noexcept nogil:
    """Block by block; the flags of the products, and shifted by 8 those of the sums."""
    cdef Blocks *task = <Blocks *>context
    cdef InnerLoop multiplying = loops[MULTIPLY].of[task.double]
    cdef InnerLoop adding = loops[ADD].of[task.double]
    cdef intp n, item = 8 if task.double else 4
    cdef char *product[3]
    cdef char *total[3]
    cdef intp product_steps[3]
    cdef intp total_steps[3]
    cdef double block[BLOCK]
    cdef int up = 0
    clear_errors()
    for i in range(2):
        product[i] = task.args[i] + start * task.steps[i]
        product_steps[i] = task.steps[i]
    product[2] = total[1] = <char *>block
    total[0] = total[2] = task.g + start * item
    product_steps[2] = total_steps[0] = total_steps[1] = total_steps[2] = item
    while left > 0:
        n = min(left, BLOCK)
        multiplying.function(product, &n, product_steps, multiplying.data)
        if errors():
            up |= errors()
            clear_errors()
        adding.function(total, &n, total_steps, adding.data)
        if errors():
            up |= errors() << 8
            clear_errors()
        product[0] += n * product_steps[0]
        product[1] += n * product_steps[1]
        total[0] += n * item
        total[2] += n * item
        left -= n
    return up


cdef bint add_blocks(PyObject *g, Operand x0, Operand x1, int *in_product, int *in_sum) noexcept:
    cdef int up, order = plain(g)
    cdef Blocks task
    cdef Number room0, room1
    cdef intp n = size(g)
    if not order or x0.array == NULL or type_num(x0.array) != type_num(g):
        return False
    if not (plain(x0.array) & order and same_shape(x0.array, g)):
        return False
    if (not locate(x0, g, order, &room0, &task.args[0], &task.steps[0])
            or not locate(x1, g, order, &room1, &task.args[1], &task.steps[1])):
        return False
    task.double, task.g = type_num(g) == DOUBLE, data(g)
    if n_threads == 1 or n < SMALL:
        up = add_part(&task, 0, n)
    else:
        up = in_parallel(add_part, &task, n, SMALL >> 1)
    in_product[0] |= up & 0xFF
    in_sum[0] |= up >> 8
    return True


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
    if n_leading < 1 or n < 8 or not plain(x) & C_ORDER or type_num(like) != type_num(x):
        return NULL  # (of short rows NumPy sums in another order)
    for i in range(n_leading):
        n_rows *= dims(x)[i]
    for i in range(ndim(like)):
        if dims(x)[n_leading + i] != dims(like)[i]:
            return NULL
    if n_rows == 0:
        return NULL
    y = empty(like, ndim(like), dims(like))
    steps[0] = steps[1] = steps[2] = 8 if double else 4
    memcpy(data(y), data(x), n * steps[0])
    args[0] = args[2] = data(y)
    args[1] = data(x)
    for _ in range(1, n_rows):
        args[1] += n * steps[0]
        args[0] = args[2] = data(y)
        run(ADD, double, args, n, steps)
    return y
