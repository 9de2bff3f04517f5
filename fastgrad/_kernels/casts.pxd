"""Between float32 and float64."""

from cpython.object cimport PyObject

# A new array of the numbers of `x`, in the dtype of `like`: both float32 or float64; owned. NULL,
# without an exception: they do not lie one after the other, in C order. Flags stay up: of a number
# that float32 has no room for.
cdef PyObject *converted(PyObject *x, PyObject *like) except? NULL
