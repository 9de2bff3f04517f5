"""Memory for the nodes of large graphs: pieces of one size, from slabs of 2 MB.

A graph of 10^7 nodes is 1.8 GB, fetched from the system page by page: 4 KB at a time that takes
longer than all the rest (250 of 390 ns a node). Slabs are aligned and ask for huge pages. They lie
in one range of addresses, reserved but not used, so that a piece is known by its address.
"""

# A piece for an object that begins `header` bytes into it, which are zero; NULL, without an
# exception: there is no memory here, ask Python's own allocator.
cdef void *take_piece() noexcept
cdef void give_piece(void *object) noexcept
cdef bint is_piece(void *object) noexcept

# To be called once: the size of the objects, and of what Python keeps before them. Until then, and
# where the system offers no such memory (False), there are no pieces.
cdef bint set_up_slabs(size_t object_size, size_t header) noexcept
