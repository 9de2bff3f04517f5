"""See collector.pxd."""

from cpython.object cimport PyObject, PyTypeObject

from fastgrad._core.node cimport (
    COLLECTABLE, Handle, IN_PYTHON, Node, OF_ROW, OWNS, WATCHED, handle_in,
)
from fastgrad._core.objects cimport attributes

import gc
from gc import get_referents
from types import CodeType, FrameType, FunctionType, ModuleType

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *x) noexcept
    void PyObject_GC_Track(PyObject *x) noexcept
    void PyObject_GC_UnTrack(PyObject *x) noexcept
    ctypedef struct LongTypeObject "PyTypeObject":
        Py_ssize_t tp_basicsize


# NOTE [Garbage collector]
# Its passes over 10^5 tracked nodes cost more than the engine itself (212 ns an operation without
# them, 473-651 with), and find nothing: a graph refers from outputs to inputs, never back. So
# handles and nodes are not tracked, until something that the program did could close a cycle: a
# free attribute, a name or an ndarray subclass that refers to who knows what (of a Function written
# in Python too), a gradient with a graph, a Function called again, a creator given by hand.
# - Such an object is tracked then, and WATCHED (`make_collectable`), which takes no time. Before
#   each pass of the collector, all that can be reached from those watched ones that it is going to
#   look at is tracked too: containers are walked when the collector walks them, as they are then,
#   and a history of nodes once, for it does not change (COLLECTABLE).
# - An instance of a class with __slots__, or with methods that are closures, always is tracked.
# - What is recorded on top of something tracked is tracked.
# An untracked object looks to the collector like a root: the worst that a gap in these rules can do
# is to keep a cycle alive, never to free what is in use.


cdef void track(PyObject *x) noexcept:
    if not is_tracked(x):
        PyObject_GC_Track(x)


cdef void untrack(PyObject *x) noexcept:
    PyObject_GC_UnTrack(x)


cdef bint listening = False  # to the collector


cdef int make_collectable(object x) except -1:
    global listening
    if isinstance(x, Handle):
        (<Handle>x).flags |= WATCHED
    else:
        (<Node>x).flags |= WATCHED
    track(<PyObject *>x)
    if not listening:
        gc.callbacks.append(before_collection)
        listening = True
    return 0


# Whether there was no memory to go on once: what is marked COLLECTABLE may lead to what is not.
cdef bint incomplete = False


def before_collection(phase, info):
    """Track what can be reached from the objects that the garbage collector is going to look at."""
    global incomplete
    cdef int generation
    if phase != "start":
        return
    try:
        if info["generation"] >= 2:
            follow(gc.get_objects())
        else:
            for generation in range(info["generation"] + 1):
                follow(gc.get_objects(generation))
    except MemoryError:
        incomplete = True


cdef enum:
    MOST_FOLLOWED = 10_000  # objects not of fastgrad: what an attribute leads to may be vast

cdef tuple NOT_FOLLOWED = (type, ModuleType, FrameType, CodeType)


# (Nothing here runs Python code: an `isinstance` that asks `x.__class__` would.)
cdef int follow(list objects) except -1:
    cdef list stack = []
    cdef set seen = set()  # containers, by their id
    cdef object x
    cdef int n_followed = 0
    for x in objects:
        if isinstance(x, Handle):
            if (<Handle>x).flags & WATCHED or attributes(<PyObject *>x)[0] != NULL:
                push_own(stack, x)
                push_history(stack, x, seen)
        elif isinstance(x, Node):
            if (<Node>x).flags & WATCHED or attributes(<PyObject *>x)[0] != NULL:
                push_own(stack, x)
                push_history(stack, x, seen)
        else:
            continue
        while stack:
            x = stack.pop()
            if isinstance(x, (Handle, Node)):
                if push_history(stack, x, seen):
                    push_own(stack, x)
            elif id(x) in seen:
                continue
            elif isinstance(x, (list, tuple, set, frozenset, dict)):
                seen.add(id(x))
                track(<PyObject *>x)  # the inputs of a Function are not
                push_all(stack, <list>x if type(x) is list else get_referents(x))
            elif n_followed < MOST_FOLLOWED:
                seen.add(id(x))
                n_followed += 1
                if type(x) is FunctionType:  # not its globals, which are a module's
                    push_all(stack, [x.__closure__, x.__defaults__, x.__kwdefaults__])
                elif not issubclass(type(x), NOT_FOLLOWED):
                    push_all(stack, get_referents(x))
        n_followed = 0
    return 0


cdef int push_own(list stack, object x) except -1:
    """What the program may have made `x` refer to, and may still change."""
    push(stack, attributes(<PyObject *>x)[0])
    if isinstance(x, Handle):
        push(stack, (<Handle>x).name)
        push(stack, (<Handle>x).grad)
    elif (<Node>x).flags & IN_PYTHON:
        push(stack, (<Node>x).kept)
    return 0


cdef bint push_history(list stack, object x, set seen) except -1:
    """What `x` was computed from. Whether that is seen for the first time."""
    cdef Node f
    cdef int i, slot
    if isinstance(x, Handle):
        if not is_new(x, (<Handle>x).flags, seen):
            return False
        (<Handle>x).flags |= COLLECTABLE
        push(stack, (<Handle>x).creator)
    else:
        f = x
        if not is_new(x, f.flags, seen):
            return False
        f.flags |= COLLECTABLE
        for i in range(f.n_edges):
            push(stack, f.edges[i].to)
            if f.edges[i].flags & OWNS:
                push(stack, f.edges[i].saved.array)
        if f.flags & OF_ROW:  # through the Call
            track(f.kept)
            push_all(stack, get_referents(<object>f.kept))
        for slot in range(f.n_slots):  # which a list among the attributes may hold later
            push(stack, handle_in(f, slot))
    track(<PyObject *>x)
    return True


cdef inline bint is_new(object x, int flags, set seen) except -1:
    if not incomplete:
        return not flags & COLLECTABLE
    if id(x) in seen:
        return False
    seen.add(id(x))
    return True


cdef inline int push(list stack, PyObject *x) except -1:
    if x != NULL and has_references(x):
        stack.append(<object>x)
    return 0


cdef int push_all(list stack, list xs) except -1:
    cdef object x
    for x in xs:
        push(stack, <PyObject *>x)
    return 0


cdef int note_attribute(object x, object name, object value) except -1:
    cdef PyObject *own = attributes(<PyObject *>x)[0]
    if own != NULL and has_references(<PyObject *>value) and (<dict>own).get(name) is value:
        make_collectable(x)
    return 0


cdef bint has_no_slots(PyObject *x) noexcept:
    cdef PyTypeObject *base = <PyTypeObject *>(
        Handle if isinstance(<object>x, Handle) else Node)
    return ((<LongTypeObject *>Py_TYPE(x)).tp_basicsize
            == (<LongTypeObject *>base).tp_basicsize)
