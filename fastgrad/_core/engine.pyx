"""Backward: the walk from a Variable to the leaves, in the seed's order.

A node is claimed, and queued, when the first gradient reaches it, and visited when no node of a
greater generation is queued. A visit takes the gradient out of the node's slots and adds, for each
edge, to the place it leads to: a slot of another node, or a leaf. No `.grad` changes before the
end: an exception leaves each as it was.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

import numpy as np

from fastgrad._core.accumulate cimport (
    ARRAY, Gradient, NONE, NUMBER, add_array, add_number, boxed, fitted, forget, ones_gradient, put,
    shown, total,
)
from fastgrad._core.debug cimport check_if_noted
from fastgrad._core.function cimport checked_gradient
from fastgrad._core.function_backward cimport call_backward
from fastgrad._core.graph cimport (
    as_recorded, called_again, ended, held, not_walkable, require_fit, set_grad, shown_by, value_of,
    variable,
)
from fastgrad._kernels.loops cimport (
    Operand, as_number, clear_errors, import_numpy, is_array, is_double, is_large, same_dtype,
)
from fastgrad._core.node cimport (
    ALIKE, DONE, ENDED, Edge, HAS_MOVED, Handle, IN_PYTHON, LEAF, Node, OF_ROW, RECORDED,
    REQUIRES_GRAD, SAVED, SPENT, STAND_IN, handle_in, index_of, is_moved, spend,
)
from fastgrad._core.operation cimport gradient_of, saved_like, saved_operand
from fastgrad._core.queue cimport PriorityQueue, pop, push, release
from fastgrad._core.stand_ins cimport recorded_data, recorded_value
from fastgrad._core.row cimport Call, call_of, gradient_of_call, owned, whole

import_numpy()

# NOTE [Runs]
# Each backward is a run, with a number of its own that it writes on every node and leaf it claims.
# That is how it knows what it has seen; no mark must be taken off, since no number comes twice. A
# Python Function may start a run inside a run, or let another thread start one beside it: what a
# run that has not ended holds, others leave alone; their gradients for such places are kept aside.
# At the end they are added to what `.grad` of the leaf then is; and since the run that holds the
# leaf began with an older one, the contribution also waits in `late` for that run to add it.

cdef uint64_t n_runs = 0
cdef set active = set()  # the runs that have not ended
cdef dict late = {}  # by run, by address of a leaf: [contributions of other runs]


cdef inline bint is_held(uint64_t run) except -1:
    """Whether a run, other than the one that asks, has not ended."""
    return len(active) > 1 and run in active


@cython.final
@cython.no_gc  # making one must not run the collector, which may run anything
cdef class Aside:
    # What a node, or a leaf, would hold for this run, if another run did not hold it.
    cdef object owner  # it
    cdef Gradient *gradients
    cdef int n
    cdef int first  # of a node, the number of its first output then: see `index_of` in node.pxd
    cdef bint done

    def __dealloc__(self):
        for i in range(self.n):
            forget(&self.gradients[i])
        free(self.gradients)


@cython.final
cdef class Run:
    cdef uint64_t number
    cdef object key  # the number as a Python object, so that the end needs no memory
    cdef bint retain_grad, retain_graph
    cdef PriorityQueue queue  # of nodes, each owned
    cdef list leaves  # claimed, or kept aside
    cdef list interior  # (Variable, the gradient it shows in the end)
    cdef dict aside  # Asides, by the address of their owners
    cdef dict wanted  # None: all leaves. Else the gradients of these Variables alone, by address
    cdef dict outputs  # Variables that a spent node held, by address of the Function that made them
    cdef int origin  # of a leaf that is not captured, see NOTE [Origins] in node.pyx
    cdef bint captured  # whether another was reached

    def __cinit__(self, bint retain_grad, bint retain_graph, dict wanted=None):
        global n_runs
        n_runs += 1
        self.number = self.key = n_runs
        self.retain_grad, self.retain_graph = retain_grad, retain_graph
        self.leaves, self.interior, self.aside, self.wanted = [], [], {}, wanted
        self.outputs = {}
        active.add(self.key)

    cdef int walk(self) except -1:
        cdef unsigned int n_visits = 0
        cdef PyObject *f = <PyObject *>pop(&self.queue)
        while f != NULL:
            try:
                self.visit(<Node>f)
            finally:
                Py_DECREF(<object>f)
            n_visits += 1
            if not n_visits & 0xFFF:
                PyErr_CheckSignals()  # Ctrl-C
            f = <PyObject *>pop(&self.queue)
        return 0

    cdef inline int visit(self, Node f) except -1:
        if f.flags & SPENT or not f.flags & RECORDED:
            raise not_walkable(f)
        check_if_noted(f)
        if f.flags & IN_PYTHON:
            self.visit_function(f)
        elif f.flags & OF_ROW:
            self.visit_call(f)
        else:
            self.visit_operation(f)
        if not self.retain_graph:
            self.let_go(f)
        return 0

    cdef inline int let_go(self, Node f) except -1:
        cdef int i
        for i in range(f.n_edges):
            self.hold_output(f.edges[i].to, f.edges[i].slot)
        if self.outputs and f.flags & IN_PYTHON:
            self.outputs.pop(<size_t><PyObject *>f, None)
        spend(f)
        return 0

    cdef inline int hold_output(self, PyObject *x, int slot) except -1:
        """The backward of a Function run in Python may read its outputs: when it is visited."""
        cdef PyObject *f = (<Handle>x).creator if slot == LEAF and x != NULL else NULL
        if f != NULL and (<Node>f).flags & IN_PYTHON:
            self.outputs.setdefault(<size_t>f, []).append(<object>x)
        return 0

    # --- compiled operations ---

    cdef inline int visit_operation(self, Node f) except -1:
        cdef Gradient gy
        cdef int first
        self.take(f, 0, &gy)
        try:
            if f.n_edges == 2 and f.edges[0].to != NULL and f.edges[1].to != NULL:
                first = self.first_operand(f) if gy.state == ARRAY else 0
                self.contribute(f, first, &gy, False)
                self.contribute(f, 1 - first, &gy, True)
            else:
                self.contribute(f, 0 if f.edges[0].to != NULL else 1, &gy, True)
        finally:
            forget(&gy)
        return 0

    cdef inline int first_operand(self, Node f) except -1:
        """Claims are made in the order of the operands; contributions to two places need no order.

        The last contribution may take over the array of gy: best one to a place that has none yet.
        """
        self.place(f.edges[0].to, f.edges[0].slot)
        self.place(f.edges[1].to, f.edges[1].slot)
        # Only now, for a claim may run the garbage collector, and it what it likes.
        cdef Gradient *g0 = self.place(f.edges[0].to, f.edges[0].slot)
        cdef Gradient *g1 = self.place(f.edges[1].to, f.edges[1].slot)
        return 1 if g0 != NULL and g1 != NULL and g0 != g1 and g0.state == NONE != g1.state else 0

    cdef inline int contribute(self, Node f, int i, Gradient *gy, bint last) except -1:
        """Add what operand `i` gets. `last`: gy is not needed hereafter."""
        cdef Edge *edge = &f.edges[i]
        cdef Operand x0, x1
        if edge.to == NULL:
            raise not_walkable(f)  # since a moment ago: a warning's handler ran a backward here
        cdef Gradient *gx = self.place(edge.to, edge.slot)
        if gx == NULL or gy.state == NONE:
            return 0
        if f.rule.add_whole != NULL:
            return self.contribute_whole(f, i, gy, last, gx)
        if f.rule.add_gradient != NULL and (edge.flags & ALIKE or takes_unlike(f, edge, gy)):
            if saved_operand(f, 0, &x0) and saved_operand(f, 1, &x1):
                if gy.state == ARRAY and is_large(gy.value.array):
                    if self.contribute_held(f, i, gy, x0, x1, last, gx):
                        return 0
                elif f.rule.add_gradient(i, gy, x0, x1, last, gx):
                    return 0
        return self.contribute_by_numpy(f, i, boxed(gy))

    cdef bint contribute_held(self, Node f, int i, Gradient *gy, Operand x0, Operand x1, bint last,
                              Gradient *gx) except -1:
        """`add_gradient` of large arrays: see NOTE [Large loops]."""
        cdef object _held0 = None if x0.array == NULL else <object>x0.array
        cdef object _held1 = None if x1.array == NULL else <object>x1.array
        cdef object to = <object>f.edges[i].to
        cdef int slot = f.edges[i].slot
        cdef Gradient own = taken_out(gx)
        cdef bint done
        try:
            done = f.rule.add_gradient(i, gy, x0, x1, last, &own)
        except BaseException:
            forget(&own)
            raise
        self.put_back(to, slot, &own)
        return done

    cdef int contribute_whole(self, Node f, int i, Gradient *gy, bint last, Gradient *gx) except -1:
        cdef object to = <object>f.edges[i].to
        cdef int slot = f.edges[i].slot
        cdef Gradient own
        if gx.state == ARRAY and is_large(gx.value.array):
            own = taken_out(gx)
            try:
                made = f.rule.add_whole(f, i, gy, last, &own)
            except BaseException:
                forget(&own)
                raise
            self.put_back(to, slot, &own)
        else:
            made = f.rule.add_whole(f, i, gy, last, gx)
        if made is False:
            return self.contribute_by_numpy(f, i, boxed(gy))
        return 0 if made is True else self.deposit(to, slot, made)

    cdef int contribute_by_numpy(self, Node f, int i, object gy) except -1:
        if f.edges[i].to == NULL:
            raise not_walkable(f)
        cdef object to = <object>f.edges[i].to
        cdef int slot = f.edges[i].slot
        like = saved_like(f, i, gy)
        gx = fitted(gradient_of(f, i, gy), like)
        clear_errors()  # NumPy reported them, and leaves them up
        return self.deposit(to, slot, gx)

    # --- rows ---

    cdef int visit_call(self, Node f) except -1:
        cdef Node own = held(f)  # the VJPs run any code, which may release `f`
        cdef Call call = call_of(own)
        cdef int i, slot
        cdef bint reached = False
        cdef list gys = []
        for slot in range(f.n_slots):
            gys.append(self.taken(f, slot, not call.row.ours))
            reached |= gys[slot] is not None
        if not reached:
            return 0
        if isinstance(call.y, tuple):
            gys = whole(call.row, gys, call.y)
        for i in range(own.n_edges):
            if own.edges[i].to != NULL:
                gy = gys if call.row.ours or i + 1 == own.n_edges else owned(gys)
                gx = gradient_of_call(call, i, tuple(gy) if isinstance(call.y, tuple) else gy[0])
                clear_errors()
                if gx is not None:
                    self.deposit(<object>own.edges[i].to, own.edges[i].slot, gx)
        return 0

    # --- Functions run in Python ---

    cdef int visit_function(self, Node f) except -1:
        cdef tuple inputs = <tuple>f.kept
        cdef object xs = recorded_data(f)
        cdef list gys = []
        cdef int i, slot = 0, n = len(inputs)
        cdef bint reached = False
        cdef Handle x
        cdef Aside aside = self.aside_of(f)
        if aside is not None and aside.first != f.first:
            raise called_again(f)  # since it was queued, by code in the middle; and below
        while slot < f.n_slots:
            gys.append(self.taken(f, slot, True))
            reached |= gys[slot] is not None
            slot += 1
        if not reached:
            if f.run != self.number and aside is None:
                raise called_again(f)
            return 0
        gxs = call_backward(f, gys, inputs, xs)
        clear_errors()
        for i in range(n):
            x = inputs[i]
            gx = checked_gradient(f, i, gxs if n == 1 else (<tuple>gxs)[i], x,
                                  recorded_value(xs, i, n), gys)
            if gx is not None:
                if x.creator != NULL:
                    self.deposit(<object>x.creator, x.slot, gx)
                else:
                    self.deposit(x, LEAF, gx)
        return 0

    cdef int deposit(self, object to, int slot, object gx) except -1:
        """Add any ndarray, or np.float64, to the gradient at a place."""
        cdef double number
        cdef Gradient *g = self.place(<PyObject *>to, slot)
        if g == NULL:
            return 0
        if g.state == NONE:
            put(g, gx)
            return 0
        if g.state == NUMBER and as_number(<PyObject *>gx, &number):
            add_number(g, number)
            return 0
        if g.state == ARRAY and is_array(<PyObject *>gx):
            if is_large(g.value.array):
                if self.deposit_held(to, slot, gx, g):
                    return 0
                g = self.place(<PyObject *>to, slot)
            else:
                Py_INCREF(gx)
                if add_array(g, <PyObject *>gx):
                    return 0
                Py_DECREF(gx)
        before = boxed(g)
        require_fit(before, gx)  # what `.grad` held may be of any shape
        gx = total(before, gx)  # which runs Python code
        clear_errors()
        g = self.place(<PyObject *>to, slot)
        if g != NULL:
            forget(g)
            put(g, gx)
        return 0

    cdef bint deposit_held(self, object to, int slot, object gx, Gradient *g) except -1:
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
        self.put_back(to, slot, &own)
        return done

    cdef int put_back(self, object to, int slot, Gradient *own) except -1:
        """What was taken out of a place goes to where that is now."""
        cdef Gradient *g
        try:
            g = self.place(<PyObject *>to, slot)
            if g == NULL or own.state == NONE:
                return 0
            if g.state != NONE:  # the program gave a Variable another creator meanwhile
                return self.deposit(to, slot, boxed(own))
            g[0] = own[0]
            own.state = NONE
        finally:
            forget(own)
        return 0

    # --- places ---

    cdef inline Gradient *place(self, PyObject *to, int slot) except? NULL:
        """Where the gradient at the end of an edge is in flight; NULL: nowhere, nobody wants it."""
        cdef Node f
        cdef int i
        if to == NULL:
            return NULL
        if slot == LEAF:
            if (<Handle>to).creator == NULL:
                return self.place_of_leaf(<Handle>to)
            to, slot = (<Handle>to).creator, (<Handle>to).slot  # it was given one since
        elif (<Node>to).flags & HAS_MOVED:  # see NOTE [Moved] in graph.pyx
            i = index_of(<Node>to, slot)
            if 0 <= i < (<Node>to).n_slots and is_moved(to, i):
                to = (<Node>to).slots[i].handle  # owned, so alive
                if (<Handle>to).creator == NULL:
                    return self.place_of_leaf(<Handle>to)
                to, slot = (<Handle>to).creator, (<Handle>to).slot
        f = <Node>to
        if f.first:
            slot = index_of(f, slot)
            if slot < 0:
                raise called_again(f)
        if f.run != self.number:
            if self.is_aside(f, f.run):
                return self.place_aside(f, slot, f.n_slots)
            push(&self.queue, <void *>to, f.generation)
            Py_INCREF(f)
            f.run = self.number
            f.flags &= ~DONE
            for i in range(f.n_slots):
                forget(&f.slots[i].gradient)  # of a Function called again in the middle of a run
        elif f.flags & DONE:
            return NULL  # by generations assigned by hand; it is visited once, as in the seed
        return &f.slots[slot].gradient if slot < f.n_slots else NULL

    cdef inline Gradient *place_of_leaf(self, Handle x) except? NULL:
        if x.run != self.number:
            if x.flags & (REQUIRES_GRAD | ENDED) != REQUIRES_GRAD:
                if x.flags & ENDED:
                    raise ended()
                return NULL
            if self.wanted is not None and <size_t><PyObject *>x not in self.wanted:
                self.captured |= x.slot != self.origin
                return NULL
            if self.is_aside(x, x.run):
                return self.place_aside(x, 0, 1)
            self.leaves.append(x)
            x.run = self.number
            if x.grad != NULL and self.wanted is None:
                put(&x.flight, grad_of(x))  # the sum begins with what was there
        return &x.flight

    cdef inline bint is_aside(self, object owner, uint64_t run) except -1:
        """Whether what `run` claimed last is not to be touched, or was not when this one met it."""
        return is_held(run) or self.aside_of(owner) is not None

    cdef Gradient *place_aside(self, object owner, int slot, int n) except? NULL:
        cdef Aside aside = self.aside_of(owner)
        if aside is None:
            aside = Aside()
            aside.owner = owner
            aside.gradients = <Gradient *>calloc(n, sizeof(Gradient))
            if aside.gradients == NULL:
                raise MemoryError()
            aside.n = n
            self.aside[<size_t><PyObject *>owner] = aside
            if isinstance(owner, Handle):
                self.leaves.append(owner)
            else:
                aside.first = (<Node>owner).first
                push(&self.queue, <void *>owner, (<Node>owner).generation)
                Py_INCREF(owner)
        return &aside.gradients[slot] if slot < aside.n and not aside.done else NULL

    cdef inline int take(self, Node f, int slot, Gradient *gy) except -1:
        """Move the gradient of an output out of its slot: `f` is being visited."""
        cdef Gradient *g = NULL
        cdef Aside aside
        if f.run == self.number:
            f.flags |= DONE
            if slot < f.n_slots:
                g = &f.slots[slot].gradient
        else:
            aside = self.aside_of(f)
            if aside is not None:
                aside.done = True
                if slot < aside.n:
                    g = &aside.gradients[slot]
        gy.state = NONE
        if g == NULL or slot >= f.n_slots:
            return 0  # `f` was changed by hand since
        gy[0] = g[0]
        g.state = NONE
        cdef Handle y
        if handle_in(f, slot) != NULL and not is_moved(<PyObject *>f, slot):
            y = <Handle>handle_in(f, slot)
            try:
                self.note(y, gy)
            except BaseException:
                forget(gy)
                raise
        return 0

    cdef inline object taken(self, Node f, int slot, bint own):
        """The same as an array, or None. `own`: one that who gets it may write into."""
        cdef Gradient gy
        self.take(f, slot, &gy)
        if gy.state == NONE:
            return None
        try:
            return shown(&gy) if own else boxed(&gy)
        finally:
            forget(&gy)

    cdef int note(self, Handle y, const Gradient *gy) except -1:
        """An interior Variable that the program holds shows its gradient at the end, or none."""
        if self.wanted is not None:
            if gy.state != NONE and <size_t><PyObject *>y in self.wanted:
                self.wanted[<size_t><PyObject *>y] = np.array(boxed(gy))
        elif self.retain_grad:
            if gy.state != NONE:
                self.interior.append((y, boxed(gy) if gy.state == NUMBER else boxed(gy).copy()))
        elif y.grad != NULL:
            self.interior.append((y, None))
        return 0

    # --- the beginning and the end ---

    cdef int start(self, Handle y) except -1:
        cdef Gradient gy
        gy.state = NONE
        put(&gy, starting_gradient(y))
        try:
            if y.creator == NULL:
                self.interior.append((y, shown(&gy) if y.grad == NULL else grad_of(y)))
            else:
                self.deposit(<object>y.creator, y.slot, boxed(&gy))
                self.note(y, &gy)
        finally:
            forget(&gy)
        return 0

    cdef int start_from(self, Handle y, object gy) except -1:
        """Begin at `y`, one of several perhaps, with this gradient."""
        if y.creator == NULL:
            return self.deposit(y, LEAF, gy)
        return self.deposit(<object>y.creator, y.slot, gy)

    cdef object result(self, Handle x):
        """The gradient of a wanted Variable; None: none reached it."""
        cdef Aside aside = self.aside_of(x)
        if x.creator != NULL:
            return self.wanted[<size_t><PyObject *>x]
        if aside is not None:
            return None if aside.gradients.state == NONE else np.array(boxed(aside.gradients))
        if x.run != self.number or x.flight.state == NONE:
            return None
        return shown(&x.flight)

    cdef int show(self) except -1:
        """Write every `.grad`, at once. All that may fail, or run Python code, comes first."""
        cdef Handle x
        cdef list leaves, _before, box, joined
        while True:
            leaves = self.prepared()
            _before = [shown_by(x) for x, *_ in self.interior + leaves]  # let go at the end
            if self.holds_good(leaves):
                break  # else another thread wrote meanwhile
        for x, grad in self.interior:
            set_grad(x, grad)
        for x, _, grad, _, box, joined in leaves:
            set_grad(x, grad)
            if box is not None:
                box[0] = joined
        return 0

    cdef list prepared(self):
        """Of each leaf that was reached: (leaf, its gradient now, its gradient in the end, ...).

        What follows is for a run that began with the gradient of now, and is going to write its
        sum: where `late` keeps what others give that run, the box for this leaf, what is to be in.
        """
        cdef Handle x
        cdef Aside aside
        cdef list leaves = []
        cdef dict theirs, mine = late.pop(self.key, {})
        for x in self.leaves:
            old, aside = grad_of(x), self.aside_of(x)
            if aside is None:
                for gx in mine.get(<size_t><PyObject *>x, [()])[0]:
                    self.deposit(x, LEAF, gx)
                if x.flight.state != NONE:
                    leaves.append((x, old, shown(&x.flight), None, None, None))
            elif aside.gradients.state != NONE:
                gx = boxed(aside.gradients)
                theirs, box, joined = for_holder(x, gx)
                if old is not None:
                    require_fit(old, gx)
                new = gx.copy() if old is None else total(old, gx)
                leaves.append((x, old, new, theirs, box, joined))
        return leaves

    cdef bint holds_good(self, list leaves) except -1:
        """Whether all that `prepared` found is still so. (Nothing here runs Python code.)"""
        cdef Handle x
        if self.key in late:
            return False
        for x, old, _, theirs, box, joined in leaves:
            if self.aside_of(x) is not None:
                if grad_of(x) is not old or not is_for_holder(x, theirs, box, joined):
                    return False
        return True

    cdef inline Aside aside_of(self, object owner):
        return self.aside.get(<size_t><PyObject *>owner) if self.aside else None

    cdef int end(self) except -1:
        """Let go of everything; what is in flight still, after an exception, is dropped."""
        cdef PyObject *f = <PyObject *>pop(&self.queue)
        cdef int slot
        cdef Handle x
        while f != NULL:
            if (<Node>f).run == self.number:
                for slot in range((<Node>f).n_slots):
                    forget(&(<Node>f).slots[slot].gradient)
            Py_DECREF(<object>f)
            f = <PyObject *>pop(&self.queue)
        release(&self.queue)
        for x in self.leaves:
            if x.run == self.number:
                forget(&x.flight)
        late.pop(self.key, None)
        active.discard(self.key)
        return 0


# NOTE [Large loops]
# A loop over a large array lets other threads run (_kernels/parallel.pxd), which may release the
# graph, or call a Function again, whose slots then are others. So it gets a gradient that was taken
# out of its place, and arrays that are held.

cdef inline Gradient taken_out(Gradient *g) noexcept:
    cdef Gradient own = g[0]
    g.state = NONE
    return own


cdef tuple for_holder(Handle x, object gx):
    """A contribution to the leaf `x` that is not of the run that holds it, for that one to add.

    Where `late` keeps what that run gets, the box for this leaf, what is to be in; or Nones.
    """
    if x.run not in active:
        return None, None, None
    theirs = late.setdefault(x.run, {})
    box = theirs.setdefault(<size_t><PyObject *>x, [[]])
    return theirs, box, [*box[0], gx]


cdef bint is_for_holder(Handle x, dict theirs, list box, list joined) except -1:
    """Whether that is still so. (Nothing here runs Python code.)"""
    if theirs is None:
        return x.run not in active
    return (x.run in active and late.get(x.run) is theirs
            and len(joined) == len(<list>box[0]) + 1)


def write(prepare):
    """Write every `.grad`, at once, for a walk that is no run: see NOTE [Runs].

    `prepare()` returns (Variable, its `.grad` in the end, what that adds to which other) of each,
    the last two None where `.grad` does not depend on what it was; it is asked again if another
    wrote there meanwhile.
    """
    cdef Handle x
    cdef list made, _before
    while True:
        made = [
            (x, new, old, added) + ((None,) * 3 if added is None else for_holder(x, added))
            for x, new, added, old in prepare()
        ]
        _before = [shown_by(x) for x, *_ in made]  # let go at the end
        if are_good(made):
            break
    for x, new, _, _, _, box, joined in made:
        set_grad(x, new)
        if box is not None:
            (<list>box)[0] = joined


cdef bint are_good(list made) except -1:
    cdef Handle x
    for x, _, old, added, theirs, box, joined in made:
        if added is not None:
            if shown_by(x) is not old or not is_for_holder(x, theirs, box, joined):
                return False
    return True


cdef inline bint takes_unlike(Node f, const Edge *edge, const Gradient *gy) noexcept:
    """Whether the direct way is for operands of any shape, and this one has the dtype of gy."""
    return (f.rule.unlike and gy.state == ARRAY and edge.flags & (SAVED | STAND_IN)
            and same_dtype(edge.saved.array, gy.value.array))


cdef inline object grad_of(Handle x):
    """Its gradient as an array: a backward with create_graph=True leaves a Variable there."""
    if x.grad == NULL:
        return None
    grad = <object>x.grad
    return value_of(grad) if isinstance(grad, Handle) else grad


cdef object one = np.float64(1)


cdef object starting_gradient(Handle y):
    cdef object x = as_recorded(y)
    if y.grad == NULL:
        return ones_for(x)
    return from_given(grad_of(y), x)


cdef object ones_for(object x):
    return one if is_double(<PyObject *>x) else ones_gradient(x)


cdef object from_given(object gy, object x):
    if gy.shape != x.shape:
        try:
            gy = np.broadcast_to(gy, x.shape).copy()
        except ValueError:
            raise ValueError(f"backward: the gradient to start from has shape {gy.shape}, "
                             f"expected {x.shape}") from None
    return fitted(gy, x)


def backward(Handle y not None, retain_grad=False, create_graph=False, retain_graph=True):
    """`y.backward(...)`: see Variable.backward."""
    if value_of(y) is None:
        raise TypeError("backward: this Variable has no data (None)")
    if not y.flags & REQUIRES_GRAD:
        raise RuntimeError("backward: this Variable has no gradient (requires_grad is False)")
    if create_graph:
        import fastgrad._core.recorded as recorded  # which is made of the rows

        recorded.backward(y, retain_grad, variable(starting_gradient(y), False))
        return
    cdef Run run = Run(bool(retain_grad), bool(retain_graph))
    clear_errors()
    try:
        run.start(y)
        run.walk()
        run.show()
    finally:
        run.end()


def gradients(list ys, list gys, list xs, int origin=0):
    """The gradients of the Variables `xs` alone, and nobody's `.grad`: arrays, None if not reached.

    `gys` are the arrays, or None for ones, with which the Variables `ys` begin. With an `origin`,
    None instead of the gradients if one of `ys` depends on a captured Variable, see NOTE [Origins].
    """
    cdef Handle y
    cdef Run run = Run(False, True, {<size_t><PyObject *>x: None for x in xs})
    run.origin = origin
    clear_errors()
    try:
        for y, gy in zip(ys, gys):
            if y.flags & REQUIRES_GRAD:
                like = as_recorded(y)
                run.start_from(y, ones_for(like) if gy is None else from_given(gy, like))
        run.walk()
        return None if origin and run.captured else [run.result(x) for x in xs]
    finally:
        run.end()
