# cython: c_api_binop_methods=True
"""See operators.pxd."""

from cpython.object cimport PyTypeObject

from fastgrad.functions._arithmetic cimport (
    abs_rule, add_rule, div_rule, mul_rule, neg_rule, pow_rule, sub_rule,
)
from fastgrad.functions._indexing cimport getitem
from fastgrad._core.node cimport Rule
from fastgrad._core.handles cimport adopt_handles
from fastgrad._core.operation cimport apply
from fastgrad.functions._products cimport matmul_rule


# --- operators ---

# Variable inherits these slots as they are: `x0 * x1` calls no Python function. The operands come
# in the order of the expression, and either may be the Variable: see c_api_binop_methods above.


cdef class Operators(VariableBase):
    def __add__(x0, x1):
        return apply(&add_rule, x0, x1)

    def __sub__(x0, x1):
        return apply(&sub_rule, x0, x1)

    def __mul__(x0, x1):
        return apply(&mul_rule, x0, x1)

    def __truediv__(x0, x1):
        return apply(&div_rule, x0, x1)

    def __pow__(x0, x1, modulus):
        return apply(&pow_rule, x0, x1) if modulus is None else NotImplemented

    def __matmul__(x0, x1):
        return apply(&matmul_rule, x0, x1)

    def __getitem__(self, index):
        return getitem(self, index)

    def __neg__(self):
        return apply(&neg_rule, self, None)

    def __abs__(self):
        return apply(&abs_rule, self, None)


adopt_handles(<PyTypeObject *>Operators)


# --- functions ---


cdef object applied(const Rule *rule, object x0, object x1):
    y = apply(rule, x0, x1)
    if y is not NotImplemented:
        return y
    given = type(x0).__name__
    if rule.n_inputs > 1:
        given += " and " + type(x1).__name__
    raise TypeError(f"{rule.name.decode()}: operands are {given}, "
                    "expected Variables, ndarrays or scalars")


def add(x0, x1):
    """`x0 + x1`, broadcast.

    Here, as in the functions below, an operand is a Variable, or an ndarray or a scalar, which are
    constants, or, beside a Variable, a list or tuple of such: TypeError for anything else, and for
    a Variable without data. Shapes, dtypes and errors are those of NumPy's operator on the
    operands' arrays. The result is a Variable; the gradient of each operand has its shape, and its
    dtype if that is floating or complex.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> add(x, 3.0)
    variable([4. 5.])
    """
    return applied(&add_rule, x0, x1)


def sub(x0, x1):
    """`x0 - x1`, broadcast; see `add`."""
    return applied(&sub_rule, x0, x1)


def mul(x0, x1):
    """`x0 * x1`, broadcast; see `add`."""
    return applied(&mul_rule, x0, x1)


def div(x0, x1):
    """`x0 / x1`, broadcast; see `add`."""
    return applied(&div_rule, x0, x1)


def pow(x0, x1):
    """`x0 ** x1`, broadcast; see `add`.

    At 0: `x ** 0` has gradient 0 for x, and the exponent has gradient 0 where `x0` is 0.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array([0.0, 3.0]))
    >>> pow(x, 2).backward()
    >>> x.grad
    array([0., 6.])
    """
    return applied(&pow_rule, x0, x1)


def matmul(x0, x1):
    """`x0 @ x1`, with NumPy's rules for 1-d operands and for stacks of matrices; see `add`.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x, w = Variable(np.ones((2, 3))), Variable(np.ones((3, 4)))
    >>> matmul(x, w).shape
    (2, 4)
    """
    return applied(&matmul_rule, x0, x1)


def neg(x):
    """`-x`; see `add`."""
    return applied(&neg_rule, x, None)


def abs(x):
    """`abs(x)`; see `add`. At 0 the gradient is 0; for complex x it is `gy * conj(x) / abs(x)`.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> x = Variable(np.array([-2.0, 0.0]))
    >>> abs(x).backward()
    >>> x.grad
    array([-1.,  0.])
    """
    return applied(&abs_rule, x, None)
