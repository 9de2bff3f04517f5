"""`scipy.stats.chi2`, differentiable: see `fastgrad.scipy.stats`.

The density is that of `gamma` with a = df / 2 at z / 2, halved (Abramowitz and Stegun 26.4.1).
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad._core.protocols import value as _value
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.rules import ratio as _ratio
from fastgrad.scipy.special.gammas import digamma as _digamma
from fastgrad.scipy.stats.families import CONTINUOUS as __all__  # noqa: F401
from fastgrad.scipy.stats.families import Family as _Family


def _at_end(xp, pdf, z, none, df):
    end = none & (_value(z) == 0) & (_value(df) > 2)
    if _np.any(end):
        df, z = xp.where(end, df, 4), xp.where(end, z, 0)
        yield end, (pdf(z, df - 2) - pdf(z, df)) / 2


_Family(
    _scipy.chi2,
    lambda xp, z, df: _ratio(xp, df / 2 - 1, z) - 0.5,
    {"df": lambda xp, z, df: (xp.log(z / 2) - _digamma(df / 2)) / 2},
    (0, _np.inf),
    1.0,
    _at_end,
).declare()

__getattr__, __dir__ = _namespace_of(_scipy.chi2, globals())
