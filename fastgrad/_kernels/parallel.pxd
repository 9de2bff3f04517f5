"""Large loops, split over threads that help while they can.

The Global Interpreter Lock is released meanwhile: whoever calls holds references to all arrays that
the loop reads, and is prepared for other threads of the program to run.
"""

cdef int n_threads  # that a loop may use; 1: none is split

# Part of a loop; returns the error flags that it put up, as NumPy numbers them.
ctypedef int (*Part)(void *context, Py_ssize_t start, Py_ssize_t n) noexcept nogil

# All of 0 <= i < n in parts of `grain`, a multiple of 1024, but for the last; the flags of all.
cdef int in_parallel(Part part, void *context, Py_ssize_t n, Py_ssize_t grain) noexcept
