# cython: binding=False, nonecheck=True
# (What a program passes, None included, may come here: it gets an exception.)
"""Backward that is itself recorded: gradients are Variables, with a graph of their own.

By the same rows: a VJP gets Variables where it got arrays, and the namespace `fastgrad.numpy` for
`xp`, so that what it computes is recorded.
"""

cimport cython
from cpython.object cimport PyObject, PyTypeObject

from _thread import get_ident

import numpy as np

from fastgrad._core.config import enter, leave
from fastgrad._core.row import zero

from fastgrad._core.accumulate cimport zero_gradient
from fastgrad._core.arguments cimport any_variable
from fastgrad._core.collector cimport make_collectable
from fastgrad._core.ends cimport address, ends_of
from fastgrad._core.engine cimport gradients_by, walk
from fastgrad._core.function_backward cimport call_recorded, guarded
from fastgrad._core.watch cimport restored, watched
from fastgrad._core.stand_ins cimport variable_at
from fastgrad._core.graph cimport shown_by, value_of, variable
from fastgrad._kernels.loops cimport (
    import_numpy, is_exclusive, is_stand_in, native, stand_in, take_object,
)
from fastgrad._core.node cimport (
    Edge, HOLLOW, Handle, IN_PYTHON, Node, OF_ROW, REQUIRES_GRAD, Rule, reference_count,
)
from fastgrad._core.operation cimport call_forward, call_vjp, parameter_of, saved_value
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.row cimport Call, NOTHING, Row, call_of
from fastgrad._core.row_function cimport as_called, gradient_of_call, owned, whole
from fastgrad._core.classes cimport class_among
from fastgrad._core.results cimport end, show
from fastgrad._core.run cimport fit_in
from fastgrad._core.start cimport start
from fastgrad._core.view cimport handle_to_read

import_numpy()


cdef object namespace = None


