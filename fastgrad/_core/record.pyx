"""See record.pxd."""

from fastgrad._core.node cimport (
    IN_PYTHON, OF_ROW, OWNS, SAVED, SAVED_NUMBER, STAND_IN, WEAK, by_hand, handle_in, index_of,
    is_moved,
)


cdef int finish_many(Record *r, Node f, list ys) except -1:
    cdef int64_t after = next_generation(r.generation)
    cdef int slot, n = len(ys)
    cdef Handle y
    make_slots(f, n)
    f.n_slots = n
    f.flags |= RECORDED
    f.generation = r.generation
    for slot in range(n):
        y = ys[slot]
        if y.flags & REQUIRES_GRAD:
            put_output(f, slot, y, after)
        if r.tracked:
            track(<PyObject *>y)
    if r.tracked:
        track(<PyObject *>f)
    assert is_well_formed(f)
    return note_if_armed(f)


cdef bint is_well_formed(Node f) except -1:
    """Whether flags, edges and slots say the same, and no generation is less than it has to be."""
    cdef int i
    cdef PyObject *y
    if not f.flags & RECORDED or f.flags & OF_ROW and f.flags & IN_PYTHON:
        return False
    if f.flags & (OF_ROW | IN_PYTHON):
        if f.kept == NULL:
            return False
    elif f.rule == NULL:
        return False
    for i in range(f.n_slots):
        y = handle_in(f, i)
        if y != NULL and (is_moved(<PyObject *>f, i) or (<Handle>y).generation <= f.generation):
            return False
    for i in range(f.n_edges):
        if not (is_consistent(&f.edges[i]) and leads_back(f, f.edges[i].to, f.edges[i].slot)):
            return False
    return True


cdef bint is_consistent(const Edge *edge) noexcept:
    """Whether it saved one thing at most, and that is there."""
    cdef int saved = edge.flags & (SAVED | SAVED_NUMBER | STAND_IN)
    if saved & (saved - 1) or edge.flags & WEAK and saved != SAVED_NUMBER:
        return False
    return not edge.flags & OWNS or edge.saved.array != NULL


cdef bint leads_back(Node f, PyObject *to, int slot) except -1:
    """Whether an edge of `f` leads to what was there before it, or nowhere."""
    if to == NULL:
        return True
    if slot == LEAF:
        if not isinstance(<object>to, Handle):
            return False
        return not (<Handle>to).flags & REQUIRES_GRAD or (<Handle>to).generation <= f.generation
    if not isinstance(<object>to, Node):
        return False
    slot = index_of(<Node>to, slot)
    if slot < 0 or by_hand:  # of an earlier call: the Function has the generation of the last
        return True
    return slot < (<Node>to).n_slots and (<Node>to).generation < f.generation
