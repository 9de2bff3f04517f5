"""Equal eigenvalues and singular values: a right derivative, or a warning; never neither."""

import itertools
import warnings

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import DegeneracyWarning, Variable, grad, hessian, jvp

C = np.arange(1.0, 10.0).reshape(3, 3)
ONE = np.eye(3)


def adjoint(x):
    x = fnp.swapaxes(x, -1, -2)
    return fnp.conj(x) if x.dtype.kind == "c" else x


def rotation(seed=0, kind="d"):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 3)) + (1j * rng.normal(size=(3, 3)) if kind == "D" else 0)
    return np.linalg.qr(x)[0]


def of_values(*w, seed=None, kind="d"):
    """A Hermitian matrix with these eigenvalues; with a seed equal only up to rounding."""
    q = np.eye(3).astype(kind) if seed is None else rotation(seed, kind)
    return (q * w) @ adjoint(q)


# --- matrix functions by way of a decomposition ---


def by_eigh(h):
    def f(a):
        w, v = fnp.linalg.eigh((a + adjoint(a)) / 2)
        return (v * h(w)[..., None, :]) @ adjoint(v)

    return f


def by_eig(h):
    def f(a):
        w, v = fnp.linalg.eig(a)
        return (v * h(w)[..., None, :]) @ fnp.linalg.inv(v)

    return f


def by_svd(h):
    def f(a):
        u, s, vh = fnp.linalg.svd(a, full_matrices=False)
        return (u * h(s)[..., None, :]) @ vh

    return f


def projection(a):
    """Onto the space of the eigenvectors of the largest eigenvalue, where that is a simple one."""
    v = fnp.linalg.eigh((a + adjoint(a)) / 2)[1][..., -1:]
    return v @ adjoint(v)


FUNCTIONS = {
    "eigh itself": by_eigh(lambda w: w),
    "eigh square": by_eigh(lambda w: w * w),
    "eigh shifted": by_eigh(lambda w: w - 1),
    "eigh exp": by_eigh(fnp.exp),
    "eigh ones": by_eigh(lambda w: w**0),
    "eig itself": by_eig(lambda w: w),
    "eig square": by_eig(lambda w: w * w),
    "svd itself": by_svd(lambda s: s),
    "svd cube": by_svd(lambda s: s**3),
    "trace of eigvalsh": lambda a: fnp.sum(fnp.linalg.eigvalsh((a + adjoint(a)) / 2) ** 3),
    "trace of eigvals": lambda a: fnp.sum(fnp.real(fnp.linalg.eigvals(a) ** 3)),
    "svdvals": lambda a: fnp.sum(fnp.linalg.svdvals(a) ** 2),
    "two": lambda a: by_eigh(lambda w: w)(a) + 3 * by_eigh(lambda w: w * w)(a) @ C,
}
MATRICES = {
    "identity": ONE,
    "rotated": of_values(1, 1, 1, seed=1),
    "twice": of_values(2, 2, 1),
    "twice rotated": of_values(2, 2, 1, seed=2),
    "small ones": of_values(1, 1, 3, seed=3),
    "zero": np.zeros((3, 3)),
    "singular": of_values(0, 0, 3, seed=4),
    "complex": of_values(1, 1, 2, seed=5, kind="D"),
    "batch": np.stack([ONE, of_values(1, 2, 3, seed=6), of_values(2, 2, 1, seed=7)]),
    "float32": of_values(1, 1, 2, seed=8).astype("f"),
}
WEIGHTS = {
    "full": C,
    "one": np.array([[0.0, 1, 0], [0, 0, 0], [0, 0, 0]]),
    "symmetric": C + C.T,
    "equal diagonal": np.ones((3, 3)) + np.triu(C, 1),
}


def difference(f, a, da):
    h = 1e-5
    return (f(a + h * da) - f(a - h * da)) / (2 * h)


