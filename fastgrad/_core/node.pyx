"""See node.pxd."""

from cpython.object cimport destructor, inquiry, traverseproc, visitproc
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastgrad._core.accumulate cimport forget
from fastgrad._core.objects cimport (
    LongTypeObject, PyObject_GC_UnTrack, PyObject_Init, Py_DECREF, Py_INCREF, Py_TYPE, Py_XDECREF,
    Py_XINCREF, Spares, adopt, attributes, clear, clear_weak_references, empty_list, free_object,
    in_flight, is_heap_type, new_object, size_of, visit_all,
)
from fastgrad._kernels.loops cimport import_numpy
from fastgrad._kernels.slabs cimport (
    empty_slabs, give_piece, is_piece, set_up_slabs, take_piece,
)
from fastgrad._kernels.spares cimport drop

from sys import getsizeof

import_numpy()

by_hand = False


cdef void note_by_hand() noexcept:
    global by_hand
    by_hand = True


cdef extern from *:
    """
    #define fg_take_reference(x) (x)
    """
    Node take_node "(PyObject *)fg_take_reference"(PyObject *owned)

cdef Spares spare_nodes
cdef Py_ssize_t header = 0  # bytes of such an object that lie before it, see `set_up_memory`


cdef inline PyObject *new_node_object(PyTypeObject *type) except NULL:
    cdef PyObject *f = <PyObject *>take_piece()
    if f == NULL:
        return new_object(type, &spare_nodes)
    PyObject_Init(f, type)
    memset(<char *>f + sizeof(PyObject), 0, (<LongTypeObject *><PyTypeObject *>Node).tp_basicsize
           - sizeof(PyObject))
    return f


cdef Node new_node(const Rule *rule):
    cdef PyObject *f = new_node_object(rule.type)
    (<Node>f).rule = rule
    (<Node>f).slots = &(<Node>f).only_slot
    (<Node>f).edges = (<Node>f).own_edges
    return take_node(f)


cdef Node new_node_of(PyTypeObject *type):
    return take_node(new_node_object(type))


cdef int make_slots(Node f, int n) except -1:
    cdef Slot *slots
    if n <= 1 and f.slots == NULL:
        slots = &f.only_slot
    elif n <= f.n_slots:
        slots = f.slots
    else:
        slots = <Slot *>malloc(n * sizeof(Slot))
        if slots == NULL:
            raise MemoryError()
        memset(slots, 0, n * sizeof(Slot))
        if f.n_slots:
            memcpy(slots, f.slots, f.n_slots * sizeof(Slot))
        if f.slots != NULL and f.slots != &f.only_slot:
            free(f.slots)
    f.slots = slots
    f.n_slots = max(n, f.n_slots)
    return 0


cdef int make_edges(Node f, int n) except -1:
    f.edges = f.own_edges
    if n > 2:
        f.edges = <Edge *>calloc(n, sizeof(Edge))
        if f.edges == NULL:
            raise MemoryError()
    f.n_edges = n
    return 0


cdef inline void release_edges(Edge *edges, int n) noexcept:
    cdef int i
    for i in range(n):
        Py_XDECREF(edges[i].to)
        if edges[i].flags & OWNS:
            drop(edges[i].saved.array)
    if n > 2:
        free(edges)


cdef void drop_record(Node f) noexcept:
    """Let go of edges and `kept`: all that another backward would need."""
    cdef Edge own[2]
    cdef Edge *edges = f.edges
    cdef PyObject *kept = f.kept
    cdef int n = f.n_edges
    memcpy(own, f.own_edges, sizeof(own))
    memset(f.own_edges, 0, sizeof(own))
    f.flags &= ~(OF_ROW | IN_PYTHON)
    f.edges, f.n_edges, f.kept = f.own_edges, 0, NULL
    release_edges(edges if n > 2 else own, n)  # which may run Python code, and record `f` anew
    Py_XDECREF(kept)


cdef Node moved_out(Node f):
    cdef Node own = new_node_of(<PyTypeObject *>Node)
    own.kept, own.rule, own.n_edges = f.kept, f.rule, f.n_edges
    own.flags = f.flags & (OF_ROW | IN_PYTHON)
    if f.edges == f.own_edges:
        memcpy(own.own_edges, f.own_edges, sizeof(f.own_edges))
        memset(f.own_edges, 0, sizeof(f.own_edges))
        own.edges = own.own_edges
    else:
        own.edges = f.edges
    f.edges, f.n_edges, f.kept = f.own_edges, 0, NULL
    f.flags &= ~(OF_ROW | IN_PYTHON | RECORDED)
    return own


