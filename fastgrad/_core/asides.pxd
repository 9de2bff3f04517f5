"""What runs that go on at the same time keep for each other: see NOTE [Runs] in run.pyx."""

from libc.stdint cimport uint64_t

from fastgrad._core.accumulate cimport Gradient
from fastgrad._core.node cimport Handle

cdef set active  # the numbers of the runs that have not ended
cdef dict late  # by run, by address of a leaf: [contributions of other runs]


cdef class Aside:
    # Per-run gradient storage for a node, or a leaf, that another active run has claimed.
    cdef object owner
    cdef Gradient *gradients  # owned
    cdef int n
    cdef int first  # of a node, the number of its first output then: see `index_of` in node.pxd
    cdef bint queued, done

cdef Aside new_aside(object owner, int n)

cdef inline bint is_held(uint64_t run) except -1:
    """Whether a run, other than the one that asks, has not ended."""
    return len(active) > 1 and run in active

# A contribution to the leaf `x` for the run that holds it to add: where `late` keeps what that run
# gets, the box for this leaf, what is to be in; or Nones.
cdef tuple for_holder(Handle x, object gx)
# Whether that is still so. Nothing in it runs Python code.
cdef bint is_for_holder(Handle x, dict theirs, list box, list joined) except -1
