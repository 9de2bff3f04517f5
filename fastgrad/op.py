"""`op`: a differentiable function, declared in one row; and the register of NumPy's functions.

The functions of NumPy fall into four groups. `op` and `implements` make one differentiable (with
`zero` for its VJP, of zero gradient), `plain` leaves its result a plain array, and `refuse` has it
raise. What is in none raises too.
"""

import functools
import inspect
import sys

import numpy as np

from fastgrad._core.arguments import holds_variable, operand_of, parameter_names
from fastgrad._core.protocols import (
    GO_ON,
    full_name,
    handlers,
    own_rows,
    read_later_chapters,
    value,
)
from fastgrad._core.row import (
    INPUTS,
    NOTHING,
    OTHERS,
    OUTPUT,
    Row,
    zero,
)
from fastgrad._core.watch import watching

__all__ = ["op", "zero", "INPUTS", "OUTPUT", "OTHERS", "NOTHING", "implements", "plain", "refuse"]

# Of functions of NumPy's, once one is called: an import does not wait for it.
signature_of = functools.cache(inspect.signature)

OF_UFUNCS = [name for name in dir(np.ufunc) if not name.startswith("_")]

# For the table of coverage: the group of each of NumPy's functions, and a remark.
groups = {}


def op(
    name, forward, saves=INPUTS, vjp=None, *, jvp=None, batched=None, sequence=False, fast=None,
    implements=None, doc=None,
):  # fmt: skip
    """Declare a differentiable function; the result is called like `forward`, on Variables too.

    Parameters
    ----------
    name : str
        What errors and `type(y.creator)` call it.
    forward : callable
        `forward(*xs, ...)` on ndarrays and scalars returns an array, a scalar, or a tuple of them.
        Results of integers are differentiated where an operand is of integers that has a VJP other
        than `zero`; made of floating numbers, they change in steps alone, and end the graph.
        If it is NumPy's or a ufunc, and has no row yet, it will do for Variables itself, as long as
        the row is kept.
    saves : int
        Whose elements the VJPs read: `INPUTS`, `OUTPUT`, both (`INPUTS | OUTPUT`), `OTHERS` (for
        the gradient of an operand, the other operands alone) or `NOTHING`. The rest has the right
        shape and dtype, and no memory.
    vjp : callable, or a tuple or list of one for each operand
        `vjp(xp, g, y, *args, **kwargs)` returns the gradient for its operand, from the gradient `g`
        for the output `y`; `args` and `kwargs` are those of the call. It is mathematics alone:
        what was broadcast is summed, dtypes are fitted and contributions added by the engine, and
        operands that have a VJP come in the precision of `g`, also where they were integers. `xp`
        is NumPy, or a namespace that does the same with Variables, where gradients are themselves
        differentiated: `g` and the operands are Variables there, and a result that is computed with
        arrays is a RuntimeError. None for an operand that has no gradient, `zero` for one whose
        gradient is zero. With many outputs, `g` and `y` are tuples. It may write into `g`.
    jvp : callable, or a tuple of one (or None) for each operand, optional
        For a `vjp` that must compute with arrays: `jvp(xp, dx, y, *args, **kwargs)` returns the
        derivative of the output along `dx`, of the shape of its operand; with many outputs a tuple.
        `fastgrad.jvp`, tall jacobians and, if `saves` is `NOTHING`, second derivatives then use it.
        `fastgrad.testing.check_gradients` compares the two.
    batched : callable, tuple of one for each operand, or True, optional
        The VJPs for many gradients at once, which jacobians then use: called like `vjp`, but `g`
        has an axis more, the first, and so has the result; `y` and the operands have not. True: the
        VJPs take such a `g` as they are, as those of a ufunc do, which need no `batched`. One that
        returns NotImplemented gets the gradients one by one after all.
    sequence : bool
        The operands are the elements of the first argument, as of `np.concatenate`; the one VJP is
        called as `vjp(xp, i, g, y, xs, *args, **kwargs)` for operand `i`, and so is the JVP.
    fast : type, optional
        The compiled class that does the same faster.
    implements : tuple of callables, optional
        NumPy's functions for which this one answers, if not `forward` alone; as long as it is kept.
    doc : str, optional
        The docstring.

    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> cube = op("cube", lambda x: x * x * x, vjp=lambda xp, g, y, x: g * 3 * x * x)
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> y = cube(x)
    >>> y.backward()
    >>> y, x.grad
    (variable([1. 8.]), array([ 3., 12.]))
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise TypeError(f"op: the name is {name!r}, expected an identifier")
    if not callable(forward):
        raise TypeError(f"{name}: forward is a {type(forward).__name__}, expected a callable")
    vjp, jvp, batched = (tuple(x) if isinstance(x, list) else x for x in (vjp, jvp, batched))
    for rule in vjp if isinstance(vjp, tuple) else (vjp,):
        if not callable(rule) and not (rule is None and isinstance(vjp, tuple)):
            raise TypeError(f"{name}: a VJP is a {type(rule).__name__}, expected a callable")
    if sequence and isinstance(vjp, tuple):
        raise TypeError(f"{name}: of a sequence there is one VJP for all operands, not a tuple")
    check_beside(name, "JVP", vjp, jvp, sequence)
    if batched is not True:
        check_beside(name, "batched VJP", vjp, batched, sequence)
    module = sys._getframe(1).f_globals.get("__name__", __name__)
    own = module.partition(".")[0] != "fastgrad"
    if own:
        read_later_chapters()  # so that it is known what has a row
    if implements is None:
        known = not is_numpys(forward) or forward in handlers or forward in own_rows
        implements = () if known else (forward,)
    doc = doc or summary(name, implements)
    row = Row(name, forward, vjp, saves, sequence, fast, doc, module, jvp, batched)
    is_zero = not sequence and all(rule in (zero, None) for rule in row.vjp)
    group = "zero gradient" if is_zero else "differentiable"
    for function in implements:
        if not isinstance(forward, np.ufunc):
            like_ufunc(row, function)
        if own and function not in handlers:
            own_rows[function] = row  # and no longer than the program keeps it
        else:
            handlers[function] = row
            groups[function] = (group, "")
    return row


def with_operand(row, name, vjp):
    """Let `row` be differentiated for its argument `name` too, where that is a Variable.

    `vjp(xp, g, y, x, argument, **rest)` is its VJP, `x` the first argument.
    """

    def vjp_of_x(xp, g, y, x, argument, **rest):
        return row.vjp[0](xp, g, y, x, **{name: argument}, **rest)

    two = op(
        row.name,
        lambda x, argument, **rest: row.forward(x, **{name: argument}, **rest),
        INPUTS | OUTPUT,
        vjp=(vjp_of_x, vjp),
        implements=(),
    )

    def answer(*args, **kwargs):
        signature = signature_of(row.forward)
        first, rest = next(iter(signature.parameters)), signature.bind(*args, **kwargs).arguments
        if not holds_variable(rest.get(name)):
            return NotImplemented
        return two(operand_of(rest.pop(first)), operand_of(rest.pop(name)), **rest)

    row.otherwise = answer


def check_beside(name, kind, vjp, given, sequence):
    """Raise if there is not one JVP (or batched VJP), or None, for each VJP."""
    n = len(vjp) if isinstance(vjp, tuple) else 1
    if sequence and isinstance(given, tuple):
        raise TypeError(f"{name}: of a sequence there is one {kind} for all operands, not a tuple")
    if given is not None and (len(given) if isinstance(given, tuple) else 1) != n:
        raise TypeError(f"{name}: {len(given) if isinstance(given, tuple) else 1} {kind}s, "
                        f"expected {n}, one or None for each VJP")  # fmt: skip
    for rule in given if isinstance(given, tuple) else (given,):
        if rule is not None and not callable(rule):
            raise TypeError(f"{name}: a {kind} is a {type(rule).__name__}, expected a callable")


def is_numpys(function):
    """Whether it is a function of NumPy, to which Variables can be passed."""
    module = getattr(function, "__module__", None) or ""
    return isinstance(function, np.ufunc) or module.partition(".")[0] == "numpy"


def summary(name, functions):
    """A docstring for what has none."""
    if not functions:
        return f"`{name}`, for Variables too."
    return f"`{full_name(functions[0])}`, for Variables too; arguments and errors are NumPy's."


def implements(*functions):
    """Decorate a function made of differentiable ones: it answers for these of NumPy's."""

    def register(answer):
        for function in functions:
            handlers[function] = like_ufunc(answer, function)
            groups[function] = ("differentiable", "")
        if not answer.__doc__:
            answer.__doc__ = summary(answer.__name__, functions)
        return answer

    return register


