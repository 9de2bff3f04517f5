"""See objects.pxd."""

# NOTE [Memory]
# An operation makes a node and a handle, and loses them soon. Handles come from a list of spare
# ones, those of a program's `Variable(...)` too, and go back there; nodes come from slabs
# (_kernels/slabs.pxd): 3 ns, where the allocator and the collector's bookkeeping take 25. What
# Cython would generate for `__dealloc__` and the collector frees fields one by one and
# recursively; so these types get functions of their own in the slots concerned, see
# `adopt`. test_lifetimes.py proves that nothing leaks or is freed twice.


cdef size_t empty_list(Spares *spares, PyTypeObject *type) noexcept:
    cdef size_t n = spares.n
    cdef PyObject *x
    while spares.first != NULL:
        x = spares.first
        spares.first = link(x)[0]
        Py_SET_TYPE(x, type)  # its own, which tells where its memory begins, may be gone
        PyObject_GC_Del(x)
    spares.n = 0
    return n


cdef int visit_all(PyObject **fields, int n, visitproc visit, void *arg) noexcept:
    cdef int i, stop
    for i in range(n):
        if fields[i] != NULL:
            stop = visit(fields[i], arg)
            if stop:
                return stop
    return 0


cdef void adopt(PyTypeObject *type, destructor dealloc, traverseproc traverse,
                inquiry clear) noexcept:
    (<LongTypeObject *>type).tp_dealloc = dealloc
    (<LongTypeObject *>type).tp_traverse = traverse
    (<LongTypeObject *>type).tp_clear = clear
