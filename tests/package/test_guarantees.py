"""docs/guarantees.md is complete: it names every C global, and the tests it names are there."""

import re

import pytest
from test_package import root


def page():
    path = root() / "docs" / "guarantees.md"
    return path.read_text(encoding="utf-8")


def c_globals(text):
    """The names that a .pyx or .pxd declares at its top level: state, not functions or types."""
    for line in text.splitlines():
        if re.match(r"cdef (?!class|inline|extern|enum|struct|union)", line):
            declared = re.sub(r"#.*|\[[^\]]*\]", "", line.removeprefix("cdef "))
            first = re.match(r"(?:const |unsigned )*\w+ \**(\w+)( *\()?", declared)
            if first and not first[2]:
                yield first[1]
                rest = declared[first.end() :]
                yield from re.findall(r", \**(\w+)(?= *(?:$|=|,))", re.sub(r"\(.*\)", "", rest))


def test_every_c_global_is_in_the_table():
    table = page().partition("## State in C globals")[2]
    sources = [p for p in (root() / "fastgrad").rglob("*.p*") if p.suffix in (".pyx", ".pxd")]
    if not sources:
        pytest.skip("no sources here")
    found = {name for path in sources for name in c_globals(path.read_text(encoding="utf-8"))}
    assert {"n_runs", "spare_handles", "add_at", "bins", "ever_kept", "exp_rule"} <= found
    assert sorted(name for name in found if f"`{name}`" not in table) == []


def test_the_files_that_it_names_are_there():
    names = set(re.findall(r"`(tests/[\w/]+\.py)`", page()))
    assert len(names) >= 8
    assert [name for name in sorted(names) if not (root() / name).is_file()] == []
