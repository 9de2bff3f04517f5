"""`scipy.linalg`, differentiable: see `fastgrad.scipy`.

Of what reads a part of a matrix alone, one triangle or some bands, only that part has a gradient;
what takes a Hermitian matrix has a Hermitian one: the conventions of `np.linalg` here. Nothing is
overwritten: `overwrite_a` and its like are ignored.

Formulas: M. Giles, "An extended collection of matrix derivative results for forward and reverse
mode AD" (2008), and N. Higham, "Functions of Matrices" (2008), (3.16) for these.

>>> import numpy as np
>>> from fastgrad import grad
>>> from fastgrad.scipy.linalg import expm
>>> a = np.array([[0.0, 1.0], [0.0, 0.0]])
>>> grad(lambda a: np.sum(expm(a)))(a)
array([[1.5       , 1.        ],
       [2.16666667, 1.5       ]])
"""

import functools as _functools
import inspect as _inspect

import numpy as _np
import scipy.linalg as _scipy

from fastgrad._core.arguments import holds_variable as _holds_variable
from fastgrad.functions import decompositions as _decompositions
from fastgrad.functions import linalg as _linalg
from fastgrad.functions.decompositions import hermitian_part as _hermitian_part
from fastgrad.functions.decompositions import transposed as _transposed
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.op import INPUTS as _INPUTS
from fastgrad.op import OUTPUT as _OUTPUT
from fastgrad.op import op as _op
from fastgrad.scipy.rules import exact as _exact

__all__ = [
    "inv", "det", "solve", "solve_triangular", "solve_banded", "solve_sylvester",
    "solve_continuous_lyapunov", "solve_lyapunov", "cholesky", "cho_factor", "cho_solve",
    "eigh", "eigvalsh", "svd", "svdvals",
    "sqrtm", "expm", "logm", "sinm", "cosm", "tanm", "sinhm", "coshm", "tanhm",
]  # fmt: skip


def _refuse(name, **given):
    """NotImplementedError for arguments that no rule knows."""
    for key, x in given.items():
        if x:
            raise NotImplementedError(
                f"scipy.linalg.{name}: with {key} there is no derivative here; leave it out, or "
                "give the function a rule of your own with fastgrad.op"
            )


def _sound(x):
    """`x` as LAPACK takes it: native and aligned, of no more precision than double."""
    x = _exact(x)
    if not isinstance(x, _np.ndarray):
        return x
    if x.dtype.char in "gG":
        return x.astype(x.dtype.char.replace("g", "d").replace("G", "D"))
    return x if x.flags.aligned else x.copy()


def _forward(name):
    """SciPy's function, which overwrites nothing."""
    function = getattr(_scipy, name)
    signature = _inspect.signature(function)

    @_functools.wraps(function)
    def forward(*args, **kwargs):
        bound = signature.bind(*map(_sound, args), **{k: _sound(x) for k, x in kwargs.items()})
        for key in bound.arguments:
            if key.startswith("overwrite_"):
                bound.arguments[key] = False
        y = function(*bound.args, **bound.kwargs)
        return tuple(y) if isinstance(y, tuple) else y

    return forward


def _conj(xp, x):
    return xp.conj(x) if _np.iscomplexobj(x) or x.dtype.kind == "c" else x


def _columns(x, b):
    """`x` as columns, which it is where `b` is no vector."""
    return x[..., None] if b.ndim == 1 else x


# --- inverses, determinants, systems ---

_GENERAL = (None, "gen", "general")
_SYMMETRIC = ("sym", "symmetric")
_HERMITIAN = ("her", "hermitian", "pos", "positive definite")


def _inv_vjp(xp, g, y, a, overwrite_a=False, check_finite=True, **kwargs):
    _refuse("inv", assume_a=kwargs.get("assume_a") not in _GENERAL)
    return _linalg.inv_vjp(xp, g, y, a)


