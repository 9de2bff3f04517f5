"""Elementwise rules at the ends of their range, against mpmath: docs/accuracy.md has the bounds."""

from __future__ import annotations

import functools
import importlib.util
import warnings

import numpy as np
import pytest

pytest.importorskip("mpmath")

import ranges
from mpmath import mp, mpf

import fastgrad.numpy as fnp
from fastgrad import Variable, gradients
from fastgrad._core.protocols import handlers
from fastgrad._core.row import Row
from fastgrad.functions import special
from fastgrad.functions.ufuncs import POINTS

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


# --- second and third derivatives ---

CENTRAL = [0, 1e-16, -1e-12, 1e-8, -1e-3, 0.05, 0.3, -0.4, 0.7, -1.3, 2.5, 5.5, -8.0, 30.0, -70.0]
# Those of abs and of the rectifiers do not exist at 0, those of tanh and so on are of the output;
# of erfcx(x), far right, two terms of it cancel.
HIGHER = [name for name in ONE if name not in ("absolute", "special.relu", "special.leaky_relu")]


@pytest.mark.parametrize("name", HIGHER)
def test_second_and_third_derivative_of_one_operand(name):
    f = function(name)
    (derivative,), where, _ = row_of(name)
    for number in CENTRAL:
        kink = name == "special.elu" and number == 0
        limit = 6 if "sigmoid" in name or name.rpartition(".")[2] in ("tanh", "expit") else 100
        if not where(mpf(number)) or kink or abs(number) > limit:
            continue
        # There SINC's formula is 0 / 0.
        exact_at = mpf(number) if number or name != "sinc" else mpf("1e-40")
        x = Variable(np.array(float(number)))
        with np.errstate(all="ignore"):
            (g,) = gradients(f(x), [x], create_graph=True)
            for order in (1, 2):
                if g.requires_grad:
                    (g,) = gradients(g, [x], create_graph=True)
                else:  # a constant, whatever its value
                    g = Variable(np.zeros(()), requires_grad=False)
                got = float(g.data)
                exact = higher(derivative, exact_at, order)
                if abs(exact) > 1e300:
                    break
                scale = max(abs(exact), abs(derivative(exact_at)), mpf(1e-6))
                what = f"{name}({number}), order {order + 1}: {got}, not {float(exact)}"
                assert abs(got - exact) < 1e-9 * scale, what


def higher(derivative, x, order):
    """Its derivative of an order, by differences."""
    with mp.workprec(1000):
        h = mpf("1e-60")
        if order == 1:
            return (derivative(x + h) - derivative(x - h)) / (2 * h)
        return (derivative(x + h) - 2 * derivative(x) + derivative(x - h)) / h**2


# --- masks ---

UFUNCS = [
    f
    for f, answer in handlers.items()
    if isinstance(f, np.ufunc)
    and isinstance(answer, Row)
    and f.nout == 1
    and not f.signature
    and getattr(np, f.__name__, None) is f
]
BAD = [NAN, INF, -INF, 0.0, 1.0, -1.0, -7.0, 1e300]


@pytest.mark.parametrize("f", UFUNCS, ids=lambda f: f.__name__)
def test_what_is_masked_out_reports_nothing(f):
    """Whatever it holds, forward and backward, first and second order, with every error raised."""
    good = 1.5 if f is np.arccosh else 0.25
    row, mask = handlers[f], np.array([True] + [False] * len(BAD))
    xs = [np.array([good, *BAD]) for _ in range(f.nin)]
    if f is np.ldexp:
        xs[1] = np.arange(len(mask))
    expected = [Variable(x[:1]) if x.dtype.kind == "f" else x[:1] for x in xs]
    f(*expected).backward()
    with np.errstate(all="raise"):
        vs = [Variable(x) if x.dtype.kind == "f" else x for x in xs]
        f(*vs, where=mask, out=np.full(len(mask), 7.0)).backward()
        for v, e in zip(vs, expected, strict=True):
            if isinstance(v, Variable):
                np.testing.assert_array_equal(v.grad, [e.grad[0], *np.zeros(len(BAD))])
        variables = [v for v in vs if isinstance(v, Variable)]
        gxs = gradients(f(*vs, where=mask).sum(), variables, create_graph=True)
        total = sum(fnp.sum(g) for g in gxs)
        if isinstance(total, Variable) and total.requires_grad:
            for g in gradients(total, variables):
                assert g is None or not np.any(g.data[1:])
    assert row.forward is f


@pytest.mark.parametrize("f", UFUNCS, ids=lambda f: f.__name__)
def test_stand_ins_are_regular(f):
    """A function without derivatives there would need its point in `POINTS`."""
    points = [np.array(POINTS.get(f, 0.5)) for _ in range(f.nin)]
    if f is np.ldexp:
        points[1] = 1
    vs = [Variable(x) if isinstance(x, np.ndarray) else x for x in points]
    with np.errstate(all="raise"):
        f(*vs).backward()
    assert all(np.isfinite(v.grad) for v in vs if isinstance(v, Variable))


# --- what the issue named ---


def gradient(f, *xs, dtype=float, **kwargs):
    vs = [Variable(np.array(x, dtype)) for x in xs]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(*vs, **kwargs).backward()
    return [float(v.grad) for v in vs]


def test_ends_of_the_range():
    assert gradient(special.gelu, 1e20, dtype="float32") == [1]
    for f in (special.silu, special.gelu):
        assert gradient(f, INF) == [1]
        assert gradient(f, -INF) == [0]
        assert f(np.array(-INF)) == 0
        assert f(np.array(INF)) == INF
    assert gradient(np.i0, 88.0, dtype="float32")[0] == pytest.approx(
        float(mp.besseli(1, 88)), rel=1e-6
    )
    assert gradient(np.arcsinh, 1e200) == [1e-200]
    assert gradient(np.hypot, INF, 1) == [1, 0]
    assert gradient(np.hypot, 1, -INF) == [0, -1]
    assert gradient(np.arctan2, 1, INF) == [0, 0]
    assert gradient(np.arctan2, -INF, 1) == [0, 0]
    assert gradient(np.arctan, 1e200) == [0]
    assert gradient(np.arctan, INF) == [0]
    for f in (np.hypot, np.arctan2):
        a, b = gradient(f, INF, INF)
        assert (a, b) == (pytest.approx([0.5**0.5] * 2) if f is np.hypot else (0, 0))


def test_ends_of_the_range_of_scipys():
    pytest.importorskip("scipy.special")
    assert gradient(special.erf, 1e200) == [0]
    assert gradient(special.ndtr, -INF) == [0]
    assert gradient(special.gelu, INF, approximate=False) == [1]
    assert gradient(special.gelu, -INF, approximate=False) == [0]
    assert gradient(special.log_ndtr, -1e8)[0] == pytest.approx(1e8, rel=1e-15)
    assert gradient(special.log_ndtr, -1e200) == [1e200]
    assert gradient(special.beta, 19.0, 2e-11)[0] == pytest.approx(-0.0540405, rel=1e-5)
