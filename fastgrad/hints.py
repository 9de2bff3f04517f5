"""Hints that are added to errors for beginners' mistakes: what to write instead."""

import collections
import sys
import warnings

import numpy as np

from fastgrad._core.node import Handle
from fastgrad.conversions import GradientWarning

# A note (PEP 678) leaves the text of an exception alone. `add_note` is of Python 3.11; its list is
# all that there is to it, and what pytest and IPython show on Python 3.10 too.


def noted(error, note):
    """`error` with a note added to it."""
    error.__notes__ = [*getattr(error, "__notes__", ()), note]
    return error


def unsupported(x):
    """The TypeError, with the book's text, for what is to be the data of a Variable and is none."""
    return noted(
        TypeError(f"{type(x)} is not supported"), f"a Variable holds an ndarray: write {array(x)}"
    )


def array(x):
    """How to write `x` as an array."""
    if isinstance(x, Handle):
        return "x.data"
    if not isinstance(x, np.generic) and isinstance(x, (list, tuple, int, float, complex)):
        text = repr(x)
        return f"np.array({text})" if len(text) <= 40 and "\n" not in text else "np.array(...)"
    if isinstance(x, np.generic):
        return "as_array(x)"
    return "x.to_numpy()" if hasattr(x, "to_numpy") else "np.array(x)"


def floating(x):
    """How to write `x`, which cannot be differentiated for, as a value that can."""
    if isinstance(x, (bool, int)):
        return f"write {float(x)}" if abs(x) < 1 << 53 else "write float(x)"
    if isinstance(x, (np.ndarray, np.generic, Handle)) and x.dtype.kind in "biu":
        return "write x.astype(float)"
    if hasattr(x, "to_numpy"):
        return "write x.to_numpy()"
    if hasattr(x, "__array__") and not isinstance(x, (np.ndarray, np.generic, Handle)):
        return "write np.asarray(x)"
    return "leave it out, or pass it as an argument that argnums does not name"


def described(x):
    """What `x` is, for an error."""
    if x is None:
        return "None"
    if isinstance(x, (np.ndarray, np.generic, Handle)):
        return f"an array of {x.dtype}"
    name = type(x).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def without_gradient(x, error):
    """Add the reason to the error of a `backward` of a Variable that needs no gradient."""
    integers = "" if x.dtype.kind in "fc" else f"Its values are of {x.dtype}. "
    return noted(
        error,
        f"{integers}It was made with requires_grad=False, or computed from constants, or in a "
        "no_grad block, or by what makes integers, as astype(int) and // of integers do.",
    )


def missing_gradient(x):
    """Warn where `x.grad` is read, and None, since `x -= rate * x.grad` made `x` no leaf.

    Then it was computed by a difference (or a sum) from a leaf that has a gradient, and that
    nothing but the graph refers to.
    """
    f, name = x.creator, type(x.creator).__name__
    if name not in ("Sub", "Add") or x.data is None or not hasattr(f, "inputs"):
        return
    edges = collections.Counter(map(id, f.inputs))
    leaves = list({id(v): v for v in f.inputs}.values())
    for probe in [object()]:
        unheld = sys.getrefcount(probe)
    for leaf in leaves:
        if leaf.creator is not None or leaf.grad is None or leaf.shape != x.shape:
            continue
        # (The node refers to it by an edge, and by what `inputs` showed.)
        if sys.getrefcount(leaf) == unheld + 2 * edges[id(leaf)]:
            warnings.warn(
                f"x.grad is None: x was computed, by {name}, from a Variable that got the gradient "
                "and that the program has let go. `x -= rate * x.grad` makes a new Variable, which "
                "is no leaf; write x.data -= rate * x.grad",
                GradientWarning,
                stacklevel=2,
            )
            return


def misspelled(x, name, meant):
    """Warn of an attribute that is set, which looks like another of a Variable's."""
    if not hasattr(type(x), name):  # nor a slot of a subclass
        warnings.warn(
            f"x.{name} = ...: a new attribute, and none of a Variable's; was x.{meant} meant?",
            UserWarning,
            stacklevel=2,
        )
