"""See results.pxd."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

import numpy as np

from fastgrad._core.accumulate cimport NONE, boxed, forget, shown
from fastgrad._core.asides cimport Aside, active, for_holder, is_for_holder, late
from fastgrad._core.graph cimport array_of, require_fit, set_grad, shown_by
from fastgrad._core.node cimport Handle, LEAF, Node
from fastgrad._core.queue cimport pop, release
from fastgrad._core.run cimport Run, aside_of, deposit, forget_in_flight


cdef object result(Run run, Handle x):
    """The gradient of a wanted Variable; None: none reached it."""
    cdef Aside aside = aside_of(run, x)
    if x.creator != NULL:
        return run.wanted[<size_t><PyObject *>x]
    if aside is not None:
        if aside.gradients.state == NONE:
            return None
        return np.array(boxed(aside.gradients)) if run.directly else boxed(aside.gradients)
    if x.run != run.number or x.flight.state == NONE:
        return None
    return shown(&x.flight) if run.directly else boxed(&x.flight)


cdef int show(Run run) except -1:
    """Write every `.grad`, at once. All that may fail, or run Python code, comes first."""
    cdef Handle x
    cdef list leaves, _before, box, joined
    while True:
        leaves = prepared(run)
        _before = [shown_by(x) for x, *_ in run.interior + leaves]  # let go at the end
        if holds_good(run, leaves):
            break  # else another thread wrote meanwhile
    for x, grad in run.interior:
        set_grad(x, grad)
    for x, _, grad, _, box, joined in leaves:
        set_grad(x, grad)
        if box is not None:
            box[0] = joined
    return 0


cdef list prepared(Run run):
    """Of each leaf that was reached: (leaf, its gradient now, its gradient in the end, ...).

    What follows is for a run that began with the gradient of now, and is going to write its
    sum: where `late` keeps what others give that run, the box for this leaf, what is to be in.
    """
    cdef Handle x
    cdef Aside aside
    cdef int n_own  # references to a gradient that are ours
    cdef list leaves = []
    cdef dict theirs, mine = late.pop(run.key, {})
    for x in run.leaves:
        old, aside = shown_by(x), aside_of(run, x)
        if aside is None:
            for gx in mine.get(<size_t><PyObject *>x, [()])[0]:
                deposit(run, x, LEAF, run.lifted(gx))
            if x.flight.state != NONE:
                gx = shown(&x.flight) if run.directly else run.visible(x, boxed(&x.flight), 2)
                leaves.append((x, old, gx, None, None, None))
        elif aside.gradients.state != NONE:
            gx = boxed(aside.gradients)
            n_own = 2
            theirs, box, joined = for_holder(x, array_of(gx))
            if old is not None:
                require_fit(old, gx)
                gx = run.added(run.lifted(old), gx)
                n_own = 1
            new = gx if old is not None and run.directly else run.visible(x, gx, n_own)
            leaves.append((x, old, new, theirs, box, joined))
    return leaves


cdef bint holds_good(Run run, list leaves) except -1:
    """Whether all that `prepared` found is still so. (Nothing here runs Python code.)"""
    cdef Handle x
    if run.key in late:
        return False
    for x, old, _, theirs, box, joined in leaves:
        if aside_of(run, x) is not None:
            if shown_by(x) is not old or not is_for_holder(x, theirs, box, joined):
                return False
    return True


cdef int end(Run run) except -1:
    """Let go of everything; what is in flight still, after an exception, is dropped."""
    cdef PyObject *f = <PyObject *>pop(&run.queue)
    cdef Handle x
    while f != NULL:
        if (<Node>f).run == run.number:
            forget_in_flight(<Node>f)
        Py_DECREF(<object>f)
        f = <PyObject *>pop(&run.queue)
    release(&run.queue)
    for x in run.leaves:
        if x.run == run.number:
            forget(&x.flight)
    late.pop(run.key, None)
    active.discard(run.key)
    run.aside = None  # of gradients that lead back
    return 0
