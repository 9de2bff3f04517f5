"""Conversions of a Variable to an array or a number, which leave the graph, and their warnings.

NumPy, math and SciPy take whatever they do not know by `__array__`, `__float__` and their kin, and
what they compute from then on has no gradient. All of these come by here, and all have one rule. In
a function that is being differentiated, such a conversion is an error. Elsewhere `__array__` of a
recorded Variable is a warning, and a single number is read in silence, as for a log.
"""

import functools
import linecache
import os
import sys
import warnings
from _thread import get_ident

from fastgrad._core.config import get
from fastgrad._core.node import Node
from fastgrad._core.watch import watching

__all__ = ["GradientWarning"]


class GradientWarning(UserWarning):
    """A gradient is lost, or there is none: what was computed does not lead back to its inputs.

    Once for a line of the program. `warnings.filterwarnings("ignore", category=GradientWarning)`
    turns it off, "error" makes it an exception.

    >>> import warnings
    >>> import numpy as np
    >>> from fastgrad import Variable
    >>> y = Variable(np.ones(2)) * 2
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     array = np.asarray(y)
    >>> [warning.category.__name__ for warning in caught]
    ['GradientWarning']
    """


# --- which functions are being differentiated ---

# By thread, the arguments for which functions are being differentiated there. (No threading.local,
# for one thread looks at what another does; and nothing of threads that ended stays.)
running = {}


def enter_function(xs):
    """From now on a function of the Variables `xs` is being differentiated, in this thread.

    `leave_function`, with what this returns, ends it.
    """
    thread = get_ident()
    before = running.get(thread)
    running[thread] = xs if before is None else (*before, *xs)
    return thread, before


def leave_function(thread, before):
    """Go back to the functions that were being differentiated before."""
    if before is None:
        running.pop(thread, None)
    else:
        running[thread] = before


def outside(f, *args, **kwargs):
    """`f(*args, **kwargs)`, as outside of all functions that are being differentiated."""
    thread = get_ident()
    before = running.pop(thread, None)
    try:
        return f(*args, **kwargs)
    finally:
        leave_function(thread, before)


def is_inside(x):
    """Whether the call is inside of a function that is being differentiated.

    In this thread; or in another, that lent `x`, which is computed from the function's argument.
    """
    if get_ident() in running:
        return True
    return bool(running) and depends(x, [v for xs in list(running.values()) for v in xs])


def depends(x, arguments):
    """Whether `x` was computed from one of these Variables."""
    ends = [v if v.creator is None else v.creator for v in arguments]
    return bool(ends) and reaches(x, ALL, False, {id(end): end for end in ends})


def reaches(x, limit, integers, ends=None):
    """`reaches` of _core/ends.pyx, which is imported late: it imports all the rest."""
    from fastgrad._core import ends as graph

    return graph.reaches(x, limit, integers, ends)


# --- the rule ---

METHODS = ("fastgrad.methods", "fastgrad.variable")  # where what converts is defined
NEARBY, ALL = 256, 1 << 62  # nodes that are looked at: before a warning, and before an error


def leaves_graph(x, what, quiet=True):
    """Say that `x` becomes an array or a number by `what`: an error, a warning, or nothing.

    RuntimeError where its gradient is lost in a function that is being differentiated;
    GradientWarning where it was recorded elsewhere, or is an operand of what another library
    computes by an operator, unless that is `quiet`. What needs no gradient is silent. (In such a
    function, so is what comes from integers alone, as labels and indices: no function is
    differentiated for them.)
    """
    if not x.requires_grad:
        return
    inside = is_inside(x)
    if not inside and (quiet or (x.creator is None and not is_in_operator())):
        return
    if not get() or not reaches(x, ALL if inside else NEARBY, not inside):
        return
    if not inside and watching() is not None:
        return  # it replays nothing, and says so
    caller = sys._getframe(1)
    if caller.f_globals.get("__name__") in METHODS:  # x.__array__ itself, or another
        caller = caller.f_back
    if is_read_only(caller) or computes_with_arrays(caller, x):
        return
    frame, what = blamed(what)
    if what.startswith("numpy.testing."):  # which compares
        return
    if inside:
        raise getattr(x, "lost_gradient", RuntimeError)(
            f"{what} at {place_of(frame)}: a gradient is lost, in a function that is being "
            f"differentiated, for the result has no graph; {GO_ON}"
        )
    warn(frame, f"{what}: no gradient passes from the array to the Variable's graph; {GO_ON}")


GO_ON = (
    "compute with NumPy's functions or those of fastgrad.numpy (np.sin for math.sin, np.stack for "
    "an array of Variables); where no gradient is wanted, write stop_gradient(x) or x.data"
)


