"""What a function reads by name: globals, closures, attributes of the objects that these hold.

A log has what the names held then. If one of them holds something else, the call runs as ever, and
is logged anew. What cannot be compared refuses replay: large containers, objects that keep what
they hold out of Python's sight, what depends on the thread, the environment, files. Not seen is
what a function comes by without a name: what functions of installed packages read by themselves.
"""

import contextvars
import functools
import numbers
import os
import re
import sys
import types
from _thread import _local as threading_local

import numpy as np

from fastgrad._core.node import Handle
from fastgrad.conversions import INSTALLED, OWN
from fastgrad.replay._names import ABSENT, Held
from fastgrad.replay.constants import key_of

MOST_ENTRIES = 1000  # of a container that are looked at, and of names in all
MOST_BYTES = 1 << 16  # of an array that is compared in each call


class Names:
    """The names that a function reads, and what they hold."""

    def __init__(self, fun, owner=None):
        self.names = set()  # in the code of all functions that are reached
        self.held = None  # the entries, as they are looked at
        n = -1
        while n < len(self.names):  # until no more names are found
            n = len(self.names)
            self.entries = []  # (dict, key, value): in place of a dict a cell, or a container
            self.refused = None  # why they cannot be compared
            self.seen, self.kept = set(), []
            self.arrays = []  # whose contents Python may read
            self.visit(owner)  # whose method it is
            self.visit(fun)

    def hold(self):
        """Whether they hold the same still."""
        if self.held is None:
            self.held = Held(self.entries)
        return self.held.hold()

    def visit(self, x):
        """Look at what `x` is."""
        if id(x) in self.seen:
            return
        self.seen.add(id(x))
        self.kept.append(x)
        if isinstance(x, types.FunctionType):
            self.visit_function(x)
        elif isinstance(x, types.MethodType):
            self.visit(x.__func__)
            self.visit(x.__self__)
        elif isinstance(x, functools.partial):
            self.visit_container([x.func, *x.args, *x.keywords.values()])
        elif isinstance(x, (list, tuple, dict)):
            self.visit_container(x)
        elif isinstance(x, set) and len(x) <= MOST_ENTRIES and all(map(key_of, x)):
            self.entries.append((x, None, frozenset(x)))
        elif isinstance(x, type):
            self.visit_class(x)
        elif isinstance(x, np.ndarray):
            self.arrays.append(x)
        elif isinstance(x, types.ModuleType):
            if not is_library(x):
                self.visit_attributes(x, vars(x), self.names)
        elif not isinstance(x, Handle) and key_of(x) is None:
            self.visit_object(x)

    def refuse(self, reason):
        """Nothing is replayed. The first reason stays."""
        if self.refused is None:
            self.refused = reason

    def visit_container(self, x):
        """A list, a tuple or a dict: what is in it."""
        if len(x) > MOST_ENTRIES or len(self.entries) > MOST_ENTRIES:
            self.refuse(
                f"it reads, by name, a {type(x).__name__} of {len(x)} entries or what holds it: "
                f"more than {MOST_ENTRIES} are not compared in each call; pass it as an argument"
            )
            return
        if not isinstance(x, tuple):
            self.entries.append((x, None, tuple(x.items() if isinstance(x, dict) else x)))
        for part in x.values() if isinstance(x, dict) else x:
            self.visit(part)

    def visit_class(self, x):
        """A class of the program: its methods, and the attributes that are read."""
        if is_library(x):
            return
        for name, value in vars(x).items():
            for part in (value, getattr(value, "__func__", None), getattr(value, "fget", None)):
                if isinstance(part, types.FunctionType) and not (
                    "__dataclass_fields__" in vars(x) and part.__code__.co_filename == "<string>"
                ):  # but those that `dataclass` wrote
                    self.visit(part)
            if name in self.names and (
                isinstance(value, types.FunctionType) or not hasattr(type(value), "__get__")
            ):
                self.add(x, name, value)
        for base in x.__bases__:
            self.visit(base)

    def visit_object(self, x):
        """An instance: the attributes that are read."""
        own = getattr(x, "__dict__", None)
        kind = type(x)
        if isinstance(x, UNCOMPARABLE) or (not isinstance(own, dict) and is_closed(kind)):
            self.refuse(
                f"it reads, by name, a {kind.__name__}, and what that holds cannot be compared: "
                "pass what is needed of it as an argument"
            )
            return
        own = own if isinstance(own, dict) else {}
        if "__wrapped__" in own:
            self.visit(own["__wrapped__"])
        if not is_library(kind):
            self.visit(kind)
            everything = not DYNAMIC.isdisjoint(self.names)
            self.visit_attributes(x, own, [*self.names, *own] if everything else self.names)
        elif kind.__module__.partition(".")[0] not in HARMLESS_PACKAGES:
            self.visit_foreign(x, own)

    def visit_attributes(self, x, own, names):
        """Those of these names."""
        for name in sorted(set(names)):
            if name in own:
                self.add(own, name, own[name])
            elif not isinstance(x, types.ModuleType):
                self.visit_attribute_of_class(x, own, name)

    def visit_attribute_of_class(self, x, own, name):
        """That in a slot, or in the class itself, as long as the object has none of its own."""
        for cls in type(x).__mro__:
            if name in vars(cls) and not is_library(cls):
                value = vars(cls)[name]
                if isinstance(value, types.MemberDescriptorType):
                    value = getattr(x, name, None)
                    if value is not None:
                        self.add(x, name, value)
                elif hasattr(x, "__dict__"):
                    self.entries.append((own, name, ABSENT))
                return

    def visit_foreign(self, x, own):
        """An instance of a class of a library, whose methods may read all that it holds."""
        for name in self.names.difference(own):
            if not name.startswith("__") and is_computed(type(x), name):
                self.refuse(
                    f"it may read {name} of a {type(x).__name__}, which cannot be compared: pass "
                    "what is needed of it as an argument"
                )
        for name, value in own.items():
            self.add(own, name, value)

    def visit_function(self, f):
        """Its globals, closure and defaults; of those of a library, only what it was given."""
        ours = not is_library(f)
        for cell in f.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if ours:
                self.entries.append((cell, None, value))
            if ours or callable(value):
                self.visit(value)
        if not ours:
            return
        names = names_in(f.__code__)
        self.names.update(names)
        for name in names:
            if name in f.__globals__:
                self.add(f.__globals__, name, f.__globals__[name])
            elif name in OUT_OF_SIGHT:
                self.refuse(f"{f.__name__} may use {name}, and what that gives may change")
            elif isinstance(sys.modules.get(name), types.ModuleType):  # imported in it, maybe
                self.visit(sys.modules[name])
        for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.visit(value)

    def watch_contents(self, by_reference):
        """Compare also what is in small arrays, but for those that the log reads by reference."""
        for x in self.arrays:
            if (
                x.nbytes <= MOST_BYTES
                and not x.dtype.hasobject
                and not any(np.may_share_memory(x, y) for y in by_reference)
            ):
                self.entries.append((x, None, x.tobytes()))
        self.held = None

    def add(self, namespace, name, value):
        """A name that holds a value."""
        if len(self.entries) > MOST_ENTRIES:
            self.refuse(f"it may read more than {MOST_ENTRIES} names: pass arguments")
            return
        self.entries.append((namespace, name, value))
        self.visit(value)


