"""compat.autograd.scipy: its names, what is passed through, autograd's own results."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed")

import scipy.signal

from fastgrad import grad, jacobian
from fastgrad.compat import autograd
from fastgrad.compat.autograd import numpy as anp
from fastgrad.compat.autograd.scipy import integrate, linalg, signal, special, stats
from fastgrad.testing import check_gradients

# The names for which autograd 1.9.1 has rules.
NAMES = {
    "special": "beta betainc betaln polygamma psi digamma gamma gammaln gammainc gammaincc gammasgn"
    " rgamma multigammaln j0 y0 j1 y1 jn yn i0 i1 iv ive erf erfc erfinv erfcinv logit expit"
    " logsumexp",
    "stats.norm": "pdf cdf sf logpdf logcdf logsf",
    "stats.t": "pdf cdf logpdf logcdf",
    "stats.beta": "pdf cdf logpdf",
    "stats.gamma": "pdf cdf logpdf",
    "stats.chi2": "pdf cdf logpdf",
    "stats.poisson": "pmf cdf logpmf",
    "stats.dirichlet": "pdf logpdf",
    "stats.multivariate_normal": "pdf logpdf entropy",
    "linalg": "sqrtm solve_triangular solve_sylvester solve_banded",
    "signal": "convolve",
    "integrate": "odeint",
}  # fmt: skip


@pytest.mark.parametrize("module", NAMES)
def test_every_name_with_a_rule_is_there(module):
    front = importlib.import_module(f"fastgrad.compat.autograd.scipy.{module}")
    own = importlib.import_module(f"fastgrad.scipy.{module}")
    for name in NAMES[module].split():
        assert callable(getattr(front, name))
        assert name in dir(front)
        if module != "signal":
            assert getattr(front, name) is getattr(own, name)


def test_the_modules_are_imported_as_autograds_are():
    import fastgrad.compat.autograd.scipy.stats.multivariate_normal as mvn
    from fastgrad.compat.autograd.scipy.stats import norm, t

    assert autograd.scipy.stats.multivariate_normal is mvn
    assert stats.norm is norm
    assert stats.t is t


def test_other_names_are_scipys_own():
    import scipy

    assert linalg.lu is scipy.linalg.lu
    assert special.ellipk is scipy.special.ellipk
    assert stats.expon is scipy.stats.expon
    assert stats.norm.rvs == scipy.stats.norm.rvs
    assert integrate.quad is scipy.integrate.quad
    assert signal.firwin is scipy.signal.firwin
    with pytest.raises(AttributeError, match="nothing"):
        special.nothing  # noqa: B018


def test_without_scipy_the_error_names_the_extra(run_python):
    done = run_python("-c", """
import sys
sys.modules["scipy"] = None
import fastgrad, fastgrad.compat.autograd
import fastgrad.compat.autograd.numpy
for name in ("fastgrad.scipy", "fastgrad.scipy.stats", "fastgrad.compat.autograd.scipy.special"):
    try:
        __import__(name)
    except ImportError as error:
        assert "pip install 'fastgrad[scipy]'" in str(error)
    else:
        raise AssertionError(name)
print("done")
""")  # fmt: skip
    assert done.stdout == "done\n"


def test_importing_the_front_end_does_not_import_scipy(run_python):
    code = """
