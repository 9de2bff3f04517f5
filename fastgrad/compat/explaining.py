"""`explain`: what an original has and its front end lacks."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

from fastgrad.compat.patching import FRONTS, finders, require_known

__all__ = ["explain"]

# In a process of its own: the names of each module of the package that can be imported.
LIST = """
import importlib, json, pkgutil, sys, types, warnings
warnings.simplefilter("ignore")
package, sys.path[:] = json.loads(sys.argv[1])
def its_own(x, module):  # and not what a module, no package, imports from another one of them
    home = getattr(x, "__module__", None)
    if isinstance(x, types.ModuleType) or type(x).__module__ == "__future__":
        return False
    ours = isinstance(home, str) and home.startswith(package) and home != module.__name__
    return hasattr(module, "__path__") or not ours
found, path = {}, importlib.import_module(package).__path__
names = [x.name for x in pkgutil.walk_packages(path, package + ".", onerror=lambda name: None)]
for name in [package, *names]:
    if not name.rpartition(".")[2].startswith("_"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        found[name] = [x for x in sorted(vars(module)) if its_own(vars(module)[x], module)]
json.dump(found, sys.stdout)
"""


def explain(*names):
    """What the originals have and fastgrad's front ends lack, and what was asked for in vain.

    Of each name ("autograd", "dezero"; without any, of both) a dict: under "lacks" the names, with
    their modules, of the original that is installed, which the front end has not; None where none
    is installed. (It is not imported here: a child process does that, or its source is read.) Under
    "asked", in the order of the first time, what programs looked for in it and did not find, since
    `patch`. ValueError for another name.

    >>> from fastgrad.compat import explain, patch
    >>> with patch("dezero", quiet=True):
    ...     from dezero import core
    ...     there = hasattr(core, "conv2d")
    ...     asked = explain("dezero")["dezero"]["asked"]
    >>> there, asked
    (False, ['dezero.core.conv2d'])
    """
    require_known(names)
    found = {}
    for name in names or FRONTS:
        asked = list(finders[name].asked) if name in finders else []
        there = names_of(name)
        lacks = None if there is None else lacking(name, there)
        found[name] = {"lacks": lacks, "asked": asked}
    return found


def text_of(explained):
    """What `explain` found, as lines to read."""
    lines = []
    for name, found in explained.items():
        if found["lacks"] is None:
            lines.append(f"{name} is not installed: nothing to compare the front end with")
        else:
            lines.append(f"{name} has, and the front end lacks, {len(found['lacks'])} names")
            lines += [f"    {text}" for text in found["lacks"]]
        if found["asked"]:
            lines.append(f"asked for in vain, {len(found['asked'])} names")
            lines += [f"    {text}" for text in found["asked"]]
    return "\n".join(lines)


def names_of(name):
    """By module, the public names of the original that is installed; None if there is none."""
    place = place_of(name)
    if place is None:
        return None
    if FRONTS[name].keys() != {name}:  # some modules alone, which may not be importable today
        sources = {module: place / f"{module.rpartition('.')[2]}.py" for module in FRONTS[name]}
        return {module: defined_in(path) for module, path in sources.items() if path.is_file()}
    done = subprocess.run(
        [sys.executable, "-c", LIST, json.dumps([name, sys.path])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"explain: {name} cannot be imported in a process of its own:\n"
                           f"{done.stderr}")  # fmt: skip
    return json.loads(done.stdout)


def place_of(name):
    """The folder of the original, or None."""
    for finder in [finder for finder in sys.meta_path if finder not in finders.values()]:
        find = getattr(finder, "find_spec", None)
        spec = None if find is None else find(name, None)
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations)))
    return None


def defined_in(path):
    """The classes, functions and variables that a source file defines."""
    names = []
    for node in ast.parse(path.read_bytes(), str(path)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def lacking(name, there):
    """What of these names the front end has not; where a whole module is not there, its name."""
    missing = []
    for module, members in there.items():
        for original, front in FRONTS[name].items():
            if module == original or module.startswith(f"{original}."):
                try:
                    ours = importlib.import_module(front + module[len(original) :])
                except ModuleNotFoundError:
                    missing.append(module)
                    continue
                missing += [f"{module}.{x}" for x in members if x[0] != "_" and not has(ours, x)]
    return missing


def has(module, name):
    """Whether the module has the name, maybe only when it is asked for; nobody notes the asking."""
    if name in vars(module):
        return True
    lazily = vars(module).get("__getattr__")
    lazily = getattr(lazily, "before", lazily)  # see Finder.watch
    try:
        return lazily is not None and lazily(name) is not None
    except AttributeError:
        return False