def refuse_written(name, x):
    """RuntimeError where what the Variable `x` becomes is written to an `out`: it has no graph."""
    if not x.requires_grad or not is_inside(x) or not get() or not reaches(x, ALL, False):
        return
    frame, _ = blamed("")
    raise RuntimeError(
        f"{name} at {place_of(frame)}: a gradient is lost, in a function that is being "
        "differentiated, for the array that the result is written to has no graph; write p = p + v "
        "for p += v, and use the result instead of out="
    )


def warn_independent(name, ys):
    """GradientWarning if no output of a differentiated function is a Variable."""
    from fastgrad.variable import Variable

    if ys and not any(isinstance(y, Variable) for y in ys):
        frame, _ = blamed("")
        kinds = sorted({type(y).__name__ for y in ys})
        warn(
            frame,
            f"{name}: the output, of type {' and '.join(kinds)}, is no Variable and depends on no "
            f"argument: the derivative is zero; {GO_ON}",
        )


def warn(frame, message):
    """Give a GradientWarning at that place of the program."""
    warnings.warn_explicit(
        message,
        GradientWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__") or "<string>",
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


# --- where it happens ---

OWN = (
    "<frozen ",
    os.path.join(os.path.dirname(__file__), ""),
    os.path.join(os.path.dirname(os.__file__), ""),
)
INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def blamed(what):
    """The frame of the program that made the call, and what it called."""
    frame = sys._getframe(2)
    nearest, called = None, None
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if not is_library(frame):
            break
        if name.partition(".")[0] != "fastgrad":
            nearest, called = nearest or frame, (name, frame.f_code)
        frame = frame.f_back
    if frame is None:  # the program is itself installed
        return nearest or sys._getframe(2), what
    if called is not None and what:
        name, code = called
        what = f"{name}.{getattr(code, 'co_qualname', code.co_name)}, by {what}"
    return frame, what


def is_library(frame):
    """Whether it is of fastgrad, Python's own modules, or a package that was installed."""
    path = frame.f_code.co_filename
    return path.startswith(OWN) or any(part in path for part in INSTALLED)


def place_of(frame):
    """The file, the line number and the text of the line."""
    code = frame.f_code
    line = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return f"{code.co_filename}:{frame.f_lineno}" + (f" ({line[:80]})" if line else "")


# Operators that compute; comparisons are read.
OPERATORS = {
    f"__{kind}{name}__"
    for name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow")
    for kind in ("", "r", "i")
}


def is_in_operator():
    """Whether another library computes by an operator there, as in `frame @ x`, `sparse @ x`.

    It looks like what is recorded, and its result like one that has a gradient.
    """
    frame = sys._getframe(2)
    while frame is not None and is_library(frame):
        own = (frame.f_globals.get("__name__") or "").partition(".")[0] == "fastgrad"
        if frame.f_code.co_name in OPERATORS and not own:
            return True
        frame = frame.f_back
    return False


def computes_with_arrays(frame, x):
    """Whether it is in `forward` or `backward` of a Function that gets arrays: no graph is meant.

    A function that is differentiated there is no part of it; nor is an argument from outside that
    `forward` gets in another way than as an operand.
    """
    while frame is not None:
        code = frame.f_code
        if (frame.f_globals.get("__name__") or "").startswith("fastgrad.transforms"):
            return False
        if code.co_name in ("forward", "backward") and code.co_argcount:
            f = frame.f_locals.get(code.co_varnames[0])
            if isinstance(f, Node) and not getattr(f, "differentiable", False):
                return code.co_name == "backward" or not depends(x, running.get(get_ident(), ()))
        frame = frame.f_back
    return False


def is_read_only(frame):
    """Whether the value is only read there, by C code: as an index `a[x]`, or in `"%f" % x`.

    (Strings ask for `float(x)`, and arrays that are indexed for an array, as everybody does.)
    """
    return frame is not None and (
        instruction(frame.f_code.co_code, frame.f_lasti) in reading_instructions()
    )


def instruction(code, i):
    """The instruction at that place, and its argument."""
    return code[i], code[i + 1]


@functools.cache
def reading_instructions():
    """What Python compiles `a[x]` and `a % x` to, in this version."""
    import dis

    found = set()
    for text in ("a[x]", "a % x", "a %= x", "del a[x]"):
        code = compile(text, "", "exec")
        found |= {
            instruction(code.co_code, at.offset)
            for at in dis.get_instructions(code)
            if at.opname.startswith(("BINARY_", "INPLACE_", "DELETE_SUBSCR"))
        }
    return found
