# cython: binding=False
"""See slabs.pxd."""

from libc.string cimport memset

cdef extern from *:
    """
    #if (defined(__unix__) || defined(__APPLE__)) && !defined(FG_EVERY_BLOCK_FROM_MALLOC)
    #include <sys/mman.h>

    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif

    static char *fg_reserve(size_t size) {  /* addresses, and nothing behind them */
        void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
        return p == MAP_FAILED ? NULL : (char *)p;
    }
    static int fg_commit(char *p, size_t size, int huge) {
        if (mprotect(p, size, PROT_READ | PROT_WRITE) != 0) return 0;
    #ifdef MADV_HUGEPAGE
        if (huge) madvise(p, size, MADV_HUGEPAGE);
    #endif
        return 1;
    }
    static void fg_give_back(char *p, size_t size) { madvise(p, size, MADV_DONTNEED); }
    #else
    static char *fg_reserve(size_t size) { return NULL; }
    static int fg_commit(char *p, size_t size, int huge) { return 0; }
    static void fg_give_back(char *p, size_t size) {}
    #endif
    """
    char *reserve "fg_reserve"(size_t size) noexcept
    bint commit "fg_commit"(char *p, size_t size, bint huge) noexcept
    void give_back "fg_give_back"(char *p, size_t size) noexcept

cdef enum:
    SLAB = 1 << 21  # bytes, and the alignment: a huge page
    PAGE = 1 << 14  # of any system: what stays of a slab that is given back
    MOST_EMPTY = 8  # slabs that keep their memory though they are empty

cdef size_t RANGE = <size_t>1 << 37  # addresses: 128 GB, more nodes than any memory holds

cdef struct Slab:
    # At the start of its own 2 MB.
    Slab *next  # in the list of those with room, if `listed`
    void *free  # pieces that were given back: a list through their first words
    int n_used
    int n_fresh  # the pieces from here on were never used
    bint listed

cdef char *start = NULL  # of the range
cdef char *top = NULL  # slabs below this were made
cdef char *end = NULL
cdef Slab *current = NULL  # the one that pieces come from
cdef Slab *with_room = NULL  # others
cdef size_t piece_size = 0, header_size = 0
cdef int n_pieces = 0  # in a slab
cdef int n_empty = 0  # slabs in the list


cdef bint set_up_slabs(size_t object_size, size_t header) noexcept:
    global start, top, end, piece_size, header_size, n_pieces
    piece_size, header_size = (object_size + header + 15) & ~<size_t>15, header
    n_pieces = (SLAB - 64) // piece_size
    cdef char *memory = reserve(RANGE)
    if memory != NULL:
        start = top = <char *>((<size_t>memory + SLAB - 1) & ~<size_t>(SLAB - 1))
        end = memory + RANGE - SLAB
    return memory != NULL


cdef bint is_piece(void *object) noexcept:
    return start <= <char *>object < end


cdef void *take_piece() noexcept:
    cdef void *piece
    if current == NULL or (current.free == NULL and current.n_fresh == n_pieces):
        if not next_slab():
            return NULL
    piece = current.free
    if piece != NULL:
        current.free = (<void **>piece)[0]
    else:
        piece = <char *>current + 64 + current.n_fresh * piece_size
        current.n_fresh += 1
    current.n_used += 1
    memset(piece, 0, header_size)
    return <char *>piece + header_size


cdef bint next_slab() noexcept:
    """Let `current` be one with room; False: there is no memory."""
    global current, with_room, top, n_empty
    cdef Slab *slab = with_room
    if slab != NULL:
        with_room = slab.next
        slab.listed = False
        if slab.n_used == 0:
            n_empty -= 1
    else:
        # The first, all that small graphs need, without a huge page: that takes a while to clear.
        if top >= end or not commit(top, SLAB, top > start):
            return False
        slab = <Slab *>top
        top += SLAB
        memset(slab, 0, sizeof(Slab))
    current = slab
    return True


cdef void give_piece(void *object) noexcept:
    global with_room, n_empty
    cdef void *piece = <char *>object - header_size
    cdef Slab *slab = <Slab *>(<size_t>piece & ~<size_t>(SLAB - 1))
    (<void **>piece)[0] = slab.free
    slab.free = piece
    slab.n_used -= 1
    if slab == current:
        return
    if not slab.listed:
        slab.next = with_room
        slab.listed = True
        with_room = slab
    if slab.n_used == 0:
        slab.free, slab.n_fresh = NULL, 0
        n_empty += 1
        if n_empty > MOST_EMPTY:
            give_back(<char *>slab + PAGE, SLAB - PAGE)
