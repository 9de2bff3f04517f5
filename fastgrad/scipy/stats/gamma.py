"""`scipy.stats.gamma`, differentiable: see `fastgrad.scipy.stats`.

The density is `z ** (a - 1) * exp(-z) / gamma(a)` (DLMF 8.2.1); its derivative the difference of
those of a - 1 and a, which tells it at 0, too.
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad._core.protocols import value as _value
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.rules import ratio as _ratio
from fastgrad.scipy.special.gammas import digamma as _digamma
from fastgrad.scipy.stats.families import CONTINUOUS as __all__  # noqa: F401
from fastgrad.scipy.stats.families import Family as _Family


def _at_end(xp, pdf, z, none, a):
    end = none & (_value(z) == 0) & (_value(a) > 1)
    if _np.any(end):
        a, z = xp.where(end, a, 2), xp.where(end, z, 0)
        yield end, pdf(z, a - 1) - pdf(z, a)


_Family(
    _scipy.gamma,
    lambda xp, z, a: _ratio(xp, a - 1, z) - 1,
    {"a": lambda xp, z, a: xp.log(z) - _digamma(a)},
    (0, _np.inf),
    1.0,
    _at_end,
).declare()

__getattr__, __dir__ = _namespace_of(_scipy.gamma, globals())
