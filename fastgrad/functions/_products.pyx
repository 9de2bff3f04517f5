# cython: nonecheck=True
"""See functions/_products.pxd. The rows are in functions/products.py."""

import numpy as np

from cpython.long cimport PyLong_CheckExact
from cpython.number cimport PyNumber_MatrixMultiply
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.accumulate cimport Gradient, NUMBER
from fastgrad.functions._arithmetic cimport add_new
from fastgrad._kernels.loops cimport (
    DOUBLE, MOST_DIMS, Matrix, NO_LOOP, Operand, clear_errors, data, dims, empty, errors,
    import_numpy, intp, is_array, is_direct, multiply, ndim, strides, take_object, type_num,
)
from fastgrad._kernels.spares cimport drop
from fastgrad._core.graph cimport array_of
from fastgrad._core.node cimport FastCall, Handle, Rule, X0, X1
from fastgrad._core.operation cimport apply
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

# --- sums over axes at an end of both operands: tensordot, inner, outer, and dot with a matrix ---

# The axes that are summed over: the last of the left operand with the first of the right one, the
# last of both, or the first of both. The gradients of each of these are products of the three too.
cdef enum:
    INNER
    LAST
    FIRST

cdef object contiguous = np.ascontiguousarray, tensordot = np.tensordot


cdef class Contraction:
    """The product of two arrays, summed over `k` axes of each; a rule, and its forward."""

    cdef Rule rule
    cdef int layout, k
    cdef bint exactly  # a program's call, whose result is NumPy's to the last bit; else a gradient
    cdef object by_numpy

    def __call__(self, x0, x1):
        """The array. (NumPy's dot of more axes multiplies no matrices.)"""
        cdef PyObject *y = NULL
        if self.rule.type == tensordot_rule.type or x0.ndim <= 2 and x1.ndim <= 2:
            y = contracted(self.layout, self.k, <PyObject *>x0, <PyObject *>x1, self.exactly)
        return self.by_numpy(x0, x1) if y == NULL else take_object(y)


cdef class Pull:
    """The VJP of a contraction for its operand `i`: a contraction of the gradient."""

    cdef int layout, k, i

    def __call__(self, xp, g, y, x0, x1, **_):
        return contraction_vjp(self.layout, self.k, self.i, g, x0, x1)


def contraction_vjp(int layout, int k, int i, g, x0, x1):
    """The gradient for operand `i`, of arrays or Variables."""
    cdef int n = (x1 if i == 0 else x0).ndim - k  # how many axes of `g` are the other operand's
    if layout == INNER:
        return contract(LAST, n, g, x1) if i == 0 else contract(FIRST, n, x0, g)
    if layout == LAST:
        return contract(INNER, n, g, x1) if i == 0 else contract(FIRST, n, g, x0)
    return contract(LAST, n, x1, g) if i == 0 else contract(INNER, n, x0, g)


def contract(int layout, int k, x0, x1):
    """`tensordot` over `k` axes, 0 or more, for a gradient: of arrays an array, else a Variable.

    Of the same bits, so that recorded gradients are those of arrays.
    """
    if k < 0:  # of inputs that were assigned since
        raise ValueError(f"a gradient, or an operand, lacks {-k} axes")
    cdef Contraction c = contraction(layout, k, False)
    if isinstance(x0, Handle) or isinstance(x1, Handle):
        return apply(&c.rule, x0, x1)
    return c(x0, x1)


