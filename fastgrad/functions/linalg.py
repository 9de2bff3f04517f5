"""`np.linalg`: decompositions, solving, norms; batched as in NumPy.

Formulas: M. Giles, "An extended collection of matrix derivative results for forward and reverse
mode AD" (2008), and the sources named below. They are usually written for the cotangent whose
conjugate is our gradient: where conjugation matters, a VJP goes over to it and back.

Conventions:

- `eigh`, `eigvalsh`, `cholesky` and what takes `hermitian=True` read one triangle of a matrix that
  is meant to be Hermitian: its gradient is the Hermitian one.
- Equal eigenvalues or singular values: their vectors do not turn into each other. So what does not
  depend on the choice of a basis of their common space has the right gradient.
- The phases of complex eigenvectors and singular vectors, and the basis that `svd` (with
  `full_matrices`) and `qr` (mode "complete") choose for the rest of the space, are arbitrary: the
  gradient is right for whatever does not depend on them.
- Singular values at 0, and norms at 0, have gradient 0 where they have none; elements that tie for
  a norm of order inf, 1, 2 or their negatives share the gradient evenly.
- `slogdet` of a singular matrix has gradient NaN; what divides by it raises NumPy's LinAlgError.
"""

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fastgrad.functions.products import (
    arrays,
    cross_vjp,
    matmul,
    of_both,
    outer_vjp,
    tensordot_vjp,
    vecdot,
)
from fastgrad.op import INPUTS, OTHERS, OUTPUT, implements, op, plain

__all__ = [
    "matmul", "outer", "cross", "vecdot", "tensordot", "multi_dot", "matrix_power",
    "trace", "diagonal", "matrix_transpose",
    "inv", "pinv", "det", "slogdet", "solve", "lstsq", "tensorinv", "tensorsolve",
    "cholesky", "qr", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals",
    "norm", "vector_norm", "matrix_norm", "cond",
]  # fmt: skip


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


# --- products: the same as in the main namespace ---

matmul = op("matmul", np.linalg.matmul, OTHERS, vjp=matmul.vjp)
vecdot = op("vecdot", np.linalg.vecdot, OTHERS, vjp=vecdot.vjp)
outer = op("outer", np.linalg.outer, OTHERS, vjp=of_both(outer_vjp))
cross = op("cross", np.linalg.cross, OTHERS, vjp=of_both(cross_vjp))
tensordot = op("tensordot", np.linalg.tensordot, OTHERS, vjp=of_both(tensordot_vjp))


@implements(np.linalg.trace)
def trace(x, /, *, offset=0, dtype=None):
    """`np.linalg.trace`, for Variables too: `np.trace` along the last two axes."""
    return np.trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


@implements(np.linalg.diagonal)
def diagonal(x, /, *, offset=0):
    """`np.linalg.diagonal`, for Variables too: `np.diagonal` along the last two axes."""
    return np.diagonal(x, offset=offset, axis1=-2, axis2=-1)


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x, /):
    """`np.linalg.matrix_transpose`, for Variables too."""
    return np.matrix_transpose(x)


def multi_dot_vjp(xp, i, g, y, xs, **_):
    """The transposes of what stands left of operand `i`, `g`, the transposes of what is right."""
    xs = arrays(*xs)
    n = len(xs)
    shapes = [x.shape for x in xs]
    if xs[0].ndim == 1:
        xs[0] = xs[0][None, :]
    if xs[-1].ndim == 1:
        xs[-1] = xs[-1][:, None]
    g = xp.reshape(g, (xs[0].shape[0], xs[-1].shape[1]))
    left = [transposed(xp, x) for x in xs[:i][::-1]]
    right = [transposed(xp, x) for x in xs[i + 1 :][::-1]]
    return xp.reshape(xp.linalg.multi_dot([*left, g, *right]), shapes[i]) if n > 1 else g


multi_dot = op("multi_dot", np.linalg.multi_dot, OTHERS, vjp=multi_dot_vjp, sequence=True)


