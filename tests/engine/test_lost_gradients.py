"""No gradient is lost without a word: what becomes of a Variable that leaves the graph.

Everyday idioms, in a function that is differentiated and outside of one. In it each is right or
raises; outside, an array made of a recorded Variable is a warning.
"""

import array
import contextlib
import importlib
import warnings

import numpy as np
import pytest

from fastgrad import GradientWarning, Variable, grad, hessian, jacobian, no_grad, stop_gradient

X = np.array([0.5, 1.25, 1.9])
A = np.array([1.0, 2.0, 4.0])
LOST = "a gradient is lost"

MODULES = "array cmath copy decimal fractions json math pickle statistics".split()
NAMES = {name: importlib.import_module(name) for name in MODULES}
NAMES.update(np=np, fnp=importlib.import_module("fastgrad.numpy"), A=A, X=X, Variable=Variable)

# Idioms of an array `x` of three numbers; the sum of what comes out is differentiated.

RIGHT = """
math.prod(x)
round(x[2]) * x[0]
int(np.floor(x[2])) * x[0]
int(np.argmax(x)) * x[0]
abs(x[0])
divmod(x[2], 0.3)[1]
pow(x[0], 2)
2 ** x[0]
np.sin(x[0]) * x[1]
np.zeros(3) + x
np.linspace(0.0, x[2], 4)
np.stack([x, A])
np.hstack([x, A])
np.block([[x, A]])
np.concatenate([x, A])
fnp.array([x[1], -np.sin(x[0])])
fnp.full(3, x[0])
np.fromfunction(lambda i: i * x[0], (3,))
np.apply_along_axis(lambda e: e * e, 0, x)
np.piecewise(x, [x < 1, x >= 1], [lambda e: e * e, lambda e: -e])
np.select([x < 1, x >= 1], [x * x, -x])
np.where(x < 1, x * x, -x)
np.interp(x, A, A * A)
np.polyval([1.0, 0.0, 0.0], x)
A @ x
A.take([0]) * x[0]
sum(x)
max(x) ** 2
min(x, key=lambda e: e) ** 2
sorted(x, reverse=True)[0] ** 2
[e * k for k, e in enumerate(x)]
(lambda a, b, c: a * b * c)(*x)
{"a": x[0]}["a"] ** 2
float(f"{x[0]:.3f}") * 0 + x[0]
x[0] if f"{x}" else 0.0
x[0] if "%.3f %s" % (x[0], x[1]) else 0.0
x[0] if "%.3f" % x[0] else 0.0
x[0] if "{:.3f} {}".format(x[0], x[1]) else 0.0
x[0] if str(x) and repr(x) and np.array2string(x) else 0.0
x[0] if bool(x[0]) else 0.0
x[0] if 0.1 < x[0] < 3 else 0.0
x[0] if A[0] > x[0] else 0.0
x[0] if np.float64(1.0) > x[0] else 0.0
x[0] if np.all(x > 0) and np.allclose(x, X, atol=1) else 0.0
x[0] if np.isfinite(x).all() else 0.0
x[0] if x[0] in [x[0]] else 0.0
np.testing.assert_allclose(x, X, atol=1) or x[0]
x[np.argmax(x)] ** 2
A[np.argsort(x)] * x
A[x.astype(int)] * x
A[np.floor(x).astype(int)] * x
A[np.searchsorted(A, x[1])] * x[0]
x[x > 1] ** 2
np.asarray(x, dtype=bool) * x
np.copy(x) ** 2
x.copy() ** 2
np.multiply.outer(x, A)
np.add.reduce(x * x)
np.insert(A, 1, x[0])
np.histogram(x)[0] * x[0]
np.digitize(x, A) * x
np.bincount([0, 1, 1], weights=x)
np.average(A, weights=x)
np.round(x + 0.2, out=np.zeros(3)) * x
A.copy().__ifloordiv__(x + 0.2) * x
np.pad(x, 1)
"""