cdef Node copy_of(Node f):
    cdef Node own = new_node_of(<PyTypeObject *>Node)  # which may run the garbage collector
    cdef int i
    make_edges(own, f.n_edges)
    own.kept, own.rule = f.kept, f.rule
    own.flags = f.flags & (OF_ROW | IN_PYTHON)
    Py_XINCREF(own.kept)
    for i in range(f.n_edges):
        own.edges[i] = f.edges[i]
        Py_XINCREF(own.edges[i].to)
        if own.edges[i].flags & OWNS:
            Py_XINCREF(own.edges[i].saved.array)
    return own


cdef void spend(Node f) noexcept:
    f.flags |= SPENT
    drop_record(f)
    if attributes(<PyObject *>f)[0] != NULL:
        forget_notes(<dict>attributes(<PyObject *>f)[0])


cdef void forget_notes(dict notes) noexcept:
    """The inputs that the program was shown, see NOTE [Views], and the hooks."""
    try:
        notes.pop("inputs", None)
        notes.pop("hooks of gradients", None)
    except MemoryError:
        pass


cdef int clear_node(PyObject *f) noexcept:
    clear(attributes(f))
    drop_record(<Node>f)
    clear_slots(<Node>f)
    return 0


cdef inline void clear_slots(Node f) noexcept:
    cdef int i
    for i in range(f.n_slots):
        forget(&f.slots[i].gradient)
        if is_moved(<PyObject *>f, i):
            clear(&f.slots[i].handle)


# NOTE [Release]
# A node owns what its edges lead to: freeing the last node of a chain would free the next from
# inside, and so on, a C frame or more each; at 10^5 nodes the stack is gone. So a node that dies
# while another is being freed waits in a list. (Linked through `run`, which the dead need no more.)

cdef PyObject *dying = NULL
cdef bint freeing = False


cdef void free_node(PyObject *f) noexcept:
    """tp_dealloc of the compiled classes. A Python subclass has its own, which ends here."""
    global dying, freeing
    PyObject_GC_UnTrack(f)
    clear_weak_references(f)
    if is_heap_type(Py_TYPE(f)):
        Py_INCREF(<PyObject *>Py_TYPE(f))  # the caller lets go of it, we need it until the end
    (<Node>f).run = <uint64_t>dying
    dying = f
    if freeing:
        return
    freeing = True
    while dying != NULL:
        f = dying
        dying = <PyObject *>(<Node>f).run
        release_node(f)
    freeing = False


cdef inline void release_node(PyObject *f) noexcept:
    """As `clear_node`, of what nobody can see any more."""
    cdef PyTypeObject *type = Py_TYPE(f)
    Py_XDECREF(attributes(f)[0])
    release_edges((<Node>f).edges, (<Node>f).n_edges)
    Py_XDECREF((<Node>f).kept)
    clear_slots(<Node>f)
    if (<Node>f).slots != &(<Node>f).only_slot:
        free((<Node>f).slots)
    if is_piece(f):
        give_piece(f)
    else:
        free_object(f, &spare_nodes, not is_heap_type(type))
    if is_heap_type(type):
        Py_DECREF(<PyObject *>type)


cdef int traverse_node(PyObject *f, visitproc visit, void *arg) noexcept:
    cdef PyObject *fields[2]
    cdef Edge *edge
    cdef int i, stop
    fields[0], fields[1] = (<Node>f).kept, attributes(f)[0]
    stop = visit_all(fields, 2, visit, arg)
    for i in range((<Node>f).n_edges):
        if stop:
            break
        edge = &(<Node>f).edges[i]
        fields[0] = edge.to
        fields[1] = edge.saved.array if edge.flags & OWNS else NULL
        stop = visit_all(fields, 2, visit, arg)
    for i in range((<Node>f).n_slots):
        if stop:
            break
        fields[0] = (<Node>f).slots[i].handle if is_moved(f, i) else NULL
        fields[1] = in_flight(&(<Node>f).slots[i].gradient)
        stop = visit_all(fields, 2, visit, arg)
    return stop


cdef void adopt_nodes(PyTypeObject *type) noexcept:
    adopt(type, <destructor>free_node, <traverseproc>traverse_node, <inquiry>clear_node)


adopt_nodes(<PyTypeObject *>Node)


cdef size_t empty_spare_nodes() noexcept:
    cdef PyTypeObject *type = <PyTypeObject *>Node
    return empty_list(&spare_nodes, type) * (size_of(type) + header) + empty_slabs()


cdef int set_up_memory() except -1:
    """Have nodes made of pieces of slabs, if their header is what it was in every Python so far."""
    global header
    f = Node()
    header = getsizeof(f) - f.__sizeof__()
    if header == 2 * sizeof(void *):
        set_up_slabs(size_of(<PyTypeObject *>Node), header)
    return 0


set_up_memory()
