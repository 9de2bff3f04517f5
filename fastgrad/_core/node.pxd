"""Nodes and handles: their layout, their birth and death.

A Node is a Function of the graph: an edge per input, a slot per output. A Handle is a Variable: its
data, its gradient, and its place in the graph (creator and slot). Edges own what they lead to,
slots do not own their handles: a graph is owned by its last outputs, and reference counting alone
frees it. What the two do is told elsewhere (graph.pyx, engine.pyx); their subclasses there add no
field.
"""

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from fastgrad._core.accumulate cimport Gradient, Value
from fastgrad._kernels.loops cimport Operand

cdef enum:
    LEAF = -1  # in place of a slot: the edge leads to a leaf's handle

cdef enum:  # flags of an edge: what it has besides its target
    SAVED = 1  # the operand's value: an array, or a Python number that was a constant
    SAVED_NUMBER = 2  # the operand's value: a 0-d float64
    WEAK = 16  # that number was a constant, a Python int or float, and changes no dtype
    STAND_IN = 4  # an array of the operand's shape and dtype without its elements
    ALIKE = 8  # the operand has the shape and the dtype of the output
    FORM = 32  # it is ALIKE, and for who looks at the graph, not for a rule, there is a stand-in
    OWNS = SAVED | STAND_IN | FORM

cdef struct Edge:
    PyObject *to  # owned: a Node or, LEAF, a Handle; NULL: needs no gradient
    Value saved  # owned array, or Python number, if OWNS
    int slot
    int flags

cdef struct Slot:
    # `handle` is borrowed from the program; its Handle sets it to NULL when it dies. Only one that
    # was moved is owned, see NOTE [Moved] in graph.pyx.
    PyObject *handle
    Gradient gradient  # in flight, during a backward

cdef enum:  # flags of handles and nodes
    REQUIRES_GRAD = 1  # a handle: as a leaf, it receives a gradient
    HOLDS_NUMBER = 2  # a handle: its data is a 0-d float64, `number`, as long as `array` is NULL
    RECORDED = 4  # a node: it was called, and has inputs and outputs
    SPENT = 8  # a node: a backward with retain_graph=False released it
    HAS_MOVED = 16  # a node: one of its outputs was, at least
    DONE = 32  # a node: the backward `run` has passed here
    AHEAD = 128  # a node: the backward `run` will pass here, and has not queued it yet
    OF_ROW = 256  # a node: `kept` is a Call, see row.pxd
    IN_PYTHON = 512  # a node: its Function was called; `kept` is its inputs, a tuple of Handles
    CHECKED = 1024  # a node: recorded in a `debug` block, see debug.pxd
    COLLECTABLE = 64  # the garbage collector tracks this and all that it was computed from
    ENDED = 4096  # a handle: the argument of a function that is differentiated no more
    HOLLOW = 8192  # a handle: its data are gone, see NOTE [Views] in view.pyx
    HOOKED = 16384  # a leaf, or a node: its gradient has hooks, see NOTE [Hooks] in hooks.pyx
    WATCHED = 2048  # it may close a cycle: before each collection what it leads to is tracked


cdef class Handle:
    cdef dict __dict__
    cdef object __weakref__
    cdef PyObject *array  # owned ndarray; NULL: `number`, or None
    cdef double number
    cdef PyObject *grad  # owned ndarray; NULL: None
    cdef PyObject *name  # owned; NULL: None
    cdef PyObject *creator  # owned Node; NULL: a leaf
    cdef int64_t generation
    cdef uint64_t run  # the backward that `flight` belongs to
    cdef Gradient flight  # a leaf's gradient in flight
    # Of an output whose data was assigned since it was recorded, or is gone (HOLLOW): what it was,
    # or an array that stands for its shape and dtype. Owned; NULL: `data` is what was recorded.
    cdef PyObject *was
    cdef int slot  # of the creator; of a leaf: its origin, see NOTE [Origins]
    cdef int flags

# An operation of one or two operands, as mathematics: broadcasting, shapes, dtypes, and who needs a
# gradient, are the engine's. Of one operand, x1 is None or zero.
ctypedef object (*Forward)(object x0, object x1)
# The same, faster, for operands that suit: 0-d float64 as numbers, arrays with direct loops. False:
# they do not, nothing was done.
ctypedef bint (*ForNumbers)(double x0, double x1, double *y) noexcept
ctypedef bint (*ForArrays)(Operand x0, Operand x1, PyObject **y) except -1
ctypedef bint (*AddGradient)(int i, Gradient *gy, Operand x0, Operand x1, bint last,
                             Gradient *gx) except -1  # see accumulate.add_array, add_product

# True: it was added; False: it is for the row; else what is to be added, by who calls: Python code
# may have run, and `gx` be gone.
ctypedef object (*AddWhole)(Node f, int i, Gradient *gy, bint last, Gradient *gx)
# A call of the row. NotImplemented: not for these arguments.
ctypedef object (*FastCall)(const Rule *rule, tuple args, dict kwargs)
# The arguments that the row's VJP takes after `y`, of an operation with a parameter.
ctypedef tuple (*Arguments)(object x0, object x1, object parameter)

