"""Python's containers and questions of type, for boxes too.

A box of a container is one, so these classes do what Python's do; what they make of boxes are the
boxes of `autograd`.
"""

import builtins

from fastgrad.compat.autograd.boxes import DictBox, SequenceBox, boxed  # noqa: F401
from fastgrad.compat.autograd.tracer import notrace_primitive
from fastgrad.compat.autograd.vspaces import (  # noqa: F401
    ContainerVSpace,
    DictVSpace,
    ListVSpace,
    NamedTupleVSpace,
    SequenceVSpace,
    TupleVSpace,
)

isinstance_, type_ = isinstance, type
tuple_, list_, dict_ = tuple, list, dict


class Container(type_):
    """The class of `tuple`, `list` and `dict`: Python's own, and boxes, are instances of them."""

    def __instancecheck__(cls, x):
        return isinstance_(x, cls.plain)

    def __call__(cls, *args, **kwargs):
        """A container of that kind, or a box of one."""
        return boxed(cls.plain(*args, **kwargs))


class tuple(tuple_, metaclass=Container):
    """`tuple`; of boxes, a box."""

    plain = tuple_


class list(list_, metaclass=Container):
    """`list`; of boxes, a box."""

    plain = list_


class dict(dict_, metaclass=Container):
    """`dict`; of boxes, a box."""

    plain = dict_


isinstance = notrace_primitive(builtins.isinstance)
type = notrace_primitive(builtins.type)
