# cython: binding=False
"""See slabs.pxd."""

import os

from libc.string cimport memset

cdef extern from *:
    """
    #if (defined(__unix__) || defined(__APPLE__)) && SIZE_MAX > 0xFFFFFFFF \\
        && !defined(FG_EVERY_BLOCK_FROM_MALLOC)
    #include <sys/mman.h>
    #include <sys/resource.h>
    #include <unistd.h>

    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif
    #define FG_MOST_RESERVED ((size_t)1 << 34)
    #define FG_LEAST_RESERVED ((size_t)1 << 24)

    /* Addresses, and nothing behind them: how many there are is written to `size`. `ulimit -v`
       counts them like memory, so most of what it allows is left to the program. Where so many
       are refused, half as many may not be. */
    static char *fg_reserve(size_t *size) {
        struct rlimit allowed;
        size_t n = FG_MOST_RESERVED;
        if (getrlimit(RLIMIT_AS, &allowed) == 0 && allowed.rlim_cur != RLIM_INFINITY
                && allowed.rlim_cur / 8 < n)
            n = (size_t)(allowed.rlim_cur / 8) & ~(FG_LEAST_RESERVED - 1);
        for (; n >= FG_LEAST_RESERVED; n /= 2) {
            void *p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
            if (p != MAP_FAILED) {
                *size = n;
                return (char *)p;
            }
        }
        return NULL;
    }
    static int fg_commit(char *p, size_t size, int huge) {
        if (mprotect(p, size, PROT_READ | PROT_WRITE) != 0) return 0;
    #ifdef MADV_HUGEPAGE
        if (huge) madvise(p, size, MADV_HUGEPAGE);
    #endif
        return 1;
    }
    /* All but the first page, of 4 to 64 KB, in which a slab describes itself. */
    static void fg_give_back(char *slab, size_t size) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        if (page < size) madvise(slab + page, size - page, MADV_DONTNEED);
    }
    #else
    static char *fg_reserve(size_t *size) { return NULL; }
    static int fg_commit(char *p, size_t size, int huge) { return 0; }
    static void fg_give_back(char *slab, size_t size) {}
    #endif
    """
    char *reserve "fg_reserve"(size_t *size) noexcept
    bint commit "fg_commit"(char *p, size_t size, bint huge) noexcept
    void give_back "fg_give_back"(char *slab, size_t size) noexcept

cdef enum:
    SLAB = 1 << 21  # bytes, and the alignment: a huge page
    MOST_EMPTY = 16  # slabs that keep their memory though they are empty: 160 000 nodes

# Whether the system is asked for huge pages: not unless the program asks for them. Those that a
# system has at hand make a graph of 10^7 nodes faster, but on a virtual machine the first large
# graph of a process, for which they have to be found and cleared, takes 2 to 3 times as long (448
# to 515 ns a node, 171 to 212 without), and the later ones as long as without.
cdef bint huge_pages = os.environ.get("FASTGRAD_HUGE_PAGES", "") not in ("", "0")

cdef struct Slab:
    # At the start of its own 2 MB.
    Slab *next  # in the list of those with room, if `listed`
    void *free  # pieces that were given back: a list through their first words
    int n_used
    int n_fresh  # the pieces from here on were not used since it was empty
    int n_touched  # of a slab that is empty: the pieces from here on have no memory
    bint listed

cdef char *start = NULL  # of the range
cdef char *top = NULL  # slabs below this were made
cdef char *end = NULL
cdef Slab *current = NULL  # the one that pieces come from
cdef Slab *with_room = NULL  # others
cdef size_t piece_size = 0, header_size = 0
cdef int n_pieces = 0  # in a slab
cdef int n_empty = 0  # slabs in the list


cdef void set_up_slabs(size_t object_size, size_t header) noexcept:
    global start, top, end, piece_size, header_size, n_pieces
    cdef size_t size = 0
    cdef char *memory = reserve(&size)
    piece_size, header_size = (object_size + header + 15) & ~<size_t>15, header
    n_pieces = (SLAB - 64) // piece_size
    if memory != NULL:
        start = top = <char *>((<size_t>memory + SLAB - 1) & ~<size_t>(SLAB - 1))
        end = memory + size


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
        if slab.n_used == 0 and slab.n_touched:
            n_empty -= 1
    else:
        if end - top < SLAB or not commit(top, SLAB, huge_pages):
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
        if n_empty < MOST_EMPTY:
            n_empty += 1
            slab.n_touched = max(slab.n_touched, slab.n_fresh)
            slab.free, slab.n_fresh = NULL, 0
        else:
            empty_slab(slab)


cdef size_t empty_slab(Slab *slab) noexcept:
    cdef size_t size = max(slab.n_touched, slab.n_fresh) * piece_size
    if size:
        give_back(<char *>slab, SLAB)
        slab.free, slab.n_fresh, slab.n_touched = NULL, 0, 0
    return size


cdef size_t empty_slabs() noexcept:
    global n_empty
    cdef Slab *slab = with_room
    cdef size_t size = 0
    while slab != NULL:
        if slab.n_used == 0:
            size += empty_slab(slab)
        slab = slab.next
    n_empty = 0
    if current != NULL and current.n_used == 0:
        size += empty_slab(current)
    return size
