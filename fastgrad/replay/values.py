"""What a log is made of: values and where they came from, calls, guards."""

import builtins
import numbers
import sys
import types
from threading import get_ident

import numpy as np

from fastgrad._core import watch
from fastgrad.conversions import running
from fastgrad.replay.constants import form_of
from fastgrad.variable import Variable


class Refused(Exception):
    """What is operated on cannot be told to a log."""


class Traced(Variable, results=True):
    """A value under a log: what an array that is no Variable can do, it can too, or says so."""

    __slots__ = ()

    @property
    def __class__(self):
        """What `isinstance` asks for if this is another class: an eager call may have that."""
        frame = sys._getframe(1)
        while frame.f_globals.get("__name__") == "abc" or frame.f_code is np.isscalar.__code__:
            frame = frame.f_back
        package = (frame.f_globals.get("__name__") or "").partition(".")[0]
        if package not in ("fastgrad", "numpy", "scipy") and names_class_of_array(frame):
            stray("the program asks for the type of a value, which is a Variable under a log")
        return type(self)

    def __and__(self, other):
        return np.bitwise_and(self, other)

    def __rand__(self, other):
        return np.bitwise_and(other, self)

    def __or__(self, other):
        return np.bitwise_or(self, other)

    def __ror__(self, other):
        return np.bitwise_or(other, self)

    def __xor__(self, other):
        return np.bitwise_xor(self, other)

    def __rxor__(self, other):
        return np.bitwise_xor(other, self)

    def __invert__(self):
        return np.invert(self)


def names_class_of_array(frame):
    """Whether the code names a class that a value may have in an eager call alone."""
    code = frame.f_code
    names = (*code.co_names, *code.co_freevars, *code.co_varnames)
    if not {"__class__", "isscalar"}.isdisjoint(names):
        return True
    spaces = [frame.f_globals, frame.f_locals, *map(vars, (np, builtins, numbers))]
    return any(is_class_of_array(space[x]) for x in names for space in spaces if x in space)


def is_class_of_array(x):
    """Whether `x` is such a class, or a tuple or a union of some."""
    if isinstance(x, types.UnionType):
        x = x.__args__
    if isinstance(x, tuple):
        return any(map(is_class_of_array, x))
    return isinstance(x, type) and (
        issubclass(x, (np.ndarray, np.generic))
        or (
            x is not object
            and any(issubclass(y, x) for y in (np.ndarray, np.float64, np.complex128))
        )
    )


def stray(reason):
    """The function goes another way than with arrays: nothing that it returns is of use."""
    log = watch.watching()
    if log is not None:
        log.refuse(reason)
        log.strayed = True
    raise Refused(reason)


def in_place(name):
    """An operator that writes into an array; of Variables it makes another one, as in a rule."""

    def operate(self, other):
        module = sys._getframe(1).f_globals.get("__name__") or ""
        if module.partition(".")[0] != "fastgrad" and get_ident() not in running:
            stray(f"an array is written into ({name})")
        return NotImplemented

    return operate


for name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
):
    setattr(Traced, f"__i{name}__", in_place(f"__i{name}__"))


class Ref:
    """Number `i` of the values of a log, as an operand."""

    __slots__ = ("i",)

    def __init__(self, i):
        self.i = i

    def __eq__(self, other):
        return type(other) is Ref and other.i == self.i

    def __hash__(self):
        return self.i

    def __repr__(self):
        return f"%{self.i}"


class Tree:
    """A list, a tuple, a dict or a slice among the operands: how to make it, and of which parts."""

    __slots__ = ("keys", "kind", "parts")

    def __init__(self, kind, parts, keys=None):
        self.kind, self.parts, self.keys = kind, parts, keys

    def filled(self, resolve):
        """The thing itself, of the values."""
        parts = [resolve(part) for part in self.parts]
        if self.kind is dict:
            return dict(zip(self.keys, parts, strict=True))
        return slice(*parts) if self.kind is slice else self.kind(parts)


class Source:
    """A value that no operation made: `kind` is "argument", "variable" or "array"."""

    __slots__ = ("array", "form", "kind", "origin", "place")

    def __init__(self, kind, origin, array, place):
        self.kind, self.origin, self.array, self.place = kind, origin, array, place
        self.form = form_of(array)


class Entry:
    """A call: `kind` says what `target` is, see replay/plan.py; `outs` are numbers of values."""

    __slots__ = ("args", "forms", "kind", "kwargs", "outs", "place", "target")

    def __init__(self, kind, target, args, kwargs, outs, forms, place):
        self.kind, self.target, self.args, self.kwargs = kind, target, args, kwargs
        self.outs, self.forms, self.place = outs, forms, place


class Guard:
    """Of value `i` something was read that decides what the program does next: `seen`."""

    __slots__ = ("at", "i", "place", "seen", "what")

    def __init__(self, i, what, seen, at, place):
        self.i, self.what, self.seen, self.at, self.place = i, what, seen, at, place