def checked(f, a, where, tolerance):
    """The gradient of `f` at `a` is right, or NaN or wrong with a warning that names a function."""
    v = Variable(a.copy())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f(v).backward()
    caught = [x for x in caught if issubclass(x.category, DegeneracyWarning)]
    assert all("np.linalg.e" in str(x.message) or "np.linalg.svd" in str(x.message) for x in caught)
    assert all(x.filename == __file__ for x in caught)
    assert v.grad.dtype == a.dtype
    rng = np.random.default_rng(0)
    wide = a.astype("D" if a.dtype.kind == "c" else "d")
    for _ in range(2):
        da = rng.normal(size=a.shape)
        da = da + 1j * rng.normal(size=a.shape) if a.dtype.kind == "c" else da
        expected = difference(lambda x: float(f(Variable(x)).data), wide, da)
        got = np.sum((v.grad * da).real)
        right = abs(got - expected) <= tolerance * max(1, abs(expected))
        if not right and not caught and v.grad.any():  # no gradient at all: see `degenerate`
            return f"{where}: gradient {got}, difference {expected}, without a warning"
    return None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("matrix", MATRICES)
def test_a_wrong_gradient_warns(matrix):
    a = MATRICES[matrix]
    tolerance = 1e-2 if a.dtype == "f" else 1e-4
    found = []
    for (name, function), (weight, c) in itertools.product(FUNCTIONS.items(), WEIGHTS.items()):

        def f(x, function=function, c=c):
            return fnp.sum(fnp.real(function(x)) * c)

        found.append(checked(f, a, f"{name} {weight}", tolerance))
    found = [x for x in found if x]
    assert not found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("matrix", sorted(MATRICES.keys() - {"batch", "float32", "complex"}))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_second_derivative_warns(name, matrix):
    a, function = MATRICES[matrix], FUNCTIONS[name]

    def slope(x):
        return fnp.sum(grad(lambda b: fnp.sum(fnp.real(function(b)) * C))(x) * C[::-1] ** 2)

    found = checked(slope, a, name, np.inf)  # a difference of what warns would say nothing
    assert found is None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = grad(slope)(a)
    if not caught:
        da = np.random.default_rng(1).normal(size=(3, 3))
        np.testing.assert_allclose(
            np.sum(actual * da), second_difference(function, a, da), rtol=1e-3, atol=1e-3
        )


def second_difference(function, a, da):
    h = 1e-3
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    f = [np.sum(function(Variable(a + h * (i * da + j * C[::-1] ** 2 / 10))).data * C)
         for i, j in signs]  # fmt: skip
    return (f[0] - f[1] - f[2] + f[3]) / (4 * h * h) * 10


