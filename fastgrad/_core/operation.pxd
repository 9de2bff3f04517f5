"""How a compiled operation is called and recorded, whichever it is."""

from cpython.object cimport PyObject

from fastgrad._kernels.loops cimport Operand
from fastgrad._core.node cimport Handle, Node, Rule

# The operation on Variables, ndarrays and numbers (x1 is ignored if there is but one operand): a
# Variable, or NotImplemented if one of them is something else.
cdef object apply(const Rule *rule, object x0, object x1)

# The same of one Variable and a parameter, any object that is kept as it is: see Rule.add_whole.
cdef object apply_with(const Rule *rule, Handle x, object parameter)
cdef object parameter_of(Node f)

# What these do with an operand, for an operation that does it in its own way.
cdef enum:
    WEAK_NUMBER  # a Python int or float: a constant that changes no dtype
    STRONG_NUMBER  # a 0-d float64
    EXACT_ARRAY
    OTHER  # for NumPy
    UNKNOWN  # no operand at all

cdef struct Argument:
    PyObject *x  # borrowed: the argument itself
    Operand value  # its number, if it is one; else its array, or whatever NumPy takes; or NULL
    int kind
    bint requires_grad

cdef int read(PyObject *x, Argument *a) except -1
cdef bint suits(const Argument *a, const Argument *other) noexcept  # in a direct loop, beside it
# Make the call the creator of `y`; with a parameter, or NULL.
cdef int record(const Rule *rule, Argument *a, Handle y, PyObject *parameter) except -1

# Operand `i` as it was saved: for direct loops (False: it is not for them), ...
cdef bint saved_operand(Node f, int i, Operand *x) noexcept
# ... as a value (where it was not saved, `gy` if that is alike, or None), ...
cdef object saved_value(Node f, int i, object gy)
# ... and, for accumulate.fitted, something of its shape and dtype.
cdef object saved_like(Node f, int i, object gy)

cdef object gradient_of(Node f, int i, object gy)  # for operand `i`, by the row; to be fitted yet

# The result, by NumPy. `rule.forward` alone may be NULL.
cdef object call_forward(const Rule *rule, object x0, object x1)

# The gradient for operand `i` by the row's VJPs, or by its batched ones: `vjps` is one of the two
# tuples of the rule. For arrays and for Variables: `xp` says for which.
cdef object call_vjp(const Rule *rule, PyObject *vjps, int i, object xp, object gy, object y,
                     object x0, object x1, object parameter)
