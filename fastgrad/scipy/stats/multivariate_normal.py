"""`scipy.stats.multivariate_normal`, differentiable: see `fastgrad.scipy.stats`.

Formulas: with `s = inv(cov) @ (x - mean)`, the log density has the gradients -s and s for x and
the mean, `(outer(s, s) - inv(cov)) / 2` for the covariance (Petersen and Pedersen, "The Matrix
Cookbook", 8.1.1). SciPy reads one triangle of the covariance, which is meant to be symmetric: so is
its gradient. Of a singular one, with `allow_singular`, there is none.
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad._core.protocols import value as _value
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.op import zero as _zero
from fastgrad.scipy.rules import marked as _marked
from fastgrad.scipy.stats.families import with_signature as _with_signature

__all__ = ["pdf", "logpdf", "entropy"]

_SMALL = 1e6 * _np.finfo(float).eps  # relative to the largest eigenvalue: SciPy's zero


def _as_array(x):
    """As SciPy computes: of float64."""
    return x.astype(float) if hasattr(x, "dtype") else _np.asarray(x, float)


def _size(mean, cov):
    """The number of dimensions, as SciPy finds it."""
    if mean is not None:
        return int(_np.size(_value(mean)))
    return 1 if _np.ndim(_value(cov)) == 0 else _np.shape(_value(cov))[0]


def _matrix(xp, cov, n):
    """The covariance, which may be a number or a vector: the diagonal."""
    cov = _as_array(getattr(cov, "covariance", cov))
    return cov if cov.ndim == 2 else xp.eye(n) * cov


def _like(xp, g, cov):
    """The gradient of a matrix, for what that was made of."""
    ndim = _as_array(cov).ndim
    return g if ndim == 2 else xp.diagonal(g) if ndim == 1 else xp.trace(g)


def _points(xp, x, mean, n):
    """The deviations: a row for each point."""
    x = xp.reshape(_as_array(x), (-1, n))
    return x if mean is None else x - xp.reshape(_as_array(mean), (n,))


def _inverse(xp, cov, allow_singular):
    """Of the covariance; with `allow_singular` SciPy's pseudo-inverse."""
    if allow_singular:
        return xp.linalg.pinv(cov, rcond=_SMALL, hermitian=True)
    return xp.linalg.inv(cov)


def _solved(xp, y, x, mean, cov, allow_singular):
    """The deviations of the points by the covariance, and NaN where a point is beside its range."""
    n = _size(mean, cov)
    cov = _matrix(xp, cov, n)
    d = _marked(_points(xp, x, mean, n), _np.isneginf(_np.reshape(_value(y), (-1, 1))))
    if allow_singular:
        return d @ _inverse(xp, cov, True)
    return xp.swapaxes(xp.linalg.solve(cov, xp.swapaxes(d, 0, 1)), 0, 1)


def _x_vjp(xp, g, y, x, mean=None, cov=1, allow_singular=False):
    s = _solved(xp, y, x, mean, cov, allow_singular)
    return xp.reshape(-xp.reshape(g, (-1, 1)) * s, _np.shape(_value(x)))


def _mean_vjp(xp, g, y, x, mean=None, cov=1, allow_singular=False):
    s = _solved(xp, y, x, mean, cov, allow_singular)
    return xp.reshape(xp.sum(xp.reshape(g, (-1, 1)) * s, axis=0), _np.shape(_value(mean)))


def _cov_vjp(xp, g, y, x, mean=None, cov=1, allow_singular=False):
    s = _solved(xp, y, x, mean, cov, allow_singular)
    full = _matrix(xp, cov, s.shape[1])
    if allow_singular:
        w = _np.linalg.eigvalsh(_value(full))
        if w[0] <= _SMALL * _np.abs(w).max():
            raise NotImplementedError(
                "multivariate_normal: the density has no derivative for a singular covariance"
            )
    g = xp.reshape(g, (-1, 1))
    slope = xp.swapaxes(g * s, 0, 1) @ s - xp.sum(g) * xp.linalg.inv(full)
    return _like(xp, slope / 2, cov)


def _entropy_vjp(xp, g, y, mean=None, cov=1):
    full = _matrix(xp, cov, _size(mean, cov))
    return _like(xp, g / 2 * xp.linalg.inv(full), cov)


def _of_pdf(vjp):
    """The VJP of the density, from that of its logarithm."""
    return lambda xp, g, y, *args, **kwargs: vjp(xp, g * y, y, *args, **kwargs)


def _row(method, vjps):
    name = f"multivariate_normal_{method}"
    names = ["mean", "cov"] if method == "entropy" else ["x", "mean", "cov", "allow_singular"]
    defaults = {"mean": None, "cov": 1, "allow_singular": False}
    method = getattr(_scipy.multivariate_normal, method)
    return _with_signature(name, method, names, defaults, __name__, vjps, batched=False)


_vjps = (_x_vjp, _mean_vjp, _cov_vjp)
logpdf = _row("logpdf", _vjps)
pdf = _row("pdf", tuple(map(_of_pdf, _vjps)))
entropy = _row("entropy", (_zero, _entropy_vjp))

__getattr__, __dir__ = _namespace_of(_scipy.multivariate_normal, globals())