cdef class RecordedRun(Run):
    def __cinit__(self, bint retain_grad, bint retain_graph, dict wanted=None):
        global namespace
        if namespace is None:
            import fastgrad.numpy as xp  # which is made of all the rest

            namespace = xp
        self.xp, self.directly = namespace, False

    cdef object lifted(self, object gx):
        if isinstance(gx, Handle):
            return gx
        return variable(np.asarray(gx), False, self.result_class())

    cdef PyTypeObject *result_class(self) noexcept:
        return NULL if self.cls is None else <PyTypeObject *>self.cls

    cdef object added(self, object g, object gx):
        return g + gx

    cdef object visible(self, Handle x, object gx, int n_own):
        # Leaf, gradient, graph, leaf: a cycle, for the garbage collector to see.
        make_collectable(x)
        # The gradients of two leaves may be one Variable, or one that the program has.
        if gx is shown_by(x) or reference_count(<PyObject *>gx) <= n_own and is_alone(gx):
            return gx
        return self.xp.copy(gx)

    cdef object as_it_was(self, PyObject *to, int slot, object value):
        """The Variable at the end of an edge; or one computed from it, if it has other data."""
        cdef Handle x = handle_to_read(to, slot, value, self.result_class())
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

    cdef object operand_of(self, Node f, int i, object gy):
        """Operand `i` as a Variable, or as it is if it is a constant."""
        cdef Edge *edge = &f.edges[i]
        cdef object value = saved_value(f, i, gy)
        if edge.to == NULL:
            return restored(value) if watched else value
        if isinstance(value, Handle):  # gy, for its shape: the elements are not read
            value = value_of(value)
            value = take_object(stand_in(<PyObject *>value))
        return self.as_it_was(edge.to, edge.slot, value)

    cdef object output_of(self, Node f, Node own, int i, object value):
        """Output `i` as a Variable: of `own`, if the program called `f` itself, see as_called."""
        if f.flags & IN_PYTHON:
            f = own
        return self.as_it_was(<PyObject *>f, f.first + i, value)

    cdef object opened_rule(self, Node f, Node own, object gy):
        """What the VJPs read: the gradient, the output and the operands."""
        cdef const Rule *rule = own.rule
        cdef int i, n = rule.n_inputs
        own_gy, gy = gy, widened(gy)
        if rule.add_whole != NULL:
            return gy, gy, saved_value(own, 0, gy), None
        xs = [as_read(self.operand_of(own, i, own_gy), gy) for i in range(n)]
        y = gy
        if n == 1 and own.n_edges == 2:
            y = as_read(self.output_of(f, own, 0, saved_value(own, 1, gy)), gy)
        elif rule.names_output:
            y = call_forward(rule, saved_value(own, 0, gy), None)
            y = as_read(self.output_of(f, own, 0, y), gy)
        return gy, y, xs[0], xs[1] if n > 1 else None

    cdef object by_rule(self, Node own, object opened, int i):
        gy, y, x0, x1 = opened
        return call_vjp(own.rule, own.rule.row_vjps, i, self.xp, gy, y, x0, x1, parameter_of(own))

    cdef object opened(self, Node f, Node own, Call call, list gys):
        """The call as its VJPs read it, of Variables, and their gradients."""
        cdef Call opened = Call.__new__(Call)
        cdef Row row = call.row
        cdef bint many = isinstance(call.y, tuple)
        cdef int i
        opened.row, opened.kwargs = row, call.kwargs
        xs = []
        for i in range(own.n_edges):
            value = call.operand(i)
            if own.edges[i].to != NULL:
                value = self.as_it_was(own.edges[i].to, own.edges[i].slot, value)
            xs.append(value)
        operands = call.args[0] if row.sequence else call.args
        xs += operands[len(xs):]
        if watched:
            xs = [restored(x) for x in xs]
        opened.args = (tuple(xs), *call.args[1:]) if row.sequence else tuple(xs)
        ys = call.y if many else (call.y,)
        made = tuple([self.output_of(f, own, i, ys[i]) for i in range(len(ys))])
        opened.y = made if many else made[0]
        gys = [None if gy is None else self.lifted(gy) for gy in gys]
        return opened, gys if row.ours else [guarded(gy) for gy in gys]

    cdef bint pulls(self, Row row, int i) except -1:
        """Whether the gradient for operand `i` is computed with arrays, for the JVP beside it."""
        return row.has_jvp(i) and (self.linear or row.saves == NOTHING)

    cdef object by_row(self, Node f, Call call, object opened, int i):
        cdef Row row = call.row
        cdef list gys = opened[1]
        if not row.sequence and row.vjp[i] is zero:
            return zero_gradient(call.operand(i))
        if self.pulls(row, i):
            return pullback_by(call, i, gys)
        return row.differentiate(i, self.xp, tuple(gys) if isinstance(call.y, tuple) else gys[0],
                                 opened[0])

    cdef tuple by_function(self, Node f, list gys, tuple inputs, object xs):
        return call_recorded(f, gys, inputs, xs)

    cdef object passed(self, object gx):
        if self.linear:
            raise RuntimeError("a hook sees the gradients of a jacobian row by row")
        return guarded(gx)

    cdef bint is_lost(self, object gx, object passed) except -1:
        return is_lost(None, gx, [passed], False)

    cdef int require(self, Node f, int i, object gx, list gys, object opened) except -1:
        cdef Row row
        if opened is None:  # a Function, which may have been released meanwhile
            return require_recorded(f, type(f).__name__, i, gx, gys, not self.linear)
        row = call_of(f).row
        if row.ours or (not row.sequence and row.vjp[i] is zero) or self.pulls(row, i):
            return 0
        return require_recorded(f, row.name, i, gx, opened[1],
                                row.saves != NOTHING and not self.linear)


cdef bint is_alone(Handle gx) noexcept:
    """Whether nobody else has its array."""
    return gx.array == NULL or is_exclusive(gx.array)


cdef int require_recorded(Node f, str name, int i, object gx, list gys, bint reads) except -1:
    """Raise if `gx`, made of the Variables `gys`, cannot be differentiated any further."""
    if is_lost(f, gx, gys, reads):
        raise RuntimeError(
            f"{name}: the gradient for input {i} was computed with arrays (what came is of type "
            f"{type(gx).__name__}, and has no graph), so it cannot be differentiated: compute it "
            "with the Variables that it is made of; or, in an op, declare jvp= beside vjp, "
            "saves=NOTHING if no operand is read, `zero` for a gradient of zeros")
    return 0


