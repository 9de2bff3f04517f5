# cython: binding=False
"""Backward that is itself recorded: gradients are Variables, with a graph of their own.

The same walk as in _engine, by the same rows: a VJP gets Variables where it got arrays, and the
namespace `fastgrad.numpy` for `xp`, so that what it computes is recorded. Whatever is in flight is
kept here, in dicts: this is for derivatives of derivatives, where the VJPs are what costs.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject

import numpy as np

from fastgrad._config import enter, get, leave
from fastgrad._operation import Operation as OperationClass
from fastgrad._row import RowFunction, zero

from fastgrad._debug cimport check_if_noted
from fastgrad._function cimport call_backward, call_recorded
from fastgrad._graph cimport (
    called_again, ended, handle_for, not_walkable, require_fit, set_array, set_grad, shown_by,
    value_of, variable,
)
from fastgrad._loops cimport import_numpy, is_stand_in, stand_in, take_object
from fastgrad._node cimport (
    CALLED, ENDED, Edge, HAS_MOVED, Handle, LEAF, Node, RECORDED, REQUIRES_GRAD, SPENT,
    handle_in, index_of, is_moved, make_collectable,
)
from fastgrad._operation cimport parameter_of, saved_value
from fastgrad._queue cimport pop, push, release
from fastgrad._row cimport Call, Row, call_of

import_numpy()


@cython.final
cdef class Entry:
    pass


cdef class RecordedRun:
    def __cinit__(self, bint retain_grad, bint create_graph, dict wanted=None, set between=None):
        import fastgrad.numpy as xp  # which is made of all the rest

        self.entries, self.interior, self.xp = {}, [], xp
        self.retain_grad, self.create_graph = retain_grad, create_graph
        self.wanted, self.between, self.ambient = wanted, between, get()

    def __dealloc__(self):
        release(&self.queue)

    # --- places ---

    cdef Entry place(self, object to, int *slot):
        """Where the gradient at the end of an edge goes, and at which index; None: nowhere."""
        to = past_moved(to, slot)
        if slot[0] == LEAF:
            slot[0] = 0
            require_life(to)
            if not (<Handle>to).flags & REQUIRES_GRAD:
                return None
            if self.wanted is not None and <size_t><PyObject *>to not in self.wanted:
                return None
            return self.entry(to, 1)
        slot[0] = index_of(<Node>to, slot[0])
        if slot[0] < 0:
            raise called_again(<Node>to)
        if self.between is not None and <size_t><PyObject *>to not in self.between:
            return None
        return self.entry(to, (<Node>to).n_slots)

    cdef Entry entry(self, object owner, int n):
        cdef Entry entry = self.entries.get(<size_t><PyObject *>owner)
        if entry is None:
            entry = Entry()
            entry.owner, entry.gradients = owner, [None] * n
            self.entries[<size_t><PyObject *>owner] = entry
            if isinstance(owner, Node):
                push(&self.queue, <void *>owner, (<Node>owner).generation)
        return entry

    cdef int add(self, object to, int slot, object gx) except -1:
        cdef Entry entry = self.place(to, &slot)
        if entry is not None and entry.gradients is not None and slot < len(entry.gradients):
            g = entry.gradients[slot]
            entry.gradients[slot] = gx if g is None else g + gx
        return 0

    # --- the walk ---

    cdef int start(self, Handle y, object gy) except -1:
        if y.creator == NULL:
            return self.add(y, LEAF, gy)
        return self.add(<object>y.creator, y.slot, gy)

    cdef int walk(self) except -1:
        cdef PyObject *f = <PyObject *>pop(&self.queue)
        while f != NULL:
            self.visit(<Node>f)
            PyErr_CheckSignals()
            f = <PyObject *>pop(&self.queue)
        return 0

    cdef int visit(self, Node f) except -1:
        cdef Entry entry = self.entries[<size_t><PyObject *>f]
        cdef list gys = entry.gradients
        cdef int slot
        cdef PyObject *y
        entry.gradients = None  # a node is visited once
        if not f.flags & RECORDED or (f.n_edges == 0 and f.inputs == NULL):
            raise not_walkable(f)
        check_if_noted(f)
        for slot in range(len(gys)):
            y = handle_in(f, slot)
            if y != NULL and not is_moved(<PyObject *>f, slot):
                self.note(<Handle>y, gys[slot])
        if any([gy is not None for gy in gys]):
            if f.inputs != NULL:
                self.visit_function(f, gys)
            elif f.flags & CALLED:
                self.visit_call(f, gys)
            else:
                self.visit_operation(f, gys[0])
        return 0

    cdef int note(self, Handle y, object gy) except -1:
        if self.wanted is not None:
            if gy is not None and <size_t><PyObject *>y in self.wanted:
                self.wanted[<size_t><PyObject *>y] = gy
        elif self.retain_grad:
            if gy is not None:
                self.interior.append((y, gy))
        elif y.grad != NULL:
            self.interior.append((y, None))
        return 0

    cdef int visit_operation(self, Node f, object gy) except -1:
        cdef int i, n = f.rule.n_inputs
        xs = [operand_of(f, i, gy) for i in range(n)]
        for i in range(n):
            if f.edges[i].to == NULL or not self.leads_on(<object>f.edges[i].to, f.edges[i].slot):
                continue
            if f.rule.add_whole != NULL:
                gx = f.rule.gradient(i, gy, saved_value(f, 0, gy), parameter_of(f))
            else:
                y = gy
                if n == 1 and f.n_edges == 2:
                    y = as_it_was(<PyObject *>f, 0, saved_value(f, 1, gy))
                gx = (<tuple>f.rule.row_vjps)[i](self.xp, gy, y, *xs)
            like = saved_value(f, i, gy)
            self.add(<object>f.edges[i].to, f.edges[i].slot, self.fitted(gx, like))
        return 0

    cdef int visit_call(self, Node f, list gys) except -1:
        cdef Call call = call_of(f)
        cdef Call recorded = Call.__new__(Call)
        cdef Row row = call.row
        cdef int i
        cdef bint many = isinstance(call.y, tuple)
        recorded.row, recorded.kwargs, recorded.targets = row, call.kwargs, recorded.own
        xs = []
        for i in range(call.n_targets):
            value = call.operand(i)
            to = call.targets[i].to
            xs.append(value if to == NULL else as_it_was(to, call.targets[i].slot, value))
        operands = call.args[0] if row.sequence else call.args
        xs += operands[len(xs):]
        recorded.args = (tuple(xs), *call.args[1:]) if row.sequence else tuple(xs)
        ys = call.y if many else (call.y,)
        made = tuple([as_it_was(<PyObject *>f, i, ys[i]) for i in range(len(ys))])
        recorded.y = made if many else made[0]
        gy = tuple([
            variable(np.zeros_like(ys[i]), False) if gys[i] is None else gys[i]
            for i in range(len(ys))
        ]) if many else gys[0]
        for i in range(call.n_targets):
            if call.targets[i].to == NULL:
                continue
            if not self.leads_on(<object>call.targets[i].to, call.targets[i].slot):
                continue
            if not row.sequence and row.vjp[i] is zero:
                gx = np.zeros_like(call.operand(i))
            else:
                gx = row.differentiate(i, self.xp, gy, recorded)
            if gx is not None:
                gx = self.fitted(gx, call.operand(i))
                self.add(<object>call.targets[i].to, call.targets[i].slot, gx)
        return 0

    cdef int visit_function(self, Node f, list gys) except -1:
        cdef tuple inputs = <tuple>f.inputs
        cdef int i, n = len(inputs)
        cdef Handle x
        if f.rule != NULL and type(f).backward is OperationClass.backward:
            y = None  # its value, if no handle of it is left
            if handle_in(f, 0) == NULL:
                y = f.forward(*[value_of(x) for x in inputs])
            y = handle_for(<PyObject *>f, 0, y)
            gxs = tuple([
                (<tuple>f.rule.row_vjps)[i](self.xp, gys[0], y, *inputs) for i in range(n)
            ])
        elif isinstance(f, RowFunction) and type(f).backward is RowFunction.backward:
            gxs = self.by_row(f, gys, inputs)
        elif self.create_graph:
            gxs = call_recorded(f, gys, n)
        else:
            gys = [None if gy is None else value_of(gy) for gy in gys]
            inside = enter(self.ambient)  # its own backward may record, and walk, graphs
            try:
                gxs = call_backward(f, gys, n)
            finally:
                leave(inside)
            gxs = (gxs,) if n == 1 else gxs
        for i in range(n):
            x = inputs[i]
            if gxs[i] is not None and x.flags & REQUIRES_GRAD:
                gx = self.fitted(gxs[i], value_of(x))
                if x.creator != NULL:
                    self.add(<object>x.creator, x.slot, gx)
                else:
                    self.add(x, LEAF, gx)
        return 0

    cdef tuple by_row(self, Node f, list gys, tuple inputs):
        """Of an instance of a row's class that the program called itself."""
        cdef Row row = type(f).row
        cdef Call call = Call.__new__(Call)
        cdef int i
        ys = f._y if isinstance(f._y, tuple) else (f._y,)
        made = tuple([handle_for(<PyObject *>f, i, ys[i]) for i in range(len(ys))])
        call.row, call.targets = row, call.own
        call.args = (inputs,) if row.sequence else inputs
        call.y = made if isinstance(f._y, tuple) else made[0]
        gy = gys[0]
        if isinstance(f._y, tuple):
            gy = tuple([np.zeros_like(ys[i]) if gys[i] is None else gys[i] for i in range(len(ys))])
        return tuple([
            row.differentiate(i, self.xp, gy, call)
            if row.sequence or (i < len(row.vjp) and row.vjp[i] not in (None, zero)) else None
            for i in range(len(inputs))
        ])

    cdef bint leads_on(self, object to, int slot) except -1:
        return self.place(to, &slot) is not None

    cdef object fitted(self, object gx, object like):
        """`gx` as a Variable of the shape and dtype of `like`, by recorded operations."""
        cdef object xp = self.xp
        if not isinstance(gx, Handle):
            gx = variable(np.asarray(gx), False)
        if isinstance(like, Handle):
            like = value_of(like)
        like = np.asarray(like)
        cdef int n_leading = gx.ndim - like.ndim
        if gx.shape != like.shape:
            if n_leading > 0:
                gx = xp.sum(gx, axis=tuple(range(n_leading)))
            axes = tuple([
                i for i, (n, m) in enumerate(zip(like.shape, gx.shape)) if n == 1 != m
            ])
            if axes:
                gx = xp.sum(gx, axis=axes, keepdims=True)
            if gx.shape != like.shape:
                raise ValueError(f"backward: a gradient has shape {gx.shape}, expected "
                                 f"{like.shape}")
        if gx.dtype != like.dtype and like.dtype.kind in "fc":
            if gx.dtype.kind == "c" and like.dtype.kind == "f":
                gx = xp.real(gx)
            if gx.dtype != like.dtype:
                gx = gx.astype(like.dtype)
        return gx

    cdef object result(self, Handle x):
        """The gradient of a wanted Variable; None: none reached it."""
        cdef Entry entry
        if x.creator != NULL:
            return self.wanted[<size_t><PyObject *>x]
        entry = self.entries.get(<size_t><PyObject *>x)
        return None if entry is None else entry.gradients[0]


