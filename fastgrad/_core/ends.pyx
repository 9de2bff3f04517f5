# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""See ends.pxd."""

from cpython.object cimport PyObject

from fastgrad._core.row import zero

from fastgrad._core.asides cimport Aside, new_aside
from fastgrad._core.graph cimport ended, not_walkable, value_of
from fastgrad._core.node cimport (
    AHEAD, DONE, ENDED, Handle, LEAF, OF_ROW, REQUIRES_GRAD, SPENT, end_of, handle_in,
)
from fastgrad._core.row cimport Row, call_of
from fastgrad._core.run cimport aside_of, claim, is_aside, place_of_leaf


cdef int claim_ahead(Run run, list ys) except -1:
    cdef Node f
    cdef Handle y
    cdef int i, slot
    cdef PyObject *to
    cdef Py_ssize_t place
    # (Of a single one, nothing leads to it that it was computed from.)
    cdef bint wanted, single = len(run.wanted) == 1
    cdef list stack = [<object>y.creator for y in ys if y.creator != NULL]
    run.pruned = True
    while stack:
        f = stack.pop()
        if is_seen(run, f):  # and so is all that it leads to
            if not is_ahead(run, f) and any_ahead(run, f):
                set_ahead(run, f)
            continue
        wanted = produces(f, run.wanted)
        if f.flags & SPENT and not wanted:
            raise not_walkable(f)
        claim_as_done(run, f)
        if wanted:
            set_ahead(run, f)
            if single:
                continue
        place = len(stack)
        for i in range(f.n_edges):
            slot = f.edges[i].slot
            to = end_of(f.edges[i].to, &slot)
            if to == NULL:
                continue
            if slot == LEAF:
                wanted |= place_of_leaf(run, <Handle>to) != NULL
            elif not is_seen(run, <Node>to):
                stack.append(<object>to)
            else:
                wanted |= is_ahead(run, <Node>to)
        if wanted:
            set_ahead(run, f)
        elif len(stack) > place:
            stack.insert(place, f)  # to be looked at again when all that it leads to is known
    return 0


cdef inline bint is_seen(Run run, Node f) except -1:
    return f.run == run.number or aside_of(run, f) is not None


cdef inline bint is_ahead(Run run, Node f) except -1:
    if f.run == run.number:
        return not f.flags & DONE
    return not aside_of(run, f).done


cdef inline int claim_as_done(Run run, Node f) except -1:
    cdef Aside aside
    if is_aside(run, f, f.run):
        aside = new_aside(f, f.n_slots)
        aside.first, aside.done = f.first, True
        run.aside[<size_t><PyObject *>f] = aside
    else:
        claim(run, f)
        f.flags |= DONE
    return 0


cdef inline int set_ahead(Run run, Node f) except -1:
    if f.run == run.number:
        f.flags = (f.flags | AHEAD) & ~DONE
    else:
        aside_of(run, f).done = False
    return 0


cdef inline bint any_ahead(Run run, Node f) except -1:
    """Whether one of its edges leads to what is wanted, or to a node that does."""
    cdef int i, slot
    cdef PyObject *to
    for i in range(f.n_edges):
        slot = f.edges[i].slot
        to = end_of(f.edges[i].to, &slot)
        if to == NULL:
            continue
        if slot == LEAF:
            if place_of_leaf(run, <Handle>to) != NULL:  # (nearly always claimed already)
                return True
        elif is_seen(run, <Node>to) and is_ahead(run, <Node>to):
            return True
    return False


def leaves(list ys):
    """The leaves that the Variables `ys` were computed from; RuntimeError for a released graph."""
    cdef Handle y
    cdef list stack = [y if y.creator == NULL else <object>y.creator for y in ys]
    cdef dict seen = {}
    while stack:
        x = stack.pop()
        if address(x) not in seen:
            seen[address(x)] = x
            if isinstance(x, Node):
                stack.extend(ends_of(x))
                if (<Node>x).flags & SPENT:
                    raise not_walkable(x)
            else:
                require_life(x)
    return [x for x in seen.values() if isinstance(x, Handle) and (<Handle>x).flags & REQUIRES_GRAD]


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
