# cython: binding=False
"""See _pool.pxd."""

import os
import warnings

from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from libc.stdint cimport uint8_t
from libc.string cimport strcpy


cdef extern from "Python.h":
    bint PyGC_Disable() noexcept
    bint PyGC_Enable() noexcept

cdef extern from *:
    """
    #include <numpy/arrayobject.h>

    static PyObject *fg_default_handler(void) {
        import_array1(NULL);
        Py_INCREF(PyDataMem_DefaultHandler);
        return PyDataMem_DefaultHandler;
    }

    static PyObject *fg_empty(PyObject *x, int ndim, npy_intp *dims, int fortran) {
        PyArray_Descr *descr = PyArray_DESCR((PyArrayObject *)x);
        Py_INCREF(descr);  /* stolen */
        return PyArray_Empty(ndim, dims, descr, fortran);
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
    object set_handler "PyDataMem_SetHandler"(object handler)  # returns the one before
    PyObject *empty "fg_empty"(PyObject *x, int ndim, Py_ssize_t *dims, int fortran) except NULL


def megabytes():
    """What the environment variable says, or 256. An import is no place for an exception."""
    try:
        return min(max(0, int(float(os.environ.get("FASTGRAD_POOL_MB") or 256))), 1 << 20)
    except ValueError:
        warnings.warn(f"FASTGRAD_POOL_MB is {os.environ['FASTGRAD_POOL_MB']!r}, no number of "
                      "megabytes: 256 it is", stacklevel=2)
        return 256


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
            bin.first = (<void **>block)[0]
            system.free(system.ctx, block, bin.size)
            kept -= bin.size


cdef void empty_bin(Bin *bin) noexcept:
    global kept
    cdef void *block = bin.first
    while block != NULL:
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
    # The handler is a context variable. Setting it makes objects, and that may run the garbage
    # collector, which may run anything: not in the middle of an accumulation.
    cdef bint collecting = PyGC_Disable()
    set_handler(pool)
    try:
        return empty(x, ndim, dims, fortran)
    finally:
        set_handler(numpys)
        if collecting:
            PyGC_Enable()
