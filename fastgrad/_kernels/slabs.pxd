"""Memory for the nodes of large graphs: pieces of one size, from slabs of 2 MB.

The slabs lie in one range of addresses, which is reserved at import and gets memory slab by slab,
so that a piece is known by its address. The range is 16 GB, some 9 * 10^7 nodes, or an eighth of
what `ulimit -v` allows; there is none where a size has 32 bits. Whatever does not get a piece (no
range, no room left in it, no memory) takes memory from Python's own allocator.
"""

# A piece for an object that begins `header` bytes into it, which are zero; NULL, without an
# exception: there is no memory here, ask Python's own allocator.
cdef void *take_piece() noexcept
cdef void give_piece(void *object) noexcept
cdef bint is_piece(void *object) noexcept

# Give the memory of slabs without a piece in use back to the system: how many bytes that were.
cdef size_t empty_slabs() noexcept

# To be called once: the size of the objects, and of what Python keeps before them. Until then, and
# where the system offers no such memory, there are no pieces.
cdef void set_up_slabs(size_t object_size, size_t header) noexcept
