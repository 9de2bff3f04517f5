"""Arrays that nobody holds any more, kept whole for the next ones of their shape.

Around 16 numbers NumPy spends 60 ns to make an array and 30 to free it, which is more than an
operation on them takes; and from 4096 numbers on, a graph is recorded in fresh memory, which the
kernel hands out page by page and takes back when the graph is freed (65 536 numbers: 134 us an
operation, 33 with spare arrays). So what the engine is the last to let go of it keeps, and hands
out again: no more arrays of a shape than it asked for, and no more in all than the environment
variable FASTGRAD_POOL_MB says. An array that anybody else holds, a view or a weak reference to it
included, is none of these.
"""

from cpython.object cimport PyObject

# An uninitialized array of float64, or else float32, in C order, or else in that of Fortran (and
# not in both): a spare one, owned; or NULL.
cdef PyObject *take_spare(bint double, bint fortran, int ndim, Py_ssize_t *dims) noexcept

# Let go of a reference, to whatever object, or NULL. May run Python code, unless it is an ndarray.
cdef void drop(PyObject *x) noexcept
