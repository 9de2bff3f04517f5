"""A run: one backward, its places for gradients, and the questions that its algebra answers."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from fastgrad._core.accumulate cimport Gradient, NONE, forget, put
from fastgrad._core.asides cimport Aside, is_held
from fastgrad._core.graph cimport called_again, ended
from fastgrad._core.node cimport (
    AHEAD, DONE, ENDED, Handle, LEAF, Node, REQUIRES_GRAD, end_of, index_of, is_moved,
)
from fastgrad._core.queue cimport PriorityQueue, push
from fastgrad._core.row cimport Call


cdef enum:
    N_UNWANTED = 16


cdef class Run:
    cdef uint64_t number
    cdef object key  # the number as a Python object, so that the end needs no memory
    cdef bint retain_grad, retain_graph
    cdef PriorityQueue queue  # of nodes, each owned
    cdef list leaves  # claimed, or kept aside
    cdef list interior  # (Variable, the gradient it shows in the end)
    cdef dict aside  # Asides, by the address of their owners
    cdef dict wanted  # None: all leaves. Else the gradients of these Variables alone, by address
    # Leaves that are not wanted, as they were met: borrowed, for their addresses alone.
    cdef PyObject *unwanted[N_UNWANTED]
    cdef bint pruned  # whether the nodes that it may visit were claimed ahead, see ends.pxd
    cdef dict outputs  # Variables that a spent node held, by address of the Function that made them
    cdef int origin  # of a leaf that is not captured, see NOTE [Origins] in handles.pyx
    cdef bint captured  # whether another was reached
    cdef bint deaf  # whether it calls no hooks

    # What a gradient is. Arrays, unless a subclass says otherwise.
    cdef bint directly  # compiled operations are visited in C; sums are in accumulate.pyx
    cdef int n_leading  # axes of a gradient before those of its input
    cdef object lifted(self, object gx)  # an array, or a Variable, as a gradient of this run
    cdef object added(self, object g, object gx)  # their sum
    # As `x.grad` shows it in the end; the caller, and what it read, have `n_own` references to it.
    cdef object visible(self, Handle x, object gx, int n_own)
    # A compiled operation, for `by_rule`. `own` holds what `f` leads to and saved.
    cdef object opened_rule(self, Node f, Node own, object gy)
    # The gradient for its operand `i`, or None: not yet brought to its shape.
    cdef object by_rule(self, Node own, object opened, int i)
    # The call of a row, for `by_row`; `own` as above.
    cdef object opened(self, Node f, Node own, Call call, list gys)
    # The gradient for operand `i` of a row, or None: not yet fitted.
    cdef object by_row(self, Node f, Call call, object opened, int i)
    # Of a Function that was called: what its backward returned for each input, not yet fitted.
    cdef tuple by_function(self, Node f, list gys, tuple inputs, object xs)
    # What a hook gets for `gx`: it must not be written into.
    cdef object passed(self, object gx)
    # Whether what a hook made of it has lost the graph.
    cdef bint is_lost(self, object gx, object passed) except -1
    # RuntimeError if `gx`, what a row or a Function made, is not what this run can go on with.
    cdef int require(self, Node f, int i, object gx, list gys, object opened) except -1

cdef int deposit(Run run, object to, int slot, object gx) except -1
cdef int put_back(Run run, object to, int slot, Gradient *own) except -1
cdef Gradient taken_out(Gradient *g) noexcept
cdef int note(Run run, Handle y, const Gradient *gy) except -1
cdef object taken(Run run, Node f, int slot, bint own)
cdef int take(Run run, Node f, int slot, Gradient *gy) except -1
cdef object fit_in(Run run, object gx, object like, object named, int i, list gys)
cdef bint leads(Run run, PyObject *to, int slot) except -1
cdef Gradient *place_aside(Run run, object owner, int slot, int n) except? NULL
cdef Gradient *claim_leaf(Run run, Handle x) except? NULL


cdef inline Aside aside_of(Run run, object owner):
    return run.aside.get(<size_t><PyObject *>owner) if run.aside else None


cdef inline bint is_aside(Run run, object owner, uint64_t number) except -1:
    """Whether what `number` claimed last is not to be touched, or was not when this one met it."""
    return is_held(number) or aside_of(run, owner) is not None


cdef inline Gradient *place(Run run, PyObject *to, int slot) except? NULL:
    """Where the gradient at the end of an edge is in flight; NULL: nowhere, nobody wants it."""
    cdef Node f
    to = end_of(to, &slot)
    if to == NULL:
        return NULL
    if slot == LEAF:
        return place_of_leaf(run, <Handle>to)
    f = <Node>to
    if f.first:
        slot = index_of(f, slot)
        if slot < 0:
            raise called_again(f)
    if f.run != run.number:
        if run.pruned and aside_of(run, f) is None:
            return NULL  # it leads to nothing that is wanted
        if is_aside(run, f, f.run):
            return place_aside(run, f, slot, f.n_slots)
        push(&run.queue, <void *>to, f.generation)
        Py_INCREF(f)
        claim(run, f)
    elif f.flags & (DONE | AHEAD):
        if f.flags & DONE:
            return NULL  # by generations assigned by hand; it is visited once, as in the seed
        push(&run.queue, <void *>to, f.generation)
        Py_INCREF(f)
        f.flags &= ~AHEAD
    return &f.slots[slot].gradient if slot < f.n_slots else NULL


cdef inline Gradient *in_flight(Run run, Node f, int i) except? NULL:
    """The gradient of output `i` of a node that this run has met; NULL: there is none."""
    if f.run == run.number:
        return &f.slots[i].gradient if i < f.n_slots else NULL
    cdef Aside aside = aside_of(run, f)
    return NULL if aside is None or i >= aside.n else &aside.gradients[i]


cdef inline bint is_done(Run run, Node f) except -1:
    """Whether `f` was visited, or nothing that is wanted lies there: it takes no gradient."""
    if f.run == run.number:
        return f.flags & DONE != 0
    cdef Aside aside = aside_of(run, f)
    return run.pruned if aside is None else aside.done


cdef inline int set_done(Run run, Node f) except -1:
    cdef Aside aside
    if f.run == run.number:
        f.flags |= DONE
    else:
        aside = aside_of(run, f)
        if aside is not None:
            aside.done = True
    return 0


cdef inline int take_only(Run run, Node f, Gradient *gy) except -1:
    """`take`, of the only output of a compiled operation, mostly one that nobody holds."""
    if f.run == run.number and f.n_slots == 1 and f.slots.handle == NULL:
        f.flags |= DONE
        gy[0] = f.slots.gradient
        f.slots.gradient.state = NONE
        return 0
    return take(run, f, 0, gy)


cdef inline int claim(Run run, Node f) except -1:
    f.run = run.number
    f.flags &= ~(DONE | AHEAD)
    forget_in_flight(f)  # of a Function called again in the middle of a run
    return 0


cdef inline void forget_in_flight(Node f) noexcept:
    """The gradients at a node: what is left there might close a cycle."""
    cdef int i
    for i in range(f.n_slots):
        forget(&f.slots[i].gradient)


cdef inline Gradient *place_of_leaf(Run run, Handle x) except? NULL:
    return &x.flight if x.run == run.number else claim_leaf(run, x)
