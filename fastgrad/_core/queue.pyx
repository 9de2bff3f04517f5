# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See queue.pxd. `Queue`, for the tests, shows the C functions to Python."""

from libc.stdlib cimport free, realloc
from libc.string cimport memset

from operator import index

# NOTE [Newest run]
# Only the newest run of a generation grows: an older one lies below items that arrived since.
# `newest` remembers it per generation, in a table so small that generations share places. A run
# that was pushed out of its place merely stops growing: the next item of its generation begins a
# run of its own, which is served first, as a later arrival must be.


cdef int push(PriorityQueue *queue, void *item, int64_t generation) except -1 nogil:
    cdef Newest *newest = &queue.newest[<uint64_t>generation & (N_NEWEST - 1)]
    cdef int64_t cell
    if queue.n_runs >= queue.run_room:  # all that may fail comes first
        grow(<void **>&queue.heap, &queue.run_room, sizeof(Run))
    cell = new_cell(queue)
    queue.cells[cell].item = item
    if newest.bottom and newest.generation == generation:
        queue.cells[cell].below = queue.cells[newest.bottom].below
        queue.cells[newest.bottom].below = cell
    else:
        queue.cells[cell].below = 0
        push_run(queue, generation, cell)
        newest.generation, newest.bottom = generation, cell
    queue.n_items += 1
    return 0


cdef void *pop(PriorityQueue *queue) noexcept nogil:
    if queue.n_runs == 0:
        return NULL
    cdef Run *run = &queue.heap[0]
    cdef int64_t bottom = run.bottom
    cdef int64_t cell = queue.cells[bottom].below
    cdef Newest *newest
    if cell:
        queue.cells[bottom].below = queue.cells[cell].below
    else:
        cell = bottom
        newest = &queue.newest[<uint64_t>run.generation & (N_NEWEST - 1)]
        if newest.bottom == bottom:
            newest.bottom = 0
        pop_run(queue)
    cdef void *item = queue.cells[cell].item
    free_cell(queue, cell)
    queue.n_items -= 1
    return item


cdef void release(PriorityQueue *queue) noexcept nogil:
    free(queue.heap)
    free(queue.cells)
    memset(queue, 0, sizeof(PriorityQueue))


# --- cells ---


cdef int64_t new_cell(PriorityQueue *queue) except -1 nogil:
    cdef int64_t cell = queue.free
    if cell:
        queue.free = queue.cells[cell].below
        return cell
    if queue.n_cells == 0:
        queue.n_cells = 1  # index 0 says "none"
    if queue.n_cells >= queue.cell_room:
        grow(<void **>&queue.cells, &queue.cell_room, sizeof(Cell))
    queue.n_cells += 1
    return queue.n_cells - 1


cdef inline void free_cell(PriorityQueue *queue, int64_t cell) noexcept nogil:
    queue.cells[cell].below = queue.free
    queue.free = cell


cdef int grow(void **array, int64_t *room, size_t size) except -1 nogil:
    cdef int64_t wanted = 2 * room[0] if room[0] else 16
    cdef void *larger = realloc(array[0], wanted * size)
    if larger == NULL:
        with gil:
            raise MemoryError()
    array[0], room[0] = larger, wanted
    return 0


# --- the heap ---


cdef inline bint before(const Run *a, const Run *b) noexcept nogil:
    return a.generation > b.generation or (
        a.generation == b.generation and a.arrival > b.arrival
    )


cdef void push_run(PriorityQueue *queue, int64_t generation, int64_t bottom) noexcept nogil:
    cdef int64_t place = queue.n_runs, parent
    cdef Run run
    queue.n_arrivals += 1
    run.generation, run.arrival, run.bottom = generation, queue.n_arrivals, bottom
    while place > 0:
        parent = (place - 1) >> 1
        if not before(&run, &queue.heap[parent]):
            break
        queue.heap[place] = queue.heap[parent]
        place = parent
    queue.heap[place] = run
    queue.n_runs += 1


cdef void pop_run(PriorityQueue *queue) noexcept nogil:
    cdef int64_t place = 0, child
    cdef Run last
    queue.n_runs -= 1
    if queue.n_runs == 0:
        return
    last = queue.heap[queue.n_runs]
    while True:
        child = 2 * place + 1
        if child >= queue.n_runs:
            break
        if child + 1 < queue.n_runs and before(&queue.heap[child + 1], &queue.heap[child]):
            child += 1
        if not before(&queue.heap[child], &last):
            break
        queue.heap[place] = queue.heap[child]
        place = child
    queue.heap[place] = last


cdef enum:
    N_CHECKED = 64  # of all runs, each check would take as long as there are runs


cdef bint is_heap(const PriorityQueue *queue) noexcept nogil:
    cdef int64_t place
    for place in range(1, min(queue.n_runs, N_CHECKED)):
        if before(&queue.heap[place], &queue.heap[(place - 1) >> 1]):
            return False
    return (queue.n_items == 0) == (queue.n_runs == 0) and queue.n_items >= queue.n_runs


cdef class Queue:
    """The queue with Python objects for items, as the tests see it.

    >>> queue = Queue()
    >>> for item, generation in [("a", 1), ("b", 2), ("c", 1)]:
    ...     queue.push(item, generation)
    >>> len(queue), queue.pop(), queue.pop(), queue.pop()
    (3, 'b', 'c', 'a')
    """

    cdef PriorityQueue queue
    cdef dict boxes  # owns what the queue borrows: a tuple of its own around each item, by its id

    def __cinit__(self):
        self.boxes = {}

    def push(self, item, generation):
        """Queue `item`; of the items of the greatest generation the last pushed is served first.

        TypeError if `generation` is no integer, OverflowError if it does not fit 64 bits.
        """
        box = (item,)
        push(&self.queue, <void *>box, index(generation))
        assert is_heap(&self.queue)
        self.boxes[id(box)] = box

    def pop(self):
        """The next item; IndexError if there is none."""
        cdef void *box = pop(&self.queue)
        assert is_heap(&self.queue)
        if box == NULL:
            raise IndexError("pop from an empty queue")
        return self.boxes.pop(id(<object>box))[0]

    def __len__(self):
        return self.queue.n_items

    def __dealloc__(self):
        release(&self.queue)
