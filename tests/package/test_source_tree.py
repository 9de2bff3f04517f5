"""The folder of the sources: what it says if nothing was compiled there, and its sizes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_package import root

import fastgrad


def test_sources_that_were_not_compiled_say_what_to_do(tmp_path):
    """The text of the one error, and nothing of a module that is private."""
    source = Path(fastgrad.__file__).parent
    shutil.copytree(source, tmp_path / "fastgrad", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    done = subprocess.run(
        [sys.executable, "-c", "import fastgrad"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("ImportError: fastgrad is not compiled for this Python in ")
    assert "leave the folder of the sources" in error
    assert "pip install -e ." in error
    assert "During handling" not in done.stderr


def functions_of(text):
    """The functions of a source: (name, its lines without its docstring)."""
    lines = text.splitlines()
    for first, line in enumerate(lines):
        found = re.match(
            r"( *)(?:async def|c?p?def) (?!class |enum|struct|union)[^=#]*?(\w+)\(", line
        )
        if found is None:
            continue
        end = first + 1
        while end < len(lines) and (
            not lines[end].strip()
            or len(lines[end]) - len(lines[end].lstrip()) > len(found[1])
            or lines[end].lstrip().startswith(")")
        ):
            end += 1
        body = "\n".join(lines[first:end]).rstrip()
        yield found[2], re.sub(r'^ +r?"""(?s:.*?)"""\n', "", body, count=1, flags=re.M)


def test_compiled_files_and_functions_are_short():
    """At most 400 lines a file; 60 a function, its docstring aside, in Python too."""
    package = root() / "fastgrad"
    if not (package / "_core" / "node.pyx").is_file():
        pytest.skip("no sources here")
    texts = {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for path in package.rglob("*.p*")
        if path.suffix in (".pyx", ".pxd", ".py")
    }
    assert len(texts) > 80
    lengths = {
        f"{file}: {name}": body.count("\n") + 1
        for file, text in texts.items()
        for name, body in functions_of(text)
    }
    assert len(lengths) > 1500
    assert {name: n for name, n in lengths.items() if n > 60} == {}
    files = {file: text.count("\n") for file, text in texts.items() if not file.endswith(".py")}
    assert {file: n for file, n in files.items() if n > 400} == {}


def test_lengths_of_functions_are_found():
    text = (
        'cdef int f(\n    int x,\n):\n    """A\n\n    B"""\n    return 1\n\n\n'
        "class A:\n    def g(x):\n        pass\n"
    )
    lengths = [(name, body.count("\n") + 1) for name, body in functions_of(text)]
    assert lengths == [("f", 4), ("g", 2)]
