"""`patch`: have `import autograd`, in whatever code, find the front end.

By a finder in front of all others in `sys.meta_path`. What it finds under the original's name is
the front end's own module, the same object, so that classes and functions are the same by either
name. Of DeZero two modules are replaced, its core; the rest is the library's, or the reader's own.
"""

import ast
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import threading
import warnings

import numpy as np

import fastgrad

__all__ = ["patch", "unpatch"]

# What stands in for which module; with all that is below it, if it is no part of another package.
FRONTS = {
    "autograd": {"autograd": "fastgrad.compat.autograd"},
    "dezero": {
        "dezero.core": "fastgrad.compat.dezero.core",
        "dezero.core_simple": "fastgrad.compat.dezero.core_simple",
    },
}
# The release that a front end has the interface of, for those who ask for its version where it is
# not installed. (DeZero's core alone is no release.)
VERSIONS = {"autograd": "1.9.1"}

finders = {}  # by name: the Finder, while the name is patched
lock = threading.RLock()


class Patch:
    """What `patch` returns: as a context manager it undoes the patch at the end of the block."""

    def __init__(self, names):
        self.names = names  # those that this call patched

    def __enter__(self):
        return self

    def __exit__(self, *_):
        unpatch(*self.names)


def patch(*names, quiet=False):
    """Have `import NAME` find fastgrad's front end from now on; NAME is "autograd" or "dezero".

    Call it before the first import of NAME: RuntimeError if that is imported already, for whoever
    did so keeps the original; ValueError for another name. All submodules are replaced as well, by
    the very modules of `fastgrad.compat.NAME`, and what these lack is an ImportError. Of DeZero the
    modules `core` and `core_simple` are replaced, and its layers, functions, optimizers and models
    run on them; where no DeZero can be found, `dezero` has the names of its core. A line to
    standard error says what was replaced, unless it is `quiet`.

    `unpatch` undoes it, and so does the end of a block, `with patch(...):`. A name that is patched
    already stays so: nothing happens, at the end of the block neither.

    >>> from fastgrad.compat import patch
    >>> with patch("dezero", quiet=True):
    ...     from dezero.core import Variable
    >>> from fastgrad.compat.dezero import core
    >>> Variable is core.Variable
    True
    """
    require_known(names)
    with lock:
        new = [name for name in dict.fromkeys(names) if name not in finders]
        for name in new:
            if name in sys.modules:
                raise RuntimeError(
                    f"patch: {name} is imported already, from {place_of(sys.modules[name])}, and "
                    f"who imported it keeps it; call fastgrad.compat.patch({name!r}) before the "
                    f"first import of {name}, or run the program by "
                    f"`python -m fastgrad.compat {name} script.py`"
                )
        for name in new:
            replaced = said_of(name)
            finders[name] = Finder(name)
            sys.meta_path.insert(0, finders[name])
            if not quiet:
                print(replaced, file=sys.stderr)
    return Patch(new)


def unpatch(*names):
    """Undo `patch`, of these names or of all: the next `import NAME` finds the original.

    Modules and functions that a program has by now stay what they are. ValueError for a name that
    is none of those of `patch`; a name that is not patched is left as it is.
    """
    require_known(names)
    with lock:
        for name in names or list(finders):
            finder = finders.pop(name, None)
            if finder is None:
                continue
            sys.meta_path.remove(finder)
            for module in list(sys.modules):
                if module == name or module.startswith(f"{name}."):
                    del sys.modules[module]
            finder.forget()


def require_known(names):
    """ValueError, which says what there is, for a name without a front end."""
    for name in names:
        if name not in FRONTS:
            raise ValueError(f"{name!r}: there is a front end for {' and '.join(FRONTS)}")


def place_of(module):
    """Where a module is from, for a message."""
    return getattr(module, "__file__", None) or "a package without a file"


def said_of(name):
    """The line that says what is replaced by what."""
    version = version_of(name)
    there = "not installed" if version is None else f"installed: {name} {version}"
    return (
        f"fastgrad {fastgrad.__version__}: {' and '.join(FRONTS[name])} ({there}) replaced by "
        f"{' and '.join(FRONTS[name].values())}"
    )


