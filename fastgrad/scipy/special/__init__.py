"""`scipy.special`, differentiable: see `fastgrad.scipy`.

A derivative that no formula is known for here, as for the order of a Bessel function, is a
NotImplementedError once it is needed. Where a function is NaN, or has a pole, so is its gradient.

>>> from fastgrad import grad
>>> from fastgrad.scipy.special import j0, j1
>>> bool(grad(j0)(1.5) == -j1(1.5))
True
"""

import scipy.special as _scipy

from fastgrad.numpy.lookup import namespace_of as _namespace_of
from fastgrad.scipy.special import bessels, errors, gammas, sums
from fastgrad.scipy.special.bessels import *  # noqa: F403
from fastgrad.scipy.special.errors import *  # noqa: F403
from fastgrad.scipy.special.gammas import *  # noqa: F403
from fastgrad.scipy.special.sums import *  # noqa: F403

__all__ = [*errors.__all__, *gammas.__all__, *bessels.__all__, *sums.__all__]

__getattr__, __dir__ = _namespace_of(_scipy, globals())
