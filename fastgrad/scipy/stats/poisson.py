"""`scipy.stats.poisson`, differentiable for `mu`: see `fastgrad.scipy.stats`.

`pmf(k, mu)` is `mu ** k * exp(-mu) / k!`, and `cdf` the regularized `gammaincc(floor(k) + 1, mu)`
(DLMF 8.4.10), with the derivative `-pmf(floor(k), mu)`. There is none for `k` and `loc`.
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad._core.protocols import value as _value
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.rules import marked as _marked
from fastgrad.scipy.rules import no_rule as _no_rule
from fastgrad.scipy.rules import ratio as _ratio
from fastgrad.scipy.stats.families import with_signature as _with_signature

__all__ = ["pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"]


def _logpmf_slope(xp, y, k, mu):
    none = (k < 0) | (k != _np.floor(k)) | _np.isnan(_value(y))
    return _ratio(xp, k, _marked(mu, none)) - 1


def _pmf_slope(xp, y, k, mu):
    slope = y * (k / xp.where(_value(mu) == 0, 1, mu) - 1)
    end = _np.asarray(_value(mu) == 0)
    return xp.where(end, pmf(k - 1, mu) - y, slope) if _np.any(end) else slope


_SLOPES = {
    "pmf": _pmf_slope,
    "logpmf": _logpmf_slope,
    "cdf": lambda xp, y, k, mu: -pmf(_np.floor(k), mu),
    "sf": lambda xp, y, k, mu: pmf(_np.floor(k), mu),
    "logcdf": lambda xp, y, k, mu: -xp.exp(logpmf(_np.floor(k), mu) - y),
    "logsf": lambda xp, y, k, mu: xp.exp(logpmf(_np.floor(k), mu) - y),
}


def _row(method):
    name, slope = f"poisson_{method}", _SLOPES[method]

    def vjp(xp, g, y, k, mu, loc=0):
        k = _np.subtract(_value(k), _value(loc))
        return g * slope(xp, y, k, mu)

    vjps = (_no_rule(name, "k, a count"), vjp, _no_rule(name, "loc, which shifts a count"))
    method = getattr(_scipy.poisson, method)
    return _with_signature(name, method, ["k", "mu", "loc"], {"loc": 0}, __name__, vjps)


pmf, logpmf, cdf, logcdf, sf, logsf = map(_row, __all__)

__getattr__, __dir__ = _namespace_of(_scipy.poisson, globals())
