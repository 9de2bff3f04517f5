"""The memory of freed arrays, kept for the next ones of their size.

A graph of arrays of 4096 elements or more spends most of its time in the kernel: it is recorded in
fresh memory, page by page, which goes back to the system when the graph is freed, for the next
graph to fetch it again (65 536 elements: 130 us an operation, 34 with this pool). NumPy lets an
array bring its own allocator (NEP 49); that of ours keeps what it is given back.
"""

from cpython.object cimport PyObject

cdef enum:
    LEAST = 1 << 14  # bytes: of smaller arrays malloc itself takes good care

cdef size_t limit  # bytes that are kept at most; 0: none

# An uninitialized array of these dimensions and the dtype of `x`, with memory from the pool.
cdef PyObject *pooled(PyObject *x, int ndim, Py_ssize_t *dims, bint fortran) except NULL
