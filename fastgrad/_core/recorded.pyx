# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""Backward that is itself recorded: gradients are Variables, with a graph of their own.

The same walk as in engine.pyx, by the same rows: a VJP gets Variables where it got arrays, and the
namespace `fastgrad.numpy` for `xp`, so that what it computes is recorded. Whatever is in flight is
kept here, in dicts: this is for derivatives of derivatives, where the VJPs are what costs.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject

import numpy as np

from fastgrad._core.config import enter, get, leave
from fastgrad._core.engine import write
from fastgrad._core.operation import Operation as OperationClass
from fastgrad._core.row import RowFunction, zero

from fastgrad._core.accumulate cimport gradient_dtype, zero_gradient
from fastgrad._core.collector cimport make_collectable
from fastgrad._core.debug cimport check_if_noted
from fastgrad._core.function cimport required_gradient
from fastgrad._core.function_backward cimport call_backward, call_recorded, guarded
from fastgrad._core.graph cimport (
    as_recorded, called_again, ended, held, not_walkable, require_fit, shown_by, value_of,
    variable,
)
from fastgrad._kernels.loops cimport (
    holds_integers, import_numpy, is_array, is_stand_in, native, same_dtype, same_shape, stand_in,
    take_object,
)
from fastgrad._core.node cimport (
    ENDED, Edge, HAS_MOVED, HOLLOW, Handle, IN_PYTHON, LEAF, Node, OF_ROW, RECORDED, REQUIRES_GRAD,
    SPENT, handle_in, index_of, is_moved,
)
from fastgrad._core.operation cimport call_forward, call_vjp, parameter_of, saved_value
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.queue cimport pop, push, release
from fastgrad._core.row cimport (
    Call, NOTHING, Row, call_of, gradient_of_call, owned, row_of, whole,
)
from fastgrad._core.row cimport required_gradient as required_of_rule
from fastgrad._core.stand_ins cimport (
    recorded_data, recorded_inputs, recorded_value, variable_at,
)
from fastgrad._core.view cimport handle_to_read

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
                entry.first = (<Node>owner).first
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
        cdef Handle y
        entry.gradients = None  # a node is visited once
        if not f.flags & RECORDED or f.flags & SPENT:
            raise not_walkable(f)
        if f.first != entry.first:
            raise called_again(f)  # since it was queued, by code in the middle
        check_if_noted(f)
        for slot in range(len(gys)):
            if handle_in(f, slot) != NULL and not is_moved(<PyObject *>f, slot):
                y = <Handle>handle_in(f, slot)
                self.note(y, gys[slot])
        if any([gy is not None for gy in gys]):
            if f.flags & IN_PYTHON:
                self.visit_function(f, gys)
            elif f.flags & OF_ROW:
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
        cdef Node own = held(f)  # the VJPs run any code, which may release `f`
        cdef int i, n = own.rule.n_inputs
        own_gy, gy = gy, widened(gy)
        xs = [as_read(operand_of(own, i, own_gy), gy) for i in range(n)]
        for i in range(n):
            if own.edges[i].to == NULL:
                continue
            to = <object>own.edges[i].to
            if not self.leads_on(to, own.edges[i].slot):
                continue
            if own.rule.add_whole != NULL:
                gx = call_vjp(own.rule, own.rule.row_vjps, i, self.xp, gy, gy,
                              saved_value(own, 0, gy), None, parameter_of(own))
            else:
                y = gy
                if n == 1 and own.n_edges == 2:
                    y = as_read(as_it_was(<PyObject *>f, 0, saved_value(own, 1, gy)), gy)
                elif own.rule.names_output:
                    y = call_forward(own.rule, saved_value(own, 0, gy), None)
                    y = as_read(as_it_was(<PyObject *>f, 0, y), gy)
                gx = (<tuple>own.rule.row_vjps)[i](self.xp, gy, y, *xs)
            like = saved_value(own, i, own_gy)
            self.add(to, own.edges[i].slot, self.fitted(gx, like))
        return 0

    cdef int visit_call(self, Node f, list gys) except -1:
        cdef Node own = held(f)
        cdef Call call = call_of(own)
        cdef Call recorded = Call.__new__(Call)
        cdef Row row = call.row
        cdef int i
        cdef bint many = isinstance(call.y, tuple)
        recorded.row, recorded.kwargs = row, call.kwargs
        xs = []
        for i in range(own.n_edges):
            value = call.operand(i)
            if own.edges[i].to != NULL:
                value = as_it_was(own.edges[i].to, own.edges[i].slot, value)
            xs.append(value)
        operands = call.args[0] if row.sequence else call.args
        xs += operands[len(xs):]
        recorded.args = (tuple(xs), *call.args[1:]) if row.sequence else tuple(xs)
        ys = call.y if many else (call.y,)
        made = tuple([as_it_was(<PyObject *>f, i, ys[i]) for i in range(len(ys))])
        recorded.y = made if many else made[0]
        gy = tuple([
            gy if gy is None or isinstance(gy, Handle) else variable(gy, False)
            for gy in whole(row, gys, ys)
        ]) if many else gys[0]
        if not row.ours:
            gy = tuple([guarded(g) for g in gy]) if many else guarded(gy)
        for i in range(own.n_edges):
            if own.edges[i].to == NULL:
                continue
            if not self.leads_on(<object>own.edges[i].to, own.edges[i].slot):
                continue
            if not row.sequence and row.vjp[i] is zero:
                gx = zero_gradient(call.operand(i))
            elif self.create_graph and row.has_jvp(i) and (self.linear or row.saves == NOTHING):
                gx = pullback_by(call, i, list(gy) if many else [gy])
            else:
                gx = row.differentiate(i, self.xp, gy, recorded)
                if gx is not None and not row.ours:
                    required_of_rule(row, i, gx, np.asarray(call.operand(i)))
                if self.create_graph and not row.ours:
                    require_recorded(f, row.name, i, gx, list(gy) if many else [gy],
                                     row.saves != NOTHING and not self.linear)
            if gx is not None:
                gx = self.fitted(gx, call.operand(i))
                self.add(<object>own.edges[i].to, own.edges[i].slot, gx)
        return 0

    cdef int visit_function(self, Node f, list gys) except -1:
        cdef tuple inputs = <tuple>f.kept
        cdef object xs = recorded_data(f)
        cdef int i, n = len(inputs)
        cdef Handle x
        if f.rule != NULL and type(f).backward is OperationClass.backward:
            if handle_in(f, 0) == NULL:
                y = f.forward(*[recorded_value(xs, i, n) for i in range(n)])
            else:
                y = as_recorded(<Handle>handle_in(f, 0))
            y = as_it_was(<PyObject *>f, 0, np.asanyarray(y))
            gy = widened(gys[0])
            vs = [as_read(x, gy) for x in recorded_inputs(f)]
            gxs = tuple([  # (of a parameter, None where it was called by hand)
                call_vjp(f.rule, f.rule.row_vjps, i, self.xp, gy, y, vs[0], vs[n - 1], None)
                for i in range(n)
            ])
        elif isinstance(f, RowFunction) and type(f).backward is RowFunction.backward:
            gxs = self.by_row(f, gys, recorded_inputs(f))
        elif self.create_graph:
            gxs, gys = call_recorded(f, gys, inputs, xs)
            for i in range(n):
                if (<Handle>inputs[i]).flags & REQUIRES_GRAD:
                    required_gradient(f, i, gxs[i], recorded_value(xs, i, n), gys)
                    require_recorded(f, type(f).__name__, i, gxs[i], gys, not self.linear)
        else:
            gys = [None if gy is None else value_of(gy).copy() for gy in gys]
            inside = enter(self.ambient)  # its own backward may record, and walk, graphs
            try:
                gxs = call_backward(f, gys, inputs, xs)
            finally:
                leave(inside)
            gxs = (gxs,) if n == 1 else gxs
        for i in range(n):
            x, gx, like = inputs[i], gxs[i], recorded_value(xs, i, n)
            if not x.flags & REQUIRES_GRAD or required_gradient(f, i, gx, like, gys) is None:
                continue
            gx = self.fitted(gx, gx if like is None else like)
            if x.creator != NULL:
                self.add(<object>x.creator, x.slot, gx)
            else:
                self.add(x, LEAF, gx)
        return 0

    cdef tuple by_row(self, Node f, list gys, tuple inputs):
        """Of an instance of a row's class that the program called itself."""
        cdef Row row = row_of(f)
        cdef Call call = Call.__new__(Call)
        cdef int i
        ys = f._y if isinstance(f._y, tuple) else (f._y,)
        made = tuple([
            as_it_was(<PyObject *>f, i, np.asanyarray(ys[i])) for i in range(len(ys))
        ])
        call.row = row
        call.args = (inputs,) if row.sequence else inputs
        call.y = made if isinstance(f._y, tuple) else made[0]
        gy = gys[0]
        if isinstance(f._y, tuple):
            gy = tuple(whole(row, gys, ys))
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
        if not is_array(<PyObject *>like):
            like = np.asarray(like)
        if has_dtype_and_shape_of(value_of(gx), like):
            return gx
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
        dtype = gradient_dtype(like.dtype)
        if gx.dtype != dtype and dtype.kind in "fc":
            if gx.dtype.kind == "c" and dtype.kind == "f":
                gx = xp.real(gx)
            if gx.dtype != dtype:
                gx = gx.astype(dtype)
        return gx

    cdef object result(self, Handle x):
        """The gradient of a wanted Variable; None: none reached it."""
        cdef Entry entry
        if x.creator != NULL:
            return self.wanted[<size_t><PyObject *>x]
        entry = self.entries.get(<size_t><PyObject *>x)
        return None if entry is None else entry.gradients[0]