def matrix_power_vjp(xp, g, y, a, n):
    """The power of the dual number of `a` transposed and `g`, by squaring.

    That is the sum of the products of n - 1 factors `a` transposed, with `g` in each place.
    """
    if n == 0:
        return np.zeros(a.shape, g.dtype)
    if n < 0:
        inverse = xp.linalg.inv(a)
        return inv_vjp(xp, matrix_power_vjp(xp, g, y, inverse, -n), inverse, a)
    p, dp = transposed(xp, a), g
    q = dq = None
    while True:
        if n & 1:
            q, dq = (p, dp) if q is None else (q @ p, q @ dp + dq @ p)
        n >>= 1
        if n == 0:
            return dq
        p, dp = p @ p, p @ dp + dp @ p


matrix_power = op("matrix_power", np.linalg.matrix_power, vjp=matrix_power_vjp)

# --- inverses and solving ---


def inv_vjp(xp, g, y, a):
    """Giles 2008, 2.2.3."""
    yt = transposed(xp, y)
    return -(yt @ g @ yt)


def pinv_vjp(xp, g, y, a, rcond=None, hermitian=False, **_):
    """Golub and Pereyra 1973, where the rank stays the same."""
    yt, yh = transposed(xp, y), adjoint(xp, y)
    ga = -(yt @ g @ yt)
    gt = transposed(xp, g)
    left, right = gt @ y @ yh, yh @ y @ gt  # next, their parts outside of the column and row space
    ga = ga + conj(xp, left - a @ (y @ left) + right - (right @ y) @ a)
    return hermitian_part(xp, ga) if hermitian else ga


inv = op("inv", np.linalg.inv, OUTPUT, vjp=inv_vjp)
pinv = op("pinv", np.linalg.pinv, INPUTS | OUTPUT, vjp=pinv_vjp)


def without(xp, s, n_out):
    """The products of the singular values but for one, or but for two: entry [i, j] lacks both."""
    n = s.shape[-1]
    left_out = np.eye(n, dtype=bool)
    if n_out == 2:
        left_out = left_out[:, None] | left_out
    s = xp.reshape(s, (*s.shape[:-1], *(1,) * n_out, n))
    return xp.prod(xp.where(left_out, 1, s), axis=-1)


def cofactors_forward(a, det):
    """The derivative of the determinant `det` of `a`.

    What is wrong with the inverse of a matrix that is nearly singular is small again times the
    determinant (Stewart, "On the adjugate matrix", 1998). If one is singular, from the singular
    values, without division.
    """
    if np.all(det != 0):
        return np.asarray(det)[..., None, None] * transposed(np, np.linalg.inv(a))
    u, s, vh = np.linalg.svd(a)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return sign * ((conj(np, u) * without(np, s, 1)[..., None, :]) @ conj(np, vh))


def cofactors_vjp(xp, g, y, a, det):
    """The second derivative of the determinant, a symmetric form; also without division.

    Of diagonal matrices it multiplies the entries of two rows and columns, on the diagonal and
    across, and the other singular values.
    """
    u, s, vh = xp.linalg.svd(a)
    sign = (xp.linalg.det(u) * xp.linalg.det(vh))[..., None, None]
    n = s.shape[-1]
    g = transposed(xp, adjoint(xp, u) @ g @ adjoint(xp, vh))
    others = without(xp, s, 2)
    unit = np.eye(n, dtype=s.dtype)
    across = others * (1 - unit)
    middle = unit * (across @ diagonals(xp, g)[..., None]) - across * g
    return sign * (conj(xp, u) @ middle @ conj(xp, vh))


cofactors = op("cofactors", cofactors_forward, vjp=(cofactors_vjp, None))


def det_vjp(xp, g, y, a):
    """Jacobi's formula."""
    return g[..., None, None] * cofactors(a, y)


def slogdet_vjp(xp, g, y, a):
    """Giles 2008, 2.2.4; the sign of a complex determinant turns with the imaginary part."""
    (gsign, glog), (sign, _) = g, y
    if a.dtype.kind == "c":
        glog = glog + 1j * xp.imag(gsign * sign)
    a = xp.where((sign == 0)[..., None, None], np.nan, a)
    return glog[..., None, None] * transposed(xp, xp.linalg.inv(a))


