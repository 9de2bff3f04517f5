"""`scipy.stats.norm`, differentiable: see `fastgrad.scipy.stats`.

Formulas: DLMF 7.2 and 7.17; far left those of `log_ndtr`.
"""

import scipy.stats as _scipy

from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.special.errors import log_ndtr_slope as _log_ndtr_slope
from fastgrad.scipy.stats.families import CONTINUOUS as __all__  # noqa: F401
from fastgrad.scipy.stats.families import Family as _Family

_Family(_scipy.norm, lambda xp, z: -z, log_slopes=_log_ndtr_slope).declare()

__getattr__, __dir__ = _namespace_of(_scipy.norm, globals())
