"""`scipy.stats.beta`, differentiable: see `fastgrad.scipy.stats`.

The density is `z ** (a - 1) * (1 - z) ** (b - 1) / B(a, b)` (DLMF 8.17.1); at an end where it is 0,
its derivative is known from the density with a, or b, less by 1.
"""

import numpy as _np
import scipy.stats as _scipy

from fastgrad._core.protocols import value as _value
from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.rules import ratio as _ratio
from fastgrad.scipy.special.gammas import digamma_step as _digamma_step
from fastgrad.scipy.stats.families import CONTINUOUS as __all__  # noqa: F401
from fastgrad.scipy.stats.families import Family as _Family


def _at_end(xp, pdf, z, none, a, b):
    low = none & (_value(z) == 0) & (_value(a) > 1)
    if _np.any(low):
        c, x = xp.where(low, a, 2), xp.where(low, z, 0)
        yield low, (c + b - 1) * pdf(x, c - 1, b) - (b - 1) * pdf(x, c, b) / (1 - x)
    high = none & (_value(z) == 1) & (_value(b) > 1)
    if _np.any(high):
        c, x = xp.where(high, b, 2), xp.where(high, z, 1)
        yield high, (a - 1) * pdf(x, a, c) / x - (a + c - 1) * pdf(x, a, c - 1)


_Family(
    _scipy.beta,
    lambda xp, z, a, b: _ratio(xp, a - 1, z) - _ratio(xp, b - 1, 1 - z),
    {
        "a": lambda xp, z, a, b: xp.log(z) + _digamma_step(xp, a, b),
        "b": lambda xp, z, a, b: xp.log1p(-z) + _digamma_step(xp, b, a),
    },
    (0, 1),
    0.5,
    _at_end,
).declare()

__getattr__, __dir__ = _namespace_of(_scipy.beta, globals())