cdef bint is_lost(Node f, object gx, list gys, bint reads) except -1:
    """Whether `gx`, made of the Variables `gys` by `f`, has not the graph that it should have.

    It is linear in them: a Variable with a graph that leads to them, unless it was computed with
    arrays. That has lost what depends on a gradient which is differentiated for, or, if it `reads`
    operands, on one of these.
    """
    cdef bint some = False, all_of_them = True
    if gx is None:
        return False
    for gy in gys:
        if gx is gy:
            return False
        if gy is not None:
            some |= (<Handle>gy).flags & REQUIRES_GRAD
            all_of_them &= (<Handle>gy).flags & REQUIRES_GRAD
    if isinstance(gx, Handle):
        if not (<Handle>gx).flags & REQUIRES_GRAD:
            reads, some = False, some and all_of_them  # of constants alone, maybe a gradient
        elif (<Handle>gx).creator != NULL:
            reads, some = False, some and all_of_them and not leads_to(gx, gys, f)
    return some or reads


cdef enum:
    MOST_WALKED = 10_000  # nodes, of what one rule recorded


cdef bint leads_to(Handle gx, list gys, Node f) except -1:
    """Whether `gx`, recorded by the rule of `f`, was computed from one of `gys`."""
    cdef Handle gy
    cdef set seen = set(), ends = set()
    if f is not None:
        seen = {address(to) for to in ends_of(f)} | {address(f)}  # where it need not look
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


cdef object class_of_run(list begun):
    cdef PyTypeObject *cls = class_among(begun)
    return None if cls == NULL else <object>cls


def backward(Handle y not None, retain_grad):
    """`y.backward(create_graph=True)`."""
    from fastgrad.conversions import running

    cdef RecordedRun run = RecordedRun(bool(retain_grad), True)
    run.cls = class_of_run([y])
    thread = get_ident()
    outside = running.get(thread)
    before = enter(True)
    try:
        running[thread] = outside or ()  # what is taken in the middle is differentiated, too
        try:
            start(run, y)
            walk(run)
        finally:
            if outside is None:
                running.pop(thread, None)
        show(run)
    finally:
        leave(before)
        end(run)


def backward_of(Node f, tuple gys):
    """`f.backward(*gys)` of a compiled operation or a row: of arrays, or of Variables, recorded."""
    cdef Node own = as_called(f)
    cdef Run run = (RecordedRun if any_variable(gys) else Run)(False, True)
    cdef Call call
    cdef int i, n = f.n_edges
    cdef list gxs
    try:
        if own.flags & OF_ROW:
            call = call_of(own)
            gys = tuple(whole(call.row, gys, call.y if isinstance(call.y, tuple) else (call.y,)))
            opened = run.opened(f, own, call, list(gys))
            n = len(call.args[0] if call.row.sequence else call.args)
            gxs = [fit_in(run, run.by_row(own, call, opened, i), call.operand(i), call.row.name, i,
                          None)
                   if i < own.n_edges and own.edges[i].to != NULL else None for i in range(n)]
        else:
            opened = run.opened_rule(f, own, gys[0])
            if not f.flags & IN_PYTHON:
                n = own.rule.n_inputs
            gxs = [run.by_rule(own, opened, i)
                   if own.n_edges == 0 or own.edges[i].to != NULL else None for i in range(n)]
    finally:
        end(run)
    return tuple(gxs) if len(gxs) > 1 else gxs[0]


def recording(fun):
    """`fun`, with recording on while it runs."""
    def wrapped(*args, **kwargs):
        before = enter(True)
        try:
            return fun(*args, **kwargs)
        finally:
            leave(before)

    return wrapped


def gradients(list ys, list gys, list xs, bint prune=True, bint linear=False,
              bint hooks=True):
    """The gradients of the Variables `xs`, as Variables with a graph; None if not reached.

    `gys` are Variables of the shapes of `ys`. Nobody's `.grad` is touched, and with `prune` no node
    visited that does not lead from an output to one of `xs`. With `linear`, the result may be
    differentiated for `gys` alone. Without `hooks` none are called.
    """
    cdef RecordedRun run = RecordedRun(False, True, {<size_t><PyObject *>x: None for x in xs})
    run.linear, run.deaf, run.cls = linear, not hooks, class_of_run([*ys, *gys])
    before = enter(True)
    try:
        return gradients_by(run, ys, gys, xs, prune)
    finally:
        leave(before)