def _solve_rule(i):
    def vjp(
        xp, g, y, a, b, lower=False, overwrite_a=False, overwrite_b=False, check_finite=True,
        assume_a=None, transposed=False,
    ):  # fmt: skip
        _refuse("solve", assume_a=assume_a not in (*_GENERAL, *_SYMMETRIC, *_HERMITIAN))
        if assume_a in _SYMMETRIC or assume_a in _HERMITIAN:
            a = _filled(xp, a, lower, conjugate=assume_a in _HERMITIAN)
        g, y = _columns(g, b), _columns(y, b)
        gb = xp.linalg.solve(a if transposed else _transposed(xp, a), g)
        if i == 1:
            return gb[..., 0] if b.ndim == 1 else gb
        ga = -(y @ _transposed(xp, gb)) if transposed else -(gb @ _transposed(xp, y))
        if assume_a in _SYMMETRIC:
            return (ga + _transposed(xp, ga)) / 2
        return _hermitian_part(xp, ga) if assume_a in _HERMITIAN else ga

    return vjp


def _filled(xp, a, lower, conjugate):
    """The matrix of which one triangle is read."""
    part, strict = (xp.tril(a), xp.tril(a, -1)) if lower else (xp.triu(a), xp.triu(a, 1))
    other = _transposed(xp, strict)
    return part + (_conj(xp, other) if conjugate else other)


inv = _op("inv", _forward("inv"), _OUTPUT, vjp=_inv_vjp)
det = _op(
    "det",
    _forward("det"),
    _INPUTS | _OUTPUT,
    vjp=lambda xp, g, y, a, *_, **__: _linalg.det_vjp(xp, g, y, a),
)
solve = _op("solve", _forward("solve"), _INPUTS | _OUTPUT, vjp=(_solve_rule(0), _solve_rule(1)))


_TRANSPOSED = {0: 1, "N": 1, 1: 0, "T": 0}


def _triangular_rule(i):
    def vjp(
        xp, g, y, a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False,
        check_finite=True,
    ):  # fmt: skip
        # The adjoint of a matrix is the transpose of its conjugate.
        hermitian = trans in (2, "C") and a.dtype.kind == "c"
        how = 1 if trans in (2, "C") else trans
        b_like = _columns(b, b)
        g, y, c = _columns(g, b), _columns(y, b), _conj(xp, a) if hermitian else a
        gb = solve_triangular(c, g, _TRANSPOSED[how], lower, unit_diagonal)
        if i == 1:
            return gb[..., 0] if b.ndim < b_like.ndim else gb
        straight = how in (0, "N")
        ga = -(gb @ _transposed(xp, y)) if straight else -(y @ _transposed(xp, gb))
        ga = _conj(xp, ga) if hermitian else ga
        k = bool(unit_diagonal)
        return xp.tril(ga, -k) if lower else xp.triu(ga, int(k))

    return vjp


solve_triangular = _op(
    "solve_triangular",
    _forward("solve_triangular"),
    _INPUTS | _OUTPUT,
    vjp=(_triangular_rule(0), _triangular_rule(1)),
)

# --- banded systems ---


def _rows_of_bands(l_and_u, n):
    """For each place in the bands the row of the matrix, and whether it is in the matrix."""
    low, up = l_and_u
    rows = _np.arange(n) + _np.arange(low + up + 1)[:, None] - up
    inside = (rows >= 0) & (rows < n)
    return _np.where(inside, rows, 0), inside


def _banded_rule(i):
    def vjp(xp, g, y, l_and_u, ab, b, *_, **__):
        low, up = l_and_u
        n = ab.shape[-1]
        # The band r of the transposed matrix is that of low + up - r, shifted.
        rows, inside = _rows_of_bands((up, low), n)
        bands = low + up - _np.arange(low + up + 1)[:, None]
        transposed = xp.where(inside, ab[bands, rows], 0)
        gb = solve_banded((up, low), transposed, g)
        if i == 1:
            return gb
        rows, inside = _rows_of_bands(l_and_u, n)
        products = _columns(gb, b)[rows] * _columns(y, b)
        return -xp.where(inside, xp.sum(products, axis=-1), 0)

    return vjp


solve_banded = _op(
    "solve_banded",
    _forward("solve_banded"),
    _INPUTS | _OUTPUT,
    vjp=(None, _banded_rule(0), _banded_rule(1)),
)

# --- matrix equations ---


def _sylvester_rule(i):
    def vjp(xp, g, y, a, b, q):
        """Of `a @ y + y @ b == q`."""
        gq = solve_sylvester(_transposed(xp, a), _transposed(xp, b), g)
        if i == 0:
            return -(gq @ _transposed(xp, y))
        return -(_transposed(xp, y) @ gq) if i == 1 else gq

    return vjp


solve_sylvester = _op(
    "solve_sylvester",
    _forward("solve_sylvester"),
    _INPUTS | _OUTPUT,
    vjp=tuple(map(_sylvester_rule, range(3))),
)