def like_ufunc(answer, function):
    """`answer`, which if it is for a ufunc gets the methods of that: `reduce`, `outer`, ..."""
    if isinstance(function, np.ufunc):
        for name in OF_UFUNCS:
            setattr(answer, name, getattr(function, name))
    return answer


def plain(*functions):
    """Let these of NumPy's functions work on the arrays of Variables, and return what they return.

    For what is discrete: no derivative is lost.
    """
    for function in functions:

        def answer(*args, _function=function, **kwargs):
            refuse_out(full_name(_function), _function, args, kwargs)
            if (watcher := watching()) is not None:
                made = watcher.plain(_function, args, kwargs)
                if made is not NotImplemented:
                    return made
            kwargs = {key: value(x) for key, x in kwargs.items()}
            return _function(*(value(x) for x in args), **kwargs)

        answer.__name__ = function.__name__
        answer.__doc__ = summary(function.__name__, (function,)) + " The result is plain."
        handlers[function] = like_ufunc(answer, function)
        groups[function] = ("plain result", "")


def refuse_out(name, function, args, kwargs):
    """Raise if `out`, by name or by position, is a Variable."""
    if not holds_variable(*args[1:], *kwargs.values()):
        return
    out = kwargs.get("out")
    names = parameter_names(function)
    if out is None and "out" in names[: len(args)]:
        out = args[names.index("out")]
    if holds_variable(out):
        raise TypeError(f"{name}: out is a Variable, which is never written to; use the result")


def refuse(why, *functions):
    """Let these of NumPy's functions raise a TypeError that says why, and how to go on."""
    for function in functions:

        def answer(*args, _function=function, **kwargs):
            if not holds_variable(*args, *kwargs.values()):
                return _function(*args, **kwargs)
            raise TypeError(f"{full_name(_function)}: {why}; {GO_ON}")

        handlers[function] = like_ufunc(answer, function)
        groups[function] = ("refused", why)
