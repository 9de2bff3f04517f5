"""What runs a program."""

from fastgrad._core.node cimport Rule
from fastgrad._core.operation cimport call_forward
from fastgrad._core.rules cimport rule_of


def operation(cls):
    """The forward of a compiled operation, of arrays."""
    cdef const Rule *rule = rule_of(cls)

    def forward(x0, x1=None):
        return call_forward(rule_of(cls), x0, x1)

    return forward


def operation_with(cls):
    """The same of one with a parameter."""
    cdef const Rule *rule = rule_of(cls)

    def forward(x, parameter):
        return rule_of(cls).forward(x, parameter)

    return forward
