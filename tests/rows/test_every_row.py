"""Every row has a sample and, if it is public, its line in the stubs: none is added without."""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from test_rows import SAMPLES, call, function_of, operands, variables

import fastgrad.numpy as fnp
from fastgrad import Function, Variable, functions, special
from fastgrad._core.row import Row

MODULES = [
    importlib.import_module(f"fastgrad.functions.{found.name}")
    for found in pkgutil.iter_modules(functions.__path__)
]

# Rows for the next derivatives alone, which are NaN, or nothing, on purpose; who tests them.
WITHOUT_SAMPLE = {
    "unknown": "test_equal_values.py",
    "touched": "test_equal_values.py",
    "if_used": "test_conventions_polynomials.py",
}


def scipys():
    """The modules of fastgrad.scipy, where SciPy is installed."""
    if not importlib.util.find_spec("scipy"):
        return []
    package = importlib.import_module("fastgrad.scipy")
    names = pkgutil.walk_packages(package.__path__, "fastgrad.scipy.")
    return [importlib.import_module(name) for _, name, _ in names]


def rows():
    """Each row of fastgrad, by the first module and name that it has."""
    found = {}
    for module in [*MODULES, *scipys()]:
        for name, x in vars(module).items():
            if isinstance(x, Row):
                found.setdefault(x, f"{module.__name__}.{name}")
    return found


def recorded(y, compiled):
    """The rows of the graph that leads to `y`."""
    found, seen, stack = set(), set(), [y.creator]
    while stack:
        f = stack.pop()
        if f is not None and f not in seen:
            seen.add(f)
            found.add(compiled.get(type(f)) or getattr(type(f), "row", None))
            stack += [to for to in gc.get_referents(f) if isinstance(to, Function)]
    return found


def test_every_row_has_a_sample():
    known = rows()
    compiled = {row.compiled: row for row in known if row.compiled is not None}
    sampled = set()
    for sample in SAMPLES:
        sampled.add(function_of(sample, fnp))
        ys = call(sample, variables(sample, operands(sample)))
        for y in ys if isinstance(ys, (list, tuple)) else [ys]:
            if isinstance(y, Variable):
                sampled |= recorded(y, compiled)
    missing = {row.name: name for row, name in known.items() if row not in sampled}
    assert [name for row, name in missing.items() if row not in WITHOUT_SAMPLE] == []
    assert sorted(set(WITHOUT_SAMPLE) - set(missing)) == []


def test_every_compiled_operation_has_a_row():
    """With the VJPs that answer where its direct way does not; see docs/adding.md."""
    from fastgrad._core.rules import Operation

    with_row = {row.compiled for row in rows()}
    assert sorted(cls.__name__ for cls in Operation.__subclasses__() if cls not in with_row
                  and cls.__module__.startswith("fastgrad.")) == []  # fmt: skip


@pytest.mark.parametrize("module", [functions, special])
def test_every_public_name_has_a_stub(module):
    path = Path(module.__file__).with_suffix(".pyi")
    if not path.is_file():
        pytest.skip("no stubs here")
    declared = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign):
            declared.add(node.target.id)
        elif isinstance(node, ast.FunctionDef):
            declared.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            declared |= {name.asname or name.name for name in node.names}
    assert sorted(set(module.__all__) - declared) == []


def test_a_batched_rule_is_the_vjp_of_each_gradient():
    """Beside the jacobians of tests/engine/test_transforms.py: of every row that has one."""
    rng = np.random.default_rng(3)
    n = 0
    for sample in SAMPLES:
        row = function_of(sample, fnp)
        if isinstance(row, Row) and row.batched is not None:
            with np.errstate(all="ignore"):
                n += check_batched(row, sample, rng)
    assert n > 100


def rules(row, sample):
    """The VJP and the batched rule of each operand."""
    if not row.sequence:
        return zip(row.vjp, row.batched, strict=True)

    def of_place(rule, i):
        return lambda xp, g, *args, **kwargs: rule(xp, i, g, *args, **kwargs)

    return [(of_place(row.vjp, i), of_place(row.batched, i)) for i in range(len(sample.args[0]))]


def check_batched(row, sample, rng):
    """Compare them for each operand; how many were compared."""
    args = [np.asarray(x) if isinstance(x, np.ndarray) else x for x in sample.args]
    y = row.forward(*args, **sample.kwargs)
    if isinstance(y, tuple) or not isinstance(y, (np.ndarray, np.generic)) or y.dtype.kind != "f":
        return 0
    kwargs = {} if isinstance(row.forward, np.ufunc) else sample.kwargs
    gs = rng.standard_normal((3, *y.shape))
    n = 0
    for vjp, batched in rules(row, sample):
        if vjp is None or vjp is functions.arithmetic.zero:
            continue
        try:
            made = batched(np, gs, y, *args, **kwargs)
        except NotImplementedError:  # of a parameter for which no formula is known
            continue
        if made is NotImplemented or made.ndim == 0 or len(made) != 3 or np.size(y) == 0:
            continue
        each = [np.asarray(vjp(np, g, y, *args, **kwargs)) for g in gs]
        if made.shape[1:] == each[0].shape:  # else one of them is not broadcast yet
            np.testing.assert_allclose(made, each, 1e-12, 1e-12, err_msg=str(sample))
            n += 1
    return n
