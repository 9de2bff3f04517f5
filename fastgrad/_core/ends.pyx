# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""See ends.pxd."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdlib cimport calloc, free, realloc

from fastgrad._core.row import zero

from fastgrad._core.asides cimport Aside, new_aside
from fastgrad._core.graph cimport ended, not_walkable, value_of
from fastgrad._core.node cimport (
    AHEAD, DONE, ENDED, Handle, LEAF, OF_ROW, REQUIRES_GRAD, SPENT, end_of, handle_in,
    reference_count,
)
from fastgrad._core.row cimport Row, call_of
from fastgrad._core.run cimport aside_of, claim, is_aside, is_done, place_of_leaf, set_done


cdef struct Step:
    PyObject *f  # an owned Node
    int i  # the edge to look at next

cdef struct Way:  # from an output to the node that is looked at
    Step *steps
    Py_ssize_t n, room


cdef int claim_ahead(Run run, list ys) except -1:
    cdef Way way
    cdef Handle y
    cdef Py_ssize_t k
    way.steps, way.n, way.room = NULL, 0, 0
    run.pruned = True
    try:
        for y in ys:
            if y.creator != NULL and not is_seen(run, <Node>y.creator):
                enter_node(run, &way, <Node>y.creator)
                while way.n:
                    step(run, &way)
    finally:
        for k in range(way.n):
            Py_DECREF(<object>way.steps[k].f)
        free(way.steps)
    return 0


cdef int enter_node(Run run, Way *way, Node f) except -1:
    """Claim `f`, which is not seen yet: its edges are next."""
    cdef bint wanted = produces(f, run.wanted)
    if f.flags & SPENT and not wanted:
        raise not_walkable(f)
    if way.n == way.room:
        lengthen(way)
    claim_as_done(run, f)
    Py_INCREF(f)
    way.steps[way.n].f, way.steps[way.n].i = <PyObject *>f, 0
    way.n += 1
    if wanted:
        set_ahead(run, f)
        if len(run.wanted) == 1:  # nothing that it was computed from leads to that one
            way.steps[way.n - 1].i = f.n_edges
    return 0


cdef int lengthen(Way *way) except -1:
    cdef Py_ssize_t room = 2 * way.room + 64
    cdef Step *steps = <Step *>realloc(way.steps, room * sizeof(Step))
    if steps == NULL:
        raise MemoryError()
    way.steps, way.room = steps, room
    return 0


cdef inline int step(Run run, Way *way) except -1:
    """Look at the next edge of the last node of the way; or go back, if there is none."""
    cdef Step *last = &way.steps[way.n - 1]
    cdef Node f = <Node>last.f
    cdef PyObject *to
    cdef int slot
    if last.i >= f.n_edges:
        way.n -= 1
        Py_DECREF(f)
        return 0
    slot = f.edges[last.i].slot
    to = end_of(f.edges[last.i].to, &slot)
    if to != NULL and slot != LEAF and not is_seen(run, <Node>to):
        return enter_node(run, way, <Node>to)  # and then this edge again
    last.i += 1
    if to == NULL:
        return 0
    if place_of_leaf(run, <Handle>to) != NULL if slot == LEAF else not is_done(run, <Node>to):
        set_ahead(run, f)
    return 0


cdef inline bint is_seen(Run run, Node f) except -1:
    return f.run == run.number or aside_of(run, f) is not None


cdef inline int claim_as_done(Run run, Node f) except -1:
    cdef Aside aside
    if is_aside(run, f, f.run):
        aside = new_aside(f, f.n_slots)
        aside.first = f.first
        run.aside[<size_t><PyObject *>f] = aside
    else:
        claim(run, f)
    return set_done(run, f)


cdef inline int set_ahead(Run run, Node f) except -1:
    if f.run == run.number:
        f.flags = (f.flags | AHEAD) & ~DONE
    else:
        aside_of(run, f).done = False
    return 0


def leaves(list ys):
    """The leaves that the Variables `ys` were computed from; RuntimeError for a released graph."""
    cdef list found = []
    gather_leaves(ys, found, None, 0)
    return found


def depend(list ys, list xs, int origin):
    """Whether `ys`, of which each may be anything, depend on a leaf that is captured.

    That is none of `xs`, and was not made in the function of the number `origin`.
    """
    return gather_leaves(ys, None, xs, origin)


cdef enum:  # how a leaf or a node was come by
    ONLY_SO = 0  # by an edge that owns it: again only if something else owns it too
    OR_ELSE = 1  # by way of a handle, or from outside

cdef struct Seen:  # nodes and leaves: borrowed addresses, in a table of 2^n places; NULL: free
    PyObject **places
    size_t n, room