# What asks for one number is silent outside.
RAISE = """
x[0] + math.exp(x[0])
math.sin(x[0]) * x[1]
math.hypot(*x)
math.fsum(x)
math.dist(x, A)
math.floor(x[2]) * x[0]
x[0] if math.isnan(x[1]) else x[0] * 2
cmath.exp(x[0]).real
float(x[0]) ** 2
list(map(float, x))
complex(x[0]).real
int(x[2]) * x[0]
x[0].item() ** 2
x.item(1)
x.tolist()
json.loads(json.dumps(x.tolist()))
np.frombuffer(x.tobytes())
pickle.loads(x.dumps())
copy.copy(x) ** 2
copy.deepcopy({"a": x})["a"] ** 2
pickle.loads(pickle.dumps(x)) ** 2
np.fromiter((e * e for e in x), float)
max(x, key=float) ** 2
statistics.fmean(x)
array.array("d", x)
array.array("d", [x[0]])
setattr(v := Variable(X) * 1, "grad", x) or v.backward()
np.zeros(3).fill(x[0])
np.zeros(3).__setitem__(0, x[0])
np.zeros(3).__iadd__(x)
np.exp(x, out=np.zeros(3))
np.sum(x, out=np.zeros(()))
np.clip(x, 0, 1, out=np.zeros(3))
np.clip(x, 0, 1, out=np.zeros(3), where=x > 1)
np.exp(x, out=np.zeros(3), where=x > 1)
np.add(A, x, out=A.copy())
np.concatenate([x, A], out=np.zeros(6))
np.median(x, None, np.zeros(()))
np.modf(x, np.zeros(3), np.zeros(3))[0]
np.einsum("i,i", x, A, out=np.zeros(()))
x.cumsum(None, None, np.zeros(3))
np.zeros(3).__isub__(x)
np.ones((3, 3)).__imatmul__(np.outer(x, x))
np.matmul(np.eye(3), x, np.zeros(3))
"""

# What asks for an array warns.
RAISE_AND_WARN = """
np.array([x[1], -math.sin(x[0])])
np.array([x[0], x[1]]) * 2
np.array([[x[0], 0.0], [0.0, x[1]]])
np.array([x, x])
np.array(x) ** 2
np.array(x, dtype=object)
np.asarray(x) ** 2
np.asarray([x[0], 1.0])
np.asarray(x, dtype=np.float32)
np.asanyarray(x)
np.ascontiguousarray(x)
np.sum([x[0], x[1]])
np.mean([x[0], x[1]])
np.max([x[0], x[1]])
np.dot([x[0], x[1]], [1.0, 2.0])
np.exp([x[0], x[1]])
np.linalg.norm([x[0], x[1]])
np.full(3, x[0])
np.full((2, 3), x)
np.r_[x, 1.0]
np.c_[x, A]
np.vectorize(lambda e: e * e)(x)
np.vectorize(math.sin)(x)
np.polynomial.Polynomial([0.0, 0.0, 1.0])(x)
np.ma.array(x) ** 2
np.nditer(x).value
[e ** 2 for _, e in np.ndenumerate(x)]
A.dot(x)
A.searchsorted(x[2]) * x[0]
np.fill_diagonal(np.zeros((3, 3)), x)
np.zeros(3).put([0], x[0])
np.zeros(3).__setitem__(slice(None), x)
"""

# NumPy asks some for a number in one version, for an array in the other.
RAISE_AND_MAY_WARN = """
np.float64(x[0]) ** 2
np.float32(x[0])
np.arange(x[2])
np.random.default_rng(0).normal(x[0]) * x[1]
"""

# What is refused wherever it is, by fastgrad or by Python.
REFUSED = """
np.frompyfunc(lambda e: e * e, 1, 1)(x)
np.full_like(A, x[0])
np.add.at(np.zeros(3), [0], x[0])
np.copyto(np.zeros(3), x)
np.put(np.zeros(3), [0], x[0])
np.place(np.zeros(3), A > 1, x)
np.putmask(np.zeros(3), A > 1, x)
x.fill(0.0)
x.sort()
x.__setitem__(0, 1.0)
statistics.mean(x)
fractions.Fraction(x[0])
decimal.Decimal(x[0])
np.asarray(memoryview(x))
"""

SCIPY = """
scipy.stats.norm.logpdf(x)
scipy.stats.norm(x[0], 1.0).logpdf(0.5)
scipy.linalg.det(np.outer(x, x) + np.eye(3))
scipy.linalg.solve(np.eye(3), x)
scipy.special.gammaln(x)
scipy.special.logsumexp(x)
scipy.integrate.quad(lambda t: t * x[0], 0.0, 1.0)[0]
scipy.integrate.simpson(x)
scipy.integrate.solve_ivp(lambda t, y: -x[0] * y, (0, 1), [1.0]).y[0, -1]
scipy.interpolate.CubicSpline(A, x)(2.0)
scipy.optimize.minimize(lambda t: np.sum((t - x) ** 2), A).x
scipy.sparse.csr_matrix(np.eye(3)) @ x
scipy.sparse.csr_array(np.eye(3)) @ x
scipy.sparse.csr_matrix(np.eye(3)).dot(x)
scipy.signal.convolve(x, A)
scipy.spatial.distance.cdist([[x[0], x[1]]], [[0.0, 0.0]])
scipy.fft.fft(x).real
"""


