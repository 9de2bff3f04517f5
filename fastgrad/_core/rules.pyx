# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See rules.pxd."""

import numpy as np

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.graph cimport held, not_walkable, value_of
from fastgrad._core.node cimport (
    Handle, IN_PYTHON, Node, OF_ROW, RECORDED, SPENT, Y, adopt_nodes,
)
from fastgrad._core.operation cimport call_forward, call_vjp, gradient_of
from fastgrad._core.precision cimport as_read, widened
from fastgrad._core.stand_ins cimport recorded_inputs
from fastgrad._kernels.loops cimport import_numpy, native, take_object

import_numpy()

cdef dict rules = {}  # the address of the rule of each class


cdef int define(Rule *rule, cls, const char *name, int n_inputs, int uses0, int uses1, int loop,
                ForNumbers numbers, ForArrays arrays, AddGradient gradient) except -1:
    rule.n_inputs, rule.uses[0], rule.uses[1], rule.loop = n_inputs, uses0, uses1, loop
    rule.for_numbers, rule.for_arrays, rule.add_gradient = numbers, arrays, gradient
    return register(rule, cls, name)


cdef int define_with_parameter(Rule *rule, cls, const char *name, Forward forward, FastCall call,
                               AddWhole gradient) except -1:
    rule.n_inputs, rule.forward, rule.fast_call, rule.add_whole = 1, forward, call, gradient
    return register(rule, cls, name)


cdef int register(Rule *rule, cls, const char *name) except -1:
    rule.type, rule.name = <PyTypeObject *>cls, name
    rules[cls] = <size_t>rule
    adopt_nodes(rule.type)
    return 0


cdef const Rule *rule_of(cls) except NULL:
    return <const Rule *><size_t>rules[cls]


cdef FastCall attach(cls, object forward, tuple vjps, object batched) except? NULL:
    cdef Rule *rule = <Rule *><size_t>rules[cls]
    # What `where` is called with first, its condition, is no operand here.
    cdef Py_ssize_t first = len(vjps) - rule.n_inputs
    vjps, batched = vjps[first:], None if batched is None else (<tuple>batched)[first:]
    Py_INCREF(forward)
    Py_INCREF(vjps)
    Py_INCREF(batched)
    rule.row_forward, rule.row_vjps = <PyObject *>forward, <PyObject *>vjps
    rule.row_batched = <PyObject *>batched
    return rule.fast_call


cdef class Operation(Function):
    """A built-in operation. Its subclasses can be called, and subclassed, like any Function."""

    def __cinit__(self):
        for cls in type(self).__mro__:
            if cls in rules:
                self.rule = <const Rule *><size_t>rules[cls]
                break

    def forward(self, *xs):
        """The output's array, from the operands'."""
        cdef list operands = operands_of(self, list(xs))
        require_operands(self, len(operands))
        if self.rule.add_whole != NULL:  # its rule takes arrays alone
            operands = [np.asanyarray(xs[0])]
        return call_forward(self.rule, operands[0], operands[1] if len(operands) > 1 else None)

    def backward(self, gy):
        """The inputs' gradients, from the output's; the engine sums them to the inputs' shapes."""
        cdef int i
        cdef list xs, gxs, needed
        if self.flags & SPENT:
            raise not_walkable(self)
        if self.flags & OF_ROW:
            from fastgrad._core.row_function import backward_of  # which is made of all this

            return backward_of(self, (gy,))
        require_rule(self)
        if not self.flags & RECORDED:  # as the seed's, which for a sum read no operand
            gxs = [gradient_at(self.rule, i, gy, [None, None]) for i in range(self.rule.n_inputs)]
        elif not self.flags & IN_PYTHON:
            needed = [self.edges[i].to != NULL for i in range(self.rule.n_inputs)]
            own = held(self)
            gxs = [gradient_of(own, i, gy) if needed[i] else None for i in range(len(needed))]
        else:
            xs = operands_of(self, [native_value(x) for x in recorded_inputs(self)])
            require_operands(self, len(xs))
            gxs = [gradient_at(self.rule, i, gy, xs) if x.requires_grad else None
                   for i, x in enumerate(<tuple>self.kept)]
        return tuple(gxs) if len(gxs) > 1 else gxs[0]


cdef list operands_of(object f, list inputs):
    cdef const Rule *rule = (<Node>f).rule
    c = getattr(f, "c", None) if rule != NULL and rule.weak_x1 else None
    return inputs if c is None else [*inputs, c]


cdef object native_value(Handle x):
    """The data, as a record would have saved it."""
    cdef object value = value_of(x)
    return take_object(native(<PyObject *>value))


cdef object gradient_at(const Rule *rule, int i, object gy, list xs):
    x0, x1 = xs[0], xs[1] if len(xs) > 1 else None
    gy = widened(gy)
    y = gy  # as most VJPs read no output, and that of a sum needs no operands for it
    if rule.uses[0] & Y or rule.names_output:
        y = as_read(call_forward(rule, x0, x1), gy)
    return call_vjp(rule, rule.row_vjps, i, np, gy, y, as_read(x0, gy), as_read(x1, gy), None)


cdef int require_rule(Operation f) except -1:
    if f.rule == NULL:
        raise NotImplementedError(f"{type(f).__name__} is no built-in operation")
    return 0


cdef int require_operands(Operation f, int n) except -1:
    require_rule(f)
    if n != f.rule.n_inputs:
        raise TypeError(f"{f.rule.name.decode()}: {n} operands, expected {f.rule.n_inputs}")
    return 0


adopt_nodes(<PyTypeObject *>Operation)
