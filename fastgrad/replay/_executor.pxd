"""A schedule: instructions, and the slots that they read and write."""

from fastgrad._kernels.loops cimport intp

cdef enum:
    SCALARS, LOOP, STRIDED, GROUP, ZERO, COPY, SUM, SUM_ROWS, PRODUCT, COMPARE, CHOOSE, VIEW, PYTHON
    SUM_LAST, FEW

cdef enum:
    S_ADD, S_SUB, S_MUL, S_DIV, S_NEG, S_SQRT, S_ABS, S_COPY
    S_BINARY = 16  # and the number of a loop
    S_UNARY = 64

cdef struct Scalar:
    int op, a, b, y

cdef enum:
    MOST_DIMS = 8

cdef struct Step:
    int kind
    int loop  # or the comparison
    bint double
    int n_dims
    int slots[4]  # operands, then the output
    int n_slots
    intp n
    intp steps[4]  # of the innermost loop, in bytes
    intp advance[4]  # of a group: from block to block
    intp shape[MOST_DIMS]  # of the loops outside of it
    intp outer[4][MOST_DIMS]
    intp first, last  # numbers; the steps of a group; what Python calls
    intp offset


cdef class Schedule:
    cdef Step *steps
    cdef Scalar *scalars
    cdef char **at
    cdef double *cells
    cdef char *is_cell
    cdef Py_ssize_t n_steps, n_slots
    cdef readonly list arrays  # the array of each slot that Python may see; or None
    cdef list calls  # of Python, by number
    cdef object arena, cell_memory
    cdef list kept
    cdef readonly bint in_python  # whether it calls Python
    cdef bint busy  # a run has its memory, of whichever thread

    cdef int put_step(self, Step *s, dict given) except -1
    cdef int check(self, Py_ssize_t slot) except -1
    cdef int run_steps(self, Py_ssize_t first, Py_ssize_t last, int *up) except -1
    cdef void run_step(self, Step *s) noexcept
    cdef void run_group(self, Step *group, Step *steps, Py_ssize_t n_steps) noexcept
    cpdef int run(self) except -1
    cpdef bint put_array(self, Py_ssize_t slot, object array) except -1
