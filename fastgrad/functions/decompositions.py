"""Decompositions of matrices, and what is said about matrices in all of `linalg`: see there."""

import numpy as np

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


def or_one(xp, x):
    """`x` with ones in place of zeros, to divide by."""
    return xp.where(x == 0, 1, x)


def reciprocal(xp, x):
    """1 / x, and 0 for 0."""
    return xp.where(x == 0, 0, 1 / or_one(xp, x))


def reciprocal_gaps(xp, w):
    """1 / (w[j] - w[i]) at [i, j], and 0 where they are equal."""
    return reciprocal(xp, w[..., None, :] - w[..., :, None])


# --- decompositions ---


def cholesky_vjp(xp, g, y, a, *, upper=False):
    """Murray, "Differentiation of the Cholesky decomposition" (2016), (8)."""
    g = transposed(xp, g) if upper else conj(xp, g)
    y = adjoint(xp, y) if upper else y
    n = y.shape[-1]
    yh = adjoint(xp, y)
    p = (yh @ g) * (np.tri(n) - np.eye(n) / 2).astype(y.dtype)
    s = xp.linalg.solve(yh, adjoint(xp, xp.linalg.solve(yh, adjoint(xp, p))))
    return conj(xp, hermitian_part(xp, s))


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


def eigh_vjp(xp, g, y, a, UPLO="L"):
    """Giles 2008, 3.1, of a Hermitian matrix."""
    (gw, gv), (w, v) = g, y
    vh = adjoint(xp, v)
    middle = reciprocal_gaps(xp, w) * (vh @ conj(xp, gv))
    middle = middle + gw[..., None] * np.eye(w.shape[-1], dtype=w.dtype)
    return conj(xp, hermitian_part(xp, v @ middle @ vh))


def eigvalsh_vjp(xp, g, y, a, UPLO="L"):
    """As of `eigh`."""
    v = xp.linalg.eigh(a, UPLO)[1]
    return conj(xp, (v * g[..., None, :]) @ adjoint(xp, v))


def eig_vjp(xp, g, y, a):
    """Giles 2008, 3.1, with eigenvectors that stay of length 1: Boeddeker et al. 2017, 4.77."""
    (gw, gv), (w, v) = g, y
    vt = transposed(xp, v)
    p = vt @ gv
    p = p - (vt @ conj(xp, v)) * xp.real(diagonals(xp, p))[..., None, :]
    middle = reciprocal_gaps(xp, w) * p + gw[..., None] * np.eye(w.shape[-1], dtype=w.dtype)
    return xp.linalg.solve(vt, middle @ vt)


def eigvals_vjp(xp, g, y, a):
    """As of `eig`."""
    vt = transposed(xp, xp.linalg.eig(a)[1])
    return xp.linalg.solve(vt, g[..., None] * vt)


eigh = op("eigh", np.linalg.eigh, OUTPUT, vjp=eigh_vjp)
eigvalsh = op("eigvalsh", np.linalg.eigvalsh, vjp=eigvalsh_vjp)
eig = op("eig", np.linalg.eig, OUTPUT, vjp=eig_vjp)
eigvals = op("eigvals", np.linalg.eigvals, vjp=eigvals_vjp)


def svd_vjp(xp, g, y, a, full_matrices=True, compute_uv=True, hermitian=False):
    """Wan and Zhang, "Automatic differentiation for complex valued SVD" (2019)."""
    if not compute_uv:
        return svdvals_vjp(xp, g, y, a, hermitian)
    (gu, gs, gvh), (u, s, vh) = g, y
    k = s.shape[-1]
    u, gu = within(xp, u, conj(xp, gu), k)
    v, gv = within(xp, adjoint(xp, vh), transposed(xp, gvh), k)
    p, q = adjoint(xp, u) @ gu, adjoint(xp, v) @ gv
    gaps = reciprocal_gaps(xp, s * s)
    inverse = reciprocal(xp, s)
    if a.dtype.kind == "c":  # the phases of u and v turn against each other
        gs = gs + 0.5j * inverse * (xp.imag(diagonals(xp, p)) - xp.imag(diagonals(xp, q)))
    middle = (p - adjoint(xp, p)) * gaps * s[..., None, :]
    middle = middle + s[..., :, None] * ((q - adjoint(xp, q)) * gaps)
    middle = middle + gs[..., None] * np.eye(k, dtype=s.dtype)
    ga = u @ middle @ adjoint(xp, v)
    if u.shape[-2] > k:
        gu = gu * inverse[..., None, :]
        ga = ga + (gu - u @ (adjoint(xp, u) @ gu)) @ adjoint(xp, v)
    if v.shape[-2] > k:
        gv = gv * inverse[..., None, :]
        ga = ga + u @ adjoint(xp, gv - v @ (adjoint(xp, v) @ gv))
    return conj(xp, hermitian_part(xp, ga) if hermitian else ga)


def svdvals_vjp(xp, g, y, a, hermitian=False):
    """As of `svd`."""
    u, _, vh = xp.linalg.svd(a, full_matrices=False, hermitian=hermitian)
    ga = conj(xp, (u * g[..., None, :]) @ vh)
    return hermitian_part(xp, ga) if hermitian else ga


svd = op("svd", np.linalg.svd, INPUTS | OUTPUT, vjp=svd_vjp)
svdvals = op("svdvals", np.linalg.svdvals, vjp=svdvals_vjp)
