"""See spares.pxd."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

from fastgrad._kernels.pool cimport limit

cdef extern from *:
    """
    #include <numpy/arrayobject.h>

    static PyArray_Descr *fg_descrs[2];  /* of float32 and float64, which nearly all share */

    static int fg_set_up(void) {
        import_array1(-1);
        fg_descrs[0] = PyArray_DescrFromType(NPY_FLOAT);
        fg_descrs[1] = PyArray_DescrFromType(NPY_DOUBLE);
        return 0;
    }

    #ifdef FG_EVERY_BLOCK_FROM_MALLOC
    #define FG_LARGEST 0
    #else
    #define FG_LARGEST (1 << 16)
    #endif

    #define FG(x) ((PyArrayObject *)(x))
    #define fg_ndim(x) PyArray_NDIM(FG(x))
    #define fg_dims(x) PyArray_DIMS(FG(x))
    #define fg_nbytes(x) ((size_t)PyArray_NBYTES(FG(x)))
    #define fg_double(x) (PyArray_DESCR(FG(x)) == fg_descrs[1])
    #define fg_next(x) (*(PyObject **)PyArray_DATA(FG(x)))
    #define fg_put_next(x, next) (fg_next(x) = (next))

    /* Nobody else sees it, and nothing about it is out of the ordinary. */
    static inline int fg_is_spare(PyObject *x) {
        const int wanted = NPY_ARRAY_CARRAY | NPY_ARRAY_OWNDATA;
        PyArray_Descr *descr;
        if (Py_REFCNT(x) != 1 || Py_TYPE(x) != &PyArray_Type) return 0;
        descr = PyArray_DESCR(FG(x));
        if (descr != fg_descrs[1] && descr != fg_descrs[0]) return 0;
        if ((PyArray_FLAGS(FG(x)) & (wanted | NPY_ARRAY_WRITEBACKIFCOPY)) != wanted) return 0;
        return *(PyObject **)((char *)x + PyArray_Type.tp_weaklistoffset) == NULL;
    }
    """
    int set_up "fg_set_up"() except -1
    int ndim_of "fg_ndim"(PyObject *x) noexcept
    Py_ssize_t *dims_of "fg_dims"(PyObject *x) noexcept
    size_t nbytes "fg_nbytes"(PyObject *x) noexcept
    bint is_double "fg_double"(PyObject *x) noexcept
    PyObject *next_of "fg_next"(PyObject *x) noexcept
    void put_next "fg_put_next"(PyObject *x, PyObject *next) noexcept
    bint is_spare "fg_is_spare"(PyObject *x) noexcept
    size_t LARGEST "FG_LARGEST"  # bytes: beyond, making the array takes no time

set_up()

cdef enum:
    N_BINS = 256  # a power of two
    N_PLACES = 4  # bins that arrays of one shape may be in
    MOST_DIMS = 4
    HEADER = 160  # bytes of an array that are not its numbers, about

cdef struct Bin:
    # Of arrays of one shape and dtype: a list through their first words.
    PyObject *first
    Py_ssize_t n_out  # asked for, and not come back
    int ndim
    bint double
    Py_ssize_t dims[MOST_DIMS]

cdef Bin bins[N_BINS]
cdef size_t kept = 0  # bytes
cdef int next_victim = 0


cdef inline unsigned int first_place(bint double, int ndim, Py_ssize_t *dims) noexcept:
    cdef int i
    cdef unsigned int key = 2 * ndim + double
    for i in range(ndim):
        key = key * 31 + <unsigned int>dims[i]
    return key ^ key >> 8


cdef inline Bin *find(unsigned int place, bint double, int ndim, Py_ssize_t *dims) noexcept:
    """The bin of these, or NULL."""
    cdef int i, j
    cdef Bin *bin
    for i in range(N_PLACES):
        bin = &bins[(place + i) & (N_BINS - 1)]
        if bin.ndim == ndim and bin.double == double:
            for j in range(ndim):
                if bin.dims[j] != dims[j]:
                    break
            else:
                return bin
    return NULL


cdef PyObject *take_spare(bint double, int ndim, Py_ssize_t *dims) noexcept:
    global kept
    if ndim > MOST_DIMS:
        return NULL
    cdef unsigned int place = first_place(double, ndim, dims)
    cdef Bin *bin = find(place, double, ndim, dims)
    cdef PyObject *x
    if bin == NULL:
        claim(place, double, ndim, dims)
        return NULL
    bin.n_out += 1
    x = bin.first
    if x != NULL:
        bin.first = next_of(x)
        kept -= nbytes(x) + HEADER
    return x


cdef void claim(unsigned int place, bint double, int ndim, Py_ssize_t *dims) noexcept:
    """Give these a bin that has nothing in it; or the first, whatever is in it."""
    cdef int i
    cdef Bin *bin
    for i in range(N_PLACES):
        bin = &bins[(place + i) & (N_BINS - 1)]
        if bin.first == NULL:
            break
    else:
        bin = &bins[place & (N_BINS - 1)]
    while bin.first != NULL:
        free_first(bin)
    bin.n_out, bin.ndim, bin.double = 1, ndim, double
    for i in range(ndim):
        bin.dims[i] = dims[i]


cdef void drop(PyObject *x) noexcept:
    global kept
    cdef Bin *bin
    cdef size_t size
    if x == NULL:
        return
    if is_spare(x) and ndim_of(x) <= MOST_DIMS:
        size = nbytes(x)
        if sizeof(PyObject *) <= size <= LARGEST and size + HEADER <= limit >> 3:
            bin = find(first_place(is_double(x), ndim_of(x), dims_of(x)), is_double(x), ndim_of(x),
                       dims_of(x))
            if bin != NULL and bin.n_out > 0:
                bin.n_out -= 1
                make_room(size + HEADER)
                put_next(x, bin.first)
                bin.first = x
                kept += size + HEADER
                return
    Py_DECREF(<object>x)


cdef inline void free_first(Bin *bin) noexcept:
    global kept
    cdef PyObject *x = bin.first
    bin.first = next_of(x)
    kept -= nbytes(x) + HEADER
    Py_DECREF(<object>x)


def empty_spares():
    """Free all that is kept: the bytes that were."""
    cdef size_t before = kept
    cdef int i
    for i in range(N_BINS):
        while bins[i].first != NULL:
            free_first(&bins[i])
    return before


cdef inline void make_room(size_t size) noexcept:
    """Free arrays, of each bin in turn, until there is room."""
    global next_victim
    while kept + size > limit >> 3:
        next_victim = (next_victim + 1) & (N_BINS - 1)
        if bins[next_victim].first != NULL:
            free_first(&bins[next_victim])
