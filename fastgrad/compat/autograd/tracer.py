"""Boxes, and functions that are recorded as a whole."""

import functools  # noqa: I001
import warnings

from fastgrad.compat.autograd.boxes import Box, getval, holds_box, isbox
from fastgrad.compat.autograd.primitives import call_primitive, notrace
from fastgrad.compat.autograd.tracing import (
    Node, TraceBox, VJPNode, new_box, trace, trace_stack, traced,
)  # fmt: skip
from fastgrad.compat.autograd.util import subvals, toposort  # noqa: F401
from fastgrad.compat.autograd.wrap_util import wraps
from fastgrad.variable import Variable

__all__ = [
    "Box", "Node", "getval", "isbox", "new_box", "notrace_primitive", "primitive",
    "register_notrace", "trace", "trace_stack",
]  # fmt: skip

CONTAINERS = (tuple, list, dict)
box_type_mappings = Box.type_mappings


def primitive(f_raw):
    """`f_raw` as a function that is recorded as a whole: `defvjp` and `defjvp` say its derivatives.

    Of plain arguments the result is what `f_raw` returns. Where a positional argument is a box or
    holds some, `f_raw` gets its value, and runs as outside of all functions that are being
    differentiated. It returns an array, a number, or a nest of tuples, lists and dicts of them.
    """

    @wraps(f_raw)
    def f_wrapped(*args, **kwargs):
        for x in args:
            if isinstance(x, Variable) or (isinstance(x, CONTAINERS) and holds_box(x)):
                return call_primitive(f_wrapped, args, kwargs)
            if isinstance(x, TraceBox):
                return traced(f_wrapped, args, kwargs)
        return f_raw(*args, **kwargs)

    f_wrapped.fun, f_wrapped.node = f_raw, None
    f_wrapped._is_autograd_primitive = True
    return with_old_methods(f_wrapped)


def notrace_primitive(f_raw):
    """`f_raw` as a function that gets the values of boxes, and whose result is plain."""

    @functools.wraps(f_raw, assigned=("__name__", "__doc__"))
    def f_wrapped(*args, **kwargs):
        return f_raw(*map(getval, args), **kwargs)

    f_wrapped._is_primitive = True
    return f_wrapped


def register_notrace(trace_type, primitive_fun):
    """Let the results of a primitive be plain where gradients are taken: `trace_type` is VJPNode.

    (For JVPNode it has no effect: forward mode goes the way of gradients.)
    """
    if issubclass(trace_type, VJPNode):
        notrace.add(primitive_fun)


def with_old_methods(f):
    """A primitive with the methods by which programs gave rules before autograd 1.2."""
    from fastgrad.compat.autograd.core import defvjp, defvjp_is_zero, vspace

    rules, zeros = {}, set()

    def method(name, register):
        def deprecated(*args, **kwargs):
            warnings.warn(f"The {name} method is deprecated, use defvjp(f, ...)", stacklevel=2)
            register(*args, **kwargs)

        setattr(f, name, deprecated)

    def register(rule, argnum=0):
        rules[argnum] = rule
        defvjp(f, *rules.values(), argnums=list(rules))

    def register_unstaged(rule, argnum=0):
        register(
            lambda ans, *args, **kwargs: (
                lambda g: rule(g, ans, vspace(args[argnum]), vspace(g), *args, **kwargs)
            ),
            argnum,
        )

    def register_zero(argnums=(0,)):
        zeros.update(argnums)
        defvjp_is_zero(f, sorted(zeros))

    method("defgrad", register)
    method("defvjp", register_unstaged)
    method("defvjp_is_zero", register_zero)
    return f