def version_of(name):
    """The version of the original that is installed, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


class Finder:
    """Finds the modules of one front end under the original's names."""

    def __init__(self, name):
        self.name = name
        self.asked = {}  # names that a program asked for in vain, in the order of the first time
        self.watched = []  # (module, the __getattr__ that it had)
        self.older = None  # the class that `follow` changed

    def find_spec(self, fullname, path=None, target=None):
        """The spec of the front end's module, under that name; None if it is not ours to find."""
        if fullname != self.name and not fullname.startswith(f"{self.name}."):
            return None
        front = self.front_of(fullname)
        if front is not None:
            found = spec_of(front)
            if found is None:
                self.asked[fullname] = None  # the others find nothing either: an ImportError
                return None
            return self.alias(fullname, front, found)
        found = self.found_by_others(fullname, path, target)
        if found is None:
            if fullname == self.name:  # there is no DeZero: the names of its core
                front = f"fastgrad.compat.{fullname}"
                return self.alias(fullname, front, spec_of(front))
            self.asked[fullname] = None
            return None
        if type(found.loader) is importlib.machinery.SourceFileLoader:
            found.loader = Mended(found.loader.name, found.loader.path)
        return found

    def found_by_others(self, fullname, path, target):
        """What there is without us."""
        for finder in [finder for finder in sys.meta_path if finder is not self]:
            find = getattr(finder, "find_spec", None)
            found = None if find is None else find(fullname, path, target)
            if found is not None:
                return found
        return None

    def front_of(self, fullname):
        """The name of what stands in for that module; None: nothing does."""
        for original, front in FRONTS[self.name].items():
            if fullname == original or fullname.startswith(f"{original}."):
                return front + fullname[len(original) :]
        return None

    def alias(self, fullname, front, found):
        """A spec for the module `front`, under another name."""
        spec = importlib.machinery.ModuleSpec(
            fullname, Alias(self, front), origin=found.origin,
            is_package=found.submodule_search_locations is not None,
        )  # fmt: skip
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.extend(found.submodule_search_locations)
        return spec

    def find_distributions(self, context=None):
        """A version of the original for those who ask, where that is not installed."""
        name = None if context is None else context.name
        if name is None or name.lower() != self.name or self.name not in VERSIONS:
            return iter(())
        for finder in [finder for finder in sys.meta_path if finder is not self]:
            find = getattr(finder, "find_distributions", None)
            if find is not None and any(True for _ in find(context)):
                return iter(())
        return iter([Distribution(self.name)])

    def watch(self, front):
        """Note from now on what a program looks for in a module, or below, and does not find."""
        known = [id(module) for module, _ in self.watched]
        for name, module in list(sys.modules.items()):
            if (name == front or name.startswith(f"{front}.")) and id(module) not in known:
                self.watch_one(module)

    def watch_one(self, module):
        """The same of one module: by its `__getattr__`, which is called for nothing else."""
        before = vars(module).get("__getattr__")
        original = self.name + module.__name__.partition(f"compat.{self.name}")[2]

        def look(name):
            try:
                if before is not None:
                    return before(name)
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            except AttributeError:
                if name.startswith("__"):
                    raise
                # `from autograd import numpy`:
                if "__path__" in vars(module) and spec_of(f"{module.__name__}.{name}") is not None:
                    return importlib.import_module(f"{original}.{name}")
                self.asked[f"{original}.{name}"] = None
                raise

        # A class that is called: PennyLane copies each callable of a namespace that is none.
        __getattr__ = type("__getattr__", (), {"__new__": lambda cls, name: look(name)})
        __getattr__.before = before
        self.watched.append((module, before))
        module.__getattr__ = __getattr__

    def follow(self):
        """Keep to the conventions of the release that is installed, where it is an older one.

        Before 1.9 autograd's boxes had no `__array_ufunc__`, so that all arrays left operators to
        them. PennyLane's arrays, which need that, ask for autograd < 1.9.
        """
        release = (version_of(self.name) or VERSIONS[self.name]).split(".")[:2]
        if self.name == "autograd" and [int(part) for part in release] < [1, 9]:
            from fastgrad.compat.autograd.boxes import ArrayBox

            ArrayBox.__array_ufunc__ = None
            self.older = ArrayBox

    def forget(self):
        """Leave the front end's modules as they were."""
        if self.older is not None:
            del self.older.__array_ufunc__
        for module, before in self.watched:
            if before is None:
                del module.__getattr__
            else:
                module.__getattr__ = before
        self.watched.clear()


def spec_of(front):
    """The spec of a front end's module, or None if there is no such one."""
    if front in sys.modules:
        return sys.modules[front].__spec__
    try:
        return importlib.util.find_spec(front)
    except ModuleNotFoundError as error:
        if not front.startswith(f"{error.name}."):
            raise
        return None  # what is above it is a module, and no package, or is not there


class Alias:
    """The loader that imports a front end's module, which is one already, under another name."""

    def __init__(self, finder, front):
        self.finder, self.front = finder, front

    def create_module(self, spec):
        """The front end's module itself."""
        module = importlib.import_module(self.front)
        self.spec = module.__spec__
        return module

    def exec_module(self, module):
        """Give it back the spec that it had: the import just gave it the other one."""
        module.__spec__ = self.spec
        self.finder.watch(self.front)
        if self.front == FRONTS[self.finder.name].get(self.finder.name):
            self.finder.follow()


class Mended(importlib.machinery.SourceFileLoader):
    """Reads a module of DeZero's for the NumPy of today, which has no `np.int` any more."""

    def get_code(self, fullname):
        """The code, with Python's `int` for `np.int`, from no cache and into none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of syntax: only its authors could heed them
            tree = ast.parse(self.get_data(self.path), self.path)
            return compile(Aliases().visit(tree), self.path, "exec", dont_inherit=True)


FORMER = {name for name in ("int", "float", "object", "str", "complex") if name not in dir(np)}


class Aliases(ast.NodeTransformer):
    """Replaces NumPy's former names for Python's own types by these."""

    def visit_Attribute(self, node):
        """`np.int`, if NumPy has none."""
        self.generic_visit(node)
        of_numpy = isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")
        if of_numpy and node.attr in FORMER and isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.Name(node.attr, ast.Load()), node)
        return node


class Distribution(importlib.metadata.Distribution):
    """The metadata of an original that is not installed: its name, and a version."""

    def __init__(self, name):
        self.text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSIONS[name]}\n"

    def read_text(self, filename):
        """METADATA, and no other file."""
        return self.text if filename == "METADATA" else None

    def locate_file(self, path):
        """Nowhere in particular: there are no files."""
        raise FileNotFoundError(path)
