"""Every function of NumPy is in a group, and docs/coverage.md says in which."""

from __future__ import annotations

import importlib.util
import re
import warnings

import numpy as np
import pytest
from test_package import root

import fastgrad.numpy as fnp
from fastgrad import Variable
from fastgrad.functions.discrete import NOT_OF_ARRAYS
from fastgrad.op import groups

NAMESPACES = {"": np, "linalg.": np.linalg, "fft.": np.fft}
NO_ARRAYS = {name for names in NOT_OF_ARRAYS.values() for name in names.split()}


def public_functions():
    """The functions and ufuncs: by name, those of np.linalg and np.fft with it."""
    found = {}
    for prefix, namespace in NAMESPACES.items():
        for name in {*dir(namespace), *namespace.__all__}:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # for what NumPy is about to remove
                function = getattr(namespace, name)
            if callable(function) and not isinstance(function, type) and not name.startswith("_"):
                found[prefix + name] = function
    return found


FUNCTIONS = public_functions()


def test_the_walk_finds_numpys_functions():
    assert len(FUNCTIONS) > 400
    assert {"sum", "exp", "linalg.svd", "fft.rfft", "zeros", "matmul"} <= set(FUNCTIONS)


def test_every_function_is_in_a_group_or_takes_no_arrays():
    in_no_group = {name for name, function in FUNCTIONS.items() if function not in groups}
    assert sorted(in_no_group - NO_ARRAYS) == []


def test_what_takes_no_arrays_is_in_no_group():
    assert [name for name in NO_ARRAYS if FUNCTIONS.get(name) in groups] == []


def test_groups_are_the_four_and_a_refusal_says_why():
    assert {group for group, _ in groups.values()} == {
        "differentiable", "zero gradient", "plain result", "refused",
    }  # fmt: skip
    assert all(why for group, why in groups.values() if group == "refused")


REFUSED = sorted(name for name, f in FUNCTIONS.items() if groups.get(f, ("",))[0] == "refused")


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_names_the_function_and_tells_how_to_go_on(name):
    function = fnp
    for part in name.split("."):
        function = getattr(function, part)
    with pytest.raises(TypeError, match=rf"(?s)np\.{re.escape(name)}: .*use "):
        function(Variable(np.array([1.0, 2.0])))


def test_refused_functions_are_numpys_own_on_arrays_alone():
    x = np.array([1.0, 2.0])
    fnp.put(x, 0, 3.0)
    assert x.tolist() == [3, 2]
    assert fnp.busday_count("2024-01-01", "2024-01-03") == 2


def test_plain_results_are_those_of_the_values():
    x, y = np.array([[0.0, 2.5], [1.0, 3.0]]), np.array([1.0, 2.0])
    v = Variable(x)
    assert np.array2string(v) == np.array2string(x)
    assert (np.array_repr(v), np.array_str(v)) == (np.array_repr(x), np.array_str(x))
    assert np.result_type(v, np.float32) == np.float64
    assert np.can_cast(v.dtype, np.complex64) is False
    assert np.common_type(v, y) is np.float64
    assert np.min_scalar_type(Variable(np.array(3.0))) == np.float16
    assert np.shares_memory(v, x)
    assert np.may_share_memory(v, y) is False
    assert fnp.isfortran(v) is False
    assert fnp.isscalar(v) is False
    assert np.packbits(Variable(np.array([1, 0, 1], np.uint8))).tolist() == [160]


def test_values_are_saved(tmp_path):
    x = Variable(np.array([1.5, 2.5]))
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x, y=x)
    np.savetxt(tmp_path / "x.txt", x)
    assert np.load(tmp_path / "x.npy").tolist() == [1.5, 2.5]
    with np.load(tmp_path / "x.npz") as file:
        assert {key: file[key].tolist() for key in file} == {"arr_0": [1.5, 2.5], "y": [1.5, 2.5]}
    assert np.loadtxt(tmp_path / "x.txt").tolist() == [1.5, 2.5]


# --- docs/coverage.md ---


@pytest.fixture(scope="module")
def generator():
    path = root() / "docs" / "make_coverage.py"
    if not path.is_file():
        pytest.skip("no docs here")
    spec = importlib.util.spec_from_file_location("make_coverage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page():
    path = root() / "docs" / "coverage.md"
    if not path.is_file():
        pytest.skip("no docs here")
    return path.read_text(encoding="utf-8")


def rows(text):
    """The lines of its tables, by function."""
    return {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}


def test_page_is_up_to_date(generator, page):
    """Else: `python docs/make_coverage.py`, with the newest NumPy."""
    made = generator.page()
    version = re.search(r"with NumPy (\d+\.\d+)", page)[1]
    if np.__version__.startswith(f"{version}."):
        assert page == made
    # Another version of NumPy has other functions: those of both are compared.
    expected, actual = rows(made), rows(page)
    assert len(actual) > 350
    assert [line for name, line in expected.items() if actual.get(name, line) != line] == []


def test_chapters_list_functions_that_exist(generator):
    """In some version of NumPy; and none twice."""
    listed = [name for names in generator.CHAPTERS.values() for name in names.split()]
    assert len(listed) == len(set(listed))
    gone, new = {"in1d", "row_stack"}, {"astype", "matvec", "unstack", "vecmat"}
    assert {name for name in listed if not hasattr(np, name)} <= gone | new
