"""The order of backward: greatest generation first, and of equals the one that arrived last.

A binary heap whose entries are runs. A run is a stack of items of one generation, so that a wide
graph (10^5 Functions of one generation) costs O(1) a Function and not O(log n).
Knows nothing of what it queues.
"""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    N_NEWEST = 32  # a power of two

cdef struct Cell:
    void *item  # borrowed: kept alive by whoever pushed it
    int64_t below  # cell below this one on its stack, or the next free cell; 0: none

cdef struct Run:
    int64_t generation
    uint64_t arrival  # when the run began; of two runs of one generation the later goes first
    int64_t bottom  # cell of its first item; the cells above hang from there: bottom, top, ..., 0

cdef struct Newest:
    # The newest run of a generation, which alone may still grow. See NOTE [Newest run].
    int64_t generation
    int64_t bottom  # 0: not known

cdef struct PriorityQueue:
    # All zero is an empty queue. Both arrays are owned.
    Run *heap  # the run to be served next is at index 0
    int64_t n_runs, run_room
    Cell *cells  # index 0 is never used: it says "none"
    int64_t n_cells, cell_room
    int64_t free  # first free cell
    int64_t n_items
    uint64_t n_arrivals
    Newest newest[N_NEWEST]  # by the lowest bits of the generation


cdef int push(PriorityQueue *queue, void *item, int64_t generation) except -1 nogil
cdef void *pop(PriorityQueue *queue) noexcept nogil  # NULL: empty
cdef void release(PriorityQueue *queue) noexcept nogil  # an empty queue, its arrays freed

# For assertions: whether no run goes before its parent, as far as that is looked at.
cdef bint is_heap(const PriorityQueue *queue) noexcept nogil
