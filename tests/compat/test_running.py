"""`python -m fastgrad.compat`: as `python script.py`, but for what the program imports."""

import re
import signal
import sys
import textwrap
import zipfile

import pytest

RUN = ["-m", "fastgrad.compat"]

PROGRAM = """
    import sys, os, __main__
    if "plain" not in sys.argv:
        import fastgrad.compat.autograd
        import autograd
        assert autograd is fastgrad.compat.autograd
    print(sys.argv, __name__, __main__.__dict__ is globals(), sys.modules["__main__"] is __main__)
    print(sys.path[0], globals().get("__file__"), __spec__ and __spec__.name, __package__)
    print(globals().get("__cached__"), __doc__, type(globals().get("__loader__")).__name__)
    print(sorted(set(globals()) - {"fastgrad", "autograd"}))
    import helper
    print(helper.__name__)
"""
FILES = {"folder/program.py": PROGRAM, "folder/helper.py": "", "helper.py": ""}


@pytest.fixture
def compare(run_python):
    """Run a program by us and by Python alone: both are to print the same, and end the same way."""

    def compare(*arguments, files, status=0, stdin=""):
        ours = run_python(*RUN, "autograd", *arguments, files=files, status=status, stdin=stdin)
        plain = run_python(*arguments, files=files, status=status, stdin=stdin)
        said, _, stderr = ours.stderr.partition("\n")
        assert said.startswith("fastgrad ")
        assert said.endswith("replaced by fastgrad.compat.autograd")
        if arguments[0] == "-c" and sys.version_info[:3] == (3, 13, 0):
            # It shows the lines of such code, and keeps them under another name than 3.13.1 does.
            plain.stderr = re.sub(r"(?<=, in <module>\n)(    .*\n)+", "", plain.stderr)
        assert stderr == plain.stderr
        assert ours.stdout == plain.stdout
        return plain

    return compare


def without_import(text):
    """The program, without what only ours can do."""
    return text.replace('if "plain" not in sys.argv:', "if 'fastgrad' in sys.modules:")


@pytest.mark.parametrize(
    "arguments",
    [
        ["folder/program.py"],
        ["folder/program.py", "one", "-m", "two", "--help"],
        ["-m", "folder.program", "one"],
        ["-m", "folder", "-x"],
        ["folder", "one"],
    ],
    ids=" ".join,
)
def test_a_program_sees_what_it_sees_without(compare, arguments):
    program = without_import(PROGRAM)
    files = {**FILES, "folder/program.py": program, "folder/__main__.py": program}
    assert compare(*arguments, files=files).stdout.count("\n") == 5


def test_code(compare):
    code = textwrap.dedent(without_import(PROGRAM))
    plain = compare("-c", code, "one", "-c", files=FILES)
    assert "['-c', 'one', '-c'] __main__" in plain.stdout


def test_standard_input(compare):
    code = textwrap.dedent(without_import(PROGRAM))
    assert "['-', 'a', '-x'] __main__" in compare("-", "a", "-x", files=FILES, stdin=code).stdout
    compare("-", files=FILES, stdin="raise KeyError('x')", status=1)


def test_an_archive(compare, tmp_path):
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.writestr("__main__.py", "import sys, helper\nprint(sys.argv, __name__, helper.x)\n")
        archive.writestr("helper.py", "x = 1\n")
    assert compare("program.zip", "one", files={}).stdout == "['program.zip', 'one'] __main__ 1\n"


def test_the_front_end_is_what_it_imports(run_python):
    for arguments in (["program.py"], ["-m", "program"], ["-c", "import program"]):
        program = """
            import autograd, fastgrad.compat
            import autograd.numpy as np
            assert autograd is fastgrad.compat.autograd
            print(autograd.grad(np.tanh)(0.0))
        """
        done = run_python(*RUN, "autograd", *arguments, files={"program.py": program})
        assert done.stdout == "1.0\n"


def test_both_at_once(run_python):
    program = "import autograd, dezero.core\nprint(autograd.__name__, dezero.core.__name__)\n"
    done = run_python(*RUN, "autograd,dezero", "program.py", files={"program.py": program})
    assert done.stdout == "fastgrad.compat.autograd fastgrad.compat.dezero.core\n"
    assert done.stderr.count("replaced by") == 2


