"""See functions/_along.pxd.

Each takes a matrix, whose rows are what a function reduces, in whatever way they lie in memory. A
few rows are read side by side: a product waits four cycles for the one before it in its row, and
rows that lie side by side share their cache lines.
"""

import numpy as np

from libc.math cimport INFINITY

from cpython.object cimport PyObject

from fastgrad._kernels.loops cimport (
    DOUBLE, clear_errors, data, dims, errors, import_numpy, intp, is_direct, ndim, report, strides,
    type_num,
)

import_numpy()

ctypedef fused real:
    float
    double

cdef enum:
    GROUP = 8  # rows side by side: a cache line of float64
    WIDE = 1024  # the same where they are read one after the other: the processor fetches ahead


cdef struct Steps:
    intp row, along  # from one row to the next, from one element to the next; in elements


cdef bint is_matrix(PyObject *x, Steps *steps) noexcept:
    """Whether it is one that C code may read; its steps."""
    cdef intp size = 8
    if not is_direct(x) or ndim(x) != 2:
        return False
    if type_num(x) != DOUBLE:
        size = 4
    steps.row, steps.along = strides(x)[0] // size, strides(x)[1] // size
    return steps.row * size == strides(x)[0] and steps.along * size == strides(x)[1]


# --- products ---


def products_of_others(x):
    """Of each element, the product of all others of its row; None: not for these arrays.

    The product of those before it, from the first on, times that of those after it, from the last
    on: the bits of `np.cumprod` both ways.
    """
    cdef PyObject *a = <PyObject *>x
    cdef PyObject *b
    cdef Steps x_steps, y_steps
    cdef int up
    if not is_matrix(a, &x_steps) or 0 in x.shape:
        return None
    y = np.empty_like(x)
    b = <PyObject *>y
    is_matrix(b, &y_steps)
    cdef intp n_rows = dims(a)[0], n = dims(a)[1]
    cdef bint double_precision = type_num(a) == DOUBLE
    clear_errors()
    with nogil:
        if double_precision:
            multiply_rows(<double *>data(a), <double *>data(b), n_rows, n, x_steps, y_steps)
        else:
            multiply_rows(<float *>data(a), <float *>data(b), n_rows, n, x_steps, y_steps)
        up = errors()
        clear_errors()
    if up:
        report("multiply", up)
    return y


cdef void multiply_rows(real *x, real *y, intp n_rows, intp n, Steps x_steps,
                        Steps y_steps) noexcept nogil:
    cdef intp i = 0
    while i + GROUP <= n_rows:  # what is known to be 1 is no multiplication
        if x_steps.along == 1 and y_steps.along == 1:
            multiply_group(x, y, n, Steps(x_steps.row, 1), Steps(y_steps.row, 1), GROUP)
        elif x_steps.row == 1 and y_steps.row == 1:
            multiply_group(x, y, n, Steps(1, x_steps.along), Steps(1, y_steps.along), GROUP)
        else:
            multiply_group(x, y, n, x_steps, y_steps, GROUP)
        x += GROUP * x_steps.row
        y += GROUP * y_steps.row
        i += GROUP
    while i < n_rows:
        multiply_group(x, y, n, x_steps, y_steps, 1)
        x += x_steps.row
        y += y_steps.row
        i += 1


cdef inline void multiply_group(real *x, real *y, intp n, Steps x_steps, Steps y_steps,
                                int n_rows) noexcept nogil:
    """`y` has the products of those after, then also of those before."""
    cdef real[GROUP] p  # the products so far
    cdef intp i, k
    for k in range(n_rows):
        p[k] = 1
    for i in range(n - 1, 0, -1):
        for k in range(n_rows):
            y[k * y_steps.row + i * y_steps.along] = p[k]
            p[k] = p[k] * x[k * x_steps.row + i * x_steps.along]
    for k in range(n_rows):
        y[k * y_steps.row] = p[k]
        p[k] = x[k * x_steps.row]
    for i in range(1, n):
        for k in range(n_rows):
            y[k * y_steps.row + i * y_steps.along] *= p[k]
            if i < n - 1:  # the product of all is nobody's: it must put up no flag
                p[k] = p[k] * x[k * x_steps.row + i * x_steps.along]


# --- ranks ---


