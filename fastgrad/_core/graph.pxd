"""The data of handles, and their places in the graph: joined, found, cut and moved.

Knows neither operations nor backward.
"""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport INT64_MAX, int64_t

from fastgrad._core.classes cimport keeps
from fastgrad._core.config cimport ever_kept, is_on, keep_variables
from fastgrad._core.node cimport Edge, Handle, IN_PYTHON, LEAF, Node, REQUIRES_GRAD

# Around a call of oneself for a part of what a program passed: RecursionError if there is no end.
cdef extern from "Python.h":
    int enter_call "Py_EnterRecursiveCall"(const char *where) except 1
    void leave_call "Py_LeaveRecursiveCall"() noexcept

cdef object value_of(Handle x)  # its data: an ndarray, or None

cdef inline object array_of(object x):  # a Variable's data, and anything else as it is
    return value_of(x) if isinstance(x, Handle) else x

cdef bint is_scalar(object x) except -1  # a number of Python's or NumPy's
cdef object as_data(object x)  # an ndarray, for a scalar as well; TypeError for anything else
# A new one, of what as_data takes, or None; of that class, see classes.pxd (NULL: of Variable).
cdef Handle variable(object data, bint requires_grad, PyTypeObject *cls)
cdef int fill(Handle x, object data) except -1  # the same of one that is new, or has no data yet
cdef void set_array(Handle x, object array) noexcept  # an ndarray, or None
cdef int note_rebinding(Handle x) except -1  # its data is about to be replaced
# Its data as they were recorded; of an operation's output that was assigned data since, something
# of that shape and dtype.
cdef object as_recorded(Handle x)
cdef void set_grad(Handle x, object grad) noexcept  # an ndarray, or None
# ValueError if what `.grad` holds cannot be added to a gradient of the shape of `gx`.
cdef int require_fit(object grad, object gx) except -1
cdef object shown_by(Handle x)  # its `.grad`

# The handle that what consumes `x`, an output, owns, borrowed: with `Config.keep_variables`, or if
# the class of `x` says so. Else NULL.
cdef inline PyObject *kept_for(Handle x) except? NULL:
    return known_for(x) if ever_kept and (is_on(keep_variables) or keeps(x)) else NULL

cdef PyObject *known_for(Handle x) noexcept

# Make `edge`, all zero so far, lead to where `x` is: nowhere, if `x` needs no gradient. (To the
# handle itself, as LEAF, also if a Function run in Python made it.)
# ValueError if `value`, its data as the operation read it (NULL: a number), was assigned since, and
# has another shape than its creator made: no gradient for that would fit.
cdef inline int lead(Edge *edge, Handle x, PyObject *value) except -1:
    if x.creator != NULL and x.was != NULL:
        require_shape(x, value)  # which may run Python code
    if x.creator != NULL and not (<Node>x.creator).flags & IN_PYTHON:
        edge.to, edge.slot = kept_for(x), LEAF
        if edge.to == NULL:
            edge.to, edge.slot = x.creator, x.slot
    elif x.flags & REQUIRES_GRAD:
        # Also to an output of a Function run in Python, whose backward may read
        # `self.outputs[0]().data`.
        edge.to, edge.slot = <PyObject *>x, LEAF
    else:
        return 0
    Py_INCREF(<object>edge.to)
    return 0

cdef int require_shape(Handle x, PyObject *value) except -1

# Make `y`, a new handle, output `slot` of `f`.
cdef inline void put_output(Node f, int slot, Handle y, int64_t generation) noexcept:
    Py_INCREF(f)
    y.creator, y.slot, y.generation = <PyObject *>f, slot + f.first, generation
    y.flags |= REQUIRES_GRAD
    f.slots[slot].handle = <PyObject *>y

cdef inline int64_t next_generation(int64_t generation) except? -1:  # OverflowError past 64 bits
    return no_next_generation() if generation == INT64_MAX else generation + 1

cdef int64_t no_next_generation() except -1

# The program moves handles by hand. See NOTE [Moved].
cdef int leave_place(Handle y) except -1
cdef int take_place(Handle y, Node f) except -1
# For assertions: whether each of its handles stands where the slot says, or was moved.
cdef bint knows_its_handles(Node f) noexcept
cdef object referent(object reference)  # of a weak reference, or what is in its place; or None
cdef int assign_outputs(Node f, list references) except -1

# A node that alone holds what `f` leads to and saved, for who reads it while Python code runs, that
# may release `f`. RuntimeError if it was released.
cdef Node held(Node f)

# The exceptions for a node that was released or never recorded, and for an earlier call of one.
cdef object not_walkable(Node f)
cdef object called_again(Node f)
cdef object ended()  # for an argument that outlived its transform
