"""What handles and nodes have in common as objects of Python: their memory, and how they end."""

from cpython.object cimport PyObject, PyTypeObject, destructor, inquiry, traverseproc, visitproc
from libc.string cimport memset

from fastgrad._core.accumulate cimport ARRAY, Gradient
from fastgrad._kernels.spares cimport drop


cdef extern from "Python.h":
    # A PyObject * is no Python object here: references are counted by hand.
    void Py_INCREF(PyObject *x) noexcept
    void Py_DECREF(PyObject *x) noexcept
    void Py_XDECREF(PyObject *x) noexcept
    void Py_XINCREF(PyObject *x) noexcept
    PyTypeObject *Py_TYPE(PyObject *x) noexcept
    void Py_SET_TYPE(PyObject *x, PyTypeObject *type) noexcept
    PyObject *PyObject_Init(PyObject *x, PyTypeObject *type) noexcept
    PyObject *_PyObject_GC_New(PyTypeObject *type) except NULL
    void PyObject_GC_Del(void *x) noexcept
    void PyObject_GC_UnTrack(PyObject *x) noexcept
    void PyObject_ClearWeakRefs(PyObject *x) noexcept
    int PyObject_CallFinalizerFromDealloc(PyObject *x) noexcept
    unsigned long Py_TPFLAGS_HEAPTYPE
    ctypedef PyObject *(*allocfunc)(PyTypeObject *type, Py_ssize_t n_items) except NULL
    ctypedef struct LongTypeObject "PyTypeObject":
        Py_ssize_t tp_basicsize, tp_dictoffset, tp_weaklistoffset
        unsigned long tp_flags
        allocfunc tp_alloc
        destructor tp_dealloc, tp_finalize
        traverseproc tp_traverse
        inquiry tp_clear


cdef extern from *:
    """
    #ifdef FG_EVERY_BLOCK_FROM_MALLOC
    #define FG_MOST_SPARE 0
    #else
    #define FG_MOST_SPARE (1 << 14)
    #endif
    """
    int MOST_SPARE "FG_MOST_SPARE"  # of each kind: 3 MB

cdef struct Spares:
    PyObject *first  # a list through the word after the object's header
    int n


cdef inline PyObject **link(PyObject *x) noexcept:
    return <PyObject **>(<char *>x + sizeof(PyObject))


cdef inline PyObject *new_object(PyTypeObject *type, Spares *spares) except NULL:
    cdef PyObject *x = spares.first
    if x != NULL:
        spares.first = link(x)[0]
        spares.n -= 1
        PyObject_Init(x, type)
    else:
        x = _PyObject_GC_New(type)
    memset(<char *>x + sizeof(PyObject), 0,
           (<LongTypeObject *>type).tp_basicsize - sizeof(PyObject))
    return x


cdef inline void free_object(PyObject *x, Spares *spares, bint spare) noexcept:
    if spare and spares.n < MOST_SPARE:
        link(x)[0] = spares.first
        spares.first = x
        spares.n += 1
    else:
        PyObject_GC_Del(x)


cdef inline Py_ssize_t size_of(PyTypeObject *type) noexcept:
    return (<LongTypeObject *>type).tp_basicsize


cdef inline bint is_heap_type(PyTypeObject *type) noexcept:
    return (<LongTypeObject *>type).tp_flags & Py_TPFLAGS_HEAPTYPE != 0


cdef inline PyObject **attributes(PyObject *x) noexcept:
    """Where the dict of free attributes is."""
    return <PyObject **>(<char *>x + (<LongTypeObject *>Py_TYPE(x)).tp_dictoffset)


cdef inline void clear_weak_references(PyObject *x) noexcept:
    if (<PyObject **>(<char *>x + (<LongTypeObject *>Py_TYPE(x)).tp_weaklistoffset))[0] != NULL:
        PyObject_ClearWeakRefs(x)


cdef inline void clear(PyObject **field) noexcept:
    cdef PyObject *x = field[0]
    field[0] = NULL
    Py_XDECREF(x)


cdef inline void clear_array(PyObject **field) noexcept:
    cdef PyObject *x = field[0]
    if x != NULL:
        field[0] = NULL
        drop(x)


cdef inline PyObject *in_flight(const Gradient *g) noexcept:
    return g.value.array if g.state == ARRAY else NULL


# Free the objects in it: how many there were. `type`: a compiled type of such objects.
cdef size_t empty_list(Spares *spares, PyTypeObject *type) noexcept
cdef int visit_all(PyObject **fields, int n, visitproc visit, void *arg) noexcept
# Give a type functions of ours for the end of its instances, and for the garbage collector.
cdef void adopt(PyTypeObject *type, destructor dealloc, traverseproc traverse,
                inquiry clear) noexcept