det = op("det", np.linalg.det, INPUTS | OUTPUT, vjp=det_vjp)
slogdet = op("slogdet", np.linalg.slogdet, INPUTS | OUTPUT, vjp=slogdet_vjp)


def solve_vjp(xp, i, g, y, a, b):
    """Giles 2008, 2.3.1."""
    a, b = arrays(a, b)
    if b.ndim == 1:
        g, y = g[..., None], y[..., None]
    gb = xp.linalg.solve(transposed(xp, a), g)
    if i == 0:
        return -(gb @ transposed(xp, y))
    return gb[..., 0] if b.ndim == 1 else gb


solve = op("solve", np.linalg.solve, INPUTS | OUTPUT, vjp=of_both(solve_vjp))


def lstsq_vjp(xp, i, g, y, a, b, rcond=None):
    """The solution is `pinv(a) @ b`; the residuals, in a minimum, see only the change in sight."""
    a, b = arrays(a, b)
    (x, residuals, _, _), (gx, gr, _, gs) = y, g
    eps = np.finfo(a.dtype).eps
    rcond = max(a.shape) * eps if rcond is None else eps if rcond < 0 else rcond
    p = xp.linalg.pinv(a, rcond)
    if b.ndim == 1:
        x, b, gx = x[:, None], b[:, None], gx[:, None]
    slope = 2 * conj(xp, b - a @ x) * gr if residuals.size else None
    if i == 1:
        gb = transposed(xp, p) @ gx
        gb = gb if slope is None else gb + slope
        return gb[:, 0] if y[0].ndim == 1 else gb
    ga = pinv_vjp(xp, gx @ transposed(xp, b), p, a)
    if slope is not None:
        ga = ga - slope @ transposed(xp, x)
    if xp is not np or np.any(gs):
        ga = ga + svdvals_vjp(xp, gs, None, a)
    return ga


lstsq = op("lstsq", np.linalg.lstsq, INPUTS | OUTPUT, vjp=of_both(lstsq_vjp))


def tensorinv_vjp(xp, g, y, a, ind=2):
    """As of `inv`."""
    n = np.prod(y.shape[y.ndim - ind :], dtype=int)
    g, y = (xp.reshape(x, (-1, n)) for x in (g, y))
    return xp.reshape(inv_vjp(xp, g, y, None), a.shape)


def tensorsolve_vjp(xp, i, g, y, a, b, axes=None):
    """As of `solve`."""
    a, b = arrays(a, b)
    axes = [] if axes is None else list(normalize_axis_tuple(axes, a.ndim))
    order = [k for k in range(a.ndim) if k not in axes] + axes
    a = xp.transpose(a, order)
    ga_shape = a.shape
    a, g, y = xp.reshape(a, (b.size, y.size)), xp.reshape(g, (y.size,)), xp.reshape(y, (y.size,))
    gb = xp.linalg.solve(transposed(xp, a), g)
    if i == 1:
        return xp.reshape(gb, b.shape)
    ga = xp.reshape(-gb[:, None] * y, ga_shape)
    return xp.transpose(ga, tuple(np.argsort(order).tolist()))


tensorinv = op("tensorinv", np.linalg.tensorinv, OUTPUT, vjp=tensorinv_vjp)
tensorsolve = op(
    "tensorsolve", np.linalg.tensorsolve, INPUTS | OUTPUT, vjp=of_both(tensorsolve_vjp)
)

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

# --- norms ---


def direction(xp, x):
    """The derivative of |x|: for complex numbers conj(x) / |x|; 0 at 0."""
    if x.dtype.kind == "c":
        return xp.conj(x) / or_one(xp, xp.abs(x))
    return xp.sign(x)


def shared(chosen, axes):
    """The share of each of those that were chosen along `axes`."""
    return chosen / np.maximum(chosen.sum(axes, keepdims=True), 1)


