"""`scipy.stats.t`, Student's distribution, differentiable: see `fastgrad.scipy.stats`.

The density is `(1 + z**2 / df) ** (-(df + 1) / 2) / (sqrt(df) * B(df / 2, 1 / 2))`
(Abramowitz and Stegun 26.7.1).
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad._core.protocols import value as _value
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.special.gammas import digamma_step as _digamma_step
from fastgrad.scipy.stats.families import CONTINUOUS as __all__  # noqa: F401
from fastgrad.scipy.stats.families import Family as _Family

_FAR = 1e150  # beyond, where z**2 overflows, df counts as 0 beside it


def _score(xp, z, df):
    far = _np.abs(_value(z)) > _FAR
    if _np.any(far):
        near = _score(xp, xp.where(far, 0, z), df)
        return xp.where(far, -(1 + df) / xp.where(far, z, 1), near)
    return -(1 + 1 / df) * z / (1 + z * z / df)


def _score_df(xp, z, df):
    far = _np.abs(_value(z)) > _FAR
    if _np.any(far):
        near = _score_df(xp, xp.where(far, 0, z), df)
        away = xp.log(df) / 2 - xp.log(xp.abs(xp.where(far, z, 1)))
        return xp.where(far, _digamma_step(xp, df / 2, 0.5) / 2 + 0.5 + away, near)
    u = z * z / df
    step = _digamma_step(xp, df / 2, 0.5)
    return (step - 1 / df - xp.log1p(u) + (1 + 1 / df) * (u / (1 + u))) / 2


_Family(_scipy.t, _score, {"df": _score_df}).declare()

__getattr__, __dir__ = _namespace_of(_scipy.t, globals())