cdef enum:  # bits of Rule.uses
    X0 = 1
    X1 = 2
    Y = 4  # the output, of an operation of one operand; its second edge saves it

cdef struct Rule:
    const char *name
    PyTypeObject *type  # borrowed from its module: the class that `creator` shows
    int n_inputs
    int uses[2]  # bits: the operands whose values the gradient of this operand reads
    int loop  # of NumPy's, where it is all of a forward that the two below leave NULL; or NO_LOOP
    ForNumbers for_numbers  # these three may be NULL
    ForArrays for_arrays
    AddGradient add_gradient
    bint weak_x1  # these three take no x1 but a Python number
    bint unlike  # `add_gradient` takes operands of other shapes than the output's too
    int passes  # bits: the operands whose gradient is `gy`, before it is fitted
    bint names_output  # recorded, its VJP asks what `gy` is for the output, which is not saved
    # The row, of which this is a fast path: it has the only text of the gradients. Owned, for ever.
    PyObject *row_forward
    PyObject *row_vjps  # a tuple, of one for each operand
    PyObject *row_batched  # the same for gradients with a leading axis; None: not batched
    Forward forward  # in place of the row's: an operator, or of an operand and a parameter
    FastCall fast_call  # how the row calls it, if not with operands alone; or NULL
    # In place of `add_gradient`, of an operation with a parameter, `Node.kept`.
    AddWhole add_whole
    Arguments arguments  # NULL: the operand and the parameter


cdef class Node:
    cdef dict __dict__
    cdef object __weakref__
    # Owned, or NULL. OF_ROW: the Call. IN_PYTHON: the inputs. Else: the operation's parameter, any
    # object, see Rule.add_whole.
    cdef PyObject *kept
    cdef int64_t generation
    cdef uint64_t run  # the backward that claimed it last
    cdef Slot *slots  # &only_slot, or an array of its own
    cdef Edge *edges  # &own_edges[0], or an array of its own; NULL: never had any
    cdef int n_slots
    cdef int n_edges
    cdef int first  # the number of the first output, see `index_of`
    cdef short n_running  # calls of its `backward`, in Python, that the engine waits for
    cdef short flags
    cdef const Rule *rule  # borrowed from a static table; NULL: of no compiled operation
    cdef Slot only_slot
    cdef Edge own_edges[2]  # 184 bytes in all, with the garbage collector's 16

# A new node of a compiled operation, or of a class of Functions: all zero, untracked.
cdef Node new_node(const Rule *rule)
cdef Node new_node_of(PyTypeObject *type)  # without edges and slots

# Whether the program ever set a generation or a creator by hand, for the assertions of a debug
# build: until then each Function has a greater generation than those that it was computed from.
cdef bint by_hand
cdef void note_by_hand() noexcept

cdef void adopt_nodes(PyTypeObject *type) noexcept  # a compiled class; its memory is ours now

cdef Py_ssize_t header  # bytes of a handle, or node, that lie before it
cdef size_t empty_spare_nodes() noexcept  # the memory that is kept for them: the bytes that were

cdef extern from "Python.h":
    Py_ssize_t reference_count "Py_REFCNT"(PyObject *x) noexcept

# The handle of an output, or NULL: one that is dying (Python code runs even then) is dead already.
cdef inline PyObject *handle_in(Node f, int slot) noexcept:
    cdef PyObject *x = f.slots[slot].handle
    return x if x != NULL and reference_count(x) > 0 else NULL

# Where in `slots` the output is that handles and edges know by the number `slot`; negative: it is
# of an earlier call of the same Function, which has forgotten it. (The numbers of a later call go
# on where those before ended.)
cdef inline int index_of(Node f, int slot) noexcept:
    return slot - f.first

# Whether the slot owns its handle, which stands elsewhere: see NOTE [Moved] in graph.pyx.
cdef inline bint is_moved(PyObject *f, int slot) noexcept:
    cdef PyObject *x = (<Node>f).slots[slot].handle
    return x != NULL and ((<Handle>x).creator != f or index_of(<Node>f, (<Handle>x).slot) != slot)

# Where an edge ends, past a handle that the program moved: see NOTE [Moved] in graph.pyx. With LEAF
# in `slot` it is a leaf, else the node whose output that is.
cdef inline PyObject *end_of(PyObject *to, int *slot) noexcept:
    cdef int i
    if to == NULL:
        return NULL
    if slot[0] != LEAF and (<Node>to).flags & HAS_MOVED:
        i = index_of(<Node>to, slot[0])
        if 0 <= i < (<Node>to).n_slots and is_moved(to, i):
            to, slot[0] = (<Node>to).slots[i].handle, LEAF  # owned, so alive
    if slot[0] == LEAF and (<Handle>to).creator != NULL:
        slot[0] = (<Handle>to).slot
        to = (<Handle>to).creator
    return to

cdef int make_slots(Node f, int n) except -1  # n or more; those it has stay
cdef int make_edges(Node f, int n) except -1  # n, all zero, of a node that has none
cdef Node moved_out(Node f)  # these, in a node of their own, for `f` to be recorded anew
cdef Node copy_of(Node f)  # a node that holds the same
cdef void spend(Node f) noexcept  # a backward with retain_graph=False is done with it
