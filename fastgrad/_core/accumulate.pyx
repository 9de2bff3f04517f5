"""See accumulate.pxd."""

from cpython.ref cimport Py_DECREF, Py_INCREF

import numpy as np

from fastgrad._kernels.loops cimport (
    ADD, MULTIPLY, NEGATIVE, SUBTRACT, add_blocks, apply1, apply2, array, as_number, clear_errors,
    from_double, import_numpy, is_exact, is_exclusive, loops, plain, report, same_shape,
    take_object, type_num,
)

import_numpy()


cdef bint tell(int in_product, int in_sum) except -1:
    clear_errors()
    if in_product:
        report(loops[MULTIPLY].name, in_product)
    if in_sum:
        report(loops[ADD].name, in_sum)
    return True


cdef inline bint fits(const Gradient *g, PyObject *c) noexcept:
    """Whether `c`, or another array of its layout, can be added directly. 5: if not, by NumPy."""
    cdef PyObject *old = g.value.array
    if g.state == NONE:
        return True
    return (g.state == ARRAY and plain(old) & plain(c) and type_num(old) == type_num(c)
            and same_shape(old, c))


cdef int merge(Gradient *g, PyObject *c) except -1:
    """Add `c`, which fits, and steal the reference; the sum's flags are left up."""
    cdef PyObject *old = g.value.array
    cdef PyObject *y = NULL
    if g.state == NONE:
        # 1. The first contribution is taken as it is, though others may hold it too.
        g.value.array = c
        g.state = ARRAY
        return 0
    if is_exclusive(old):
        # 2. Nobody else sees the sum so far: it is added to in place.
        y = old
    elif is_exclusive(c):
        # 3. Nobody else sees the contribution: the sum takes its place.
        y = c
    # 4. Others see both: the sum is a new array.
    try:
        apply2(ADD, array(old), array(c), &y)
    except MemoryError:
        Py_DECREF(<object>c)
        raise
    g.value.array = y
    if y != old:
        drop(old)
    if y != c:
        drop(c)
    return 0


cdef bint add_array(Gradient *g, PyObject *c) except -1:
    if not fits(g, c):
        return False
    merge(g, c)
    return tell(0, errors()) if errors() else True


cdef bint add_itself(Gradient *g, Gradient *gy, bint last) except -1:
    if gy.state == NUMBER:
        return add_number(g, gy.value.number)
    cdef PyObject *c = gy.value.array
    if not fits(g, c):
        return False
    if last:
        gy.state = NONE  # its reference goes to `g`
    else:
        Py_INCREF(<object>c)
    merge(g, c)
    return tell(0, errors()) if errors() else True


cdef bint add_product(Gradient *g, Gradient *gy, Operand x, bint last) except -1:
    cdef PyObject *c = NULL
    cdef int in_product = 0, in_sum = 0
    if gy.state != ARRAY or not plain(gy.value.array) or not fits(g, gy.value.array):
        return False
    if g.state == ARRAY and is_exclusive(g.value.array):
        # 6. The product is added block by block, without an array of its own.
        if add_blocks(g.value.array, array(gy.value.array), x, &in_product, &in_sum):
            return tell(in_product, in_sum) if in_product | in_sum else True
    if last and is_exclusive(gy.value.array):
        if x.array == NULL or same_shape(gy.value.array, x.array):
            # 7. The product takes the place of gy.
            c = gy.value.array
    if not apply2(MULTIPLY, array(gy.value.array), x, &c):
        return False
    return add_made(g, gy, c)


cdef bint add_negative(Gradient *g, Gradient *gy, bint last) except -1:
    cdef PyObject *c = NULL
    if gy.state == NUMBER:
        return add_number(g, -gy.value.number)
    if not plain(gy.value.array) or not fits(g, gy.value.array):
        return False
    if g.state == ARRAY and is_exclusive(g.value.array):
        # 8. Subtracted in place: the same bits as the negative added.
        apply2(SUBTRACT, array(g.value.array), array(gy.value.array), &g.value.array)
        return tell(0, errors()) if errors() else True
    if last and is_exclusive(gy.value.array):
        c = gy.value.array  # as in 7.
    apply1(NEGATIVE, gy.value.array, &c)
    return add_made(g, gy, c)


cdef bint add_made(Gradient *g, Gradient *gy, PyObject *c) except -1:
    """Add `c`, a product just made, maybe in the place of gy."""
    cdef int in_product = errors()
    if in_product:
        clear_errors()
    if c == gy.value.array:
        gy.state = NONE  # its reference goes to `g`
    elif not fits(g, c):
        Py_DECREF(<object>c)
        return False
    merge(g, c)
    return tell(in_product, errors()) if in_product | errors() else True


cdef object total(object g, object c):
    return np.asanyarray(g + c)


# --- the dtype of a gradient ---


cdef object double = np.dtype(np.float64)


cpdef object gradient_dtype(object dtype):
    """The dtype of a gradient for what has this one: never of integers, always in native order."""
    if dtype.kind in "biu":
        return double
    return dtype if dtype.isnative else dtype.newbyteorder("=")


cpdef object zero_gradient(object x):
    """Zeros of the shape of the array `x`, and of the dtype of a gradient for it."""
    return np.zeros_like(x, dtype=gradient_dtype(x.dtype))


cpdef object ones_gradient(object x):
    """Ones of the shape of the array `x`, and of the dtype of a gradient for it."""
    return np.ones_like(x, dtype=gradient_dtype(x.dtype))


# --- values ---


cdef object boxed(const Gradient *g):
    if g.state == NUMBER:
        return take_object(from_double(g.value.number))
    return <object>g.value.array


cdef void put(Gradient *g, object x) noexcept:
    if as_number(<PyObject *>x, &g.value.number):
        g.state = NUMBER
    else:
        Py_INCREF(x)
        g.value.array = <PyObject *>x
        g.state = ARRAY


cdef object shown(const Gradient *g):
    if g.state == NUMBER or is_exclusive(g.value.array):
        return boxed(g)
    cdef object x = <object>g.value.array
    return x.copy("K") if is_exact(<PyObject *>x) else x.copy()
