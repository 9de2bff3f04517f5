"""See node.pxd."""

cimport cython
from cpython.object cimport destructor, inquiry, traverseproc, visitproc
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastgrad._core.accumulate cimport ARRAY, forget
from fastgrad._kernels.loops cimport import_numpy, only_numbers
from fastgrad._kernels.slabs cimport (
    empty_slabs, give_piece, is_piece, set_up_slabs, take_piece,
)
from fastgrad._kernels.spares cimport drop

from sys import getsizeof

import_numpy()


cdef extern from "Python.h":
    # A PyObject * is no Python object here: references are counted by hand.
    void Py_INCREF(PyObject *x) noexcept
    void Py_DECREF(PyObject *x) noexcept
    void Py_XDECREF(PyObject *x) noexcept
    void Py_XINCREF(PyObject *x) noexcept
    PyTypeObject *Py_TYPE(PyObject *x) noexcept
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


# NOTE [Memory]
# An operation makes a node and a handle, and loses them soon. Handles come from a list of spare
# ones, those of a program's `Variable(...)` too, and go back there; nodes come from slabs
# (_kernels/slabs.pxd): 3 ns, where the allocator and the collector's bookkeeping take 25. What
# Cython would generate for `__dealloc__` and the collector frees fields one by one and
# recursively; so these types get functions of their own in the slots concerned, see
# `adopt_nodes`. test_lifetimes.py proves that nothing leaks or is freed twice.

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

cdef Spares spare_nodes, spare_handles
cdef Py_ssize_t header = 0  # bytes of such an object that lie before it, see `set_up_memory`


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


cdef size_t empty_list(Spares *spares) noexcept:
    """Free the objects in the list: how many there were."""
    cdef size_t n = spares.n
    cdef PyObject *x
    while spares.first != NULL:
        x = spares.first
        spares.first = link(x)[0]
        PyObject_GC_Del(x)
    spares.n = 0
    return n


def empty_nodes():
    """Free the memory that is kept for handles and nodes: the bytes that were."""
    return (empty_list(&spare_handles) * (size_of(<PyTypeObject *>Handle) + header)
            + empty_list(&spare_nodes) * (size_of(<PyTypeObject *>Node) + header) + empty_slabs())


cdef inline Py_ssize_t size_of(PyTypeObject *type) noexcept:
    return (<LongTypeObject *>type).tp_basicsize


cdef inline bint is_heap_type(PyTypeObject *type) noexcept:
    return (<LongTypeObject *>type).tp_flags & Py_TPFLAGS_HEAPTYPE != 0


cdef PyObject **attributes(PyObject *x) noexcept:
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


by_hand = False


cdef void note_by_hand() noexcept:
    global by_hand
    by_hand = True


# --- handles ---


# NOTE [Origins]
# A Variable that a differentiated function did not get as an argument, nor make itself, it
# captured: then somebody outside may differentiate for that one. So a leaf tells where it was made:
# by its number, which is negative, the outermost function that was being differentiated then in its
# thread; 0: in none. (In `slot`, which no leaf needs for anything else.)

cdef extern from *:
    """
    #ifdef _MSC_VER
    static __declspec(thread) int fg_origin = 0;
    #elif defined(__GLIBC__) /* two instructions; the rule for libraries takes a call */
    static __thread int fg_origin __attribute__((tls_model("initial-exec"))) = 0;
    #else
    static __thread int fg_origin = 0;
    #endif
    """
    int origin "fg_origin"

cdef int last_origin = -1


cdef int origin_here() noexcept:
    return origin


def enter_origin():
    """What this thread makes from now on comes from another function: its number, and that before.

    `leave_origin`, with the number before, ends it.
    """
    global origin, last_origin
    before = origin
    last_origin = last_origin - 1 if last_origin > -(1 << 30) else -2
    origin = last_origin
    return origin, before


def leave_origin(int before):
    """Go back to the function of the number `before`."""
    global origin
    origin = before


def is_from(Handle x not None, int number):
    """Whether the leaf `x` was made in the function of that number."""
    return x.slot == number


def end_arguments(list xs, bint alone, bint constants=True):
    """The function of the arguments `xs` is over. `constants`: the leaves among them are, now.

    `alone`: no derivative that was handed out leads to them, so what does was kept by mistake.
    """
    end_all(xs, alone, constants)


