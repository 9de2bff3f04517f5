"""See loops.pxd."""

from libc.math cimport isinf

import numpy as np

from fastgrad._kernels.spares cimport take_spare

import_numpy()

cdef enum:
    BLOCK = 1024  # elements of a temporary that stays in the first cache

cdef Split split = NULL  # see loops.pxd


cdef void split_by(Split given) noexcept:
    global split
    split = given


cdef extern from *:
    ctypedef struct UFunc "PyUFuncObject":
        int nargs
        Function *functions
        void **data
        int ntypes
        const char *name
        const char *types

cdef list ufuncs = []  # keeps alive what the table points into


cdef int find_loops(int loop, object ufunc, bint slow) except -1:
    """Enter the loops of `ufunc` that take and give float32, or float64, only."""
    cdef UFunc *f = <UFunc *><PyObject *>ufunc
    cdef int i, double
    cdef bytes wanted
    loops[loop].name, loops[loop].slow = f.name, slow
    for double in range(2):
        wanted = bytes([DOUBLE if double else FLOAT]) * f.nargs
        for i in range(f.ntypes):
            if f.types[i * f.nargs:(i + 1) * f.nargs] == wanted:
                loops[loop].of[double].function = f.functions[i]
                loops[loop].of[double].data = f.data[i] if f.data != NULL else NULL
                break
    ufuncs.append(ufunc)
    return 0


for _loop, _ufunc, _slow in (
    (ADD, np.add, False), (SUBTRACT, np.subtract, False), (MULTIPLY, np.multiply, False),
    (DIVIDE, np.divide, False), (NEGATIVE, np.negative, False), (ABSOLUTE, np.absolute, False),
    (SIGN, np.sign, False), (SQRT, np.sqrt, False), (MAXIMUM, np.maximum, False),
    (MINIMUM, np.minimum, False), (MATMUL, np.matmul, False), (POWER, np.power, True),
    (EXP, np.exp, True), (LOG, np.log, True), (TANH, np.tanh, True), (SIN, np.sin, True),
    (COS, np.cos, True),
):
    find_loops(_loop, _ufunc, _slow)


# --- on several threads ---


cdef struct Task:
    InnerLoop loop
    int n_args
    char *args[3]
    intp steps[3]


cdef int run_part(void *context, intp start, intp n) noexcept nogil:
    cdef Task *task = <Task *>context
    cdef char *args[3]
    for i in range(task.n_args):
        args[i] = task.args[i] + start * task.steps[i]
    clear_errors()
    task.loop.function(args, &n, task.steps, task.loop.data)
    gather_errors()
    cdef int up = errors()
    clear_errors()  # for whoever has this thread next
    return up


cdef void run_large(int loop, bint double, int n_args, char **args, intp n, intp *steps) noexcept:
    """Like `run`, but may split an elementwise loop over threads."""
    cdef intp small = SMALL_BUT_SLOW if loops[loop].slow else SMALL
    cdef Task task
    if split == NULL or n < small:
        run(loop, double, args, n, steps)
        return
    task.loop, task.n_args = loops[loop].of[double], n_args
    for i in range(n_args):
        task.args[i], task.steps[i] = args[i], steps[i]
    cdef int before = errors()
    put_up(before | split(run_part, &task, n, small >> 1))


cdef double apply_number(int loop, double x) noexcept:
    # In place: NumPy 2.0.0 takes numbers side by side for overlapping ones, and then computes
    # exp and log in another way, which may differ in the last bit.
    cdef char *args[2]
    cdef intp steps[2]
    args[0] = args[1] = <char *>&x
    steps[0] = steps[1] = 8
    run(loop, True, args, 1, steps)
    return x


cdef double apply_numbers(int loop, double x0, double x1) noexcept:
    cdef double y
    cdef char *args[3]
    cdef intp steps[3]
    args[0], args[1], args[2] = <char *>&x0, <char *>&x1, <char *>&y
    steps[0] = steps[1] = steps[2] = 0
    run(loop, True, args, 1, steps)
    return y


cdef inline PyObject *empty_like(PyObject *x, bint fortran) except NULL:
    cdef PyObject *y = take_spare(type_num(x) == DOUBLE, fortran, ndim(x), dims(x))
    return y if y != NULL else new_empty(x, ndim(x), dims(x), fortran)


cdef inline bint takes(PyObject *y, PyObject *like, int order) noexcept:
    """Whether the result of a loop over `like`, which is plain, may go there."""
    return y == like or (plain(y) & order and type_num(y) == type_num(like) and same_shape(y, like))


cdef bint apply1(int loop, PyObject *x, PyObject **y) except -1:
    cdef int order = plain(x)
    cdef bint double = type_num(x) == DOUBLE
    cdef char *args[2]
    cdef intp steps[2]
    if not order or loops[loop].of[double].function == NULL:
        return False
    assert y[0] == NULL or is_exclusive(y[0])
    if y[0] == NULL:
        y[0] = empty_like(x, not order & C_ORDER)
    elif not takes(y[0], x, order):
        return False
    args[0], args[1] = data(x), data(y[0])
    steps[0] = steps[1] = 8 if double else 4
    run_large(loop, double, 2, args, size(x), steps)
    return True


cdef struct Number:
    # Room for a number as a loop reads it.
    double as_double
    float as_float