cdef int require_recorded(Node f, str name, int i, object gx, list gys, bint reads) except -1:
    """Raise if `gx`, made of the Variables `gys`, cannot be differentiated any further.

    It is linear in them: a Variable with a graph that leads to them, unless it was computed with
    arrays. That has lost what depends on a gradient which is differentiated for, or, if it `reads`
    operands, on one of these.
    """
    cdef bint some = False, all_of_them = True
    if gx is None:
        return 0
    for gy in gys:
        if gx is gy:
            return 0
        if gy is not None:
            some |= (<Handle>gy).flags & REQUIRES_GRAD
            all_of_them &= (<Handle>gy).flags & REQUIRES_GRAD
    if isinstance(gx, Handle):
        if not (<Handle>gx).flags & REQUIRES_GRAD:
            reads, some = False, some and all_of_them  # of constants alone, maybe a gradient
        elif (<Handle>gx).creator != NULL:
            reads, some = False, some and all_of_them and not leads_to(gx, gys, f)
    if some or reads:
        raise RuntimeError(
            f"{name}: the gradient for input {i} was computed with arrays (what came is of type "
            f"{type(gx).__name__}, and has no graph), so it cannot be differentiated: compute it "
            "with the Variables that it is made of; or, in an op, declare jvp= beside vjp, "
            "saves=NOTHING if no operand is read, `zero` for a gradient of zeros")
    return 0