cdef void end_all(list xs, bint alone, bint constants) noexcept:
    cdef object x
    for x in xs:
        if (<Handle>x).creator == NULL:
            if constants:
                (<Handle>x).flags &= ~REQUIRES_GRAD
            if alone:
                (<Handle>x).flags |= ENDED


@cython.no_gc_clear  # which would take the list from it before its end
cdef class ArgumentsBase:
    """What `Arguments` is made of: its end, which needs no memory, is that of the arguments."""

    cdef public list xs
    cdef public int origin  # see NOTE [Origins]
    cdef public bint nested  # whether derivatives are Variables
    cdef public bint exposed  # whether one was handed out that leads to the arguments

    def __dealloc__(self):
        if self.xs is not None:
            end_all(self.xs, not (self.nested or self.exposed), True)


cdef Handle new_handle():
    cdef Handle x = take_handle(new_object(variable_type, &spare_handles))
    x.slot = origin
    return x


cdef Handle new_handle_of(PyTypeObject *type):
    cdef Handle x
    if type == NULL:
        return new_handle()
    if size_of(type) == size_of(variable_type):  # then a spare one will do, whatever it was
        x = take_handle(new_object(type, &spare_handles))
    else:  # with __slots__: tracked, as they may refer to anything
        x = take_handle((<LongTypeObject *>type).tp_alloc(type, 0))
    x.slot = origin
    return x


cdef extern from *:
    """
    #define fg_take_reference(x) (x)
    """
    Handle take_handle "(PyObject *)fg_take_reference"(PyObject *owned)
    Node take_node "(PyObject *)fg_take_reference"(PyObject *owned)


cdef inline void leave_slot(PyObject *x) noexcept:
    """First thing at the end of `x`: the Python code that may run then must not find it."""
    cdef PyObject *f = (<Handle>x).creator
    cdef int slot
    if f != NULL:
        slot = index_of(<Node>f, (<Handle>x).slot)
        if 0 <= slot < (<Node>f).n_slots and (<Node>f).slots[slot].handle == x:
            (<Node>f).slots[slot].handle = NULL


cdef int clear_handle(PyObject *x) noexcept:
    leave_slot(x)
    clear(&(<Handle>x).creator)
    clear_array(&(<Handle>x).array)
    clear_array(&(<Handle>x).grad)
    clear(&(<Handle>x).name)
    clear(attributes(x))
    clear_array(&(<Handle>x).was)
    forget(&(<Handle>x).flight)
    return 0


cdef void free_compiled_handle(PyObject *x) noexcept:
    """tp_dealloc of the compiled classes. A Python subclass has its own, which ends here."""
    if is_heap_type(Py_TYPE(x)):
        Py_INCREF(<PyObject *>Py_TYPE(x))  # the caller lets go of it, we need it until the end
    end_handle(x)


cdef void free_variable(PyObject *x) noexcept:
    """tp_dealloc of the public class Variable, a Python class. Its subclasses' end here too."""
    cdef PyTypeObject *type = Py_TYPE(x)
    if (<LongTypeObject *>type).tp_finalize != NULL and is_adopted(type):
        if PyObject_CallFinalizerFromDealloc(x) < 0:
            return  # it lives on
    end_handle(x)


cdef inline bint is_adopted(PyTypeObject *type) noexcept:
    """Whether it is Variable, or a class of results: the end of an instance is ours alone."""
    return (<LongTypeObject *>type).tp_dealloc == <destructor>free_variable


cdef inline void end_handle(PyObject *x) noexcept:
    PyObject_GC_UnTrack(x)
    leave_slot(x)
    clear_weak_references(x)
    if leads_on(x):
        release_in_turn(x)
    else:
        release_handle(x)


cdef inline void release_handle(PyObject *x) noexcept:
    cdef PyTypeObject *type = Py_TYPE(x)
    clear_handle(x)
    free_object(x, &spare_handles,
                is_adopted(type) and (<LongTypeObject *>type).tp_finalize == NULL)
    if is_heap_type(type):
        Py_DECREF(<PyObject *>type)  # which an instance of a Python class owns


