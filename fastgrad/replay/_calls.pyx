"""What a schedule calls of compiled operations that have no instruction."""

from fastgrad._core.operation cimport call_forward
from fastgrad._core.rules cimport rule_of


def operation(cls):
    """The forward of a compiled operation, of arrays."""
    rule_of(cls)  # or an exception

    def forward(x0, x1=None):
        return call_forward(rule_of(cls), x0, x1)

    return forward


def operation_with(cls):
    """The same of one with a parameter."""
    rule_of(cls)

    def forward(x, parameter):
        return rule_of(cls).forward(x, parameter)

    return forward