ROWS, COLUMNS = ({kind: rotation(seed, kind) for kind in "dD"} for seed in (9, 10))
VALUES = [(1, 1, 1), (2, 1, 1), (3, 2, 1), (1, 0, 0), (2, 1, 0), (0, 0, 0), (1, 1, 0)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", ["d", "D"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)])
def test_singular_values_in_every_shape(shape, kind, full):
    c = np.cos(np.arange(12.0))[: shape[0] * shape[1]].reshape(shape)

    def matrix_of(h):
        def f(a):
            u, s, vh = fnp.linalg.svd(a, full_matrices=full)
            return fnp.sum(fnp.real((u[:, :3] * h(s)) @ vh[:3]) * c)

        return f

    for values in VALUES:
        a = (ROWS[kind] * values) @ COLUMNS[kind]
        if shape != (3, 3):  # the same singular values, in a space of one dimension more
            wide = np.linalg.qr(np.cos(np.arange(16.0) ** 2).reshape(4, 4))[0][:, :3]
            a = wide @ a if shape[0] == 4 else a @ wide.T
        for h in (lambda s: s, lambda s: s**3, lambda s: s**0):
            if 0 not in values or h(0) == 0:
                assert checked(matrix_of(h), a, values, 1e-4) is None
            if values == (3, 2, 1) and shape == (3, 3):  # regular, and apart
                v = Variable(a)
                matrix_of(h)(v).backward()
                assert np.isfinite(v.grad).all()


# --- what is right, without a word ---


@pytest.mark.parametrize("a", [ONE, of_values(1, 1, 1, seed=1), ONE * 1j, rotation(2, "D")])
def test_the_polar_factor(a):
    c = C * (1 + 2j if a.dtype.kind == "c" else 1)
    v = Variable(a)
    u, _, vh = np.linalg.svd(v)
    fnp.sum(fnp.real(fnp.conj(c) * (u @ vh))).backward()
    # Of a unitary matrix p: that of a + da is p + (da - p @ adjoint(da) @ p) / 2.
    expected = (c - a @ adjoint(c) @ a) / 2
    np.testing.assert_allclose(v.grad, np.conj(expected), atol=1e-9)


def test_the_polar_factor_of_a_batch_and_of_float32():
    a = np.stack([ONE, 2 * ONE, of_values(1, 1, 2, seed=3)]).astype("f")
    v = Variable(a)
    u, _, vh = np.linalg.svd(v)
    fnp.sum(C * (u @ vh)).backward()
    np.testing.assert_allclose(v.grad[0], (C - C.T) / 2, atol=1e-4)
    np.testing.assert_allclose(v.grad[1], (C - C.T) / 4, atol=1e-4)


@pytest.mark.parametrize("a", [ONE, of_values(1, 1, 1, seed=1)])
def test_the_second_derivative_of_a_trace(a):
    for f in (fnp.linalg.eigvalsh, fnp.linalg.svdvals):
        h = hessian(lambda x, f=f: fnp.sum(f(x)))(a).reshape(9, 9)
        # Of the nuclear norm of a + da: the squares of the antisymmetric part of a.T @ da.
        turn = np.kron(a, ONE) if f is fnp.linalg.svdvals else np.zeros((9, 9))
        swap = np.eye(9).reshape(3, 3, 3, 3).transpose(1, 0, 2, 3).reshape(9, 9)
        expected = turn @ (np.eye(9) - swap) / 2 @ turn.T
        np.testing.assert_allclose(h, expected, atol=1e-9)


def test_what_uses_other_vectors_only():
    """A covariance of low rank: the equal eigenvalues 0 play no part."""
    x = np.random.default_rng(0).normal(size=(5, 2))
    v = Variable(x @ x.T)
    w, q = np.linalg.eigh(v)
    p = (q[:, 3:] * w[3:]) @ fnp.swapaxes(q[:, 3:], 0, 1)
    fnp.sum(p * np.arange(25.0).reshape(5, 5)).backward()
    assert np.isfinite(v.grad).all()


def test_a_double_root_that_nobody_uses():
    v = Variable(np.array([1.0, -3.0, 0.0, 0.0]))
    roots = np.roots(v)
    roots[0].backward()
    np.testing.assert_allclose(v.grad, [-3, -1, -1 / 3, -1 / 9])
    v.cleargrad()
    fnp.sum(roots).backward()
    assert np.isnan(v.grad).all()


# --- what is not known ---


@pytest.mark.parametrize("a", [ONE, of_values(1, 1, 1, seed=1)])
@pytest.mark.parametrize(
    ("name", "expected"), [("eigh itself", (C + C.T) / 2), ("svd itself", C), ("eigh exp", None)]
)
def test_the_guess_is_right_for_one_function_of_the_matrix(a, name, expected):
    expected = np.e * (C + C.T) / 2 if expected is None else expected
    v = Variable(a)
    y = fnp.sum(C * FUNCTIONS[name](v))
    with pytest.warns(DegeneracyWarning, match=r"np\.linalg\.(eigh|svd): .* may be wrong"):
        y.backward()
    np.testing.assert_allclose(v.grad, expected, atol=1e-9)


@pytest.mark.parametrize("f", [
    lambda a: fnp.sum(fnp.linalg.eigh(a)[1] * C),
    lambda a: fnp.sum(fnp.linalg.eig(a)[1] * C),
    lambda a: fnp.linalg.eigvals(a)[0],
    lambda a: fnp.sum(fnp.linalg.svd(a)[0] * C),
], ids=["eigh", "eig", "eigvals", "svd"])  # fmt: skip
def test_what_depends_on_the_basis_is_nan(f):
    v = Variable(np.eye(3))
    y = f(v)
    with pytest.warns(DegeneracyWarning, match="NaN"):
        y.backward()
    assert np.isnan(v.grad).all()


def test_only_that_matrix_of_a_batch_is_nan():
    v = Variable(np.stack([np.eye(2), np.diag([1.0, 2.0])]))
    y = fnp.sum(fnp.linalg.eigh(v)[1] * C[:2, :2])
    with pytest.warns(DegeneracyWarning):
        y.backward()
    assert np.isnan(v.grad[0]).all()
    assert np.isfinite(v.grad[1]).all()


# --- determinants ---


@pytest.mark.parametrize(
    "a",
    [
        ONE, 2 * np.eye(4), rotation(3), np.diag([1.0, 2, 0]), np.diag([1.0, 1, 0]),
        np.ones((3, 3)),
        np.stack([ONE, np.diag([3.0, 1, 0]), np.zeros((3, 3))]), np.ones((2, 2)), np.zeros((4, 4)),
        np.diag([1.0, 1, 1, 0]), np.ones((1, 1)), np.zeros((1, 1)),
    ],
)  # fmt: skip
def test_three_derivatives_of_det(a):
    rng = np.random.default_rng(0)
    das = [rng.normal(size=a.shape) for _ in range(3)]

    def directional(f, da):
        return lambda x: fnp.sum(grad(f)(x) * da)

    f = expected = lambda x: fnp.sum(fnp.linalg.det(x))
    for da in das:
        f = directional(f, da)
        expected = lambda x, g=expected, da=da: difference(g, x, 1e2 * da) / 1e2  # noqa: E731
    np.testing.assert_allclose(f(a), expected(a), rtol=1e-6, atol=1e-6)


def test_what_is_made_of_det_needs_no_svd(monkeypatch):
    def refused(*args, **kwargs):
        raise AssertionError("svd")

    a = np.eye(3) * 2
    monkeypatch.setattr(np.linalg, "svd", refused)
    for f in (
        lambda x: fnp.linalg.det(x),
        lambda x: fnp.linalg.slogdet(x)[1],
        lambda x: fnp.sum(fnp.linalg.inv(x)),
        lambda x: fnp.sum(fnp.linalg.solve(x, C)),
        lambda x: fnp.sum(fnp.linalg.matrix_power(x, -2)),
    ):
        assert np.isfinite(hessian(f)(a)).all()


# --- ties of norms ---


@pytest.mark.parametrize("a", [ONE, of_values(1, 1, 1, seed=1), rotation(4)])
def test_ties_up_to_rounding_share_evenly(a):
    for f, expected in [
        (lambda x: fnp.linalg.norm(x, 2), a / 3),
        (lambda x: fnp.linalg.norm(x, -2), a / 3),
        (lambda x: fnp.linalg.norm(x, "nuc"), a),
        (fnp.linalg.cond, 0 * a),
        (lambda x: fnp.linalg.cond(x, -2), 0 * a),
    ]:
        v = Variable(a)
        f(v).backward()
        np.testing.assert_allclose(v.grad, expected, atol=1e-14)


def test_the_second_derivative_of_a_tie_warns():
    for f in (lambda x: fnp.linalg.norm(x, 2), lambda x: fnp.linalg.norm(x, -2), fnp.linalg.cond):
        with pytest.warns(DegeneracyWarning):
            h = hessian(f)(ONE)
        assert np.isnan(h).any()


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "i8"])
@pytest.mark.parametrize("zeros", [[1, 1, 3], [2, 2, 2, 5], [-1, -1, 4], [3, 3, 0]])
def test_roots_that_are_double_up_to_rounding_have_no_derivative(zeros, dtype):
    p = np.poly(zeros).astype(dtype)
    for i in range(len(zeros)):
        v = Variable(p)
        y = np.roots(v)[i]
        np.real(y).backward()
        nearest = round(float(np.real(y.data)))
        if zeros.count(nearest) == 1:
            want = -(float(nearest) ** np.arange(len(zeros), -1, -1))
            want /= np.polyval(np.polyder(np.poly(zeros)), nearest)
            np.testing.assert_allclose(v.grad, want, rtol=1e-3 if dtype == "f4" else 1e-9)
        else:
            assert np.isnan(v.grad).all()


def test_roots_close_to_each_other_keep_their_derivatives():
    v = Variable(np.poly([1.0, 1.001, 3.0]))
    fnp.sum(np.real(np.roots(v))).backward()  # -p[1] / p[0]
    np.testing.assert_allclose(v.grad, [-5.001, -1, 0, 0], rtol=1e-6, atol=1e-6)


def test_no_derivative_takes_a_double_root_for_a_simple_one():
    for zeros in ([1.0, 1.0, 3.0], [0.0, 0.0, 3.0]):
        p = np.poly(zeros)
        _, dy = jvp(lambda p: np.real(np.roots(p)), (p,), (np.array([0.0, 0.0, 0.0, 1.0]),))
        np.testing.assert_allclose(dy, [-1 / np.polyval(np.polyder(p), 3), np.nan, np.nan])
        second = hessian(lambda p: np.real(np.roots(p)[0]) ** 2)(p)
        assert np.isfinite(second).all()