def places_of_ranks(x, y, intp low, intp high):
    """Where in each row the elements of ranks `low` and `high` are, if a stable sort ranks them.

    `y` has a number for each row, between those elements or one of them: with that known, they are
    found without sorting. None: not for these arrays, or a `y` is not what it should be.
    """
    cdef PyObject *a = <PyObject *>x
    cdef PyObject *b = <PyObject *>y
    cdef Steps steps
    if not is_matrix(a, &steps) or not is_direct(b) or type_num(a) != type_num(b):
        return None
    cdef intp n_rows = dims(a)[0], n = dims(a)[1]
    if y.shape != (n_rows,) or not y.flags.c_contiguous:
        return None
    places = np.empty((2, n_rows), np.intp)
    cdef intp *lower = <intp *>data(<PyObject *>places)
    cdef bint double_precision = type_num(a) == DOUBLE, known
    with nogil:
        if double_precision:
            known = rank_rows(<double *>data(a), <double *>data(b), lower, lower + n_rows, n_rows,
                              n, steps, low, high)
        else:
            known = rank_rows(<float *>data(a), <float *>data(b), lower, lower + n_rows, n_rows,
                              n, steps, low, high)
        clear_errors()  # of comparing a NaN
    return places if known else None


cdef struct Count:
    intp less, equal, last  # how many elements are less than y, and equal; the last of the latter


cdef bint rank_rows(real *x, real *y, intp *lower, intp *upper, intp n_rows, intp n, Steps steps,
                    intp low, intp high) noexcept nogil:
    """Whether all were found."""
    cdef Count[WIDE] counts
    cdef intp i = 0, k, n_group
    while i < n_rows:
        n_group = n_rows - i if n_rows - i < WIDE else WIDE
        if steps.row == 1:
            count_side_by_side(x, y, counts, n_group, n, steps.along)
        else:
            for k in range(n_group):
                counts[k] = count_row(x + k * steps.row, y[k], n, steps.along)
        for k in range(n_group):
            lower[k] = upper[k] = place_of_rank(x + k * steps.row, y[k], n, steps.along, counts[k],
                                                low)
            if high != low:
                upper[k] = place_of_rank(x + k * steps.row, y[k], n, steps.along, counts[k], high)
            if lower[k] < 0 or upper[k] < 0:
                return False
        i, x, y = i + WIDE, x + WIDE * steps.row, y + WIDE
        lower, upper = lower + WIDE, upper + WIDE
    return True


cdef void count_side_by_side(real *x, real *y, Count *counts, intp n_rows, intp n,
                             intp step) noexcept nogil:
    """Of rows whose elements lie side by side."""
    cdef intp i, k
    cdef intp[WIDE] less
    for k in range(n_rows):
        less[k] = 0
        counts[k] = Count(0, 0, 0)
    for i in range(n):
        for k in range(n_rows):
            less[k] += x[i * step + k] < y[k]
        for k in range(n_rows):
            if x[i * step + k] == y[k]:
                counts[k].equal += 1
                counts[k].last = i
    for k in range(n_rows):
        counts[k].less = less[k]


cdef inline Count count_row(real *x, real y, intp n, intp step) noexcept nogil:
    cdef Count count = Count(0, 0, 0)
    cdef intp i, less = 0
    for i in range(n):  # two loops: of one, the compiler makes jumps that nobody can foresee
        less += x[i * step] < y
    for i in range(n):
        if x[i * step] == y:
            count.equal += 1
            count.last = i
    count.less = less
    return count


cdef intp place_of_rank(real *x, real y, intp n, intp step, Count count, intp rank) noexcept nogil:
    """The place of one element, or -1 if `y` is no neighbour of it."""
    cdef intp i, found = -1, before = rank - count.less  # of those equal to `y`
    cdef real value, best
    if 0 <= before < count.equal:
        if before == count.equal - 1:
            return count.last
        for i in range(n):
            if x[i * step] == y:
                if before == 0:
                    return i
                before -= 1
    elif rank == count.less - 1:  # the last of the greatest that are less
        best = -INFINITY
        for i in range(n):
            value = x[i * step] if x[i * step] < y else -INFINITY
            best = value if value > best else best
        for i in range(n):
            found = i if x[i * step] == best else found
    elif before == count.equal:  # the first of the least that are greater
        best = INFINITY
        for i in range(n):
            value = x[i * step] if x[i * step] > y else INFINITY
            best = value if value < best else best
        if best > y:
            for i in range(n):
                if x[i * step] == best:
                    return i
    return found
