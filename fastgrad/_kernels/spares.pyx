"""See spares.pxd."""

import os
import warnings

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF

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

    #define FG(x) ((PyArrayObject *)(x))
    #define fg_ndim(x) PyArray_NDIM(FG(x))
    #define fg_dims(x) PyArray_DIMS(FG(x))
    #define fg_kind(x) ((PyArray_DESCR(FG(x)) == fg_descrs[1]) \\
                        | (PyArray_IS_C_CONTIGUOUS(FG(x)) ? 0 : 2))

    /* Whether tracemalloc is told that the numbers of an array are kept, not in use: to tell it of
       arrays that are smaller than 16 KB would take longer than to make them. */
    static inline int fg_is_reported(PyObject *x) {
        npy_intp size = PyArray_DESCR(FG(x)) == fg_descrs[1] ? 8 : 4;
        int i;
        for (i = 0; i < PyArray_NDIM(FG(x)); i++) size *= PyArray_DIM(FG(x), i);
        return size >= 1 << 14;
    }
    #define FG_DOMAIN 389047  /* NumPy's, for tracemalloc */
    #define fg_memory(x) ((uintptr_t)PyArray_DATA(FG(x)))

    /* Put what is kept into its list, or take it out. */
    static inline void fg_put_next(PyObject *x, PyObject *next) {
        if (fg_is_reported(x)) PyTraceMalloc_Untrack(FG_DOMAIN, fg_memory(x));
        *(PyObject **)PyArray_DATA(FG(x)) = next;
    }
    static inline PyObject *fg_next(PyObject *x) {
        if (fg_is_reported(x))  /* which fails without an exception: then it is not counted */
            (void)PyTraceMalloc_Track(FG_DOMAIN, fg_memory(x), PyArray_NBYTES(FG(x)));
        return *(PyObject **)PyArray_DATA(FG(x));
    }

    /* Whether its strides are those of a new array, in C's order or in Fortran's. Along an axis of
       length 1 any stride counts as contiguous, but NumPy chooses loops by them, which round
       differently. */
    static inline int has_own_strides(PyObject *x) {
        npy_intp step = PyArray_DESCR(FG(x)) == fg_descrs[1] ? 8 : 4;
        int i, n = PyArray_NDIM(FG(x)), in_c = PyArray_IS_C_CONTIGUOUS(FG(x)) != 0;
        if (!in_c && !PyArray_IS_F_CONTIGUOUS(FG(x))) return 0;
        for (i = 0; i < n; i++) {
            int k = in_c ? n - 1 - i : i;
            if (PyArray_STRIDE(FG(x), k) != step) return 0;
            step *= PyArray_DIM(FG(x), k);
        }
        return 1;
    }
    /* Nobody else sees it, and nothing about it is out of the ordinary. */
    static inline int fg_is_spare(PyObject *x) {
        const int wanted = NPY_ARRAY_BEHAVED | NPY_ARRAY_OWNDATA;
        PyArray_Descr *descr;
        if (Py_REFCNT(x) != 1 || Py_TYPE(x) != &PyArray_Type) return 0;
        descr = PyArray_DESCR(FG(x));
        if (descr != fg_descrs[1] && descr != fg_descrs[0]) return 0;
        if ((PyArray_FLAGS(FG(x)) & (wanted | NPY_ARRAY_WRITEBACKIFCOPY)) != wanted) return 0;
        if (!has_own_strides(x)) return 0;
        return *(PyObject **)((char *)x + PyArray_Type.tp_weaklistoffset) == NULL;
    }

    /* The array, borrowed from `x`, that a view is a view of, and which it is the last to hold. */
    static inline PyObject *fg_seen_by(PyObject *x) {
        PyObject *base;
        if (Py_REFCNT(x) != 1 || Py_TYPE(x) != &PyArray_Type) return NULL;
        base = PyArray_BASE(FG(x));
        return base != NULL && Py_TYPE(base) == &PyArray_Type && Py_REFCNT(base) == 1 ? base : NULL;
    }
    """
    int set_up "fg_set_up"() except -1
    int ndim_of "fg_ndim"(PyObject *x) noexcept
    Py_ssize_t *dims_of "fg_dims"(PyObject *x) noexcept
    int kind_of "fg_kind"(PyObject *x) noexcept
    PyObject *next_of "fg_next"(PyObject *x) noexcept
    void put_next "fg_put_next"(PyObject *x, PyObject *next) noexcept
    bint is_spare "fg_is_spare"(PyObject *x) noexcept
    PyObject *seen_by "fg_seen_by"(PyObject *x) noexcept

set_up()


def megabytes():
    """What the environment variable says, or 256. An import is no place for an exception."""
    try:
        return min(max(0, int(float(os.environ.get("FASTGRAD_POOL_MB") or 256))), 1 << 20)
    except (ValueError, OverflowError):
        warnings.warn(f"FASTGRAD_POOL_MB is {os.environ['FASTGRAD_POOL_MB']!r}, no number of "
                      "megabytes: 256 it is", stacklevel=2)
        return 256


cdef enum:
    N_BINS = 256  # a power of two
    N_PLACES = 4  # bins that arrays of one shape may be in
    MOST_DIMS = 6
    HEADER = 160  # bytes of an array that are not its numbers, about
    OVERHEAD = 2048  # bytes that count as such: hosts of small arrays hold on to much around them

cdef struct Bin:
    # Of arrays of one shape and dtype: a list through their first words.
    PyObject *first
    Py_ssize_t n_out  # asked for, and not come back
    size_t size  # what each counts for, OVERHEAD included; 0: none is kept
    int ndim
    int kind  # whether of float64, and 2 if in Fortran's order
    Py_ssize_t dims[MOST_DIMS]

cdef Bin bins[N_BINS]
cdef size_t limit = megabytes() << 20  # bytes that are kept at most; 0: none
cdef size_t kept = 0  # bytes, OVERHEAD included
cdef int next_victim = 0


cdef inline unsigned int first_place(int kind, int ndim, Py_ssize_t *dims) noexcept:
    cdef int i
    cdef unsigned int key = 4 * ndim + kind
    for i in range(ndim):
        key = key * 31 + <unsigned int>dims[i]
    return key ^ key >> 8


cdef inline Bin *find(unsigned int place, int kind, int ndim, Py_ssize_t *dims) noexcept:
    """The bin of these, or NULL."""
    cdef int i, j
    cdef Bin *bin
    for i in range(N_PLACES):
        bin = &bins[(place + i) & (N_BINS - 1)]
        if bin.ndim == ndim and bin.kind == kind:
            for j in range(ndim):
                if bin.dims[j] != dims[j]:
                    break
            else:
                return bin
    return NULL


cdef PyObject *take_spare(bint double, bint fortran, int ndim, Py_ssize_t *dims) noexcept:
    global kept
    cdef int kind = double | fortran << 1
    if ndim > MOST_DIMS:
        return NULL
    cdef unsigned int place = first_place(kind, ndim, dims)
    cdef Bin *bin = find(place, kind, ndim, dims)
    cdef PyObject *x
    if bin == NULL:
        claim(place, kind, ndim, dims)
        return NULL
    bin.n_out += 1
    x = bin.first
    if x != NULL:
        bin.first = next_of(x)
        kept -= bin.size
    return x


cdef void claim(unsigned int place, int kind, int ndim, Py_ssize_t *dims) noexcept:
    """Give these a bin that has nothing in it; or the first, whatever is in it."""
    cdef int i
    cdef Bin *bin
    cdef size_t size = 8 if kind & 1 else 4
    for i in range(N_PLACES):
        bin = &bins[(place + i) & (N_BINS - 1)]
        if bin.first == NULL:
            break
    else:
        bin = &bins[place & (N_BINS - 1)]
    while bin.first != NULL:
        free_first(bin)
    bin.n_out, bin.ndim, bin.kind = 1, ndim, kind
    for i in range(ndim):
        bin.dims[i] = dims[i]
        size *= dims[i]
    bin.size = 0
    if size >= sizeof(PyObject *) and size + OVERHEAD <= limit:
        bin.size = size + OVERHEAD


cdef void drop(PyObject *x) noexcept:
    global kept
    cdef Bin *bin
    cdef int kind
    if x == NULL:
        return
    if not is_spare(x):
        drop_other(x)
        return
    if ndim_of(x) <= MOST_DIMS:
        kind = kind_of(x)
        bin = find(first_place(kind, ndim_of(x), dims_of(x)), kind, ndim_of(x), dims_of(x))
        if bin != NULL and bin.n_out > 0 and bin.size:
            bin.n_out -= 1
            make_room(bin.size)
            put_next(x, bin.first)
            bin.first = x
            kept += bin.size
            return
    Py_DECREF(<object>x)


cdef void drop_other(PyObject *x) noexcept:
    """Let go of what is not spare: a view, maybe, which is the last to hold an array that is."""
    cdef PyObject *base = seen_by(x)
    if base != NULL:
        Py_INCREF(<object>base)
    Py_DECREF(<object>x)
    drop(base)


cdef inline size_t free_first(Bin *bin) noexcept:
    """The bytes that were freed."""
    global kept
    cdef PyObject *x = bin.first
    bin.first = next_of(x)
    kept -= bin.size
    Py_DECREF(<object>x)
    return bin.size - OVERHEAD + HEADER


def empty_spares():
    """Free all that is kept: the bytes that were."""
    cdef size_t size = 0
    cdef int i
    for i in range(N_BINS):
        while bins[i].first != NULL:
            size += free_first(&bins[i])
    return size


cdef inline void make_room(size_t size) noexcept:
    """Free arrays, of each bin in turn, until there is room."""
    global next_victim
    while kept + size > limit:
        next_victim = (next_victim + 1) & (N_BINS - 1)
        if bins[next_victim].first != NULL:
            free_first(&bins[next_victim])
