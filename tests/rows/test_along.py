"""The gradients that are computed in a way of their own because they are large: bits, places."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from samples.sample import complex_normal, normal, rng_for

import fastgrad
from fastgrad import Variable, gradients
from fastgrad.functions._along import places_of_ranks, products_of_others
from fastgrad.functions.along import stable_order
from fastgrad.functions.decompositions import upper_inverse
from fastgrad.functions.einsums import as_matrices

LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
}
SHAPES = [(1, 1), (1, 9), (9, 1), (7, 5), (8, 2), (16, 17), (27, 40)]
DTYPES = ["f4", "f8"]


def with_special(x, kind):
    """`x` with elements of that kind among the others."""
    places = rng_for(kind, x.shape).random(x.shape) < 0.2
    special = {"zero": 0.0, "nan": np.nan, "inf": np.inf, "-inf": -np.inf, "none": 1.0}[kind]
    return np.where(places, x.dtype.type(special), x)


def both_orders(f, *xs):
    """The gradients of a weighted sum of f(*xs), computed and recorded."""
    found = []
    for create_graph in (False, True):
        vs = [Variable(x) for x in xs]
        y = f(*vs)
        w = np.asarray(normal(*y.shape, seed="w"), y.dtype)
        gxs = gradients(np.sum(np.real(y * w)), vs, create_graph=create_graph)
        found.append([np.asarray(gx.data) for gx in gxs])
    return found


def same_bits(xs, ys):
    for x, y in zip(xs, ys, strict=True):
        assert x.dtype == y.dtype
        assert x.shape == y.shape
        assert np.ascontiguousarray(x).tobytes() == np.ascontiguousarray(y).tobytes()


# --- products ---


def products_by_numpy(x):
    one = np.ones((len(x), 1), x.dtype)
    left = np.concatenate([one, np.cumprod(x, 1)[:, :-1]], 1)
    right = np.concatenate([one, np.cumprod(x[:, ::-1], 1)[:, :-1]], 1)[:, ::-1]
    return left * right


@pytest.mark.parametrize("kind", ["none", "zero", "inf"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_of_others_have_the_bits_of_cumprod(shape, dtype, layout, kind):
    x = LAYOUTS[layout](with_special(np.asarray(normal(*shape), dtype), kind))
    with np.errstate(invalid="ignore"):
        made, expected = products_of_others(x), products_by_numpy(x)
    known = ~np.isnan(expected)  # of a NaN, the sign is nobody's promise
    assert np.array_equal(np.isnan(made), ~known)
    same_bits([made[known]], [expected[known]])


def test_products_of_others_leave_other_arrays_to_numpy():
    for x in (
        normal(3, 0),
        normal(3, 4).astype("f2"),
        complex_normal(2, 3),
        normal(3, 4).astype(">f8"),
        np.frombuffer(b"\0" * 65, "f8", 8, 1).reshape(2, 4),
        normal(3),
    ):
        assert products_of_others(x) is None


def test_errors_of_products_are_reported_as_numpy_does():
    x = np.array([[1e200, 1e200, 1e200]])
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        products_of_others(np.repeat(x, 2, 1))
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert np.all(np.isinf(products_of_others(x)))
    products_of_others(x[:, :2])  # the product of all overflows, but is no element's


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2), (2, 0), (0, 1, 2), ()])
@pytest.mark.parametrize("dtype", [*DTYPES, "c16", "f2"])
def test_gradient_of_prod_has_the_same_bits_when_recorded(axis, dtype):
    for x in (normal(9, 9, 9), with_special(normal(9, 9, 9), "zero")):
        x = np.asarray(x, dtype)
        same_bits(*both_orders(lambda x: np.prod(x, axis=axis), x))
        same_bits(*both_orders(lambda x: np.prod(x, axis=axis, where=x > 0.1, initial=2), x))


# --- order statistics ---


def samples_of_ranks():
    """Matrices with many ties, few, none, and with infinities."""
    for shape in [(1, 1), (3, 2), (70, 5), (5, 70), (33, 34), (1030, 3)]:
        x = normal(*shape)
        yield from (x, np.round(x, 1), np.round(x), np.zeros(shape))
        yield from (with_special(x, kind) for kind in ("zero", "inf", "-inf"))
        yield np.where(np.round(x) == 0, -0.0, np.round(x))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_places_of_ranks_are_those_of_a_stable_sort(dtype, layout):
    found_some = 0
    for x in samples_of_ranks():
        x = LAYOUTS[layout](x.astype(dtype))
        n = x.shape[1]
        order = np.argsort(x, axis=1, kind="stable")
        with np.errstate(invalid="ignore"):
            y = np.median(x, axis=1)
        found = places_of_ranks(x, y, (n - 1) // 2, n // 2)
        if found is None:
            assert np.any(np.isnan(y))  # -inf and inf
            continue
        found_some += 1
        assert np.array_equal(found, [order[:, (n - 1) // 2], order[:, n // 2]])
    assert found_some > 40


def test_a_value_that_is_no_median_is_not_believed():
    x = np.array([[3.0, 1.0, 2.0, 5.0, 4.0]])
    assert places_of_ranks(x, np.array([3.0]), 2, 2).tolist() == [[0], [0]]
    assert places_of_ranks(x, np.array([2.5]), 2, 2).tolist() == [[0], [0]]  # between 2 and 3
    for y in (1.0, 5.0, 9.0, np.nan, np.inf):
        assert places_of_ranks(x, np.array([y]), 2, 2) is None
    assert places_of_ranks(np.full((1, 3), np.nan), np.array([np.nan]), 1, 1) is None


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", [*DTYPES, "f2", ">f8"])
def test_gradient_of_median_is_that_of_sorting(axis, keepdims, dtype):
    for n in (4, 5):
        for x in (normal(n, 5, n), np.round(normal(n, 5, n)), with_special(normal(n, 5, n), "nan")):
            x = x.astype(dtype)
            made = both_orders(lambda x: np.median(x, axis=axis, keepdims=keepdims), x)
            same_bits(*made)
            by_quantile = both_orders(
                lambda x: np.quantile(x, 0.5, axis=axis, keepdims=keepdims), x
            )
            assert np.array_equal(made[0][0], by_quantile[0][0], equal_nan=True)


def test_median_that_overflows_or_is_written_elsewhere():
    x = np.array([1.6e308, 1.7e308, -1.0, 1.75e308])
    v = Variable(x)
    with pytest.warns(RuntimeWarning, match="overflow"):
        y = np.median(v)
    y.backward()
    assert v.grad.tolist() == [0.5, 0.5, 0, 0]
    x = np.array([1.0, 1.0 + 1e-12, 0.0, 3.0, 1 + 2e-12])  # as float32 the median is the first
    v, out = Variable(x), np.empty((), np.float32)
    np.median(v, out=out).backward()
    assert v.grad.tolist() == [0, 1, 0, 0, 0]


# --- sorting ---


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u8", "f2", "i2", "c16", ">f8"])
def test_stable_order_is_numpys(dtype):
    for shape in [(400,), (257, 300), (3, 300, 2), (5, 3)]:
        for scale in (0.5, 3, 1000):
            x = np.abs(normal(*shape) * scale) if dtype[0] == "u" else normal(*shape) * scale
            x = np.round(x).astype(dtype)
            xs = [x, x[::-1]]
            if x.dtype.kind == "f":
                xs += [with_special(x, kind) for kind in ("nan", "inf", "zero")]
                xs += [np.where(x == 0, -x, x), np.full_like(x, np.nan)]
            for x in xs:
                for axis in range(x.ndim):
                    expected = np.argsort(x, axis, kind="stable")
                    assert np.array_equal(stable_order(x, axis), expected)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_gradient_of_sort_is_the_permutation_undone(axis):
    normals = normal(300, 400)
    for x in (normals, np.round(normals), with_special(normals, "nan")):
        computed, recorded = both_orders(lambda x: np.sort(x, axis=axis), x)
        same_bits(computed, recorded)
        w = normal(*np.sort(x, axis).shape, seed="w")
        flat = x if axis is not None else x.ravel()
        ranks = np.argsort(np.argsort(flat, axis or 0, kind="stable"), axis or 0)
        expected = np.take_along_axis(w, ranks, axis or 0)
        assert np.array_equal(computed[0], expected.reshape(x.shape))


def test_gradients_of_sorted_arrays_are_replayed():
    """Whether there are ties, a replay must ask anew."""
    w = normal(300, 4)

    def f(x):
        return np.sum(np.sort(x, axis=0) * w) + np.sum(np.partition(x, 100, axis=0) * w)

    slope = fastgrad.grad(f)
    replayed = fastgrad.replay(slope, check=None)
    for i in range(6):
        x = normal(300, 4, seed=i)
        x = np.round(x) if i > 3 else x
        same_bits([replayed(x)], [slope(x)])
    assert "replayed 4 times" in replayed.explain()


# --- einsum ---

LARGE = [
    ("ij,jk->ik", (30, 31), (31, 32)),
    ("ij,jk->ki", (30, 31), (31, 32)),
    ("ij,kj", (30, 31), (32, 31)),
    ("ijk,ikl->ijl", (4, 20, 21), (4, 21, 22)),
    ("ijk,jkl->lij", (20, 5, 21), (5, 21, 22)),
    ("abij,bcjk->abcik", (2, 3, 8, 9), (3, 4, 9, 10)),
    ("ijab,abkl->ikjl", (5, 6, 7, 8), (7, 8, 3, 4)),
    ("...ij,...jk->...ik", (4, 20, 21), (21, 22)),
    ("...ij,...jk->...ik", (4, 20, 21), (1, 21, 22)),
    ("ij,jk->k", (30, 31), (31, 32)),
    ("ij,j->i", (200, 300), (300,)),
    ("iij,jk->ik", (30, 30, 31), (31, 32)),
    ("ij,jk,kl->il", (12, 13), (13, 14), (14, 15)),
]


@pytest.mark.parametrize("make", [normal, complex_normal])
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_gradients_of_large_einsums(case, optimize, make):
    text, *shapes = case
    xs = [make(*shape, seed=i) for i, shape in enumerate(shapes)]
    found = both_orders(lambda *xs: np.einsum(text, *xs, optimize=optimize), *xs)
    same_bits(*found)
    y = np.einsum(text, *xs, optimize=optimize)
    w = normal(*y.shape, seed="w")
    for i, gx in enumerate(found[0]):  # einsum is linear in each
        dx = make(*xs[i].shape, seed="dx")
        change = np.sum((np.einsum(text, *xs[:i], dx, *xs[i + 1 :]) * w).real)
        assert np.sum((gx * dx).real) == pytest.approx(change, rel=1e-9, abs=1e-9)


def test_which_einsums_are_products_of_matrices():
    def kinds(text, *shapes, dtype="f8"):
        terms, target = text.split("->")
        labels = as_matrices(*[np.empty(s, dtype) for s in shapes], terms.split(","), target)
        return labels and ["".join(group) for group in labels]

    n = 3
    assert kinds("ij,jk->ik", (n, n), (n, n)) == ["", "i", "j", "k"]
    assert kinds("sij,sjk->isk", (2, n, n), (2, n, n)) == ["s", "i", "j", "k"]
    assert kinds("ij,jk->ik", (n, n), (n, n), dtype="f2") is None
    assert kinds("ij,jk->ik", (n, n), (n, n), dtype="O") is None
    assert kinds("ij,kl->ikl", (n, n), (n, n)) is None  # a label of one term, summed
    assert kinds("ij,kl->ijkl", (n, n), (n, n)) is None
    assert kinds("iij,jk->ik", (n, n, n), (n, n)) is None
    assert kinds("ij,jk->ik", (n, n), (1, n)) is None


# --- triangles ---


def triangular(make, *shape):
    x = np.triu(make(*shape)) / shape[-1] ** 0.5
    return x + 2 * np.eye(shape[-1])


@pytest.mark.parametrize("make", [normal, complex_normal])
@pytest.mark.parametrize("shape", [(32, 32), (33, 33), (2, 70, 70), (131, 131), (0, 40, 40)])
def test_inverse_of_large_triangles(make, shape):
    x = triangular(make, *shape)
    y = upper_inverse(x)
    assert np.array_equal(np.triu(y), y)
    assert y.dtype == x.dtype
    assert np.max(np.abs(x @ y - np.eye(shape[-1])), initial=0) < 1e-13
    v = Variable(x)
    found = gradients(np.sum(np.real(upper_inverse(v))), [v], create_graph=True)[0]
    dx = np.triu(make(*shape, seed="dx"))
    change = np.sum((-y @ dx @ y).real)
    assert np.sum((found.data * dx).real) == pytest.approx(change, rel=1e-9)


@pytest.mark.parametrize("make", [normal, complex_normal])
@pytest.mark.parametrize("upper", [False, True])
def test_gradient_of_a_large_cholesky(make, upper):
    x = make(70, 70)
    a = x @ x.conj().T + np.eye(70)
    found = both_orders(lambda a: np.linalg.cholesky(a, upper=upper), a)
    same_bits(*found)
    w = normal(70, 70, seed="w")
    d = make(70, 70, seed="d") * 1e-3
    d = d + d.conj().T
    change = [np.linalg.cholesky(a + t * d, upper=upper) for t in (-1e-2, 1e-2)]
    change = np.sum((w * (change[1] - change[0])).real) / 2e-2
    assert np.sum((found[0][0] * d).real) == pytest.approx(change, rel=1e-6)


def test_gradient_of_an_ill_conditioned_cholesky_is_exact_to_its_condition():
    """Against 60 digits: the Hilbert matrix of order 8 has condition 1.5e10."""
    n = 8
    a = np.array([[1 / (i + j + 1) for j in range(n)] for i in range(n)])
    w = np.tril(normal(n, n))
    v = Variable(a)
    np.sum(np.linalg.cholesky(v) * w).backward()
    with mpmath.workdps(60):
        exact = mpmath.matrix(a.tolist())
        low = mpmath.cholesky(exact)
        p = low.T * mpmath.matrix(w.tolist())
        for i in range(n):
            p[i, i] /= 2
            for j in range(i + 1, n):
                p[i, j] = 0
        inverse = low**-1
        s = inverse.T * p * inverse
        expected = np.array(((s + s.T) / 2).tolist(), float)
    error = np.max(np.abs(v.grad - expected)) / np.max(np.abs(expected))
    assert error < 1e-16 * 1.5e10