cdef PyObject *contracted(int layout, int k, PyObject *x0, PyObject *x1, bint exactly) except? NULL:
    """A new array; NULL: by NumPy. `exactly`: only where that multiplies matrices in this way."""
    cdef intp n[MOST_DIMS]
    cdef Matrix a, b
    cdef PyObject *y
    cdef int i, n0, n1, first0, first1
    if not is_array(x0) or not is_array(x1) or not is_direct(x0) or not is_direct(x1):
        return NULL
    n0, n1 = ndim(x0) - k, ndim(x1) - k  # the axes that are left
    if n0 < 0 or n1 < 0 or n0 + n1 > MOST_DIMS or type_num(x0) != type_num(x1):
        return NULL
    first0, first1 = 0 if layout == FIRST else n0, n1 if layout == LAST else 0
    for i in range(k):
        if dims(x0)[first0 + i] != dims(x1)[first1 + i]:
            return NULL
    for i in range(n0):
        n[i] = dims(x0)[i + k if layout == FIRST else i]
    for i in range(n1):
        n[n0 + i] = dims(x1)[i if layout == LAST else i + k]
    if not flatten(x0, k if layout == FIRST else n0, &a):
        if exactly and layout == FIRST:  # its copy would lie the other way
            return NULL
        copy = contiguous(<object>x0)
        return contracted(layout, k, <PyObject *>copy, x1, exactly)
    if not flatten(x1, n1 if layout == LAST else k, &b):
        if exactly and layout == LAST:
            return NULL
        copy = contiguous(<object>x1)
        return contracted(layout, k, x0, <PyObject *>copy, exactly)
    if layout == FIRST:
        a = transposed(a)
    if layout == LAST:
        b = transposed(b)
    if not 0 < <double>a.n_rows * a.n_columns * b.n_columns <= MOST:
        return NULL
    if exactly and (a.n_rows == 1 or a.n_columns == 1 or b.n_columns == 1):
        return NULL
    y = empty(x0, n0 + n1, n)
    multiply(type_num(y) == DOUBLE, &a, &b, data(y))
    if errors():  # NumPy does it again, and reports them as its own
        clear_errors()
        drop(y)
        return NULL
    return y


cdef bint flatten(PyObject *x, int cut, Matrix *y) noexcept:
    """The axes before `cut` as that of the rows, the others as that of the columns: if they lie so.
    """
    y.data = data(x)
    return (flatten_axes(x, 0, cut, &y.n_rows, &y.row_step)
            and flatten_axes(x, cut, ndim(x), &y.n_columns, &y.column_step))


cdef inline bint flatten_axes(PyObject *x, int start, int stop, intp *n, intp *step) noexcept:
    cdef int i
    n[0], step[0] = 1, 8 if type_num(x) == DOUBLE else 4
    for i in range(stop - 1, start - 1, -1):
        if dims(x)[i] == 1:
            continue
        if n[0] == 1:
            step[0] = strides(x)[i]
        elif strides(x)[i] != n[0] * step[0]:
            return False
        n[0] *= dims(x)[i]
    return True


cdef dict contractions = {}  # for ever: nodes refer to their rules


cdef Contraction contraction(int layout, int k, bint exactly):
    cdef int key = (k << 2 | layout) << 1 | exactly
    cdef object found = contractions.get(key)
    if found is None:
        axes = ((list(range(-k, 0)), list(range(k))), (list(range(-k, 0)),) * 2,
                (list(range(k)),) * 2)[layout]
        from fastgrad.functions.products import batched_tensordot  # which is made of this

        found = new_contraction(layout, k, &tensordot_rule, lambda x0, x1: tensordot(x0, x1, axes),
                                batched_tensordot(axes))
        (<Contraction>found).exactly = exactly
        found = contractions.setdefault(key, found)  # another thread may have been here
    return found


cdef Contraction new_contraction(int layout, int k, const Rule *like, by_numpy, tuple batched):
    """One that is recorded as `like` is."""
    cdef Contraction c = Contraction.__new__(Contraction)
    cdef tuple vjps = (pull(layout, k, 0), pull(layout, k, 1))
    c.layout, c.k, c.exactly, c.by_numpy, c.rule = layout, k, True, by_numpy, like[0]
    Py_INCREF(vjps)
    Py_INCREF(batched)
    c.rule.row_forward = <PyObject *>c
    c.rule.row_vjps, c.rule.row_batched = <PyObject *>vjps, <PyObject *>batched
    return c


cdef Pull pull(int layout, int k, int i):
    cdef Pull made = Pull.__new__(Pull)
    made.layout, made.k, made.i = layout, k, i
    return made


cdef bint are_arrays(tuple args, int *n) except -1:
    """Whether these are two arrays that C code may read, one of them a Variable's: their axes."""
    cdef int i
    if len(args) < 2 or not (isinstance(args[0], Handle) or isinstance(args[1], Handle)):
        return False
    for i in range(2):
        x = array_of(args[i])
        if not is_array(<PyObject *>x) or not is_direct(<PyObject *>x):
            return False
        n[i] = ndim(<PyObject *>x)
    return True