def solve_continuous_lyapunov(a, q):
    """`scipy.linalg.solve_continuous_lyapunov`, for Variables too: a Sylvester equation."""
    if not _holds_variable(a, q):
        return _scipy.solve_continuous_lyapunov(a, q)
    return solve_sylvester(a, _decompositions.adjoint(_np, a), q)


solve_lyapunov = solve_continuous_lyapunov

# --- decompositions ---


cholesky = _op(
    "cholesky",
    _forward("cholesky"),
    _OUTPUT,
    vjp=lambda xp, g, y, a, lower=False, *_, **__: _decompositions.cholesky_vjp(
        xp, g, y, a, upper=not lower
    ),
)


def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """`scipy.linalg.cho_factor`, for Variables too, of which the other triangle is then 0."""
    if not _holds_variable(a):
        return _scipy.cho_factor(a, lower, overwrite_a, check_finite)
    return cholesky(a, lower, False, check_finite), lower


def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """`scipy.linalg.cho_solve`, for Variables too: two triangular systems."""
    c, lower = c_and_lower
    if not _holds_variable(c, b):
        return _scipy.cho_solve(c_and_lower, b, overwrite_b, check_finite)
    first, then = (0, 2) if lower else (2, 0)
    y = solve_triangular(c, b, first, lower, check_finite=check_finite)
    return solve_triangular(c, y, then, lower, check_finite=check_finite)


def _eigh_vjp(xp, g, y, a, b=None, *, lower=True, eigvals_only=False, **kwargs):
    _refuse("eigh", b=b is not None)
    _refuse("eigh", **{key: kwargs.get(key) is not None
                       for key in ("subset_by_index", "subset_by_value")})  # fmt: skip
    triangle = "L" if lower else "U"
    if eigvals_only:
        return _decompositions.eigvalsh_vjp(xp, g, y, a, triangle)
    return _decompositions.eigh_vjp(xp, g, y, a, triangle)


eigh = _op("eigh", _forward("eigh"), _INPUTS | _OUTPUT, vjp=_eigh_vjp)
eigh.none_for_absent = True


def eigvalsh(a, b=None, **kwargs):
    """`scipy.linalg.eigvalsh`, for Variables too."""
    if not _holds_variable(a, b):
        return _scipy.eigvalsh(a, b, **kwargs)
    return eigh(a, b, **kwargs, eigvals_only=True)


svd = _op(
    "svd",
    _forward("svd"),
    _INPUTS | _OUTPUT,
    vjp=lambda xp, g, y, a, full_matrices=True, compute_uv=True, *_, **__: _decompositions.svd_vjp(
        xp, g, y, a, full_matrices, compute_uv
    ),
)
svd.none_for_absent = True
svdvals = _op(
    "svdvals",
    _forward("svdvals"),
    vjp=lambda xp, g, y, a, *_, **__: _decompositions.svdvals_vjp(xp, g, y, a),
)

# --- functions of matrices ---


def _block(xp, a, g):
    """`[[a, g], [0, a]]`: a function of it has the derivative at `a` along `g` in the corner."""
    above = xp.concatenate([a, g], axis=-1)
    below = xp.concatenate([xp.zeros_like(a), a], axis=-1)
    return xp.concatenate([above, below], axis=-2)


def _of_matrix(name):
    """The row of an analytic function of matrices."""

    def vjp(xp, g, y, a, *_, **__):
        n = a.shape[-1]
        at = _transposed(xp, a)
        if g.dtype.kind == "c" and a.dtype.kind != "c":
            at = at + 0j
        return row(_block(xp, at, g))[..., :n, n:]

    row = _op(name, _forward(name), vjp=vjp)
    return row


def _sqrtm_vjp(xp, g, y, a, disp=True, blocksize=64):
    """Of `y @ y == a`, a Sylvester equation for the derivative."""
    _refuse("sqrtm", disp=not disp)
    return solve_sylvester(_transposed(xp, y), _transposed(xp, y), g)


sqrtm = _op("sqrtm", _forward("sqrtm"), _INPUTS | _OUTPUT, vjp=_sqrtm_vjp)
expm, logm, sinm, cosm, tanm, sinhm, coshm, tanhm = map(_of_matrix, __all__[-8:])

__getattr__, __dir__ = _namespace_of(_scipy, globals())