cdef enum:
    MOST_WALKED = 10_000  # nodes, of what one rule recorded


cdef bint leads_to(Handle gx, list gys, Node f) except -1:
    """Whether `gx`, recorded by the rule of `f`, was computed from one of `gys`."""
    cdef Handle gy
    cdef set seen = {address(to) for to in ends_of(f)} | {address(f)}  # where it need not look
    cdef set ends = set()
    cdef list stack = [<object>gx.creator]
    for gy in gys:
        if gy is not None:
            ends.add(<size_t>gy.creator if gy.creator != NULL else address(gy))
    while stack and len(seen) < MOST_WALKED:
        x = stack.pop()
        if address(x) in ends:
            return True
        if isinstance(x, Node) and address(x) not in seen:
            seen.add(address(x))
            stack.extend(ends_of(x))
    return len(stack) > 0


@cython.final
cdef class Pullback:
    # A VJP with the JVP that was declared beside it: each is the transpose of the other, and so the
    # rule of the other, in the gradients of the outputs. (In the operands they are not linear.)
    cdef Call call
    cdef int i

    def pull(self, gys):
        """The gradient for its operand, from those of the outputs."""
        gys = owned(list(gys))
        return gradient_of_call(self.call, self.i,
                                tuple(gys) if isinstance(self.call.y, tuple) else gys[0])

    def push(self, xp, int k, dx):
        """The derivative of output `k` along `dx`; None: zero."""
        cdef Row row = self.call.row
        cdef bint many = isinstance(self.call.y, tuple)
        dy, y = row.push(self.i, xp, dx, self.call), self.call.y
        if many:
            if not isinstance(dy, (tuple, list)) or len(dy) != len(y):
                raise TypeError(f"{row.name}: the JVP for operand {self.i} returned a "
                                f"{type(dy).__name__}, expected a tuple of {len(y)}")
            dy, y = dy[k], y[k]
        if dy is not None and np.shape(dy) != y.shape:
            try:
                dy = xp.broadcast_to(dy, y.shape)
            except ValueError:
                raise ValueError(f"{row.name}: the JVP for operand {self.i} has shape "
                                 f"{np.shape(dy)}, expected {y.shape}") from None
        return dy


cdef object pullback_by(Call call, int i, list gys):
    from fastgrad.transforms.arguments import pullback

    cdef Pullback rule = Pullback.__new__(Pullback)
    rule.call, rule.i = call, i
    return pullback(gys, rule)


cdef inline bint has_dtype_and_shape_of(object gx, object like) noexcept:
    """Whether an array, or None, is a gradient for `like` as it is."""
    if gx is None or holds_integers(<PyObject *>like):
        return False
    cdef PyObject *g = <PyObject *>gx
    return same_shape(g, <PyObject *>like) and same_dtype(g, <PyObject *>like)


