"""Runs a whole program on a front end, as `python script.py` runs it without."""

import io
import linecache
import os
import pkgutil
import runpy
import sys
import types
from importlib.machinery import BuiltinImporter, SourceFileLoader

from fastgrad.compat.patching import FRONTS, patch

USAGE = f"""usage: python -m fastgrad.compat NAMES script.py [argument ...]
       python -m fastgrad.compat NAMES -m module [argument ...]
       python -m fastgrad.compat NAMES -c code [argument ...]
       python -m fastgrad.compat NAMES - [argument ...]
       python -m fastgrad.compat NAMES --explain

Runs a program as `python script.py` does, with fastgrad's front end in place of what it imports.
NAMES is {" or ".join(FRONTS)}, or both with a comma between them. --explain lists the names that
the original has, where it is installed, and the front end lacks."""


def main(arguments):
    """Run what the arguments say, in a new `__main__`; does not return to anything of ours."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        raise SystemExit(0 if arguments else 2)
    names, rest = arguments[0].split(","), arguments[1:]
    unknown = [name for name in names if name not in FRONTS]
    if unknown or not rest or (rest[0] in ("-m", "-c") and len(rest) == 1):
        what = f"there is no front end {unknown[0]!r}" if unknown else "there is nothing to run"
        print(f"fastgrad.compat: {what}\n{USAGE}", file=sys.stderr)
        raise SystemExit(2)
    if rest[0] == "--explain":
        from fastgrad.compat.explaining import explain, text_of

        print(text_of(explain(*names)))
        return
    patch(*names)
    module = new_main()
    try:
        if rest[0] == "-m":
            run_module(rest[1], rest[2:])
        elif rest[0] == "-c":
            run_code(module, rest[1], rest[2:])
        elif rest[0] == "-":
            sys.argv[:] = rest
            set_path("")
            module.__file__, module.__cached__ = "<stdin>", None
            code = sys.stdin.buffer.read()  # its first lines may say how it is encoded
            exec(compile(code, "<stdin>", "exec", dont_inherit=True), vars(module))
        else:
            run_script(module, rest[0], rest[1:])
    except BaseException as error:
        show_only_theirs(error)
        raise


def new_main():
    """A `__main__` for the program, with what Python's own has before a program runs."""
    module = types.ModuleType("__main__")
    module.__builtins__, module.__loader__ = sys.modules["builtins"], BuiltinImporter
    if "__annotations__" in vars(sys.modules["__main__"]):  # not from Python 3.14 on
        module.__annotations__ = {}
    sys.modules["__main__"] = module
    return module


def run_code(module, code, arguments):
    """As `python -c code arguments`."""
    sys.argv[:] = ["-c", *arguments]
    set_path("")
    compiled = compile(code + "\n", "<string>", "exec", dont_inherit=True)
    register = getattr(linecache, "_register_code", None)
    if register is not None:  # from Python 3.13 on: tracebacks show its lines
        register(compiled, code, "<string>")
    exec(compiled, vars(module))


def run_module(name, arguments):
    """As `python -m name arguments`, whose `sys.path` is the one that we were started with."""
    sys.argv[:] = ["-m", *arguments]
    runpy._run_module_as_main(name)  # what `python -m` calls


def run_script(module, script, arguments):
    """As `python script arguments`, of a file, or of a folder or archive with a `__main__.py`."""
    sys.argv[:] = [script, *arguments]
    if pkgutil.get_importer(script) is not None:
        set_path(os.path.abspath(script))
        runpy._run_module_as_main("__main__", alter_argv=False)
        return
    path = os.path.abspath(script)
    try:
        with io.open_code(path) as file:
            code = pkgutil.read_code(file)
        if code is None:
            with io.open_code(path) as file:
                code = compile(file.read(), path, "exec", dont_inherit=True)
    except OSError as error:
        print(
            f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    set_path(os.path.dirname(os.path.realpath(script)))
    module.__file__, module.__cached__ = path, None
    module.__loader__ = SourceFileLoader("__main__", path)
    exec(code, vars(module))


def set_path(first):
    """Put the program's own folder first, in place of that which `python -m` put there."""
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path[0] = first


def show_only_theirs(error):
    """Have the traceback of `error` begin where the program does.

    By the hook that prints it, so that Python ends as it does for any program: with 1, with what
    SystemExit says, or by the signal of Ctrl-C.
    """
    before = sys.excepthook

    def excepthook(kind, shown, traceback):
        sys.excepthook = before
        if shown is error:
            traceback = without_ours(traceback)
            shown = shown.with_traceback(traceback)
        before(kind, shown, traceback)

    sys.excepthook = excepthook


def without_ours(traceback):
    """The part of a traceback that is below this file."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != OWN:
        traceback = traceback.tb_next
    while traceback is not None and traceback.tb_frame.f_code.co_filename == OWN:
        traceback = traceback.tb_next
    return traceback


OWN = main.__code__.co_filename