cdef object as_it_was(PyObject *to, int slot, object value):
    """The Variable at the end of an edge; one computed from it, if its data was assigned since."""
    cdef Handle x = handle_for(to, slot, value)
    cdef Handle was
    if value is None or is_stand_in(<PyObject *>value) or value_of(x) is value:
        return x
    now = value_of(x)
    if value.ndim == 0 and now is not None and now.ndim == 0:  # saved as a number, maybe
        if now.dtype == value.dtype and now.tobytes() == value.tobytes():
            return x
    import fastgrad.transforms as transforms

    was = transforms.identity(x)
    set_array(was, value)
    return was


cdef object operand_of(Node f, int i, object gy):
    """Operand `i` as a Variable, or as it is if it is a constant."""
    cdef Edge *edge = &f.edges[i]
    cdef object value = saved_value(f, i, gy)
    if edge.to == NULL:
        return value
    if isinstance(value, Handle):  # gy, for its shape: the elements are not read
        value = value_of(value)
        value = take_object(stand_in(<PyObject *>value))
    return as_it_was(edge.to, edge.slot, value)


def backward(Handle y not None, retain_grad, gy):
    """`y.backward(create_graph=True)`, beginning with the Variable `gy`."""
    cdef Entry entry
    cdef Handle x
    cdef RecordedRun run = RecordedRun(bool(retain_grad), True)
    import fastgrad.transforms as transforms

    before = enter(True)
    try:
        run.start(y, gy)
        with transforms.differentiating():
            run.walk()
        if y.creator == NULL:
            run.interior.append((y, run.xp.copy(gy)))
        made = []
        for entry in run.entries.values():
            if isinstance(entry.owner, Handle) and entry.owner is not y:
                x, gx = entry.owner, entry.gradients[0]
                if gx is not None:
                    if x.grad != NULL:
                        require_fit(<object>x.grad, gx)
                    # A copy: the gradients of two leaves may be one Variable.
                    made.append((x, run.xp.copy(gx) if x.grad == NULL else <object>x.grad + gx))
        for x, gx in run.interior:
            made.append((x, None if gx is None else run.xp.copy(gx)))
    finally:
        leave(before)
    # Leaf, gradient, graph, leaf: cycles, for the garbage collector to see. And all that may fail
    # comes before the first `.grad` is written.
    for x, gx in made:
        if gx is not None:
            make_collectable(x)
    _before = [shown_by(x) for x, _ in made]  # let go at the end
    for x, gx in made:
        set_grad(x, gx)


