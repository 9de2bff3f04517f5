"""Sums by NumPy's loops, called directly: see loops.pxd."""

from cpython.object cimport PyObject

# The sum of all elements, as np.sum has it, bit for bit; of float32 in float32. False: no direct
# loop, or a flag went up (which is down again).
cdef bint sum_all(PyObject *x, double *y) noexcept

# The sum of `x` over its first axes, in the shape of `like`, which has the others; as np.sum has
# it, bit for bit. NULL, without an exception: no direct loop. Flags stay up.
cdef PyObject *sum_leading(PyObject *x, PyObject *like) except? NULL

# y += x, of one shape: of one axis, or contiguous. False: these have no direct loop. Flags stay up.
cdef bint add_strided(PyObject *y, PyObject *x) noexcept