def rows(table):
    return [line for line in table.splitlines() if line]


def total(y):
    """The sum of what came out, nested as it may be."""
    if isinstance(y, (list, tuple, array.array)):
        return sum(map(total, y))
    return y if np.ndim(stop_gradient(y)) == 0 else np.sum(y)


def idiom(code, **names):
    code = compile(f"lambda x: total({code})", __file__, "eval")
    return eval(code, {**NAMES, "total": total, **names})


@contextlib.contextmanager
def heard():
    """The warnings of lost gradients in its block; others are ignored."""
    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    found += [w for w in caught if issubclass(w.category, GradientWarning)]


def differences(f, h=1e-6):
    return [(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(3)]


def causes(exception):
    while exception is not None:
        yield str(exception)
        exception = exception.__cause__ or exception.__context__


@pytest.mark.parametrize("code", rows(RIGHT))
def test_what_keeps_the_gradient_or_only_reads_is_silent_and_right(code):
    f = idiom(code)
    with heard() as warned:
        assert np.allclose(grad(f)(X), differences(f), atol=1e-6)
        assert np.allclose(jacobian(f)(X), differences(f), atol=1e-6)
        f(Variable(X) * 1.0)
    assert not warned


@pytest.mark.parametrize("code", rows(RAISE + RAISE_AND_WARN + RAISE_AND_MAY_WARN))
def test_what_loses_the_gradient_raises_where_it_is_wanted(code):
    f = idiom(code)
    for transform in (grad, jacobian, hessian):
        with heard() as warned, pytest.raises((RuntimeError, ValueError)) as raised:
            transform(f)(X)
        assert not warned
        assert any(LOST in text and __file__ in text for text in causes(raised.value))
    with no_grad(), heard() as warned:
        f(Variable(X) * 1.0)
    assert not warned


@pytest.mark.parametrize("code", rows(RAISE))
def test_reading_a_number_outside_is_silent(code):
    with heard() as warned:
        idiom(code)(Variable(X) * 1.0)
    assert not warned


@pytest.mark.parametrize("code", rows(RAISE_AND_WARN))
def test_an_array_of_a_recorded_variable_warns_outside(code):
    with heard() as warned:
        idiom(code)(Variable(X) * 1.0)
    assert warned
    assert {w.filename for w in warned} == {__file__}
    with heard() as warned:
        idiom(code)(Variable(X, requires_grad=False) * 1.0)
    assert not warned


@pytest.mark.parametrize("code", rows(REFUSED))
def test_what_is_refused_is_refused_everywhere(code):
    f = idiom(code)
    with pytest.raises(TypeError):
        grad(f)(X)
    with pytest.raises(TypeError):
        f(Variable(X) * 1.0)


def pendulum(field, n=20, h=0.05):
    """The angle after n steps, as a function of the angle and the speed at the start."""

    def f(x):
        for _ in range(n):
            x = x + h * field(x)
        return x[0]

    return f


def test_pendulum():
    f = pendulum(lambda x: np.stack([x[1], -np.sin(x[0])]))
    x, steps = np.array([0.5, 0.1]), 1e-6 * np.eye(2)
    expected = [(f(x + e) - f(x - e)) / 2e-6 for e in steps]
    assert np.allclose(grad(f)(x), expected, atol=1e-6)
    with pytest.raises(RuntimeError, match=LOST):
        grad(pendulum(lambda x: np.array([x[1], -NAMES["math"].sin(x[0])])))(x)
    assert np.isclose(grad(lambda a: a + np.exp(a))(1.0), 1 + np.e)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", rows(SCIPY))
def test_scipy_raises_or_is_right_where_a_gradient_is_wanted(code):
    scipy = pytest.importorskip("scipy")
    for name in (
        "fft", "integrate", "interpolate", "linalg", "optimize", "signal", "sparse",
        "spatial.distance", "special", "stats",
    ):  # fmt: skip
        pytest.importorskip(f"scipy.{name}")
    f = idiom(code, scipy=scipy)
    expected = differences(f)
    try:
        gradient = grad(f)(X)
    except (RuntimeError, TypeError):
        return
    # Those of scipy.special have rules as soon as fastgrad.special was asked for one of them.
    assert code.startswith("scipy.special.")
    assert np.allclose(gradient, expected, atol=1e-6)