def recording(fun):
    """`fun`, with recording on while it runs."""
    def wrapped(*args, **kwargs):
        before = enter(True)
        try:
            return fun(*args, **kwargs)
        finally:
            leave(before)

    return wrapped


def gradients(list ys, list gys, list xs, bint prune, bint create_graph=True):
    """The gradients of the Variables `xs`, as Variables with a graph; None if not reached.

    `gys` are Variables of the shapes of `ys`. Without `create_graph` nothing is recorded. Nobody's
    `.grad` is touched, and with `prune` no node visited that does not lead from an output to one of
    `xs`.
    """
    cdef Handle y
    cdef dict wanted = {<size_t><PyObject *>x: None for x in xs}
    cdef set nodes = between(ys, wanted) if prune else None
    cdef RecordedRun run = RecordedRun(False, create_graph, wanted, nodes)
    before = enter(create_graph)
    try:
        for y, gy in zip(ys, gys):
            if y.flags & REQUIRES_GRAD:
                run.start(y, gy)
        run.walk()
    finally:
        leave(before)
    return [run.result(x) for x in xs]


cdef set between(list ys, dict wanted):
    """The addresses of the nodes on a way from `ys` to a wanted Variable."""
    cdef Node f
    cdef dict leads = {}  # by address: whether it does; None while that is being found out
    cdef list stack = []
    cdef Handle y
    owners = {}
    for y in ys:
        if y.creator != NULL:
            stack.append(<object>y.creator)
    while stack:
        f = stack[len(stack) - 1]
        key = <size_t><PyObject *>f
        if key not in leads:
            if f.flags & SPENT and not produces(f, wanted):
                raise not_walkable(f)
            leads[key] = None
            owners[key] = f
            for to in ends_of(f):
                if isinstance(to, Handle):
                    require_life(to)
                elif <size_t><PyObject *>to not in leads:
                    stack.append(to)
            continue
        stack.pop()
        if leads[key] is None:
            leads[key] = produces(f, wanted) or any([
                address(to) in wanted if isinstance(to, Handle) else leads.get(address(to))
                for to in ends_of(f)
            ])
    return {key for key, does in leads.items() if does}