cdef inline bint locate(Operand x, PyObject *like, int order, Number *room,
                        char **arg, intp *step) noexcept:
    """Where a loop over `like` finds `x`: an array alike, or one number with step 0."""
    if x.array == NULL:
        room.as_double = x.number
        if type_num(like) == DOUBLE:
            arg[0] = <char *>&room.as_double
        else:
            room.as_float = <float>x.number
            if isinf(room.as_float) and not isinf(x.number):
                return False  # NumPy reports this overflow
            arg[0] = <char *>&room.as_float
        step[0] = 0
        return True
    arg[0] = data(x.array)
    if x.array == like:
        step[0] = 8 if type_num(like) == DOUBLE else 4
        return True
    cdef int own = plain(x.array)
    if not own or type_num(x.array) != type_num(like):
        return False
    if ndim(x.array) == 0:
        step[0] = 0
        return True
    step[0] = 8 if type_num(like) == DOUBLE else 4
    return own & order and same_shape(x.array, like)


cdef bint apply2(int loop, Operand x0, Operand x1, PyObject **y) except -1:
    # `like` is the operand with the shape of the result, if there is one: a number or a 0-d array
    # beside it is read with step 0.
    cdef PyObject *like = x0.array
    if like == NULL or (ndim(like) == 0 and x1.array != NULL):
        like = x1.array
    if like == NULL:
        return False
    cdef int order = plain(like)
    if not order:
        return False
    cdef Number room0, room1
    cdef char *args[3]
    cdef intp steps[3]
    if (not locate(x0, like, order, &room0, &args[0], &steps[0])
            or not locate(x1, like, order, &room1, &args[1], &steps[1])):
        return apply_to_rows(loop, x0.array, x1.array, y)
    assert y[0] == NULL or is_exclusive(y[0])
    if y[0] == NULL:
        y[0] = empty_like(like, not order & C_ORDER)
    elif not takes(y[0], like, order):
        return False
    args[2] = data(y[0])
    cdef bint double = type_num(like) == DOUBLE
    steps[2] = 8 if double else 4
    run_large(loop, double, 3, args, size(like), steps)
    return True


cdef inline intp row_of(PyObject *x, PyObject *like, intp *step, intp *row_step) noexcept:
    """How the rows of `like` find an operand that is broadcast to it: their length, or 0."""
    cdef int i, n_leading = ndim(like) - ndim(x)
    cdef intp item = 8 if type_num(like) == DOUBLE else 4
    if n_leading > 0:  # one row for all
        for i in range(ndim(x)):
            if dims(x)[i] != dims(like)[n_leading + i]:
                return 0
        step[0], row_step[0] = item, 0
        return size(x)
    cdef int last = ndim(x) - 1
    if n_leading < 0 or dims(x)[last] != 1:
        return 0
    for i in range(last):  # one number for each row
        if dims(x)[i] != dims(like)[i]:
            return 0
    step[0], row_step[0] = 0, item
    return dims(like)[last]


cdef bint apply_to_rows(int loop, PyObject *x0, PyObject *x1, PyObject **y) except -1:
    """One operand is broadcast to the other: along its first axes, or along its last."""
    cdef char *args[3]
    cdef intp steps[3]
    cdef intp row_steps[3]
    if x0 == NULL or x1 == NULL or not plain(x0) & plain(x1) & C_ORDER:
        return False
    cdef int whole = 0 if size(x0) > size(x1) else 1
    cdef PyObject *like = x0 if whole == 0 else x1
    cdef bint double = type_num(like) == DOUBLE
    if type_num(x0) != type_num(x1):
        return False
    cdef intp n = row_of(x1 if whole == 0 else x0, like, &steps[1 - whole], &row_steps[1 - whole])
    if n == 0:
        return False
    assert y[0] == NULL or is_exclusive(y[0])
    if y[0] == NULL:
        y[0] = empty_like(like, False)
    elif not takes(y[0], like, C_ORDER):
        return False
    steps[whole] = steps[2] = 8 if double else 4
    row_steps[whole] = row_steps[2] = n * steps[2]
    args[0], args[1], args[2] = data(x0), data(x1), data(y[0])
    for _ in range(size(like) // n):
        run(loop, double, args, n, steps)
        args[0] += row_steps[0]
        args[1] += row_steps[1]
        args[2] += row_steps[2]
    return True


cdef PyObject *from_double(double value) except NULL:
    cdef PyObject *x = take_spare(True, False, 0, NULL)
    if x == NULL:
        x = empty_double()
    (<double *>data(x))[0] = value
    return x


cdef PyObject *empty(PyObject *x, int ndim, intp *dims) except NULL:
    cdef PyObject *y = take_spare(type_num(x) == DOUBLE, False, ndim, dims)
    return y if y != NULL else new_empty(x, ndim, dims, False)


cdef void multiply(bint double, Matrix *x0, Matrix *x1, char *y) noexcept:
    cdef intp item = 8 if double else 4
    cdef char *args[3]
    cdef intp n[4]
    cdef intp steps[9]
    args[0], args[1], args[2] = x0.data, x1.data, y
    n[0], n[1], n[2], n[3] = 1, x0.n_rows, x0.n_columns, x1.n_columns
    steps[0] = steps[1] = steps[2] = 0
    steps[3], steps[4] = x0.row_step, x0.column_step
    steps[5], steps[6] = x1.row_step, x1.column_step
    steps[7], steps[8] = x1.n_columns * item, item
    loops[MATMUL].of[double].function(args, n, steps, loops[MATMUL].of[double].data)


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
    if split == NULL or n < SMALL:
        up = add_part(&task, 0, n)
    else:
        up = split(add_part, &task, n, SMALL >> 1)
    in_product[0] |= up & 0xFF
    in_sum[0] |= up >> 8
    return True
