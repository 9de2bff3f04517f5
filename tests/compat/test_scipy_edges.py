"""fastgrad.scipy at ends of domains, infinities and poles, outside of supports: no wrong number.

What is right is known in closed form, or from mpmath; what cannot be right is NaN or an error.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed")

from fastgrad import Variable, grad, gradients, jacobian
from fastgrad.scipy import linalg, special, stats
from fastgrad.testing import check_gradients

INF, NAN = np.inf, np.nan


def slope(f, x, order=1):
    """The derivative of a function of one number."""
    for _ in range(order):
        f = grad(f)
    with np.errstate(all="ignore"):
        return f(float(x))


# --- special ---


@pytest.mark.parametrize("n", range(5))
def test_rgamma_at_the_poles_of_gamma(n):
    """1 / gamma has zeros at 0, -1, ..., with slope (-1)**n n! (DLMF 5.7.1), and a curvature."""
    expected = (-1) ** n * math.factorial(n)
    assert slope(special.rgamma, -n) == pytest.approx(expected, rel=1e-12)
    curvature = -2 * expected * special.digamma(n + 1)
    assert slope(special.rgamma, -n, 2) == pytest.approx(curvature, rel=1e-9)


@pytest.mark.parametrize("x", [-0.0, 0.0, -1.0, -5.0])
def test_gamma_and_its_logarithm_have_no_finite_slope_at_poles(x):
    for f in (special.gamma, special.gammaln, special.digamma):
        assert not math.isfinite(slope(f, x))


@pytest.mark.parametrize(
    ("a", "x", "expected"),
    [(1, 0, 1), (3, 0, 0), (0.5, 0, INF), (0.5, INF, 0), (2, INF, 0), (2, -1, NAN), (0, 1, 0),
     (2, NAN, NAN)],
)  # fmt: skip
def test_gammainc_at_the_ends(a, x, expected):
    np.testing.assert_array_equal(slope(lambda x: special.gammainc(float(a), x), x), expected)
    np.testing.assert_array_equal(slope(lambda x: special.gammaincc(float(a), x), x), -expected)


@pytest.mark.parametrize(
    ("a", "b", "x", "expected"),
    [(1, 2, 0, 2), (2, 1, 1, 2), (2, 2, 0, 0), (0.5, 0.5, 1, INF), (1, 1, -0.5, NAN),
     (1, 1, 1.5, NAN), (2, 3, NAN, NAN)],
)  # fmt: skip
def test_betainc_at_the_ends(a, b, x, expected):
    actual = slope(lambda x: special.betainc(float(a), float(b), x), x)
    np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_inverses_undo():
    for a, b in ((0.5, 2.0), (3.0, 0.7)):
        for f, inverse in (
            (lambda x: special.betainc(a, b, x), lambda q: special.betaincinv(a, b, q)),  # noqa: B023
            (lambda x: special.gammainc(a, x), lambda q: special.gammaincinv(a, q)),  # noqa: B023
            (special.erf, special.erfinv),
            (special.erfc, special.erfcinv),
            (special.ndtr, special.ndtri),
            (special.expit, special.logit),
        ):
            assert slope(lambda x: inverse(f(x)), 0.3) == pytest.approx(1, rel=1e-10)  # noqa: B023


@pytest.mark.parametrize("name", "erfinv erfcinv ndtri logit gammaincinv betaincinv".split())
def test_inverses_outside_of_their_domain_are_nan_or_infinite(name):
    parameters = {"gammaincinv": (2.0,), "betaincinv": (2.0, 3.0)}.get(name, ())
    for q in (-3.0, 3.0):
        assert math.isnan(getattr(special, name)(*parameters, q))
        if name != "logit":  # whose slope has a value there
            assert math.isnan(slope(lambda q: getattr(special, name)(*parameters, q), q))


BESSEL = "jn jv yn yv iv ive kn kv".split()


@pytest.mark.parametrize("name", BESSEL)
@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_bessel_functions_of_integer_orders(name, order):
    f = getattr(special, name)
    check_gradients(lambda x: f(order, x), np.array([0.7, 2.3]), order=3, rtol=1e-5)
    for kind in (np.int64, np.float64):
        assert grad(lambda x: f(kind(order), x))(1.5) == grad(lambda x: f(order, x))(1.5)  # noqa: B023


@pytest.mark.parametrize("name", ["jv", "iv", "ive"])
def test_bessel_functions_at_0(name):
    f = getattr(special, name)
    expected = {0: 0, 1: 0.5, 2: 0, 3: 0}
    for order, value in expected.items():
        if not (name == "ive" and order == 0):
            assert slope(lambda x: f(order, x), 0.0) == value  # noqa: B023


@pytest.mark.parametrize("x", [-2.5, -0.3, 0.4, 30.0])
def test_scaled_bessel_functions(x):
    """Beside those that are not scaled, on both sides of 0."""
    for scaled, plain in ((special.i0e, special.i0), (special.i1e, special.i1)):
        both = slope(scaled, x), slope(lambda x: plain(x) * np.exp(-np.abs(x)), x)  # noqa: B023
        assert both[0] == pytest.approx(both[1], rel=1e-11)


UNKNOWN = [
    ("polygamma", (1.0, 2.0), 0), ("jv", (1.0, 2.0), 0), ("yn", (1.0, 2.0), 0),
    ("iv", (1.0, 2.0), 0), ("ive", (1.0, 2.0), 0), ("kv", (1.0, 2.0), 0), ("kn", (1.0, 2.0), 0),
    ("gammainc", (1.0, 2.0), 0), ("gammaincc", (1.0, 2.0), 0), ("gammaincinv", (1.0, 0.5), 0),
    ("betainc", (1.0, 2.0, 0.5), 0), ("betainc", (1.0, 2.0, 0.5), 1),
    ("betaincinv", (1.0, 2.0, 0.5), 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "i"), UNKNOWN)
def test_a_derivative_without_a_formula_is_an_error_and_no_zero(name, args, i):
    f = getattr(special, name)
    with pytest.raises(NotImplementedError, match=rf"^{name}: the derivative for the"):
        grad(f, argnums=i)(*args)
    assert np.isfinite(grad(f, argnums=len(args) - 1)(*args))


def test_ive_of_complex_numbers_has_no_derivative():
    y = np.sum(np.real(special.ive(1.5, Variable(np.array([1 + 1j])))))
    with pytest.raises(NotImplementedError, match="ive: of complex x"):
        y.backward()


def test_logsumexp_with_weights():
    a, b = np.array([1000.0, 999.0, -INF]), np.array([2.0, 0.0, 3.0])
    ga, gb = grad(lambda a, b: special.logsumexp(a, b=b), argnums=(0, 1))(a, b)
    np.testing.assert_array_equal(ga, [1, 0, 0])
    np.testing.assert_allclose(gb, [0.5, math.exp(-1) / 2, 0], rtol=1e-14)
    with np.errstate(invalid="ignore"):  # the logarithm of what is negative
        gx = grad(lambda a: special.logsumexp(a, b=np.array([-1.0, 0.5])))(np.zeros(2))
    assert np.isnan(gx).all()
    y, sign = special.logsumexp(Variable(np.zeros(2)), b=np.array([-1.0, 0.5]), return_sign=True)
    assert sign.data == -1
    y.backward()


def test_logsumexp_of_large_numbers_has_no_rounding_of_their_size():
    x = np.array([1e15, 1e15 + 1])
    expected = special.expit(np.array([-1.0, 1.0]))
    np.testing.assert_allclose(grad(lambda x: special.logsumexp(x))(x), expected, rtol=1e-14)
    with_ones = grad(lambda x: special.logsumexp(x, b=np.ones(2)))(x)
    np.testing.assert_allclose(with_ones, expected, rtol=1e-14)


def test_entropies_outside_of_their_domain():
    with np.errstate(all="ignore"):
        for f in (special.rel_entr, special.kl_div):
            for x, y in ((-1.0, 1.0), (1.0, -1.0)):
                assert np.isnan(grad(f, argnums=1)(x, y))
        assert slope(special.entr, 0.0) == INF
        assert np.isnan(slope(special.entr, -1.0))
    assert grad(special.rel_entr, argnums=1)(0.0, 0.0) == 0


ORDERS = dict.fromkeys(
    "polygamma zeta beta betaln gammainc gammaincc gammaincinv gammainccinv xlogy xlog1py rel_entr "
    "kl_div jn jv yn yv iv ive kn kv".split(),
    2,
) | dict.fromkeys("betainc betaincc betaincinv betainccinv".split(), 3)
NO_UFUNCS = {"logsumexp", "softmax", "log_softmax", "multigammaln"}


@pytest.mark.parametrize("name", sorted({*special.__all__} - NO_UFUNCS))
def test_where_a_function_is_nan_its_gradients_are_no_numbers(name):
    """At a pole they may be infinite. What changes in steps has gradient 0 all the same."""
    f, points = getattr(special, name), [-2.5, -1.0, -0.3, 0.0, 0.4, 1.0, 1.7, 3.0, INF, -INF, NAN]
    n = 0
    for args in itertools.product(points, repeat=ORDERS.get(name, 1)):
        if name in ("yn", "kn", "polygamma") and args[0] not in (0, 1, 3, -1):
            continue  # orders that are integers
        with np.errstate(all="ignore"):
            if not np.isnan(f(*args)):
                continue
            for i in range(len(args)):
                try:
                    gradient = grad(f, argnums=i)(*args)
                except NotImplementedError:
                    continue
                n += 1
                assert name == "gammasgn" or not np.isfinite(gradient), (args, i, gradient)
    assert n


def test_beta_of_negative_numbers():
    """Of which only one is, and as large as the other."""
    for a, b in ((5.0, -3.5), (5.5, -0.3), (-0.3, 5.5), (-2.5, 4.0), (20.0, -4.2)):
        check_gradients(special.betaln, np.array(a), np.array(b))
        check_gradients(special.beta, np.array(a), np.array(b))


# --- stats ---

FAMILIES = {"norm": (), "t": (3.0,), "beta": (2.0, 3.0), "gamma": (2.0,), "chi2": (4.0,)}


@pytest.mark.parametrize("a", [0.5, 1, 1.5, 2, 3, 4])
def test_the_density_of_gamma_at_0(a):
    expected = {0.5: -INF, 1: -1, 1.5: INF, 2: 1, 3: 0, 4: 0}[a]
    assert slope(lambda x: stats.gamma.pdf(x, float(a)), 0.0) == expected
    assert slope(lambda x: stats.chi2.pdf(2 * x, 2.0 * a), 0.0) == pytest.approx(expected / 2)
    if a in (2, 3, 4):
        second = {2: -2, 3: 1, 4: 0}[a]
        assert slope(lambda x: stats.gamma.pdf(x, float(a)), 0.0, 2) == second


@pytest.mark.parametrize("a", [1, 2, 3])
@pytest.mark.parametrize("b", [1, 2, 3])
def test_the_density_of_beta_at_the_ends(a, b):
    """It is a polynomial."""
    x = np.polynomial.Polynomial([0, 1])
    p = x ** (a - 1) * (1 - x) ** (b - 1) / special.beta(a, b)
    for end in (0.0, 1.0):
        for order in (1, 2):
            actual = slope(lambda x: stats.beta.pdf(x, float(a), float(b)), end, order)
            assert actual == pytest.approx(p.deriv(order)(end), abs=1e-12)


@pytest.mark.parametrize("name", ["beta", "gamma", "chi2"])
@pytest.mark.parametrize("method", "pdf logpdf cdf logcdf sf logsf".split())
def test_outside_of_the_support(name, method):
    f = getattr(getattr(stats, name), method)
    shapes = FAMILIES[name]
    points = [-1.0, 2.0] if name == "beta" else [-1.0]
    for x in points:
        value = f(x, *shapes)
        constant = math.isfinite(value)  # 0 or 1, or a logarithm of 1
        for order in (1, 2):
            actual = slope(lambda x: f(x, *shapes), x, order)
            assert actual == 0 if constant else math.isnan(actual), (x, order)
        with np.errstate(all="ignore"):
            gscale = grad(lambda s: f(x, *shapes, scale=s))(1.0)  # noqa: B023
        assert gscale == 0 if constant else math.isnan(gscale)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("method", "pdf logpdf cdf logcdf sf logsf".split())
def test_where_scipy_has_nan_so_are_the_gradients(name, method):
    f, shapes = getattr(getattr(stats, name), method), FAMILIES[name]
    points = [(NAN, *shapes, 0.0, 1.0), (0.5, *shapes, 0.0, -1.0), (0.5, *shapes, NAN, 1.0)]
    points += [(0.5, -1.0, *shapes[1:], 0.0, 1.0)] if shapes else []
    free = range(3 + len(shapes)) if "pdf" in method else (0, len(shapes) + 1, len(shapes) + 2)
    for args in points:
        with np.errstate(all="ignore"):
            assert math.isnan(f(*args))
            gradients = grad(f, argnums=tuple(free))(*args)
        assert all(map(math.isnan, gradients)), (args, gradients)


@pytest.mark.parametrize("method", "pdf logpdf cdf logcdf sf logsf".split())
def test_the_normal_distribution_far_out(method):
    f = getattr(stats.norm, method)
    expected = {
        "pdf": (0, 0), "cdf": (0, 0), "sf": (0, 0), "logpdf": (1e5, -1e5),
        "logcdf": (1e5 + 1e-5, 0), "logsf": (0, -1e5 - 1e-5),
    }[method]  # fmt: skip
    for x, value in zip((-1e5, 1e5), expected, strict=True):
        assert slope(f, x) == pytest.approx(value, rel=1e-14)
        by_scale = grad(lambda s: f(x, 0.0, s))(1.0)  # noqa: B023
        extra = 1 if method == "logpdf" else 0
        assert by_scale == pytest.approx(-value * x - extra, rel=1e-14)
    assert slope(f, -INF) in (0, INF)
    assert slope(f, INF) in (0, -INF)


def test_students_distribution_beside_mpmath():
    mpmath = pytest.importorskip("mpmath")

    def log_density(x, df):
        x, df = mpmath.mpf(x), mpmath.mpf(df)
        scale = mpmath.sqrt(df) * mpmath.beta(df / 2, mpmath.mpf(1) / 2)
        return -(df + 1) / 2 * mpmath.log(1 + x * x / df) - mpmath.log(scale)

    with mpmath.workdps(60), np.errstate(over="ignore"):
        for x in (0.3, 5.0, -1e3, 1e149, -1e200):
            for df in (0.5, 3.0, 1e6):
                by_x, by_df = grad(stats.t.logpdf, argnums=(0, 1))(x, df)
                exact = mpmath.diff(lambda df: log_density(x, df), df, h=1e-15)  # noqa: B023
                assert by_df == pytest.approx(float(exact), rel=1e-8)
                slope = -(mpmath.mpf(df) + 1) * x / (mpmath.mpf(x) ** 2 + df)
                assert by_x == pytest.approx(float(slope), rel=1e-13)


@pytest.mark.parametrize("df", [0.5, 1.5, 2.5, 4.0])
def test_chi2_of_any_number_of_degrees(df):
    """(HIPS autograd has gradient 0 where it is no integer.)"""
    check_gradients(lambda x, df: stats.chi2.logpdf(x, df), np.array([0.7, 3.0]), np.array(df))


def test_poisson():
    for k in range(4):
        expected = {0: -1, 1: 1}.get(k, 0)
        assert slope(lambda mu: stats.poisson.pmf(k, mu), 0.0) == expected  # noqa: B023
        second = {0: 1, 1: -2, 2: 1}.get(k, 0)
        assert slope(lambda mu: stats.poisson.pmf(k, mu), 0.0, 2) == second  # noqa: B023
    assert slope(lambda mu: stats.poisson.logpmf(0, mu), 0.0) == -1
    assert slope(lambda mu: stats.poisson.pmf(1.5, mu), 2.0) == 0  # it is 0
    assert math.isnan(slope(lambda mu: stats.poisson.logpmf(1.5, mu), 2.0))  # -inf
    assert slope(lambda mu: stats.poisson.cdf(1.5, mu), 2.0) == -stats.poisson.pmf(1, 2.0)
    for argnum in (0, 2):
        with pytest.raises(NotImplementedError, match="poisson_pmf: the derivative for"):
            grad(stats.poisson.pmf, argnums=argnum)(1.0, 2.0, 0.0)


@pytest.mark.parametrize("name", ["t", "beta", "gamma", "chi2"])
@pytest.mark.parametrize("method", "cdf logcdf sf logsf ppf isf".split())
def test_shapes_of_distribution_functions_are_an_error(name, method):
    f = getattr(getattr(stats, name), method)
    with pytest.raises(
        NotImplementedError, match=rf"{name}_{method}: the derivative for the shape"
    ):
        grad(f, argnums=1)(0.5, *FAMILIES[name])


@pytest.mark.parametrize("name", FAMILIES)
def test_arguments_by_name_and_by_position(name):
    f, shapes = getattr(stats, name).logpdf, FAMILIES[name]
    by_position = grad(lambda s: f(0.5, *shapes, 0.0, s))(1.5)
    assert grad(lambda s: f(0.5, *shapes, scale=s))(1.5) == by_position
    assert grad(lambda s: f(x=0.5, **dict(zip(names(name), shapes, strict=True)), scale=s))(
        1.5
    ) == by_position  # fmt: skip
    x, scale = Variable(np.array([0.5, 0.25])), Variable(np.array(1.5))
    both = gradients(f(x, *shapes, scale=scale), [x, scale])
    assert [g.shape for g in both] == [(2,), ()]


def names(name):
    return {"norm": [], "t": ["df"], "beta": ["a", "b"], "gamma": ["a"], "chi2": ["df"]}[name]


@pytest.mark.parametrize("name", FAMILIES)
def test_jacobians_are_batched(name):
    f, shapes = getattr(stats, name).logpdf, FAMILIES[name]
    x = np.array([0.2, 0.5, 0.7])
    np.testing.assert_allclose(
        jacobian(lambda x: f(x, *shapes))(x),
        np.diag([slope(lambda x: f(x, *shapes), k) for k in x]),
    )


def test_float32_and_integers():
    x = Variable(np.array([0.5, 1.5], np.float32))
    for y in (stats.norm.logpdf(x), special.gammaln(x), special.jv(1, x)):
        (gx,) = gradients(y, [x])
        assert gx.dtype == np.float32
    ints = Variable(np.array([1, 2]))
    (gx,) = gradients(stats.norm.logpdf(ints), [ints])
    np.testing.assert_array_equal(gx, [-1.0, -2.0])


def test_multivariate_normal_outside_of_what_is_singular():
    mvn, cov = stats.multivariate_normal, np.diag([1.0, 0.0])
    inside = np.array([0.5, 0.0])
    gx = grad(lambda x: mvn.logpdf(x, np.zeros(2), cov, allow_singular=True))(inside)
    np.testing.assert_allclose(gx, [-0.5, 0])
    with pytest.raises(NotImplementedError, match="singular covariance"):
        grad(lambda c: mvn.logpdf(inside, np.zeros(2), c, allow_singular=True))(cov)
    if mvn.logpdf(np.array([0.5, 1.0]), np.zeros(2), cov, allow_singular=True) == -INF:
        gx = grad(lambda x: mvn.logpdf(x, np.zeros(2), cov, allow_singular=True))(
            np.array([0.5, 1])
        )
        assert np.isnan(gx).all()


def test_the_gradient_for_a_covariance_is_symmetric():
    mvn, rng = stats.multivariate_normal, np.random.default_rng(0)
    a = rng.standard_normal((3, 3))
    cov, x = a @ a.T + np.eye(3), rng.standard_normal((4, 3))
    gc = grad(lambda c: np.sum(mvn.logpdf(x, np.zeros(3), c)))(cov)
    np.testing.assert_allclose(gc, gc.T)
    check_gradients(lambda c: mvn.logpdf(x, np.zeros(3), (c + c.T) / 2), cov)
    check_gradients(lambda c: mvn.entropy(np.zeros(3), (c + c.T) / 2), cov)


# --- linalg ---

A = np.array([[3.0, 1.0, 0.2], [0.5, 2.0, 0.3], [0.1, 0.4, 4.0]])
S = A @ A.T


@pytest.mark.parametrize("assume_a", ["sym", "pos", "her"])
@pytest.mark.parametrize("lower", [False, True])
def test_solve_of_one_triangle(assume_a, lower):
    b = np.arange(3.0)
    check_gradients(
        lambda a, b: linalg.solve((a + a.T) / 2, b, assume_a=assume_a, lower=lower), S, b
    )
    ga = grad(lambda a: np.sum(linalg.solve(a, b, assume_a=assume_a, lower=lower)))(S)
    np.testing.assert_allclose(ga, ga.T)


def test_decompositions():
    for lower in (False, True):
        check_gradients(lambda a: linalg.cholesky((a + a.T) / 2, lower=lower), S)  # noqa: B023
        check_gradients(
            lambda a, b: linalg.cho_solve(linalg.cho_factor((a + a.T) / 2, lower), b),  # noqa: B023
            S, np.arange(3.0),
        )  # fmt: skip
    check_gradients(lambda a: linalg.eigh((a + a.T) / 2)[0], S)
    check_gradients(lambda a: linalg.eigh((a + a.T) / 2, eigvals_only=True), S)
    check_gradients(lambda a: linalg.eigvalsh((a + a.T) / 2), S)
    check_gradients(lambda a: linalg.svd(a, compute_uv=False), A)
    check_gradients(lambda a, q: linalg.solve_continuous_lyapunov(a, q), A, S)


UNKNOWN_CALLS = {
    "b": lambda a: linalg.eigh(a, b=np.eye(3))[0],
    "subset": lambda a: linalg.eigh(a, subset_by_index=[0, 1])[0],
    "tridiagonal": lambda a: linalg.solve(a, np.ones(3), assume_a="tridiagonal"),
}


@pytest.mark.parametrize("call", UNKNOWN_CALLS.values(), ids=UNKNOWN_CALLS)
def test_what_no_rule_knows_is_an_error(call):
    try:
        call(S)
    except (TypeError, ValueError):
        pytest.skip("this SciPy does not know it")
    with pytest.raises(NotImplementedError, match=r"^scipy\.linalg\."):
        grad(lambda a: np.sum(call(a)))(S)


def test_nothing_is_overwritten():
    b = np.asfortranarray(A.copy())
    x = Variable(b)
    linalg.solve_triangular(x, x, overwrite_b=True)
    linalg.inv(x, overwrite_a=True)
    np.testing.assert_array_equal(b, A)


def test_a_matrix_function_of_real_matrices_with_complex_values():
    """The gradient for what is real is real."""
    a = np.array([[-2.0, 0.3], [0.1, -3.0]])
    check_gradients(lambda a: np.imag(linalg.sqrtm(a)), a)


def test_derivatives_of_matrix_functions_of_third_order():
    for f in (linalg.expm, linalg.sqrtm, linalg.sinm):
        check_gradients(f, S / 10, order=3, rtol=1e-5)
