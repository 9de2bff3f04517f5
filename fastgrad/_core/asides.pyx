"""See asides.pxd."""

cimport cython
from cpython.object cimport PyObject
from libc.stdlib cimport calloc, free

from fastgrad._core.accumulate cimport forget

cdef set active = set()
cdef dict late = {}


@cython.final
@cython.no_gc  # making one must not run the collector, which may run anything
cdef class Aside:
    def __dealloc__(self):
        for i in range(self.n):
            forget(&self.gradients[i])
        free(self.gradients)


cdef Aside new_aside(object owner, int n):
    cdef Aside aside = Aside()
    aside.owner = owner
    aside.gradients = <Gradient *>calloc(n, sizeof(Gradient))
    if aside.gradients == NULL:
        raise MemoryError()
    aside.n = n
    return aside


cdef tuple for_holder(Handle x, object gx):
    if x.run not in active:
        return None, None, None
    theirs = late.setdefault(x.run, {})
    box = theirs.setdefault(<size_t><PyObject *>x, [[]])
    return theirs, box, [*box[0], gx]


cdef bint is_for_holder(Handle x, dict theirs, list box, list joined) except -1:
    if theirs is None:
        return x.run not in active
    return (x.run in active and late.get(x.run) is theirs
            and len(joined) == len(<list>box[0]) + 1)