cdef bint gather_leaves(list ys, list found, list xs, int origin) except -1:
    """Append the leaves to `found`; if it is None, True as soon as one is captured.

    No Python code runs here, so the graph stays as it is.
    """
    cdef Way way
    cdef Seen seen
    cdef PyObject *x
    way.steps, way.n, way.room = NULL, 0, 0
    seen.places, seen.n, seen.room = NULL, 0, 0
    try:
        for y in ys:
            if isinstance(y, Handle):
                x = (<Handle>y).creator
                push(&way, <PyObject *>y if x == NULL else x, LEAF if x == NULL else OR_ELSE)
        while way.n:
            way.n -= 1
            x = way.steps[way.n].f
            if way.steps[way.n].i == ONLY_SO and reference_count(x) == 1:
                push_ends(&way, <Node>x)
                continue
            if not note_new(&seen, x):
                continue
            if way.steps[way.n].i != LEAF:
                push_ends(&way, <Node>x)
                continue
            require_life(<Handle>x)
            if (<Handle>x).flags & REQUIRES_GRAD:
                if found is not None:
                    found.append(<object>x)
                elif (<Handle>x).slot != origin and not any_is(xs, x):
                    return True
    finally:
        free(way.steps)
        free(seen.places)
    return False


cdef inline bint any_is(list xs, PyObject *x) noexcept:
    for y in xs:
        if <PyObject *>y == x:
            return True
    return False


cdef inline int push(Way *way, PyObject *to, int slot) except -1:
    if way.n == way.room:
        lengthen(way)
    way.steps[way.n].f, way.steps[way.n].i = to, slot
    way.n += 1
    return 0


cdef inline int push_ends(Way *way, Node f) except -1:
    cdef int i, slot
    cdef PyObject *to
    if f.flags & SPENT:
        raise not_walkable(f)
    for i in range(f.n_edges):
        slot = f.edges[i].slot
        to = end_of(f.edges[i].to, &slot)
        if to != NULL:
            if slot != LEAF:
                slot = ONLY_SO if to == f.edges[i].to else OR_ELSE
            push(way, to, slot)
    return 0


cdef inline bint note_new(Seen *seen, PyObject *x) except -1:
    """Whether it was not noted yet."""
    cdef size_t i, n
    cdef PyObject **old
    if 2 * seen.n >= seen.room:
        old, n = seen.places, seen.room
        seen.places = <PyObject **>calloc(4 * n if n else 64, sizeof(PyObject *))
        if seen.places == NULL:
            seen.places = old
            raise MemoryError()
        seen.room, seen.n = 4 * n if n else 64, 0
        for i in range(n):
            if old[i] != NULL:
                put_in(seen, old[i])
        free(old)
    return put_in(seen, x)


cdef inline bint put_in(Seen *seen, PyObject *x) noexcept:
    cdef size_t i = (<size_t>x >> 4) * 0x9E3779B97F4A7C15ULL >> 17
    while True:
        i &= seen.room - 1
        if seen.places[i] == NULL:
            seen.places[i] = x
            seen.n += 1
            return True
        if seen.places[i] == x:
            return False
        i += 1


def reaches(Handle y, Py_ssize_t limit, bint integers, dict wanted=None):
    """Whether a gradient of `y` gets to a leaf that needs one; or to one of the `wanted` ends.

    Step functions let none pass. Leaves that hold `integers` count, or not. True, too, if no answer
    is found among `limit` nodes.
    """
    cdef list stack = [y if y.creator == NULL else <object>y.creator]
    cdef dict seen = {}
    while stack:
        x = stack.pop()
        if address(x) in seen:
            continue
        if wanted is not None and address(x) in wanted:
            return True
        if isinstance(x, Handle):
            if wanted is None and (<Handle>x).flags & REQUIRES_GRAD:
                data = value_of(x)
                if data is not None and (integers or data.dtype.kind in "fcO"):
                    return True
            continue
        if len(seen) == limit:
            return True
        seen[address(x)] = x
        if not is_step(x):
            stack.extend(ends_of(x))
    return False


cdef bint is_step(Node f) except -1:
    """Whether its gradients are zeros, whatever comes."""
    cdef Row row
    if not f.flags & OF_ROW or not f.n_edges:
        return False
    row = call_of(f).row
    return not row.sequence and all([vjp is zero or vjp is None for vjp in row.vjp])


cdef inline int require_life(Handle x) except -1:
    if x.flags & ENDED:
        raise ended()
    return 0


cdef size_t address(object x):
    return <size_t><PyObject *>x


cdef bint produces(Node f, dict wanted) except -1:
    """Whether one of its outputs is wanted."""
    cdef int slot
    cdef PyObject *y
    for slot in range(f.n_slots):
        y = handle_in(f, slot)
        if y != NULL and address(<object>y) in wanted:
            return True
    return False


cdef list ends_of(Node f):
    cdef list ends = []
    cdef int i, slot
    cdef PyObject *to
    for i in range(f.n_edges):
        slot = f.edges[i].slot
        to = end_of(f.edges[i].to, &slot)
        if to != NULL:
            ends.append(<object>to)
    return ends
