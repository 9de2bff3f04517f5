"""Decompositions of matrices, and what is said about matrices in all of `linalg`: see there."""

import numpy as np

from fastgrad._core.protocols import value
from fastgrad.functions.degenerate import (
    matters,
    pairs,
    quotient,
    resolution,
    spectral_guess,
    unknown,
    unlike,
    used,
    warn,
    with_values,
)
from fastgrad.op import INPUTS, OUTPUT, op

__all__ = ["cholesky", "qr", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals"]


def transposed(xp, x):
    """The matrices, transposed."""
    return xp.swapaxes(x, -1, -2)


def conj(xp, x):
    """The conjugate; of real numbers `x` itself."""
    return xp.conj(x) if x.dtype.kind == "c" else x


def adjoint(xp, x):
    """The matrices, conjugated and transposed."""
    return conj(xp, xp.swapaxes(x, -1, -2))


def hermitian_part(xp, x):
    """The Hermitian matrices that are closest."""
    return (x + adjoint(xp, x)) / 2


def diagonals(xp, x):
    """The diagonals of the matrices."""
    return xp.einsum("...ii->...i", x)


# --- decompositions ---


def upper_inverse_forward(x):
    """The inverse of upper triangular matrices: of blocks that LAPACK inverts, by products.

    (NumPy has no function for triangles, and its general ones do not see the zeros.)
    """
    n = x.shape[-1]
    if n <= 32:
        return np.linalg.inv(x)
    k = n // 2
    y = np.zeros(x.shape, x.dtype)
    y[..., :k, :k] = upper = upper_inverse_forward(x[..., :k, :k])
    y[..., k:, k:] = lower = upper_inverse_forward(x[..., k:, k:])
    np.negative(upper @ (x[..., :k, k:] @ lower), out=y[..., :k, k:])
    return y


upper_inverse = op(
    "upper_inverse",
    upper_inverse_forward,
    OUTPUT,
    vjp=lambda xp, g, y, x: -xp.triu(transposed(xp, y) @ g @ transposed(xp, y)),
)


def cholesky_vjp(xp, g, y, a, *, upper=False):
    """Murray, "Differentiation of the Cholesky decomposition" (2016), (8)."""
    g = transposed(xp, g) if upper else conj(xp, g)
    y = adjoint(xp, y) if upper else y
    n = y.shape[-1]
    yh = adjoint(xp, y)
    half = np.tri(n, dtype=y.dtype)
    half[np.diag_indices(n)] = 0.5
    x = upper_inverse(yh)
    return conj(xp, hermitian_part(xp, x @ ((yh @ g) * half) @ adjoint(xp, x)))


cholesky = op("cholesky", np.linalg.cholesky, OUTPUT, vjp=cholesky_vjp)


def within(xp, q, gq, k):
    """The first `k` columns of a unitary matrix, and what is left of the gradient for it.

    The other columns are a basis of the rest of the space: it turns with the first ones.
    """
    if q.shape[-1] == k:
        return q, gq
    q1, q2, g1, g2 = q[..., :k], q[..., k:], gq[..., :k], gq[..., k:]
    return q1, g1 - q2 @ (adjoint(xp, g2) @ q1)


def qr_vjp(xp, g, y, a, mode="reduced"):
    """Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2010).

    Of a matrix with more columns than rows, q and the first columns of r are those of its first
    columns, the rest of r is adjoint(q) times the rest of it. Full rank is assumed.
    """
    if mode not in ("reduced", "complete", "r"):
        raise TypeError(
            f"np.linalg.qr: mode {mode!r} has no derivative here; use mode 'reduced', 'complete' "
            "or 'r'"
        )
    m, n = a.shape[-2:]
    k = min(m, n)
    if mode == "r":
        q, r = xp.linalg.qr(a)
        gq, gr = np.zeros(q.shape, q.dtype), conj(xp, g)
    else:
        (q, r), (gq, gr) = y, (conj(xp, x) for x in g)
    q, gq = within(xp, q, gq, k)
    r, gr = r[..., :k, :k], gr[..., :k, :]
    if m < n:
        gq = gq + a[..., m:] @ adjoint(xp, gr[..., m:])
        rest = q @ gr[..., m:]
        gr = gr[..., :m]
    s = r @ adjoint(xp, gr) - adjoint(xp, gq) @ q
    low = s * np.tri(k, k=-1, dtype=s.dtype)
    middle = low + adjoint(xp, low) + xp.real(s) * np.eye(k, dtype=s.dtype)
    # (gq + q middle) times the inverse of adjoint(r)
    ga = adjoint(xp, xp.linalg.solve(r, adjoint(xp, gq + q @ middle)))
    if m < n:
        ga = xp.concatenate([ga, rest], axis=-1)
    return conj(xp, ga)


qr = op("qr", np.linalg.qr, INPUTS | OUTPUT, vjp=qr_vjp)


def limits(xp, name, equal, turned, open_, x, p=None, gw=None, gvs=()):
    """What stands at equal values, where the quotient of `x` is 0 / 0: see `degenerate`.

    `turned`: where the function depends on the basis; `open_`: where the quotient is not known.
    """
    turned, open_ = equal & turned, equal & open_
    if xp is not np:
        if np.any(turned | open_):
            warn(name, "it is NaN")
        return unknown(x, equal, turned | open_, name)
    y = np.zeros((), x.dtype)
    if np.any(open_):
        y = np.where(open_, spectral_guess(p, gw, gvs, equal), y)
        bad = np.any(turned | ~np.isfinite(y))
        warn(name, "it is NaN" if bad else "it is taken for that of a matrix function, "
             "(v * h(w)) @ v.T, which may be wrong")  # fmt: skip
    elif np.any(turned):
        warn(name, "the result depends on the choice of a basis, and it is NaN")
    return np.where(turned, np.asarray(np.nan, x.dtype), y)


def eigh_vjp(xp, g, y, a, UPLO="L"):
    """Giles 2008, 3.1, of a Hermitian matrix."""
    (gw, gv), (w, v) = g, y
    vh = adjoint(xp, v)
    middle = 0 if gw is None else gw[..., None] * np.eye(w.shape[-1], dtype=w.dtype)
    if gv is not None:
        p = vh @ conj(xp, gv)
        gaps = w[..., None, :] - w[..., :, None]
        zero = np.abs(value(gaps)) <= resolution(w, w.shape[-1])
        equal = zero & pairs(w)
        x, total = p - adjoint(xp, p), hermitian_part(xp, p)
        middle = middle + quotient(xp, x / 2, gaps, zero)
        if np.any(equal):
            open_ = False if gw is None else matters(total, gv) | used(gw)
            turned = matters(x, gv)
            middle = middle + limits(
                xp, "np.linalg.eigh", equal, turned, open_, x, total, gw, (gv,)
            )
    return conj(xp, hermitian_part(xp, v @ middle @ vh))


def eigvalsh_vjp(xp, g, y, a, UPLO="L"):
    """As of `eigh`."""
    w, v = xp.linalg.eigh(a, UPLO)
    return conj(xp, (v * with_values(g, w)[..., None, :]) @ adjoint(xp, v))


def eig_vjp(xp, g, y, a):
    """Giles 2008, 3.1, with eigenvectors that stay of length 1: Boeddeker et al. 2017, 4.77.

    What does not depend on the basis has 0 for 0 / 0 here in any case: nothing is known where the
    vectors of equal eigenvalues matter.
    """
    (gw, gv), (w, v) = g, y
    vt = transposed(xp, v)
    gaps = w[..., None, :] - w[..., :, None]
    zero = np.abs(value(gaps)) <= resolution(w, w.shape[-1])
    equal = zero & pairs(w)
    middle = 0 if gw is None else gw[..., None] * np.eye(w.shape[-1], dtype=w.dtype)
    x = middle
    lost = False if gw is None else unlike(gw) if gv is None else used(gw)
    if gv is not None:
        p = vt @ gv
        x = p - (vt @ conj(xp, v)) * xp.real(diagonals(xp, p))[..., None, :]
        middle = middle + quotient(xp, x, gaps, zero)
        lost = lost | used(np.any(value(gv) != 0, axis=-2))
    if np.any(equal):
        lost = equal & lost
        if np.any(lost):
            warn("np.linalg.eig", "it is NaN")
        middle = middle + unknown(x, equal, lost, "np.linalg.eig")
    return xp.linalg.solve(vt, middle @ vt)


def eigvals_vjp(xp, g, y, a):
    """As of `eig`."""
    return eig_vjp(xp, (g, None), xp.linalg.eig(a), a)


eigh = op("eigh", np.linalg.eigh, OUTPUT, vjp=eigh_vjp)
eigvalsh = op("eigvalsh", np.linalg.eigvalsh, vjp=eigvalsh_vjp)
eig = op("eig", np.linalg.eig, OUTPUT, vjp=eig_vjp)
eigvals = op("eigvals", np.linalg.eigvals, vjp=eigvals_vjp)
eigh.none_for_absent = eig.none_for_absent = True


def svd_vjp(xp, g, y, a, full_matrices=True, compute_uv=True, hermitian=False):
    """Wan and Zhang, "Automatic differentiation for complex valued SVD" (2019)."""
    if not compute_uv:
        return svdvals_vjp(xp, g, y, a, hermitian)
    (gu, gs, gvh), (u, s, vh) = g, y
    k = s.shape[-1]
    diagonal = 0 if gs is None else gs[..., None] * np.eye(k, dtype=s.dtype)
    if gu is None and gvh is None:
        ga = u[..., :k] @ diagonal @ vh[..., :k, :]
        return conj(xp, hermitian_part(xp, ga) if hermitian else ga)
    gu = np.zeros(u.shape, u.dtype) if gu is None else gu
    gvh = np.zeros(vh.shape, vh.dtype) if gvh is None else gvh
    u, gu = within(xp, u, conj(xp, gu), k)
    v, gv = within(xp, adjoint(xp, vh), transposed(xp, gvh), k)
    vh = adjoint(xp, v)
    middle, null, lost = svd_middle(xp, (gu, gs, gv), (u, s, v), max(a.shape[-2:]))
    ga = u @ (middle + diagonal) @ vh
    if u.shape[-2] > k:
        ga = ga + outside(xp, u, gu, s, null, lost) @ vh
    if v.shape[-2] > k:
        ga = ga + u @ adjoint(xp, outside(xp, v, gv, s, null, lost))
    return conj(xp, hermitian_part(xp, ga) if hermitian else ga)


def svd_middle(xp, g, y, n):
    """Of the gradient between the singular vectors, what is not that of the singular values.

    Also which singular values count as 0, and those of them whose gradient is not all that there
    is to know.
    """
    (gu, gs, gv), (u, s, v) = g, y
    p, q = adjoint(xp, u) @ gu, adjoint(xp, v) @ gv
    e, f = p - adjoint(xp, p), q - adjoint(xp, q)
    minus, plus = (sign * s[..., :, None] + s[..., None, :] for sign in (-1, 1))
    least = resolution(s, n)
    zero, null = np.abs(value(minus)) <= least, value(plus) <= least
    middle = quotient(xp, (e + f) / 2, minus, zero) + quotient(xp, (e - f) / 2, plus, null)
    equal = zero & pairs(s)
    lost = False if gs is None else null & (value(gs) != 0)[..., None, :]
    if np.any(equal):
        total = (hermitian_part(xp, p) + hermitian_part(xp, q)) / 2
        open_ = False if gs is None else matters(total, gu, gv) | used(gs)
        turned = matters(e + f, gu, gv)
        x, gvs = e + f, (gu, gv)
        middle = middle + limits(xp, "np.linalg.svd", equal, turned, open_, x, total, gs, gvs)
    if np.any(null):
        turned = matters(e - f, gu, gv)
        if u.dtype.kind == "c":  # the phases of both vectors are free, also of a single one
            turned = turned | lost
        middle = middle + limits(xp, "np.linalg.svd", null, turned, False, e - f)
    diagonal = np.arange(s.shape[-1])
    if lost is not False:
        lost = lost[..., diagonal, diagonal][..., None, :]
    return middle, null[..., diagonal, diagonal][..., None, :], lost


def outside(xp, u, gu, s, null, lost):
    """The part of the gradient that is outside of the space of the singular vectors `u`."""
    rest = gu - u @ (adjoint(xp, u) @ gu)
    y = quotient(xp, rest, s[..., None, :], null)
    if np.any(null):
        turned = np.broadcast_to(matters(rest, gu) | lost, rest.shape)
        null = np.broadcast_to(null, rest.shape)
        y = y + limits(xp, "np.linalg.svd", null, turned, False, rest)
    return y


def svdvals_vjp(xp, g, y, a, hermitian=False):
    """As of `svd`."""
    u, s, vh = xp.linalg.svd(a, full_matrices=False, hermitian=hermitian)
    ga = conj(xp, (u * with_values(g, s)[..., None, :]) @ vh)
    return hermitian_part(xp, ga) if hermitian else ga


svd = op("svd", np.linalg.svd, INPUTS | OUTPUT, vjp=svd_vjp)
svdvals = op("svdvals", np.linalg.svdvals, vjp=svdvals_vjp)
svd.none_for_absent = True
