"""The recorder: how a call, of whatever, becomes a node.

`begin`, `take_operand` for each operand that requires a gradient, `finish`: who requires a
gradient, the greatest generation, what the garbage collector tracks, slots, the note of `debug`.
What a node keeps besides is the business of who is called.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from fastgrad._core.collector cimport is_tracked, track
from fastgrad._core.config cimport recording
from fastgrad._core.debug cimport note_if_armed
from fastgrad._core.graph cimport lead, next_generation, put_output
from fastgrad._core.node cimport Edge, Handle, LEAF, Node, RECORDED, REQUIRES_GRAD, make_slots

cdef struct Record:
    int64_t generation  # the greatest of the operands
    bint tracked  # node and outputs are to be, see NOTE [Garbage collector]
    bint any  # operand was taken


cdef inline void begin(Record *r) noexcept:
    r.generation, r.tracked, r.any = 0, False, False


cdef inline void count(Record *r, Handle x, bint itself) noexcept:
    """`x` is an operand. `itself`: an edge leads there, and not to its creator."""
    if x.flags & REQUIRES_GRAD and (not r.any or x.generation > r.generation):
        r.any, r.generation = True, x.generation
    if itself:
        r.tracked |= is_tracked(<PyObject *>x)
    if x.creator != NULL:
        r.tracked |= is_tracked(x.creator)


cdef inline int take_operand(Record *r, Edge *edge, Handle x, PyObject *value) except -1:
    """`x`, which requires a gradient; `value` is its data, NULL if that is a number."""
    lead(edge, x, value)
    count(r, x, edge.slot == LEAF)
    return 0


cdef inline int finish(Record *r, Node f, Handle y) except -1:
    """Make `f` the creator of `y`."""
    cdef int64_t after = next_generation(r.generation)
    if f.slots == NULL:
        make_slots(f, 1)
    f.n_slots = 1
    f.flags |= RECORDED
    f.generation = r.generation
    put_output(f, 0, y, after)
    if r.tracked:
        track(<PyObject *>f)
        track(<PyObject *>y)
    assert is_well_formed(f)
    return note_if_armed(f)


cdef bint is_well_formed(Node f) except -1  # for assertions, of one that was just recorded

cdef int finish_many(Record *r, Node f, list ys) except -1  # of those that require a gradient

cdef inline bint is_recorded(Handle y, bint requires_grad) except -1:
    """Whether the call that made `y` becomes a node; with recording off, `y` tells its need."""
    if not requires_grad:
        return False
    if recording():
        return True
    y.flags |= REQUIRES_GRAD
    return False
