# cython: binding=False
"""See pool.pxd."""

import os
import warnings

from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport uint8_t
from libc.string cimport strcpy


cdef extern from *:
    """
    #include <numpy/arrayobject.h>

    #define fg_item_size(x) PyArray_ITEMSIZE((PyArrayObject *)(x))

    static PyObject *fg_default_handler(void) {
        import_array1(NULL);
        Py_INCREF(PyDataMem_DefaultHandler);
        return PyDataMem_DefaultHandler;
    }

    /* The dtype of `x`, a new reference; in the machine's byte order, whatever that of `x` is. */
    #define fg_dtype(x) PyArray_DescrFromType(PyArray_TYPE((PyArrayObject *)(x)))

    static PyObject *fg_empty(PyObject *x, int ndim, npy_intp *dims, int fortran) {
        return PyArray_Empty(ndim, dims, fg_dtype(x), fortran);
    }

    /* The same around `memory`, which `handler` is to free. */
    static PyObject *fg_around(void *memory, PyObject *x, int ndim, npy_intp *dims, int fortran,
                               PyObject *handler) {
        PyObject *y = PyArray_NewFromDescr(&PyArray_Type, fg_dtype(x), ndim, dims, NULL, memory,
                                           fortran ? NPY_ARRAY_FARRAY : NPY_ARRAY_CARRAY, NULL);
        if (y == NULL) return NULL;
        PyTraceMalloc_Track(389047,  /* NumPy's domain */
                            (uintptr_t)memory, PyArray_NBYTES((PyArrayObject *)y));
        Py_INCREF(handler);
        ((PyArrayObject_fields *)y)->mem_handler = handler;
        PyArray_ENABLEFLAGS((PyArrayObject *)y, NPY_ARRAY_OWNDATA);
        return y;
    }
    """
    ctypedef struct Allocator "PyDataMemAllocator":
        void *ctx
        void *(*malloc)(void *ctx, size_t size) noexcept
        void *(*calloc)(void *ctx, size_t n, size_t size) noexcept
        void *(*realloc)(void *ctx, void *memory, size_t size) noexcept
        void (*free)(void *ctx, void *memory, size_t size) noexcept
    ctypedef struct Handler "PyDataMem_Handler":
        char name[127]
        uint8_t version
        Allocator allocator

    object default_handler "fg_default_handler"()
    object get_handler "PyDataMem_GetHandler"()
    PyObject *empty "fg_empty"(PyObject *x, int ndim, Py_ssize_t *dims, int fortran) except NULL
    PyObject *around "fg_around"(void *memory, PyObject *x, int ndim, Py_ssize_t *dims,
                                 int fortran, PyObject *handler) except NULL
    Py_ssize_t item_size "fg_item_size"(PyObject *x) noexcept


def megabytes():
    """What the environment variable says, or 256. An import is no place for an exception."""
    try:
        return min(max(0, int(float(os.environ.get("FASTGRAD_POOL_MB") or 256))), 1 << 20)
    except ValueError:
        warnings.warn(f"FASTGRAD_POOL_MB is {os.environ['FASTGRAD_POOL_MB']!r}, no number of "
                      "megabytes: 256 it is", stacklevel=2)
        return 256


cdef extern from *:
    """
    #ifdef __SANITIZE_ADDRESS__
    #include <sanitizer/asan_interface.h>
    #define fg_hide(block, size) ASAN_POISON_MEMORY_REGION(block, size)
    #define fg_unhide(block, size) ASAN_UNPOISON_MEMORY_REGION(block, size)
    #else
    #define fg_hide(block, size)
    #define fg_unhide(block, size)
    #endif
    """
    # What is kept, AddressSanitizer guards as if it were free.
    void hide "fg_hide"(void *block, size_t size) noexcept
    void unhide "fg_unhide"(void *block, size_t size) noexcept

cdef enum:
    N_BINS = 64  # a power of two

cdef struct Bin:
    # Freed blocks of one size: a list through their first words.
    size_t size
    void *first

cdef Bin bins[N_BINS]
cdef size_t kept = 0  # bytes, in all bins
limit = megabytes() << 20
cdef int next_victim = 0

cdef object numpys = default_handler()
cdef Allocator system = (<Handler *>PyCapsule_GetPointer(numpys, "mem_handler")).allocator
cdef Handler handler


cdef inline Bin *bin_of(size_t size) noexcept:
    return &bins[(size >> 4 ^ size >> 12) & (N_BINS - 1)]


cdef void *take(void *ctx, size_t size) noexcept:
    global kept
    cdef Bin *bin = bin_of(size)
    cdef void *block = bin.first
    if block == NULL or bin.size != size:
        return system.malloc(system.ctx, size)
    unhide(block, size)
    bin.first = (<void **>block)[0]
    kept -= size
    return block


cdef void give(void *ctx, void *block, size_t size) noexcept:
    global kept
    cdef Bin *bin = bin_of(size)
    if size < LEAST or size > limit or block == NULL:
        system.free(system.ctx, block, size)
        return
    if bin.size != size:
        empty_bin(bin)
        bin.size = size
    make_room(size)
    (<void **>block)[0] = bin.first
    hide(block, size)
    bin.first = block
    kept += size


cdef void make_room(size_t size) noexcept:
    """Free blocks, of each size in turn, until there is room for `size` more."""
    global next_victim, kept
    cdef Bin *bin
    cdef void *block
    while kept + size > limit:
        bin = &bins[next_victim]
        next_victim = (next_victim + 1) & (N_BINS - 1)
        block = bin.first
        if block != NULL:
            unhide(block, bin.size)
            bin.first = (<void **>block)[0]
            system.free(system.ctx, block, bin.size)
            kept -= bin.size


cdef void empty_bin(Bin *bin) noexcept:
    global kept
    cdef void *block = bin.first
    while block != NULL:
        unhide(block, bin.size)
        bin.first = (<void **>block)[0]
        system.free(system.ctx, block, bin.size)
        kept -= bin.size
        block = bin.first


def empty_pool():
    """Give all that is kept back to the system: the bytes that were."""
    cdef size_t before = kept
    for i in range(N_BINS):
        empty_bin(&bins[i])
    return before


# NumPy may reallocate an array's memory (`ndarray.resize`): a block is the system's all the time.


cdef void *take_zeros(void *ctx, size_t n, size_t size) noexcept:
    return system.calloc(system.ctx, n, size)


cdef void *resized(void *ctx, void *block, size_t size) noexcept:
    return system.realloc(system.ctx, block, size)


strcpy(handler.name, "fastgrad_pool")
handler.version = 1
handler.allocator = Allocator(NULL, take, take_zeros, resized, give)
cdef object pool = PyCapsule_New(&handler, "mem_handler", NULL)


cdef PyObject *pooled(PyObject *x, int ndim, Py_ssize_t *dims, bint fortran) except NULL:
    if limit == 0 or get_handler() is not numpys:  # which the program changed
        return empty(x, ndim, dims, fortran)
    # NumPy would take the handler from a context variable; to set that, and to set it back, may
    # fail, and may run the garbage collector, which may run anything. So the array is put together.
    cdef int i
    cdef size_t size = item_size(x)
    for i in range(ndim):
        size *= dims[i]
    cdef void *memory = take(NULL, size)
    if memory == NULL:
        raise MemoryError()
    try:
        return around(memory, x, ndim, dims, fortran, <PyObject *>pool)
    except BaseException:
        give(NULL, memory, size)
        raise
