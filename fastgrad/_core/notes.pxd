"""What few nodes and handles have besides their fields: notes by name, hooks among them."""

# The note of that name; None if there is none.
cdef object note_of(object x, str name)
cdef int put_note(object x, str name, object value) except -1
cdef object take_note(object x, str name)
cpdef dict without_notes(dict members)  # attributes of a node, or of a handle


cdef class Hook:
    cdef object function  # None: it was removed

# Hooks of a leaf (of the slot LEAF), or of the output of a node that has the number `slot`: those
# that were not removed, in the order in which they came. See NOTE [Hooks].
cdef list hooks_of(object x, int slot)
cdef int put_hooks(object x, int slot, list hooks) except -1  # more of them
cdef int carry_hooks(object x, int slot, object to, int to_slot) except -1  # those, to there
