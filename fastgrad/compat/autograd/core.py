"""Rules of primitives, and derivatives of functions of one argument."""

import sys
from itertools import count

from fastgrad._core import engine
from fastgrad._core.ends import leaves
from fastgrad.compat.autograd.boxes import Box, getval, isbox  # noqa: F401
from fastgrad.compat.autograd.differentiated import Differentiated, as_given
from fastgrad.compat.autograd.primitives import primitive_jvps, primitive_vjps
from fastgrad.compat.autograd.tracer import primitive, toposort, trace  # noqa: F401
from fastgrad.compat.autograd.tracing import JVPNode, Node, VJPNode  # noqa: F401
from fastgrad.compat.autograd.util import subval
from fastgrad.compat.autograd.vspaces import SparseObject, VSpace, vspace  # noqa: F401
from fastgrad.transforms.first_order import started

# --- derivatives ---


def make_vjp(fun, x):
    """The function that pulls a gradient of `fun(x)` back to `x`, and the value `fun(x)`."""
    call = Differentiated(fun, x)
    return call.vjp, call.result()


def make_jvp(fun, x):
    """The function that returns the value `fun(x)` and its derivative along a tangent."""

    def jvp(v):
        call = Differentiated(fun, x)
        return call.result(), call.push(v)

    return jvp


# --- rules ---


def defvjp_argnums(fun, vjpmaker):
    """Let `vjpmaker(argnums, ans, args, kwargs)(g)` return the gradients for these arguments.

    A function of `autograd.numpy` becomes a primitive with that rule: there, by that name.
    """
    primitive_vjps[as_primitive(fun)] = vjpmaker


def defvjp_argnum(fun, vjpmaker):
    """Let `vjpmaker(argnum, ans, args, kwargs)(g)` return the gradient for that argument."""

    def maker(argnums, ans, args, kwargs):
        pulls = [vjpmaker(argnum, ans, args, kwargs) for argnum in argnums]
        return lambda g: [pull(g) for pull in pulls]

    defvjp_argnums(fun, maker)


def defvjp(fun, *vjpmakers, argnums=None):
    """Let `maker(ans, *args, **kwargs)(g)` return the gradient for an argument: one maker for each.

    None for an argument whose gradient is zero. `argnums` are the arguments, if not the first ones.
    """
    makers = rules_of("VJP", fun, vjpmakers, argnums)

    def maker(argnums, ans, args, kwargs):
        pulls = []
        for i in argnums:
            rule = rule_for("VJP", fun, makers, i, argnums)
            pulls.append(rule and rule(ans, *args, **kwargs))
        return lambda g: [pull and pull(g) for pull in pulls]

    defvjp_argnums(fun, maker)


def defjvp_argnums(fun, jvpmaker):
    """Let `jvpmaker(argnums, gs, ans, args, kwargs)` return the derivative along `gs`."""
    primitive_jvps[as_primitive(fun)] = jvpmaker


def defjvp_argnum(fun, jvpmaker):
    """Let `jvpmaker(argnum, g, ans, args, kwargs)` return the derivative along `g`."""

    def maker(argnums, gs, ans, args, kwargs):
        return added([
            jvpmaker(argnum, g, ans, args, kwargs) for argnum, g in zip(argnums, gs, strict=True)
        ])  # fmt: skip

    defjvp_argnums(fun, maker)


def defjvp(fun, *jvpfuns, argnums=None):
    """Let `rule(g, ans, *args, **kwargs)` return the derivative along `g`: one for each argument.

    "same" where the function is linear in the argument, None where it does not depend on it.
    """
    rules = rules_of("JVP", fun, jvpfuns, argnums, "same")

    def maker(argnums, gs, ans, args, kwargs):
        terms = []
        for i, g in zip(argnums, gs, strict=True):
            rule = rule_for("JVP", fun, rules, i, argnums)
            if rule == "same":
                terms.append(fun(*subval(args, i, g), **kwargs))
            elif rule is not None:
                terms.append(rule(g, ans, *args, **kwargs))
        return added(terms)

    defjvp_argnums(fun, maker)


def def_linear(fun):
    """Let `fun` be linear in each of its arguments."""
    defjvp_argnum(fun, lambda argnum, g, ans, args, kwargs: fun(*subval(args, argnum, g), **kwargs))


deflinear = def_linear


replaced = {}  # functions of `autograd.numpy`, by the primitives that took their places


def as_primitive(fun):
    """`fun`, if it is a primitive; else one that takes its place in the modules of `autograd`."""
    if hasattr(fun, "_is_autograd_primitive"):
        return fun
    if fun in replaced:
        return replaced[fun]
    replaced[fun] = made = primitive(fun)
    for name, module in list(sys.modules.items()):
        if name.startswith(__package__):
            vars(module).update({key: made for key, x in vars(module).items() if x is fun})
    return made


def rules_of(kind, fun, rules, argnums, *names):
    """The rules by the numbers of the arguments."""
    for rule in rules:
        if rule is not None and rule not in names and not callable(rule):
            raise TypeError(f"Bad {kind} {rule!r} for {getattr(fun, '__name__', fun)!r}")
    return dict(zip(count() if argnums is None else argnums, rules, strict=False))


def rule_for(kind, fun, rules, i, argnums):
    """The rule for argument `i`."""
    if i not in rules:
        name = getattr(fun, "__name__", fun)
        raise NotImplementedError(f"{kind} of {name} wrt argnums {tuple(argnums)} not defined")
    return rules[i]


def added(terms):
    """The sum of some vectors, None for that of none."""
    total = None
    for term in terms:
        total = term if total is None else vspace(term).add(total, term)
    return total


def defvjp_is_zero(fun, argnums=(0,)):
    """Let the gradients for these arguments be zero."""
    defvjp(fun, *[None] * len(argnums), argnums=argnums)


def backward_pass(g, end_node):
    """The gradient for the box that the graph begins with, from the gradient `g` of `box._node`.

    There must be one box, of `new_box`, from which that was computed; else ValueError.
    """
    y = end_node.box
    roots = leaves([y])
    if len(roots) != 1:
        raise ValueError(f"backward_pass: {len(roots)} boxes begin the graph, expected one")
    gy = started(getval(g), y).data
    return as_given(roots[0], y.data, engine.gradients([y], [gy], roots)[0])
