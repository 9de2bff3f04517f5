"""Linear algebra where the generic tests do not reach.

What reads one triangle is moved as Hermitian matrices, what depends on phases or on the choice of a
basis is seen through functions that do not. Then the conventions where no derivative exists.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
from samples.linalg import (
    SHAPES,
    SINGULAR,
    complex_regular,
    hermitian,
    positive_definite,
    real_eigenvalues,
    regular,
)
from samples.sample import complex_normal, normal
from test_conventions_products import check_second
from test_rows import directions, inner

import fastgrad.numpy as fnp
from fastgrad import Variable

# --- cotangents that do not depend on phases or bases ---


def weights(x, key, real=False):
    """Fixed random numbers to multiply `x` with."""
    w = complex_normal(*x.shape, seed=key)
    return w.real if real or x.dtype.kind != "c" else w


def adjoint(x):
    x = fnp.swapaxes(x, -1, -2)
    return fnp.conj(x) if x.dtype.kind == "c" else x


def symmetric(a):
    return (a + adjoint(a)) / 2


def any_cotangent(ys):
    """Where nothing is arbitrary."""
    ys = ys if isinstance(ys, tuple) else (ys,)
    return [weights(y, "any") for y in ys]


def of_lengths(v, key):
    """The derivative of the weighted squares of the absolute values of the elements of `v`."""
    return 2 * weights(v, key, real=True) * fnp.conj(v)


def of_projection(v, key):
    """The derivative of the weighted elements of `v @ adjoint(v)`."""
    w = complex_normal(*v.shape[:-1], v.shape[-2], seed=key)
    w = w + adjoint(w)
    return (w if v.dtype.kind == "c" else w.real) @ fnp.conj(v)


def of_eigenvectors(ys):
    w, v = ys
    return [weights(w, "w"), of_lengths(v, "v")]


def of_singular_vectors(ys):
    """Of |u|, |vh| and u @ vh; of what is left of the space, of the projection onto it."""
    u, s, vh = ys
    k = s.shape[-1]
    u1, u2, v1, v2 = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    w = weights(u1 @ v1, "product")
    gu = of_lengths(u1, "u") + w @ fnp.swapaxes(v1, -1, -2)
    gv = of_lengths(v1, "v") + fnp.swapaxes(u1, -1, -2) @ w
    if u2.shape[-1]:
        gu = fnp.concatenate([gu, of_projection(u2, "u2")], axis=-1)
    if v2.shape[-2]:
        gv2 = fnp.conj(adjoint(of_projection(adjoint(v2), "v2")))  # of conj(v2), transposed
        gv = fnp.concatenate([gv, fnp.conj(gv2)], axis=-2)
    return [gu, weights(s, "s"), gv]


def of_complete_qr(ys):
    q, r = ys
    k = r.shape[-1]
    return [
        fnp.concatenate([weights(q, "q")[..., :k], of_projection(q[..., k:], "q2")], axis=-1),
        weights(r, "r"),
    ]


Case = namedtuple("Case", "name make shape kwargs prepare cotangent")
SQUARE = [(1, 1), (3, 3), (2, 3, 3)]
BOTH = (regular, complex_regular)
HERMITIAN = (positive_definite, hermitian)
CASES = [
    *(Case("cholesky", make, shape, kwargs, symmetric, any_cotangent)
      for make in HERMITIAN for shape in SQUARE for kwargs in ({}, {"upper": True})),
    *(Case(name, make, shape, kwargs, symmetric, cotangent)
      for name, cotangent in [("eigh", of_eigenvectors), ("eigvalsh", any_cotangent)]
      for make in HERMITIAN for shape in SQUARE for kwargs in ({}, {"UPLO": "U"})),
    *(Case("pinv", make, (3, 3), {"hermitian": True}, symmetric, any_cotangent)
      for make in HERMITIAN),
    *(Case("svd", make, (3, 3), {"hermitian": True}, symmetric, of_singular_vectors)
      for make in HERMITIAN),
    *(Case("svd", make, (3, 3), {"hermitian": True, "compute_uv": False}, symmetric, any_cotangent)
      for make in HERMITIAN),
    *(Case("eig", make, shape, {}, None, of_eigenvectors)
      for make in (*BOTH, real_eigenvalues) for shape in SQUARE),
    *(Case("svd", make, shape, {"full_matrices": full}, None, of_singular_vectors)
      for make in BOTH for shape in SHAPES for full in (True, False) if 0 not in shape),
    *(Case("qr", make, shape, {"mode": "complete"}, None, of_complete_qr)
      for make in BOTH for shape in [(3, 2), (4, 2), (2, 3, 1), (3, 3)]),
]  # fmt: skip


def label(case):
    kwargs = ",".join(f"{k}={v}" for k, v in case.kwargs.items())
    return f"{case.name}-{case.make.__name__}-{'x'.join(map(str, case.shape))}-{kwargs}"


def called(case, a):
    """The Variables that the function reads and returns, and the cotangents."""
    x = a if case.prepare is None else case.prepare(a)
    ys = getattr(fnp.linalg, case.name)(x, **case.kwargs)
    gs = case.cotangent(ys)
    many = isinstance(ys, tuple)
    return x, ys, gs, (tuple(gs) if many else gs[0]), (list(ys) if many else [ys])


def at(case):
    """The matrix, no longer exactly Hermitian if it is made so."""
    a = case.make(*case.shape)
    return a + 0.1 * weights(a, "at") if case.prepare else a


@pytest.mark.parametrize("case", CASES, ids=label)
def test_first_derivative(case):
    """The cotangents at `a` are derivatives there: of functions with the right symmetries."""
    a = at(case)
    v = Variable(a)
    *_, gs, _, ys = called(case, v)
    # Parallel to what is compared: the gradient at fixed cotangents.
    fixed = [g.data if isinstance(g, Variable) else g for g in gs]
    inner(ys, fixed).backward()

    def change(a):
        """Of what is invariant: the differences of outputs up to what is arbitrary."""
        ys = called(case, Variable(a))[-1]
        return invariants(case, [y.data for y in ys], fixed, [y.data for y in base])

    base = ys
    for trial in range(2):
        (da,) = directions([a], trial)
        h = 1e-6
        difference = (change(a + h * da) - change(a - h * da)) / (2 * h)
        derivative = np.sum((v.grad * da).real)
        assert abs(derivative - difference) < 1e-6 * max(1, abs(derivative)), case


def invariants(case, ys, gs, base):
    """The inner product with the cotangents, phases and bases turned to be those of `base`."""
    ys = list(ys)
    if case.name in ("eig", "eigh"):
        ys[1] = ys[1] * phase(ys[1], base[1])
    elif case.name == "svd" and len(ys) == 3:
        k = ys[1].shape[-1]
        u, vh = ys[0].copy(), ys[2].copy()
        turn = phase(u[..., :k], base[0][..., :k])
        u[..., :k] *= turn
        vh[..., :k, :] *= np.swapaxes(turn, -1, -2).conj()
        u[..., k:] = turned(u[..., k:], base[0][..., k:])
        vh[..., k:, :] = adjoint(turned(adjoint(vh[..., k:, :]), adjoint(base[2][..., k:, :])))
        ys = [u, ys[1], vh]
    elif case.name == "qr":
        k = ys[1].shape[-1]
        q = ys[0].copy()
        q[..., k:] = turned(q[..., k:], base[0][..., k:])
        ys = [q, ys[1]]
    return sum(np.sum((y * g).real) for y, g in zip(ys, gs, strict=True))


def phase(v, base):
    """What to multiply the columns with, for their inner products with `base` to be positive."""
    z = np.sum(v.conj() * base, axis=-2, keepdims=True)
    return z / np.abs(z)


def turned(v, base):
    """Another basis of the space of the columns of `v`, as close to `base` as can be."""
    if v.shape[-1] == 0:
        return v
    u, _, wh = np.linalg.svd(adjoint(v) @ base)
    return v @ (u @ wh)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_second_derivative(case):
    row = getattr(fnp.linalg, case.name)

    def gradients_of(vs):
        x, y, _, g, _ = called(case, vs[0])
        return [row.vjp[0](fnp, g, y, x, **case.kwargs)]

    check_second(gradients_of, [at(case)])


# --- one triangle ---


@pytest.mark.parametrize("make", HERMITIAN)
@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "cholesky"])
def test_gradient_for_a_hermitian_matrix_is_hermitian(name, make):
    a = Variable(make(3, 3))
    ys = getattr(np.linalg, name)(a)
    ys = list(ys) if isinstance(ys, tuple) else [ys]
    inner(ys, directions(ys, "w")).backward()
    np.testing.assert_allclose(a.grad, adjoint(a.grad), atol=1e-12)


# --- equal eigenvalues and singular values ---


def test_equal_eigenvalues_turn_nothing():
    a = Variable(np.diag([1.0, 1.0, 2.0]))
    w, v = np.linalg.eigh(a)
    fnp.sum(w).backward()  # the trace
    np.testing.assert_array_equal(a.grad, np.eye(3))
    a.cleargrad()
    # The projection onto the common space of the equal ones: perturbation theory, 1 / (1 - 2).
    p = v[:, :2] @ fnp.swapaxes(v[:, :2], 0, 1)
    p[0, 2].backward()
    np.testing.assert_allclose(a.grad, [[0, 0, -0.5], [0, 0, 0], [-0.5, 0, 0]], atol=1e-15)


def test_equal_and_zero_singular_values():
    a = Variable(np.eye(3))
    np.linalg.norm(a, "nuc").backward()
    np.testing.assert_allclose(a.grad, np.eye(3), atol=1e-15)


def test_only_some_of_the_outputs():
    for name, i in [("eigh", 0), ("eigh", 1), ("svd", 0), ("svd", 1), ("svd", 2), ("qr", 0),
                    ("qr", 1), ("slogdet", 1), ("eig", 0)]:  # fmt: skip
        a = Variable(positive_definite(3, 3))
        y = getattr(np.linalg, name)(a)[i]
        fnp.sum(y).backward()
        assert np.isfinite(a.grad).all()
        assert np.abs(a.grad).max() > 1e-3


# --- singular matrices ---


def test_det_of_singular_matrices_has_its_cofactors():
    a = Variable(np.array([[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 3.0]], np.eye(2)]))
    np.linalg.det(a).backward()
    expected = [[[4, -2], [-2, 1]], [[3, 0], [0, 0]], np.eye(2)]
    np.testing.assert_allclose(a.grad, expected, atol=1e-14)


def test_slogdet_of_a_singular_matrix_has_gradient_nan_and_the_others_theirs():
    a = Variable(np.stack([np.eye(2), np.ones((2, 2))]))
    np.linalg.slogdet(a).logabsdet.backward()
    np.testing.assert_array_equal(a.grad, [np.eye(2), np.full((2, 2), np.nan)])


@pytest.mark.parametrize("name", ["qr", "cond"])
def test_dividing_by_a_singular_matrix_raises(name):
    a = Variable(np.zeros((2, 2)) if name == "qr" else np.ones((2, 2)))
    y = np.linalg.qr(a, "r") if name == "qr" else np.linalg.cond(a, 1)
    with pytest.raises(np.linalg.LinAlgError):
        y.backward()


def test_mode_raw_of_qr_is_refused():
    a = Variable(regular(3, 2))
    h, _ = np.linalg.qr(a, "raw")
    with pytest.raises(TypeError, match="mode 'raw' has no derivative"):
        h.backward()


# --- norms ---


@pytest.mark.parametrize("order", [None, 1, 2, 3, 0.5, np.inf, -np.inf, -1, 0])
def test_norm_of_zeros_has_gradient_zero(order):
    for x in (np.zeros(3), np.zeros(3) + 0j):
        a = Variable(x)
        with np.errstate(divide="ignore"):
            np.linalg.norm(a, order).backward()
        np.testing.assert_array_equal(a.grad, np.zeros(3))


def test_ties_share_evenly():
    a = Variable(np.array([1.0, -2.0, 2.0]))
    np.linalg.norm(a, np.inf).backward()
    np.testing.assert_array_equal(a.grad, [0, -0.5, 0.5])
    a = Variable(np.array([[1.0, -1.0], [1.0, 1.0], [1.0, 1.0]]))
    np.linalg.norm(a, 1).backward()
    np.testing.assert_array_equal(a.grad, np.sign(a.data) / 2)
    a = Variable(np.eye(2))
    np.linalg.norm(a, 2).backward()
    np.testing.assert_allclose(a.grad, np.eye(2) / 2, atol=1e-15)


def test_norm_of_large_order_does_not_overflow():
    a = Variable(np.array([1e-200, 3e-200]))
    np.linalg.norm(a * 1e200, 50).backward()
    assert np.isfinite(a.grad).all()


# --- arguments ---


def test_operands_that_are_lists_or_keywords():
    b = Variable(np.array([1.0, 2.0]))
    np.linalg.solve([[2.0, 0.0], [0.0, 4.0]], b=b).backward()
    np.testing.assert_array_equal(b.grad, [0.5, 0.25])
    a = Variable(np.diag([2.0, 4.0]))
    np.linalg.solve(a, b=[1.0, 2.0]).backward()
    np.testing.assert_array_equal(a.grad, [[-0.25, -0.25], [-0.125, -0.125]])


def test_named_results_are_numpys():
    a = Variable(SINGULAR)
    assert type(np.linalg.svd(a)) is type(np.linalg.svd(SINGULAR))
    assert isinstance(np.linalg.svd(a).S, Variable)
    assert np.linalg.matrix_rank(a) == 2


def test_gradients_of_integers_are_none():
    y = np.linalg.lstsq(Variable(normal(3, 2)), normal(3))
    assert not y[2].requires_grad
    assert y[0].requires_grad


def test_what_cancels_cancels():
    """The determinant of the inverse is the inverse of the determinant."""
    v = Variable(regular(3, 3))
    (np.linalg.det(v) * np.linalg.det(np.linalg.inv(v))).backward()
    np.testing.assert_allclose(v.grad, np.zeros((3, 3)), atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 0, 3)])
@pytest.mark.parametrize("name", ["svd", "svdvals", "qr", "pinv"])
def test_matrices_without_elements(name, shape):
    a = Variable(np.zeros(shape))
    try:
        getattr(np.linalg, name)(a.data)
    except (np.linalg.LinAlgError, ValueError):
        pytest.skip("not for NumPy either")
    ys = getattr(np.linalg, name)(a)
    ys = list(ys) if isinstance(ys, tuple) else [ys]
    inner(ys, directions(ys, "w")).backward()
    assert a.grad.shape == shape
