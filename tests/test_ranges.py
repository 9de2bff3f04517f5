"""Elementwise rules at the ends of their range, against mpmath: docs/accuracy.md is the contract."""

from __future__ import annotations

import functools
import importlib.util
import warnings

import numpy as np
import pytest

pytest.importorskip("mpmath")

import fastgrad.numpy as fnp
import ranges
from fastgrad import Variable, gradients
from fastgrad._protocols import handlers
from fastgrad._row import Row
from fastgrad.functions import special
from fastgrad.functions.ufuncs import POINTS
from mpmath import mp, mpf

INF, NAN = np.inf, np.nan
ONE = [*ranges.ONE, *(f"scipy.{name}" for name in ranges.SCIPY)]


def function(name):
    """The function of a row of `ranges`."""
    group, _, last = name.rpartition(".")
    if group == "scipy" and not importlib.util.find_spec("scipy"):
        pytest.skip("SciPy is not installed")
    if last == "gelu" and group == "scipy":
        return functools.partial(special.gelu, approximate=False)
    if "xlog" in last or "beta" in last:
        pytest.importorskip("scipy.special")
    return getattr(special if group else fnp, last)


def row_of(name):
    """Its derivatives, where they are, and the scale of the exceptions."""
    table = ranges.TWO if name in ranges.TWO else ranges.ONE
    last = name.removeprefix("scipy.")
    *derivatives, where = ranges.SCIPY[last] if last != name else table[name]
    scale = ranges.SCALES.get(last if last != name or name not in ("i0",) else "")
    return derivatives, where, scale


def quiet(f, *xs):
    """Where the forward of `f` gives numbers, and reports nothing."""
    found = []
    for x in zip(*xs, strict=True):
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                found.append(bool(np.isfinite(f(*map(np.asarray, x)))))
        except FloatingPointError:
            found.append(False)
    return np.array(found)


def error(got, exact, scale, dtype):
    """In ulp of the scale; what is beyond the largest number is to be infinite."""
    info = np.finfo(dtype)
    if abs(exact) > float(info.max) * (1 + mpf(float(info.eps)) / 4):
        return 0 if got == np.sign(float(mp.sign(exact))) * INF else INF
    if not np.isfinite(got):
        return INF
    size = mp.floor(mp.log(abs(scale), 2)) if scale != 0 else -99999
    ulp = max(mpf(2) ** (size - info.nmant), mpf(float(info.smallest_subnormal)))
    return float(abs(mpf(float(got)) - exact) / ulp)


def check(name, xs, dtype):
    """Compare the gradient for each operand with mpmath's derivative."""
    f = function(name)
    derivatives, where, scale = row_of(name)
    exact_xs = [[mpf(float(x)) for x in column] for column in xs]
    known = np.array([bool(where(*x)) for x in zip(*exact_xs, strict=True)])
    xs = [x[known] for x in xs]
    known = quiet(f, *xs)
    xs = [x[known] for x in xs]
    exact_xs = list(zip(*[[mpf(float(x)) for x in column] for column in xs], strict=True))
    exact = [[d(*x) for x in exact_xs] for d in derivatives]
    # What has to overflow may say so; the rest may not.
    small = np.all([[abs(e) < float(np.finfo(dtype).max) for e in es] for es in exact], axis=0)
    for part in (small, ~small):
        vs = [Variable(x[part]) for x in xs]
        with warnings.catch_warnings():
            warnings.simplefilter("error" if part is small else "ignore")
            f(*vs).backward()
        again = [Variable(x[part]) for x in xs]
        with np.errstate(all="ignore"):
            recorded = gradients(f(*again).sum(), again, create_graph=True)
        for v, r, es in zip(vs, recorded, exact, strict=True):
            np.testing.assert_allclose(r.data, v.grad, rtol=1e-6 if dtype != "float16" else 1e-3)
            es = [e for e, p in zip(es, part, strict=True) if p]
            points = [x for x, p in zip(exact_xs, part, strict=True) if p]
            for x, got, e in zip(points, v.grad, es, strict=True):
                s = e if scale is None else scale(e, *x)
                allowed = 4 if scale is None else 4 + abs(x[0])  # subnormal parts may be multiplied
                if scale is not None and abs(s) > float(np.finfo(dtype).tiny):
                    allowed = 4
                what = f"{name}({', '.join(map(str, map(float, x)))}) of {dtype}: {got}, not {e}"
                assert error(got, e, s, dtype) < allowed, what


@pytest.mark.parametrize("dtype", ranges.DTYPES)
@pytest.mark.parametrize("name", ONE)
def test_derivative_of_one_operand(name, dtype):
    check(name, [ranges.points(dtype)], dtype)


@pytest.mark.parametrize("dtype", ranges.DTYPES)
@pytest.mark.parametrize("name", ranges.TWO)
def test_derivatives_of_two_operands(name, dtype):
    rng = np.random.default_rng(0)
    points = ranges.points(dtype)
    moderate = points[(abs(points) > 1e-2) & (abs(points) < 100)]
    xs = [np.concatenate([rng.choice(points, 80), rng.choice(moderate, 50)]) for _ in range(2)]
    if name == "divide":  # a subnormal quotient of its rule has lost digits: see docs/accuracy.md
        with np.errstate(all="ignore"):
            whole = np.abs(xs[0] / xs[1]) > np.finfo(dtype).tiny
        xs = [x[whole] for x in xs]
    check(name, xs, dtype)