# NOTE [Chains of handles]
# Whatever a handle owns besides its creator and numbers may own another handle: an attribute, a
# name, an array of objects, a Variable in `.grad`. The way from one to the next is through the
# dealloc of others' objects, of which NumPy's know no end: a chain of 10^5 would need as many
# frames. So a handle that dies within the end of others, MOST_NESTED deep, waits in a list, for
# the innermost of these to release in its turn. (Not at once, as a node does, see NOTE [Release]:
# what a finalizer drops should be gone when it goes on.) test_chains.py has the kinds of chain.

cdef enum:
    MOST_NESTED = 8  # some frames each, in a stack of 64 KB

cdef PyObject *waiting = NULL  # linked through `run`, which the dead need no more
cdef int n_releasing = 0


cdef inline bint leads_on(PyObject *x) noexcept:
    """Whether it owns more than its creator and numbers."""
    return ((<Handle>x).name != NULL or attributes(x)[0] != NULL
            or (<Handle>x).flight.state == ARRAY or not only_numbers((<Handle>x).array)
            or not only_numbers((<Handle>x).grad) or not only_numbers((<Handle>x).was))


cdef void release_in_turn(PyObject *x) noexcept:
    global waiting, n_releasing
    (<Handle>x).run = <uint64_t>waiting
    waiting = x
    if n_releasing >= MOST_NESTED:
        return
    n_releasing += 1
    while waiting != NULL:
        x = waiting
        waiting = <PyObject *>(<Handle>x).run
        release_handle(x)
    n_releasing -= 1


cdef int traverse_handle(PyObject *x, visitproc visit, void *arg) noexcept:
    cdef PyObject *fields[7]
    fields[0], fields[1], fields[2] = (<Handle>x).array, (<Handle>x).grad, (<Handle>x).name
    fields[3], fields[4] = (<Handle>x).creator, attributes(x)[0]
    fields[5], fields[6] = in_flight(&(<Handle>x).flight), (<Handle>x).was
    return visit_all(fields, 7, visit, arg)


cdef inline PyObject *in_flight(const Gradient *g) noexcept:
    return g.value.array if g.state == ARRAY else NULL


cdef int visit_all(PyObject **fields, int n, visitproc visit, void *arg) noexcept:
    cdef int i, stop
    for i in range(n):
        if fields[i] != NULL:
            stop = visit(fields[i], arg)
            if stop:
                return stop
    return 0


# --- nodes ---


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


# --- the types ---


cdef void adopt(PyTypeObject *type, destructor dealloc, traverseproc traverse,
                inquiry clear) noexcept:
    (<LongTypeObject *>type).tp_dealloc = dealloc
    (<LongTypeObject *>type).tp_traverse = traverse
    (<LongTypeObject *>type).tp_clear = clear


cdef void adopt_handles(PyTypeObject *type) noexcept:
    adopt(type, <destructor>free_compiled_handle, <traverseproc>traverse_handle,
          <inquiry>clear_handle)


cdef void adopt_nodes(PyTypeObject *type) noexcept:
    adopt(type, <destructor>free_node, <traverseproc>traverse_node, <inquiry>clear_node)


cdef void adopt_variable(PyTypeObject *type) noexcept:
    # Python made its tp_traverse and tp_clear: they also visit the type, and call those above.
    global variable_type
    variable_type = type
    (<LongTypeObject *>type).tp_dealloc = <destructor>free_variable
    (<LongTypeObject *>type).tp_alloc = alloc_variable  # that of subclasses is Python's


cdef void adopt_results(PyTypeObject *type) noexcept:
    if size_of(type) == size_of(variable_type):
        (<LongTypeObject *>type).tp_dealloc = <destructor>free_variable
        (<LongTypeObject *>type).tp_alloc = alloc_variable


cdef PyObject *alloc_variable(PyTypeObject *type, Py_ssize_t n_items) except NULL:
    """tp_alloc of Variable, for those that the program makes: a spare one, as `new_handle` has."""
    return new_object(type, &spare_handles)


adopt_handles(<PyTypeObject *>Handle)
adopt_nodes(<PyTypeObject *>Node)


cdef int set_up_memory() except -1:
    """Have nodes made of pieces of slabs, if their header is what it was in every Python so far."""
    global header
    f = Node()
    header = getsizeof(f) - f.__sizeof__()
    if header == 2 * sizeof(void *):
        set_up_slabs(size_of(<PyTypeObject *>Node), header)
    return 0


set_up_memory()
