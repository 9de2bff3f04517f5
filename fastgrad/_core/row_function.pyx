# cython: binding=False, nonecheck=True
# (So that a method called on the class checks the type of its `self`, None included; and what a
# program may have put in a place of ours gets an exception.)
"""See row_function.pxd."""

import numpy as np

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.accumulate cimport zero_gradient
from fastgrad._core.arguments cimport to_save
from fastgrad._core.fit cimport fit
from fastgrad._core.graph cimport as_recorded, held, not_walkable
from fastgrad._core.node cimport (
    Edge, Handle, IN_PYTHON, LEAF, OF_ROW, RECORDED, REQUIRES_GRAD, SAVED, SPENT, Y, adopt_nodes,
    handle_in, is_moved, make_edges, make_slots, new_node, new_node_of,
)
from fastgrad._core.objects cimport attributes
from fastgrad._core.operation cimport call_forward
from fastgrad._core.row cimport call_of, save
from fastgrad._core.rules cimport Operation, operands_of
from fastgrad._kernels.loops cimport import_numpy

from fastgrad._core.row import zero

import_numpy()


cdef list whole(Row row, gys, ys):
    if row.none_for_absent:
        return list(gys)
    return [zero_gradient(y) if gy is None else gy for gy, y in zip(gys, ys)]


cdef list owned(list gys):
    cdef object gy
    return [np.array(gy, subok=True) for gy in gys]


cdef object gradient_of_call(Call call, int i, object gy):
    cdef Row row = call.row
    cdef object x = call.operand(i)
    if not row.sequence and row.vjp[i] is zero:
        return zero_gradient(x)
    return fit(row.differentiate(i, np, gy, call), x, row.name, i, None)


cdef class RowFunction(Function):
    """What a row records. Its subclasses can be called, and subclassed, like any Function."""

    row = None

    def __reduce_ex__(self, protocol):
        made = super().__reduce_ex__(protocol)
        cdef Row row = type(self).row
        if row is None or row._function is not type(self):
            return made
        # Its class is no module's attribute: pickled by the row, which is.
        return new_function, (row,), *made[2:]

    def forward(self, *xs):
        """The output's array, from the operands'."""
        cdef Row row = row_of(self)
        y = row.forward(xs) if row.sequence else row.forward(*xs)
        self._many = isinstance(y, (tuple, list))
        return tuple(y) if self._many else y

    def backward(self, *gys):
        """The inputs' gradients, from the output's."""
        from fastgrad._core.recorded import backward_of  # which is made of all this

        return backward_of(self, gys)


def output_at(Node f not None, int slot):
    """What a node of a row keeps of an output: its data, or what stands for them."""
    if not f.flags & OF_ROW:
        raise TypeError(f"{type(f).__name__} is no node of a row, or was released")
    y = call_of(f).y
    return y[slot] if isinstance(y, tuple) else y


cdef bint is_built_in(Function f) except -1:
    return (f.rule != NULL or isinstance(f, RowFunction)) and inherits(f, "backward")


cdef bint inherits(Function f, str name) except -1:
    """Whether that method is not the program's own."""
    cdef PyObject *own = attributes(<PyObject *>f)[0]
    cdef tuple inherited = (getattr(Operation, name), getattr(RowFunction, name))
    return getattr(type(f), name) in inherited and (own == NULL or name not in <dict>own)


cdef Node as_called(Function f):
    if f.flags & IN_PYTHON or not f.flags & (RECORDED | SPENT):
        return operation_by(f) if f.rule != NULL else call_by(f, row_of(f))
    return held(f)


cdef Node operation_by(Function f):
    """The node that a call of the compiled operation records: of no operands, before a call."""
    cdef Node own = new_node(f.rule)
    cdef list xs = take_inputs(f, own, None)
    cdef object more = None  # that it saves: an exponent, or the output
    if not xs and f.flags & RECORDED:
        raise not_walkable(f)  # released, by the garbage collector a moment ago
    if xs or f.rule.uses[0] & Y:  # (the gradients of a sum read no operand)
        xs = operands_of(f, xs)
        if len(xs) > own.n_edges:
            more = xs[1]
        elif f.rule.uses[0] & Y:
            more = np.asanyarray(call_forward(f.rule, xs[0], None))
    if more is not None:
        save(&own.edges[1], more)
        own.n_edges = 2
    make_slots(own, 1)
    own.flags = RECORDED
    return own


cdef Node call_by(Function f, Row row):
    """The node that a call of the row records."""
    cdef Node own = new_node_of(<PyTypeObject *>row.Function)
    cdef list xs = take_inputs(f, own, row)
    if not xs:
        raise not_walkable(f)
    cdef Call call = Call.__new__(Call)
    cdef int n = row.n_operands()
    if not row.sequence:
        xs = xs[:n] + [x[()] for x in xs[n:]]  # parameters: numbers, before they were Variables
    call.row, call.y = row, output_of(f, row, xs)
    xs = [to_save(x, True) for x in xs]
    call.args = (tuple(xs),) if row.sequence else tuple(xs)
    Py_INCREF(call)
    own.kept, own.flags = <PyObject *>call, OF_ROW | RECORDED
    make_slots(own, len(call.y) if isinstance(call.y, tuple) else 1)
    return own


cdef object output_of(Function f, Row row, list xs):
    """What the row made of `xs`: it is in the outputs of `f`, if these live; or makes it again."""
    cdef PyObject *y
    cdef int slot
    cdef list ys = []
    for slot in range(f.n_slots):
        y = handle_in(f, slot)
        if y != NULL and not is_moved(<PyObject *>f, slot):
            ys.append(as_recorded(<Handle>y))
    if len(ys) < f.n_slots or not inherits(f, "forward"):
        made = row.forward(tuple(xs)) if row.sequence else row.forward(*xs)
        if not isinstance(made, (tuple, list)):
            return np.asanyarray(made)
        ys = list(made)
    elif not f._many:
        return ys[0]
    return tuple([np.asanyarray(part) for part in ys])


cdef list take_inputs(Function f, Node own, Row row):
    """Give `own` the edges and the generation of `f`; the data of its inputs.

    No edge leads to an input that needs no gradient, or for which there is no VJP.
    """
    cdef Edge *edge
    cdef int i
    cdef list xs = []
    make_edges(own, f.n_edges)
    own.generation = f.generation
    for i in range(f.n_edges):
        edge = &f.edges[i]
        x = <object>edge.saved.array if edge.flags & SAVED else None
        save(&own.edges[i], x)
        xs.append(x)
        if (<Handle>edge.to).flags & REQUIRES_GRAD and (
                row is None or row.sequence or i < len(row.vjp) and row.vjp[i] is not None):
            Py_INCREF(<object>edge.to)
            own.edges[i].to, own.edges[i].slot = edge.to, LEAF
    return xs


adopt_nodes(<PyTypeObject *>RowFunction)


cdef Row row_of(Function f):
    cdef object row = getattr(type(f), "row", None)
    if not isinstance(row, Row):
        raise NotImplementedError(f"{type(f).__name__} is no built-in operation")
    return row


def new_function(row):
    """A Function of a row, not called yet: what a pickle of one holds."""
    return row.Function()
