"""docs/guarantees.md: its table of C globals is made from the sources, its tests are there."""

import importlib.util
import re

import pytest
from test_package import root


def page():
    path = root() / "docs" / "guarantees.md"
    if not path.is_file():
        pytest.skip("no docs here")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator():
    path = root() / "docs" / "make_globals.py"
    if not path.is_file() or not (root() / "fastgrad" / "_core" / "node.pyx").is_file():
        pytest.skip("no docs or sources here")
    spec = importlib.util.spec_from_file_location("make_globals", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_c_global_that_changes_says_what_protects_it(generator):
    assert generator.problems() == []


def test_table_is_up_to_date(generator):
    """Else: `python docs/make_globals.py`."""
    assert page() == generator.page(page())


def test_globals_are_found(generator):
    found = {(module, name) for module, names in generator.modules().items() for name, _ in names}
    assert len(found) > 90
    assert {
        ("run", "n_runs"), ("handles", "spare_handles"), ("_indexing", "add_at"),
        ("spares", "bins"), ("config", "ever_kept"), ("_elementwise", "exp_rule"),
        ("slabs", "header_size"),
        ("handles", "fg_origin"), ("parallel", "fg_loop"), ("parallel", "fg_n_inside"),
    } <= found  # fmt: skip


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cdef int n = 0, *m = NULL  # why, not", {"n": "int", "m": "pointer"}),
        ("cdef Bin bins[N_BINS]", {"bins": "array"}),
        ("cdef object add = np.add.at(x, y), one", {"add": "object", "one": "object"}),
        ("cdef const Rule *rule", {"rule": "pointer"}),
        ("cdef int f(int n) except -1:", {}),
        ("cdef class Run:", {}),
        ("cdef inline int g(int n):", {}),
        ("    static int fg_a, fg_b[N];", {"fg_a": "static", "fg_b": "static"}),
        ("    static __thread int fg_c = 0;", {"fg_c": "static"}),
        ("    static int fg_run(int n) {", {}),
    ],
)
def test_a_declaration_is_read(generator, line, expected):
    assert generator.c_globals(line + "\n") == expected


def test_the_files_that_it_names_are_there():
    names = set(re.findall(r"`(tests/[\w/]+\.py)`", page()))
    assert len(names) >= 8
    assert [name for name in sorted(names) if not (root() / name).is_file()] == []