# Names in a function that bring what no name holds; `getattr` and its kin bring any attribute. (The
# type of a value is another under a log than in an eager call.)
OUT_OF_SIGHT = {
    "type", "globals", "eval", "exec", "__import__", "import_module", "modules", "environ",
    "getenv", "open", "loadtxt", "genfromtxt", "fromfile", "memmap",
}  # fmt: skip
DYNAMIC = {"getattr", "vars", "__dict__", "attrgetter", "__getattribute__"}
# What depends on the thread, the process or the moment.
UNCOMPARABLE = (contextvars.ContextVar, threading_local, type(os.environ), types.GeneratorType)
# Of compiled classes, those whose instances never change, or change what is computed in each call.
HARMLESS = (
    numbers.Number, str, bytes, frozenset, range, slice, re.Pattern, np.random.Generator,
    np.random.RandomState, functools.partial, property, staticmethod, classmethod, types.CodeType,
    types.MappingProxyType, type(None), type(len), type(str.join), type("".join), np.ufunc,
)  # fmt: skip
HARMLESS_PACKAGES = ("fastgrad", "logging")


def is_computed(kind, name):
    """Whether instances have an attribute of this name that is no method: a property, say."""
    for cls in kind.__mro__:
        if name in vars(cls):
            return not callable(vars(cls)[name]) and hasattr(type(vars(cls)[name]), "__get__")
    return False


def is_closed(kind):
    """Whether instances hold what Python cannot list: no `__dict__`, no slots of Python classes."""
    return is_library(kind) and not issubclass(kind, HARMLESS)


@functools.lru_cache(4096)
def names_in(code):
    """All names in the code of a function, and of those within it."""
    if code is None:
        return ()
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found.update(dict.fromkeys(names_in(constant)))
    return tuple(found)


def is_library(x):
    """Whether a function, a class or a module is of an installed package, or Python's."""
    if isinstance(x, types.FunctionType):
        path = x.__code__.co_filename
    elif isinstance(x, types.ModuleType):
        path = getattr(x, "__file__", None)
        if path is None:
            return x.__name__ in sys.builtin_module_names or x.__spec__ is not None
    else:
        module = sys.modules.get(x.__module__)
        if x.__module__ in ("builtins", "numpy"):
            return True
        if module is None or x.__module__ == "__main__":
            return False
        path = getattr(module, "__file__", None) or "<frozen "
    return path.startswith(OWN) or any(part in path for part in INSTALLED)
