"""Whether the arrays that a node saved are, at its backward, what they were: `fastgrad.debug`.

Off, it costs one comparison an operation. On, each node notes a digest of every array that its
backward may read; what visits the node later compares.
"""

from fastgrad._core.node cimport CHECKED, Node

cdef bint armed  # whether there ever was a `debug` block: until then nobody looks further

cdef int note(Node f) except -1  # just recorded, if this is within such a block
cdef int check(Node f) except -1  # RuntimeError for a CHECKED node of which an array was changed

cdef inline int note_if_armed(Node f) except -1:
    return note(f) if armed else 0

cdef inline int check_if_noted(Node f) except -1:
    return check(f) if f.flags & CHECKED else 0
