"""See record.pxd."""


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
    return note_if_armed(f)