import sys
import fastgrad.compat.autograd, fastgrad.compat.autograd.numpy, fastgrad.numpy
print("scipy" in sys.modules)
"""
    assert run_python("-c", code).stdout == "False\n"


# --- convolve, with autograd's arguments ---

SHAPES = [((4,), (2,)), ((2,), (5,)), ((4, 3), (2, 2)), ((6, 7), (4, 1)), ((3, 4, 2), (2, 2, 2))]


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_convolve_is_scipys(a, b, mode):
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(a), rng.standard_normal(b)
    y = signal.convolve(x, w, mode=mode)
    np.testing.assert_allclose(y, scipy.signal.convolve(x, w, mode), atol=1e-12)
    check_gradients(lambda x, w: signal.convolve(x, w, mode=mode), x, w)


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
def test_convolve_along_some_axes(mode):
    """Each pair of the other axes is a convolution, summed over those that are dotted."""
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((2, 5, 4, 3)), rng.standard_normal((2, 4, 2, 3, 2))
    axes, dots = ([1, 2], [2, 4]), ([0, 3], [0, 3])
    y = signal.convolve(x, w, axes=axes, dot_axes=dots, mode=mode)
    expected = sum(
        scipy.signal.convolve(x[i, :, :, j], w[i, 2, :, j, :], mode)
        for i in range(2)
        for j in range(3)
    )
    np.testing.assert_allclose(y[2], expected, atol=1e-12)
    check_gradients(
        lambda x, w: signal.convolve(x, w, axes=axes, dot_axes=dots, mode=mode), x, w, order=1
    )


def test_long_convolutions_take_another_way():
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal(300), rng.standard_normal(200)
    y = signal.convolve(x, w)
    np.testing.assert_allclose(y, np.convolve(x, w), atol=1e-11)
    check_gradients(signal.convolve, x, w, order=1)
    x, w = rng.standard_normal((20, 20)), rng.standard_normal((15, 16))
    y = signal.convolve(x, w, mode="valid")
    np.testing.assert_allclose(y, scipy.signal.convolve(x, w, "valid"), atol=1e-11)
    check_gradients(lambda x, w: signal.convolve(x, w, mode="valid"), x, w, order=1)


def test_errors_of_convolve():
    for given, text in (
        ({"mode": "half"}, "'full', 'valid' or 'same'"),
        ({"axes": ([0], [])}, "axes has 1 axes of x and 0 of w"),
    ):
        with pytest.raises(ValueError, match=text):
            signal.convolve(np.ones(3), np.ones(2), **given)
    with pytest.raises(ValueError, match="must be inside of the other"):
        signal.convolve(np.ones((3, 2)), np.ones((2, 3)), mode="valid")


# --- odeint ---


def pendulum(y, t, k, damping):
    return [y[1], -k * anp.sin(y[0]) - damping["c"] * y[1] + anp.cos(t)]


TIMES, START = np.array([0.1, 0.5, 1.2]), np.array([1.0, 0.3])
EXACT = {"rtol": 1e-11, "atol": 1e-11}


def test_odeint_is_differentiable_for_all_but_func():
    def f(y0, t, k, c):
        return integrate.odeint(pendulum, y0, t, (k, {"c": c}), **EXACT)

    args = START, TIMES, np.array(0.9), np.array(0.2)
    check_gradients(f, *args, order=1, rtol=1e-5)
    check_gradients(f, *args, order=2, rtol=1e-4)


def test_odeint_of_a_linear_equation():
    """Of dy/dt = a y the solution is y0 exp(a t)."""
    t = np.array([0.0, 0.7])

    def y(a):
        return integrate.odeint(lambda y, t, a: a * y, np.ones(1), t, (a,), **EXACT)[1, 0]

    def backwards(y0):
        return integrate.odeint(lambda y, t: y, y0, t[::-1], **EXACT)[1]

    def first(y0):
        return integrate.odeint(lambda t, y: -y, y0, t[:1], tfirst=True)

    for order, expected in enumerate([1, 0.7, 0.49]):
        f = y
        for _ in range(order):
            f = grad(f)
        assert f(0.4) == pytest.approx(expected * np.exp(0.28), rel=1e-7)
    np.testing.assert_allclose(jacobian(backwards)(np.ones(2)), np.exp(-0.7) * np.eye(2), rtol=1e-8)
    np.testing.assert_array_equal(jacobian(first)(np.ones(2))[0], np.eye(2))


def test_odeint_of_integers_and_of_tolerances_for_each_part():
    g = grad(lambda k: np.sum(integrate.odeint(
        lambda y, t, k: -k * y, [1, 2], [0, 1], (k,), rtol=[1e-9, 1e-9], atol=[1e-9, 1e-10]
    )[1]))(0.5)  # fmt: skip
    assert g == pytest.approx(-3 * np.exp(-0.5), rel=1e-6)


def test_odeint_refuses_what_would_lose_a_gradient():
    with pytest.raises(NotImplementedError, match="full_output"):
        grad(lambda k: np.sum(integrate.odeint(
            lambda y, t, k: -k * y, START, TIMES, (k,), full_output=True)[0]))(0.5)  # fmt: skip
    for y0 in (lambda w: START, lambda w: w * START):
        with pytest.raises((RuntimeError, TypeError), match="gradient"):
            grad(lambda w: np.sum(integrate.odeint(lambda y, t: -w * y, y0(w), TIMES)))(0.5)  # noqa: B023


# --- beside autograd ---

RNG = np.random.default_rng(5)
X, P, Q = RNG.uniform(0.1, 0.9, (4, 3)), RNG.uniform(1.1, 3, (1, 3)), RNG.uniform(1.1, 3, (4, 1))
CALLS = {
    **{f"special.{name}": (X,) for name in "psi digamma gamma gammaln gammasgn rgamma j0 y0 j1 y1 "
       "i0 i1 erf erfc erfinv erfcinv logit expit logsumexp".split()},
    **{f"special.{name}": (P, Q) for name in ("beta", "betaln")},
    "special.betainc": (P, Q, X),
    "special.gammainc": (P, X),
    "special.gammaincc": (P, X),
    "special.multigammaln": (1 + P, 2),
    **{f"special.{name}": (2, X) for name in "polygamma jn yn iv ive".split()},
    **{f"stats.norm.{name}": (X, P, Q) for name in NAMES["stats.norm"].split()},
    **{f"stats.t.{name}": (X, P, X, Q) for name in NAMES["stats.t"].split()},
    **{f"stats.beta.{name}": (X, P, Q) for name in NAMES["stats.beta"].split()},
    **{f"stats.gamma.{name}": (X, P) for name in NAMES["stats.gamma"].split()},
    **{f"stats.chi2.{name}": (X, 3.0) for name in NAMES["stats.chi2"].split()},
    **{f"stats.poisson.{name}": (np.round(4 * X), P) for name in NAMES["stats.poisson"].split()},
    **{f"stats.dirichlet.{name}": (X[0] / X[0].sum(), P[0]) for name in ("pdf", "logpdf")},
    **{f"stats.multivariate_normal.{name}": (X, P[0], np.diag(P[0])) for name in ("pdf", "logpdf")},
    "stats.multivariate_normal.entropy": (P[0], np.diag(P[0])),
    "linalg.sqrtm": (np.diag(P[0]) + 0.1,),
    "linalg.solve_triangular": (X[:3] + np.eye(3), X[:3]),
    "linalg.solve_sylvester": (np.diag(P[0]) + 0.1, np.eye(2), X[:3, :2]),
    "signal.convolve": (X, P),
}  # fmt: skip
ORDERS = {"special.polygamma", "special.jn", "special.yn", "special.iv", "special.ive"}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_autograds(name):
    """Values to the last bit; gradients but for rounding, where autograd has a rule."""
    original = pytest.importorskip("autograd", reason="HIPS autograd is not installed")
    module, _, function = name.rpartition(".")
    theirs = getattr(importlib.import_module(f"autograd.scipy.{module}"), function)
    ours = getattr(importlib.import_module(f"fastgrad.compat.autograd.scipy.{module}"), function)
    args = CALLS[name]
    np.testing.assert_allclose(ours(*args), theirs(*args), rtol=0 if module != "signal" else 1e-13)
    compared = 0
    for i in range(len(args)):
        try:
            expected = original.grad(lambda *a: original.numpy.sum(theirs(*a)), i)(*args)
        except (NotImplementedError, TypeError, ValueError):
            continue
        if name in ORDERS and i == 0:
            continue  # 0 there, an error here
        actual = autograd.grad(lambda *a: anp.sum(ours(*a)), i)(*args)
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)
        compared += 1
    assert compared > 0


# --- docs/scipy.md ---


@pytest.fixture
def page():
    for root in (os.environ.get("FASTGRAD_ROOT"), Path(__file__).parents[2]):
        if root and (Path(root) / "docs" / "scipy.md").is_file():
            return (Path(root) / "docs" / "scipy.md").read_text(encoding="utf-8")
    pytest.skip("no docs/scipy.md here")
    return None


def test_the_example_of_the_page_prints_what_its_comments_say(page, capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(compile(code, "scipy.md", "exec"), {"__name__": "scipy_page"})
    expected = re.findall(r"^ *print\(.*\) +# (.*)$", code, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == expected


def test_the_page_lists_every_name(page):
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    for module in ("special", "stats", "linalg", "signal", "integrate"):
        listed = set(" ".join(re.findall("`(.*?)`", rows[module])).split())
        own = importlib.import_module(f"fastgrad.scipy.{module}")
        names = set(own.__all__) - {"solve_lyapunov"}
        if module == "stats":
            names |= {name for part in own.__all__ for name in getattr(own, part).__all__}
        assert names == listed