cdef object tensordot_call(const Rule *rule, tuple args, dict kwargs):
    cdef int n[2]
    cdef int layout = INNER, k
    if not are_arrays(args, n) or len(args) + len(kwargs) > 3:
        return NotImplemented
    axes = args[2] if len(args) == 3 else kwargs.get("axes") if kwargs else 2
    if not PyLong_CheckExact(axes):
        if type(axes) not in (tuple, list) or len(axes) != 2:
            return NotImplemented
        axes0, axes1 = ([x] if PyLong_CheckExact(x) else x for x in axes)
        if type(axes0) not in (tuple, list) or type(axes1) not in (tuple, list):
            return NotImplemented
        layout = layout_of(axes0, axes1, n[0], n[1])
        if layout < 0:
            return NotImplemented
        axes = len(axes0)
    if not 0 <= axes <= min(n[0], n[1]):
        return NotImplemented
    k = axes
    return apply(&contraction(layout, k, True).rule, args[0], args[1])


cpdef int layout_of(axes0, axes1, int n0, int n1) except -2:
    """The layout of these axes of operands of `n0` and `n1`; -1: it is none of them."""
    cdef int k = len(axes0)
    if len(axes1) != k or k > n0 or k > n1:
        return -1
    if is_run(axes1, 0, n1):
        if is_run(axes0, n0 - k, n0):
            return INNER
        return FIRST if is_run(axes0, 0, n0) else -1
    return LAST if is_run(axes1, n1 - k, n1) and is_run(axes0, n0 - k, n0) else -1


cdef bint is_run(axes, int first, int n) except -1:
    """Whether these axes of `n` are `first` and those that follow."""
    cdef int i
    for i in range(len(axes)):
        axis = axes[i]
        if not PyLong_CheckExact(axis) or axis != first + i and axis != first + i - n:
            return False
    return True


cdef object dot_call(const Rule *rule, tuple args, dict kwargs):
    """With a vector or a matrix on the right."""
    cdef int n[2]
    if kwargs or len(args) != 2 or not are_arrays(args, n) or not n[0] or not 1 <= n[1] <= 2:
        return NotImplemented
    return apply(&(<Contraction>dot_contraction).rule, args[0], args[1])


cdef object inner_call(const Rule *rule, tuple args, dict kwargs):
    cdef int n[2]
    if kwargs or len(args) != 2 or not are_arrays(args, n) or not n[0] or not n[1]:
        return NotImplemented
    # With a vector, as the row sees it: its first axis.
    c = inner_contraction if n[1] > 1 else inner_with_vector
    return apply(&(<Contraction>c).rule, args[0], args[1])


cdef object outer_call(const Rule *rule, tuple args, dict kwargs):
    """Of vectors."""
    cdef int n[2]
    if kwargs or len(args) != 2 or not are_arrays(args, n) or n[0] != 1 or n[1] != 1:
        return NotImplemented
    return apply(&(<Contraction>outer_contraction).rule, args[0], args[1])


cdef class Tensordot(Operation):
    """np.tensordot(x0, x1, axes)"""


cdef class Dot(Operation):
    """np.dot(x0, x1)"""


cdef class Inner(Operation):
    """np.inner(x0, x1)"""


cdef class Outer(Operation):
    """np.outer(x0, x1)"""


cdef Rule tensordot_rule, dot_rule, inner_rule, outer_rule
cdef object dot_contraction = None, outer_contraction = None
cdef object inner_contraction = None, inner_with_vector = None


cdef int define_product(Rule *rule, cls, const char *name, FastCall call) except -1:
    define(rule, cls, name=name, n_inputs=2, uses0=X1, uses1=X0, loop=NO_LOOP, numbers=NULL,
           arrays=NULL, gradient=NULL)
    rule.fast_call = call
    return 0

define_product(&tensordot_rule, Tensordot, "tensordot", tensordot_call)
define_product(&dot_rule, Dot, "dot", dot_call)
define_product(&inner_rule, Inner, "inner", inner_call)
define_product(&outer_rule, Outer, "outer", outer_call)


def declared(dict batched):
    """Make the contractions of a fixed layout, with their VJPs for many gradients, by their names.

    Call it once the rows are there.
    """
    global dot_contraction, inner_contraction, inner_with_vector, outer_contraction
    dot_contraction = new_contraction(INNER, 1, &dot_rule, np.dot, batched["dot"])
    inner_contraction = new_contraction(LAST, 1, &inner_rule, np.inner, batched["inner"])
    inner_with_vector = new_contraction(INNER, 1, &inner_rule, np.inner, batched["inner"])
    outer_contraction = new_contraction(INNER, 0, &outer_rule, np.outer, batched["outer"])
