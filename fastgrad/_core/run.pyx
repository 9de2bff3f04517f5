"""See run.pxd. The algebra of arrays, and what every run does: places and sums."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF

import numpy as np

from fastgrad._core.accumulate cimport (
    ARRAY, NONE, NUMBER, add_array, add_number, boxed, shown, total, zero_gradient,
)
from fastgrad._core.asides cimport active, new_aside
from fastgrad._core.fit cimport brought, checked
from fastgrad._core.function_backward cimport call_backward
from fastgrad._core.graph cimport array_of, require_fit
from fastgrad._kernels.loops cimport (
    as_number, clear_errors, import_numpy, is_array, is_large, same_shape,
)
from fastgrad._core.node cimport HOOKED, handle_in
from fastgrad._core.notes cimport hooks_of
from fastgrad._core.operation cimport gradient_of
from fastgrad._core.row_function cimport owned

from fastgrad._core.row import zero

import_numpy()

# NOTE [Runs]
# Each backward is a run, with a number of its own that it writes on every node and leaf it claims.
# That is how it knows what it has seen; no mark must be taken off, since no number comes twice. A
# Python Function may start a run inside a run, or let another thread start one beside it: what a
# run that has not ended holds, others leave alone; their gradients for such places are kept aside.
# At the end they are added to what `.grad` of the leaf then is; and since the run that holds the
# leaf began with an older one, the contribution also waits in `late` for that run to add it.

cdef uint64_t n_runs = 0


cdef class Run:
    def __cinit__(self, bint retain_grad, bint retain_graph, dict wanted=None):
        global n_runs
        n_runs += 1
        self.number = self.key = n_runs
        self.retain_grad, self.retain_graph = retain_grad, retain_graph
        self.leaves, self.interior, self.aside, self.wanted = [], [], {}, wanted
        self.outputs = {}
        self.directly = True
        active.add(self.key)

    cdef object lifted(self, object gx):
        return array_of(gx)

    cdef object added(self, object g, object gx):
        gx = total(g, gx)  # which runs Python code
        clear_errors()
        return gx

    cdef object visible(self, Handle x, object gx, int n_own):
        return gx.copy()

    cdef object opened_rule(self, Node f, Node own, object gy):
        return gy

    cdef object by_rule(self, Node own, object opened, int i):
        return gradient_of(own, i, opened)

    cdef object opened(self, Node f, Node own, Call call, list gys):
        return gys

    cdef object by_row(self, Node f, Call call, object opened, int i):
        if not call.row.sequence and call.row.vjp[i] is zero:
            return zero_gradient(call.operand(i))
        cdef list gys = opened
        if not call.row.ours and i + 1 < f.n_edges:
            gys = owned(gys)
        gx = call.row.differentiate(i, np, tuple(gys) if isinstance(call.y, tuple) else gys[0],
                                    call)
        clear_errors()  # NumPy reported them, and leaves them up
        return gx

    cdef tuple by_function(self, Node f, list gys, tuple inputs, object xs):
        gxs = call_backward(f, gys, inputs, xs)
        clear_errors()
        return (gxs,) if len(inputs) == 1 else gxs

    cdef object passed(self, object gx):
        gx = np.asanyarray(gx).view()
        gx.flags.writeable = False
        return gx

    cdef bint is_lost(self, object gx, object passed) except -1:
        return False

    cdef int require(self, Node f, int i, object gx, list gys, object opened) except -1:
        return 0


# --- adding ---


cdef object fit_in(Run run, object gx, object like, object named, int i, list gys):
    """See `fit` in fit.pxd: the same in the terms of the run."""
    if gx is None:
        return None
    if run.n_leading == 0:
        gx = checked(gx, like, named, i, gys)
    return brought(run.lifted(gx), like, run.n_leading)


cdef int deposit(Run run, object to, int slot, object gx) except -1:
    """Add any gradient to the one at a place."""
    cdef double number
    cdef Gradient *g = place(run, <PyObject *>to, slot)
    if g == NULL:
        return 0
    if g.state == NONE:
        put(g, gx)
        return 0
    if run.directly:
        if g.state == NUMBER and as_number(<PyObject *>gx, &number):
            add_number(g, number)
            return 0
        if g.state == ARRAY and is_array(<PyObject *>gx):
            if is_large(g.value.array):
                if deposit_held(run, to, slot, gx, g):
                    return 0
                g = place(run, <PyObject *>to, slot)
            else:
                Py_INCREF(gx)
                if add_array(g, <PyObject *>gx):
                    return 0
                Py_DECREF(gx)
    before = boxed(g)
    if run.wanted is None and not alike(before, gx):
        require_fit(before, gx)  # what `.grad` held may be of any shape
    gx = run.added(before, gx)
    g = place(run, <PyObject *>to, slot)
    if g != NULL:
        forget(g)
        put(g, gx)
    return 0


cdef inline bint alike(object g, object gx) except -1:
    """Whether these, arrays or Variables, are of one shape."""
    g = array_of(g)
    gx = array_of(gx)
    return (is_array(<PyObject *>g) and is_array(<PyObject *>gx)
            and same_shape(<PyObject *>g, <PyObject *>gx))


# NOTE [Large loops]
# A loop over a large array lets other threads run (_kernels/parallel.pyx), which may release the
# graph, or call a Function again, whose slots then are others. So it gets a gradient that was taken
# out of its place, and arrays that are held.


cdef bint deposit_held(Run run, object to, int slot, object gx, Gradient *g) except -1:
    """The same of large arrays, if there is a direct loop: see NOTE [Large loops]."""
    cdef Gradient own = taken_out(g)
    cdef bint done
    Py_INCREF(gx)
    try:
        done = add_array(&own, <PyObject *>gx)
    except BaseException:
        forget(&own)
        raise
    if not done:
        Py_DECREF(gx)
    put_back(run, to, slot, &own)
    return done


cdef Gradient taken_out(Gradient *g) noexcept:
    cdef Gradient own = g[0]
    g.state = NONE
    return own


cdef int put_back(Run run, object to, int slot, Gradient *own) except -1:
    """What was taken out of a place goes to where that is now."""
    cdef Gradient *g
    try:
        g = place(run, <PyObject *>to, slot)
        if g == NULL or own.state == NONE:
            return 0
        if g.state != NONE:  # the program gave a Variable another creator meanwhile
            return deposit(run, to, slot, boxed(own))
        g[0] = own[0]
        own.state = NONE
    finally:
        forget(own)
    return 0


# --- places ---


cdef Gradient *claim_leaf(Run run, Handle x) except? NULL:
    if x.flags & (REQUIRES_GRAD | ENDED) != REQUIRES_GRAD:
        if x.flags & ENDED:
            raise ended()
        return NULL
    if run.wanted is not None and not is_wanted(run, <PyObject *>x):
        run.captured |= x.slot != run.origin
        return NULL
    if is_aside(run, x, x.run) or (x.flags & HOOKED and hooks_of(x, LEAF)):
        return place_aside(run, x, 0, 1)
    cdef object before = None
    if x.grad != NULL and run.wanted is None:
        before = run.lifted(<object>x.grad)  # the sum begins with what was there
        if array_of(before) is None:
            raise TypeError("backward: the grad of a leaf is a Variable without data (None)")
    run.leaves.append(x)
    x.run = run.number
    if before is not None:
        put(&x.flight, before)
    return &x.flight


cdef inline bint is_wanted(Run run, PyObject *x) except -1:
    cdef PyObject **known = &run.unwanted[(<size_t>x >> 5) % N_UNWANTED]
    if known[0] == x:
        return False
    if <size_t>x in run.wanted:
        return True
    known[0] = x
    return False


cdef Gradient *place_aside(Run run, object owner, int slot, int n) except? NULL:
    cdef Aside aside = aside_of(run, owner)
    if aside is None:
        aside = new_aside(owner, n)
        run.aside[<size_t><PyObject *>owner] = aside
        if isinstance(owner, Handle):
            run.leaves.append(owner)
        else:
            aside.first = (<Node>owner).first
    if slot >= aside.n or aside.done:
        return NULL
    if not aside.queued and not isinstance(owner, Handle):
        push(&run.queue, <void *>owner, (<Node>owner).generation)
        Py_INCREF(owner)
        aside.queued = True
    return &aside.gradients[slot]


cdef bint leads(Run run, PyObject *to, int slot) except -1:
    """Whether a gradient at the end of an edge is wanted; nothing is claimed."""
    if run.wanted is None or to == NULL:
        return to != NULL
    to = end_of(to, &slot)
    if slot == LEAF:
        if (<Handle>to).flags & ENDED:
            raise ended()
        if not is_wanted(run, to):
            run.captured |= (<Handle>to).slot != run.origin
            return False
        return True
    return not is_done(run, <Node>to)


cdef int take(Run run, Node f, int slot, Gradient *gy) except -1:
    """Move the gradient of an output out of its slot: `f` is being visited."""
    cdef Gradient *g = in_flight(run, f, slot)
    set_done(run, f)
    gy.state = NONE
    if g == NULL or slot >= f.n_slots:
        return 0  # `f` was changed by hand since
    gy[0] = g[0]
    g.state = NONE
    cdef Handle y
    if handle_in(f, slot) != NULL and not is_moved(<PyObject *>f, slot):
        y = <Handle>handle_in(f, slot)
        try:
            note(run, y, gy)
        except BaseException:
            forget(gy)
            raise
    return 0


cdef object taken(Run run, Node f, int slot, bint own):
    """The same as an array, or None. `own`: one that who gets it may write into."""
    cdef Gradient gy
    take(run, f, slot, &gy)
    if gy.state == NONE:
        return None
    try:
        return shown(&gy) if own and run.directly else boxed(&gy)
    finally:
        forget(&gy)


cdef int note(Run run, Handle y, const Gradient *gy) except -1:
    """An interior Variable that the program holds shows its gradient at the end, or none."""
    if run.wanted is not None:
        if gy.state != NONE and <size_t><PyObject *>y in run.wanted:
            gx = boxed(gy)
            run.wanted[<size_t><PyObject *>y] = np.array(gx) if run.directly else gx
    elif run.retain_grad:
        if gy.state != NONE:
            gx = boxed(gy)
            run.interior.append((y, gx if gy.state == NUMBER and run.directly
                                 else run.visible(y, gx, 2)))
    elif y.grad != NULL:
        run.interior.append((y, None))
    return 0