ENDS = {
    "an exception": ("def f():\n    1 / 0\nf()\n", 1),
    "a chain of them": ("try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError from e\n", 1),
    "an exception in a module": ("import broken\n", 1),
    "a syntax error": ("x = (\n", 1),
    "a missing module": ("import nothing_like_it\n", 1),
    "sys.exit()": ("import sys\nsys.exit()\n", 0),
    "sys.exit(3)": ("import sys\nsys.exit(3)\n", 3),
    "a text": ("import sys\nsys.exit('why')\n", 1),
    "os._exit": ("import os\nos._exit(7)\n", 7),
    "atexit": ("import atexit\natexit.register(print, 'late')\n1 / 0\n", 1),
    "a hook of its own": (
        "import sys, traceback\ndef hook(*what):\n    traceback.print_exception(*what)\n"
        "    print('mine')\nsys.excepthook = hook\n1 / 0\n",
        1,
    ),
}


@pytest.mark.parametrize(
    ("way", "end"),
    [("script", end) for end in ENDS]
    + [(way, end) for way in ("module", "code") for end in ("a chain of them", "a syntax error")],
)
def test_it_ends_as_without(compare, way, end):
    code, status = ENDS[end]
    files = {"program.py": code, "broken.py": "\n\n1 / 0\n"}
    arguments = {"script": ["program.py"], "module": ["-m", "program"], "code": ["-c", code]}[way]
    compare(*arguments, files=files, status=status)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c(compare):
    done = compare("program.py", files={"program.py": "raise KeyboardInterrupt\n"}, status=None)
    assert done.returncode == -signal.SIGINT


@pytest.mark.parametrize(
    "arguments", [["nothing.py"], ["-m", "nothing"], ["-m", "nothing.like_it"]]
)
def test_what_is_not_there(compare, arguments):
    compare(*arguments, files={}, status=None)


@pytest.mark.parametrize(
    "arguments",
    [[], ["torch", "program.py"], ["autograd"], ["autograd", "-m"], ["dezero", "-c"]],
    ids=" ".join,
)
def test_usage(run_python, arguments):
    done = run_python(*RUN, *arguments, status=2)
    assert "usage: python -m fastgrad.compat NAMES script.py" in done.stderr
    assert done.stdout == ""
    assert run_python(*RUN, "--help").stdout.startswith("usage: ")


def test_the_debugger(run_python, tmp_path):
    """Started in it, and stopped by `breakpoint()`."""
    commands = "import os; os.environ['PYTHONBREAKPOINT'] = ''"
    program = f"""
        {commands}
        import io, pdb, sys
        sys.stdin = io.StringIO("where\\np x\\ncontinue\\n")
        def f(x):
            pdb.Pdb(stdin=sys.stdin, stdout=sys.stdout).set_trace()
            return x
        f(41 + 1)
        print("done")
    """
    done = run_python(*RUN, "autograd", "program.py", files={"program.py": program})
    assert "\n(Pdb) 42\n" in done.stdout
    assert done.stdout.endswith("done\n")


def test_explain(run_python):
    files = {"autograd/__init__.py": "def only_here(): ...\n"}
    done = run_python(*RUN, "autograd", "--explain", files=files)
    assert done.stdout.splitlines() == [
        "autograd has, and the front end lacks, 1 names",
        "    autograd.only_here",
    ]


def test_python_safe_path_keeps_the_programs_folder_out(run_python):
    if sys.version_info < (3, 11):
        pytest.skip("-P is of Python 3.11")
    files = {"folder/program.py": "import sys\nprint(sys.path)\n"}
    ours = run_python("-P", *RUN, "autograd", "folder/program.py", files=files)
    assert ours.stdout == run_python("-P", "folder/program.py").stdout


def test_what_was_replaced_is_said_first(run_python):
    done = run_python(*RUN, "autograd", "-c", "import sys; print('own', file=sys.stderr)")
    assert re.fullmatch(r"fastgrad \S+: autograd \(.*\) replaced by \S+\nown\n", done.stderr)
