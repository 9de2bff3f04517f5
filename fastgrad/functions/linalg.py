"""`np.linalg`: decompositions, solving, norms; batched as in NumPy.

Here are products, inverses and solving; `decompositions` and `norms` are files of their own.

Formulas: M. Giles, "An extended collection of matrix derivative results for forward and reverse
mode AD" (2008), and the sources named below. They are usually written for the cotangent whose
conjugate is our gradient: where conjugation matters, a VJP goes over to it and back.

Conventions:

- `eigh`, `eigvalsh`, `cholesky` and what takes `hermitian=True` read one triangle of a matrix that
  is meant to be Hermitian: its gradient is the Hermitian one.
- Eigenvalues or singular values that are equal, up to rounding: see `degenerate`. What depends on
  the basis of their common space, or could, has a DegeneracyWarning, and is NaN or a guess that it
  tells of. Of `eigvalsh` and `svdvals` each value has the derivative of its own vector.
- The phases of complex eigenvectors and singular vectors, and the basis that `svd` (with
  `full_matrices`) and `qr` (mode "complete") choose for the rest of the space, are arbitrary: the
  gradient is right for whatever does not depend on them.
- A norm has gradient 0 at 0; what ties for one of order inf, 1, 2 or their negatives shares the
  gradient evenly, those of `cond` too.
- `slogdet` of a singular matrix has gradient NaN; what divides by it raises NumPy's LinAlgError.
  The eigenvalues of a matrix without a basis of eigenvectors have no derivative: it is huge or NaN,
  or raises the same.
"""

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from fastgrad._core.protocols import value
from fastgrad.functions import decompositions, norms
from fastgrad.functions.decompositions import *  # noqa: F403
from fastgrad.functions.decompositions import (
    adjoint,
    conj,
    diagonals,
    hermitian_part,
    svdvals_vjp,
    transposed,
)
from fastgrad.functions.norms import *  # noqa: F403
from fastgrad.functions.norms import norm_vjp, ties
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
    "inv", "pinv", "det", "slogdet", "solve", "lstsq", "tensorinv", "tensorsolve", "cond",
    *decompositions.__all__, *norms.__all__,
]  # fmt: skip


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
    """The second derivative of the determinant, a symmetric form.

    Of a regular matrix by its inverse, a smooth function. Where that would lose digits, as the
    square of the condition number, without division.
    """
    by_parts = by_singular_values if xp is np or a.shape[-1] > 8 else by_minors
    regular = is_regular(value(a))[..., None, None]
    if np.all(regular):
        return by_inverse(xp, g, a)
    if not np.any(regular):
        return by_parts(xp, g, a)
    n = a.shape[-1]
    by_both = [
        rule(xp, g, xp.where(mask, a, np.diag(np.arange(1, n + 1)).astype(a.dtype)))
        for rule, mask in ((by_inverse, regular), (by_parts, ~regular))
    ]
    return xp.where(regular, *by_both)


def is_regular(a):
    """Whether the condition number is so small that its square costs a part of the digits only."""
    s = np.linalg.svdvals(a)
    return s.min(-1, initial=np.inf) > np.finfo(s.dtype).eps ** 0.25 * s.max(-1, initial=0)


def by_inverse(xp, g, a):
    """`det * (sum(g * p) * p - p @ g.T @ p)`, for `p` the transposed inverse."""
    p = transposed(xp, xp.linalg.inv(a))
    total = xp.sum(g * p, axis=(-2, -1))[..., None, None]
    return xp.linalg.det(a)[..., None, None] * (total * p - p @ transposed(xp, g) @ p)


def by_minors(xp, g, a):
    """Of two rows and two columns, the determinant of the rest: for small matrices.

    It can be differentiated further, also where singular values are equal.
    """
    n = a.shape[-1]
    first, second = np.triu_indices(n, 1)
    everything = np.tile(np.arange(n), (len(first), 1))
    left = (everything != first[:, None]) & (everything != second[:, None])
    rest = everything[left].reshape(len(first), max(n - 2, 0))
    sign = (-1.0) ** (first + second)
    minors = xp.linalg.det(a[..., rest[:, None, :, None], rest[None, :, None, :]])
    minors = minors * np.outer(sign, sign).astype(a.dtype)
    one, two = np.eye(n, dtype=a.dtype)[first], np.eye(n, dtype=a.dtype)[second]
    total = np.zeros((n, n), a.dtype)
    for rows, others, columns, across in (
        (one, two, one, two), (two, one, two, one), (one, two, two, one), (two, one, one, two)
    ):  # fmt: skip
        part = rows.T @ (minors * (others @ g @ across.T)) @ columns
        total = total + (part if rows is columns else -part)
    return total


def by_singular_values(xp, g, a):
    """Of a diagonal matrix: the entries of two rows and columns times the other singular values."""
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
    eps = np.finfo(x.dtype).eps
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

# --- how close to singular ---


def cond_vjp(xp, g, y, x, p=None):
    """A quotient of singular values, or a product of norms."""
    g = xp.real(g)  # before NumPy 2.3 the real result for a complex matrix has a complex dtype
    if p is None or p in (2, -2):
        s = xp.linalg.svdvals(x)
        first, last = (ties(s, value(s)[..., [i]], max(x.shape[-2:])) for i in (0, -1))
        top, bottom = (last, first) if p == -2 else (first, last)
        gs = (g / s[..., 0 if p == -2 else -1])[..., None] * (top - y[..., None] * bottom)
        return svdvals_vjp(xp, gs, s, x)
    inverse = xp.linalg.inv(x)
    norms = [xp.linalg.norm(z, p, axis=(-2, -1)) for z in (x, inverse)]
    ginverse = norm_vjp(xp, g * norms[0], norms[1], inverse, p, (-2, -1))
    return norm_vjp(xp, g * norms[1], norms[0], x, p, (-2, -1)) + inv_vjp(xp, ginverse, inverse, x)


cond = op("cond", np.linalg.cond, INPUTS | OUTPUT, vjp=cond_vjp)

plain(np.linalg.matrix_rank)