def length_vjp(xp, g, y, x, axes, order):
    """Of the norm of vectors; `g` and `y` with the axes of their elements as ones."""
    if order == 2:
        return g * conj(xp, x) / or_one(xp, y)
    if order == 0:
        return np.zeros(x.shape, g.dtype)
    if order == 1:
        return g * direction(xp, x)
    r = xp.abs(x)
    if order in (np.inf, -np.inf):
        return g * direction(xp, x) * shared(r == y, axes)
    ratio = or_one(xp, r) / or_one(xp, y)
    return xp.where(y == 0, 0, g * direction(xp, x) * ratio ** (order - 1))


def matrix_norm_vjp_of(xp, g, x, axes, order):
    """Of the norm of matrices, that is no norm of their elements; `g` with their axes as ones."""
    if order in ("nuc", 2, -2):
        u, s, vh = xp.linalg.svd(xp.moveaxis(x, axes, (-2, -1)), full_matrices=False)
        gs = xp.moveaxis(g, axes, (-2, -1))[..., 0]
        if order == "nuc":
            gs = gs * np.ones(s.shape, s.dtype)
        else:
            gs = gs * shared(s == (s[..., :1] if order == 2 else s[..., -1:]), -1)
        return xp.moveaxis(conj(xp, (u * gs[..., None, :]) @ vh), (-2, -1), axes)
    summed, other = axes if order in (1, -1) else axes[::-1]
    sums = xp.sum(xp.abs(x), axis=summed, keepdims=True)
    extreme = (xp.max if order > 0 else xp.min)(sums, axis=other, keepdims=True)
    return g * direction(xp, x) * shared(sums == extreme, other)


def norm_vjp(xp, g, y, x, ord=None, axis=None, keepdims=False):
    """Of vectors or matrices, as NumPy decides."""
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    ones = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    g, y = xp.reshape(g, ones), xp.reshape(y, ones)
    if ord is None or ord in ("fro", "f"):
        return length_vjp(xp, g, y, x, axes, 2)
    if len(axes) == 1:
        return length_vjp(xp, g, y, x, axes, ord)
    return matrix_norm_vjp_of(xp, g, x, axes, ord)


def vector_norm_vjp(xp, g, y, x, *, axis=None, keepdims=False, ord=2):
    """Of the vector of all elements along the axes."""
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    ones = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    order = 2 if ord is None else ord
    return length_vjp(xp, xp.reshape(g, ones), xp.reshape(y, ones), x, axes, order)


def matrix_norm_vjp(xp, g, y, x, *, keepdims=False, ord="fro"):
    """As of `norm`."""
    return norm_vjp(xp, g, y, x, ord, (-2, -1))


def cond_vjp(xp, g, y, x, p=None):
    """A quotient of singular values, or a product of norms."""
    if p is None or p in (2, -2):
        s = xp.linalg.svdvals(x)
        k = s.shape[-1]
        top, bottom = (k - 1, 0) if p == -2 else (0, k - 1)
        unit = np.eye(k, dtype=s.dtype)
        gs = (g / s[..., bottom])[..., None] * (unit[top] - y[..., None] * unit[bottom])
        return svdvals_vjp(xp, gs, s, x)
    inverse = xp.linalg.inv(x)
    norms = [xp.linalg.norm(z, p, axis=(-2, -1)) for z in (x, inverse)]
    ginverse = norm_vjp(xp, g * norms[0], norms[1], inverse, p, (-2, -1))
    return norm_vjp(xp, g * norms[1], norms[0], x, p, (-2, -1)) + inv_vjp(xp, ginverse, inverse, x)


norm = op("norm", np.linalg.norm, INPUTS | OUTPUT, vjp=norm_vjp)
vector_norm = op("vector_norm", np.linalg.vector_norm, INPUTS | OUTPUT, vjp=vector_norm_vjp)
matrix_norm = op("matrix_norm", np.linalg.matrix_norm, INPUTS | OUTPUT, vjp=matrix_norm_vjp)
cond = op("cond", np.linalg.cond, INPUTS | OUTPUT, vjp=cond_vjp)

plain(np.linalg.matrix_rank)