cdef object as_it_was(PyObject *to, int slot, object value):
    """The Variable at the end of an edge; one computed from it, if its data was assigned since."""
    cdef Handle x = handle_to_read(to, slot, value)
    if x.flags & HOLLOW and value is not None:
        return variable_at(x, value)
    cdef object now = value_of(x)
    if value is None or now is value:
        return x
    if is_stand_in(<PyObject *>value):
        if now is None or now.dtype.isnative:
            return x
        value = take_object(native(<PyObject *>now))
    elif value.ndim == 0 and now is not None and now.ndim == 0:  # saved as a number, maybe
        if now.dtype == value.dtype and now.tobytes() == value.tobytes():
            return x
    return variable_at(x, value)


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
    cdef RecordedRun run = RecordedRun(bool(retain_grad), True)
    import fastgrad.transforms as transforms

    before = enter(True)
    try:
        run.start(y, gy)
        with transforms.differentiating():
            run.walk()
        if y.creator == NULL:
            run.interior.append((y, gy))
        write(lambda: prepared(run, y))
    finally:
        leave(before)


cdef list prepared(RecordedRun run, Handle y):
    """For `write`: all that may fail, or run Python code, before the first `.grad` is written."""
    cdef Entry entry
    cdef Handle x
    cdef list made = []
    for entry in list(run.entries.values()):
        if isinstance(entry.owner, Handle) and entry.owner is not y:
            x, gx = entry.owner, entry.gradients[0]
            if gx is not None:
                # A copy: the gradients of two leaves may be one Variable.
                old = shown_by(x)
                if old is not None:
                    require_fit(old, gx)
                new = run.xp.copy(gx) if old is None else old + gx
                made.append((x, new, value_of(gx), old))
    for x, gx in run.interior:
        made.append((x, None if gx is None else run.xp.copy(gx), None, None))
    # Leaf, gradient, graph, leaf: cycles, for the garbage collector to see.
    for x, gx, _, _ in made:
        if gx is not None:
            make_collectable(x)
    return made


def recording(fun):
    """`fun`, with recording on while it runs."""
    def wrapped(*args, **kwargs):
        before = enter(True)
        try:
            return fun(*args, **kwargs)
        finally:
            leave(before)

    return wrapped


def gradients(list ys, list gys, list xs, bint prune, bint create_graph=True, bint linear=False):
    """The gradients of the Variables `xs`, as Variables with a graph; None if not reached.

    `gys` are Variables of the shapes of `ys`. Without `create_graph` nothing is recorded. Nobody's
    `.grad` is touched, and with `prune` no node visited that does not lead from an output to one of
    `xs`. With `linear`, the result may be differentiated for `gys` alone.
    """
    cdef Handle y
    cdef dict wanted = {<size_t><PyObject *>x: None for x in xs}
    cdef set nodes = between(ys, wanted) if prune else None
    cdef RecordedRun run = RecordedRun(False, create_graph, wanted, nodes)
    run.linear = linear
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
    cdef dict ends = {}  # what its edges led to when they were looked at: they may be spent since
    cdef list stack = []
    cdef Handle y
    cdef bint single = len(wanted) == 1  # which nothing leads to that it was computed from
    owners = {}
    for y in ys:
        if y.creator != NULL:
            stack.append(<object>y.creator)
    while stack:
        f = stack[len(stack) - 1]
        key = <size_t><PyObject *>f
        if key not in leads:
            ends[key] = ends_of(f)
            if f.flags & SPENT and not produces(f, wanted):
                raise not_walkable(f)
            leads[key] = None
            owners[key] = f
            if single and produces(f, wanted):
                continue
            for to in ends[key]:
                if isinstance(to, Handle):
                    require_life(to)
                elif <size_t><PyObject *>to not in leads:
                    stack.append(to)
            continue
        stack.pop()
        if leads[key] is None:
            leads[key] = produces(f, wanted) or any([
                address(to) in wanted if isinstance(to, Handle) else leads.get(address(to))
                for to in ends[key]
            ])
    return {key for key, does in leads.items() if does}


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
    cdef list ends = []
    cdef int i, slot
    for i in range(f.n_edges):
        if f.edges[i].to != NULL:
            slot = f.edges[i].slot
            ends.append(past_moved(<object>f.edges[i].to, &slot))
    return ends


cdef object past_moved(object to, int *slot):
    """Where an edge ends, past a handle that the program moved: see NOTE [Moved] in graph.pyx."""
    cdef int i
    if slot[0] != LEAF and (<Node>to).flags & HAS_MOVED:
        i = index_of(<Node>to, slot[0])
        if 0 <= i < (<Node>to).n_slots and is_moved(<PyObject *>to, i):
            to, slot[0] = <object>(<Node>to).slots[i].handle, LEAF
    if slot[0] == LEAF and (<Handle>to).creator != NULL:
        slot[0] = (<Handle>to).slot
        to = <object>(<Handle>to).creator
    return to
