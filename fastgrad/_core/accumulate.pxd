"""A gradient in flight, and the cases of adding a contribution to it, numbered.

The value of a 0-d float64 gradient is a C double: no array is made for it until somebody looks.
"""

from cpython.object cimport PyObject

from fastgrad._kernels.loops cimport Operand, errors, settled
from fastgrad._kernels.spares cimport drop

cdef enum:  # the states of a gradient
    NONE  # (all zero)
    NUMBER  # a 0-d float64
    ARRAY  # any other; seldom a 0-d float64 (of a subclass, or in another byte order)

cdef union Value:
    PyObject *array  # owned
    double number

cdef struct Gradient:
    Value value
    int state


cdef inline void forget(Gradient *g) noexcept:
    """Back to NONE. May run Python code, if the array is a subclass's or a view."""
    cdef PyObject *array = g.value.array if g.state == ARRAY else NULL
    g.state = NONE
    drop(array)


# The direct cases. True: the contribution was added. False: nothing was done, the sum is for NumPy
# to make, see `total`. Floating-point flags are down before, and are reported at the very end: only
# that runs Python code, after which `g` may be gone.
cdef bint add_array(Gradient *g, PyObject *c) except -1  # + c; steals the reference, if True
cdef bint add_product(Gradient *g, Gradient *gy, Operand x, bint last) except -1  # + gy * x
cdef bint add_negative(Gradient *g, Gradient *gy, bint last) except -1  # + (-gy)
# `last`: nobody reads gy hereafter. Its array may be overwritten, or taken.
cdef bint add_itself(Gradient *g, Gradient *gy, bint last) except -1  # + gy

cdef inline bint add_number(Gradient *g, double c) except -1:
    if g.state == NONE:
        g.value.number = c
        g.state = NUMBER
        return True
    if g.state != NUMBER:
        return False
    g.value.number = settled(g.value.number + c)
    return tell(0, errors()) if errors() else True

# Take the flags down, then warn or raise for them as np.errstate says.
cdef bint tell(int in_product, int in_sum) except -1

# The gradient of an array of this dtype has this one, in native byte order: float64 of integers and
# booleans, for they are differentiated as the real numbers that they hold.
cpdef object gradient_dtype(object dtype)
cpdef object zero_gradient(object x)  # zeros, as a gradient for the array `x`
cpdef object ones_gradient(object x)

# Any case, on values rather than places: these run Python code.
cdef object total(object g, object c)  # g + c

cdef object boxed(const Gradient *g)  # the value as an ndarray
cdef void put(Gradient *g, object x) noexcept  # an ndarray or a np.float64; `g` was NONE
cdef object shown(const Gradient *g)  # the value as an array that nobody else holds
