"""What a function reads by name: globals, closures, attributes of the objects that these hold.

A log has what the names held then. If one of them holds something else, the call runs as ever, and
is logged anew. Not seen is what a function comes by in other ways: elements of large containers,
what `getattr` and `globals()` return, names in functions that are installed packages' own.
"""

import functools
import sys
import types

import numpy as np

from fastgrad._core.node import Handle
from fastgrad.conversions import INSTALLED, OWN
from fastgrad.replay._names import Held
from fastgrad.replay.constants import key_of

MOST_ENTRIES = 64  # of a container that are looked at
MOST_BYTES = 1 << 16  # of an array that is compared in each call


class Names:
    """The names that a function reads, and what they hold."""

    def __init__(self, fun, owner=None):
        self.entries = []  # (dict, key, value): in place of a dict a cell, or a container
        self.seen = set()
        self.arrays = []  # whose contents Python may read
        self.held = None  # the entries, as they are looked at
        self.kept = [fun]
        if owner is not None:  # whose method it is
            self.visit(owner, names_in(getattr(fun, "__wrapped__", fun).__code__))
        self.visit(fun, ())

    def hold(self):
        """Whether they hold the same still."""
        if self.held is None:
            self.held = Held(self.entries)
        return self.held.hold()

    def visit(self, x, names):
        """Look at what `x` is; `names` are those of the function that reads it."""
        key = (id(x), id(names))
        if key in self.seen:
            return
        self.seen.add(key)
        self.kept.append((x, names))
        if isinstance(x, types.FunctionType):
            self.visit_function(x)
        elif isinstance(x, types.MethodType):
            self.visit(x.__func__, ())
            self.visit(x.__self__, names_in(getattr(x.__func__, "__code__", None)))
        elif isinstance(x, functools.partial):
            for part in (x.func, *x.args, *x.keywords.values()):
                self.visit(part, names)
        elif isinstance(x, (list, tuple)) and len(x) <= MOST_ENTRIES:
            if isinstance(x, list):
                self.entries.append((x, None, tuple(x)))
            for part in x:
                self.visit(part, names)
        elif isinstance(x, dict) and len(x) <= MOST_ENTRIES:
            self.entries.append((x, None, tuple(x.items())))
            for part in x.values():
                self.visit(part, names)
        elif isinstance(x, type):
            if not is_library(x):
                for name, value in vars(x).items():
                    if isinstance(value, types.FunctionType):
                        self.visit(value, ())
                    elif name in names and not hasattr(type(value), "__get__"):
                        self.entries.append((x, name, value))
                        self.visit(value, names)
        elif isinstance(x, np.ndarray):
            self.arrays.append(x)
        elif (not isinstance(x, Handle) and key_of(x) is None) or isinstance(x, types.ModuleType):
            self.visit_object(x, names)

    def visit_object(self, x, names):
        """An instance of a class of the program, or a module: the attributes that are read."""
        if isinstance(x, types.ModuleType) and is_library(x):
            return
        own = getattr(x, "__dict__", None)
        if not isinstance(own, dict):
            own = {}
        if not isinstance(x, types.ModuleType):
            names = (*names, *names_in_class(type(x)))
        for name in dict.fromkeys(names):
            if name in own:
                self.add(own, name, own[name], names)
            elif not isinstance(x, types.ModuleType):
                value = slot_or_class_attribute(x, name)
                if value is not None:
                    self.entries.append((x, name, value))
                    self.visit(value, names)
        if not isinstance(x, types.ModuleType):
            self.visit(type(x), names)
            wrapped = own.get("__wrapped__")
            if wrapped is not None:
                self.visit(wrapped, names)

    def visit_function(self, f):
        """Its globals, closure and defaults; of those of a library, only what it was given."""
        ours = not is_library(f)
        names = names_in(f.__code__)
        for cell in f.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if ours:
                self.entries.append((cell, None, value))
            if ours or callable(value):
                self.visit(value, names)
        if not ours:
            return
        for name in names:
            if name in f.__globals__:
                self.add(f.__globals__, name, f.__globals__[name], names)
            elif isinstance(sys.modules.get(name), types.ModuleType):  # imported in it, maybe
                self.visit(sys.modules[name], names)
        for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self.visit(value, names)

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

    def add(self, namespace, name, value, names):
        """A name that holds a value."""
        self.entries.append((namespace, name, value))
        self.visit(value, names)


def slot_or_class_attribute(x, name):
    """What an object has by that name in a slot, or its class in itself; None for methods."""
    for cls in type(x).__mro__:
        if name in vars(cls):
            value = vars(cls)[name]
            if isinstance(value, types.MemberDescriptorType):
                return None if is_library(cls) else getattr(x, name, None)
            return None if is_library(cls) or hasattr(type(value), "__get__") else value
    return None


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


@functools.lru_cache(4096)
def names_in_class(kind):
    """The names in the methods of a class of the program."""
    found = {}
    for cls in kind.__mro__:
        if is_library(cls):
            continue
        for x in vars(cls).values():
            for part in (x, *(getattr(x, name, None) for name in ("__func__", "fget"))):
                if isinstance(part, types.FunctionType):
                    found.update(dict.fromkeys(names_in(part.__code__)))
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
