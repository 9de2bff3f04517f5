# cython: binding=False
# (So that a method called on the class checks the type of its `self`, None included.)
"""See rules.pxd."""

import numpy as np

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF

from fastgrad._core.node cimport Node, adopt_nodes
from fastgrad._core.operation cimport call_forward

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
        if self.rule.add_whole != NULL:  # its rule takes arrays alone
            operands = [np.asanyarray(xs[0])]
        return call_forward(self.rule, operands[0], operands[1] if len(operands) > 1 else None)

    def backward(self, gy):
        """The inputs' gradients, from the output's; the engine sums them to the inputs' shapes."""
        from fastgrad._core.recorded import backward_of  # which is made of all this

        return backward_of(self, (gy,))


cdef list operands_of(Node f, list inputs):
    if f.rule == NULL:
        raise NotImplementedError(f"{type(f).__name__} is no built-in operation")
    c = getattr(f, "c", None) if f.rule.weak_x1 else None
    if c is not None:
        inputs = [*inputs, c]
    if len(inputs) != f.rule.n_inputs:
        raise TypeError(f"{f.rule.name.decode()}: {len(inputs)} operands, expected "
                        f"{f.rule.n_inputs}")
    return inputs


adopt_nodes(<PyTypeObject *>Operation)
