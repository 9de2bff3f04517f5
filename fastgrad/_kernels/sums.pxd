"""Sums by NumPy's loops, called directly: see loops.pxd."""

from cpython.object cimport PyObject

from fastgrad._kernels.loops cimport Operand

# The sum of all elements, as np.sum has it, bit for bit; of float32 in float32. False: no direct
# loop, or a flag went up (which is down again).
cdef bint sum_all(PyObject *x, double *y) noexcept

# The sum of `x` over its first axes, in the shape of the others, `like`; as np.sum has it, bit for
# bit. NULL, without an exception: no direct loop. Flags stay up.
cdef PyObject *sum_leading(PyObject *x, PyObject *like) except? NULL

# y += x, of one shape: of one axis, or contiguous. False: these have no direct loop. Flags stay up.
cdef bint add_strided(PyObject *y, PyObject *x) noexcept

# g += x0 * x1 without a temporary array; x0 is an array like g. The flags met go to the pointers.
cdef bint add_blocks(PyObject *g, Operand x0, Operand x1, int *in_product, int *in_sum) noexcept