def leaves(list ys):
    """The leaves that the Variables `ys` were computed from."""
    cdef Handle y
    cdef list stack = [y if y.creator == NULL else <object>y.creator for y in ys]
    cdef dict seen = {}
    while stack:
        x = stack.pop()
        if address(x) not in seen:
            seen[address(x)] = x
            if isinstance(x, Node):
                stack.extend(ends_of(x))
            else:
                require_life(x)
    return [x for x in seen.values() if isinstance(x, Handle) and (<Handle>x).flags & REQUIRES_GRAD]


cdef int require_life(Handle x) except -1:
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
    """What its edges lead to: nodes, and leaves."""
    cdef Call call
    cdef Handle x
    cdef list ends = []
    cdef int i, slot
    if f.inputs != NULL:
        for x in <tuple>f.inputs:
            ends.append(x if x.creator == NULL else <object>x.creator)
    elif f.flags & CALLED and f.n_edges:
        call = call_of(f)
        for i in range(call.n_targets):
            if call.targets[i].to != NULL:
                slot = call.targets[i].slot
                ends.append(past_moved(<object>call.targets[i].to, &slot))
    else:
        for i in range(f.n_edges):
            if f.edges[i].to != NULL:
                slot = f.edges[i].slot
                ends.append(past_moved(<object>f.edges[i].to, &slot))
    return ends


cdef object past_moved(object to, int *slot):
    """Where an edge ends, past a handle that the program moved: see NOTE [Moved] in _graph.pyx."""
    cdef int i
    if slot[0] != LEAF and (<Node>to).flags & HAS_MOVED:
        i = index_of(<Node>to, slot[0])
        if 0 <= i < (<Node>to).n_slots and is_moved(<PyObject *>to, i):
            to, slot[0] = <object>(<Node>to).slots[i].handle, LEAF
    if slot[0] == LEAF and (<Handle>to).creator != NULL:
        slot[0] = (<Handle>to).slot
        to = <object>(<Handle>to).creator
    return to
