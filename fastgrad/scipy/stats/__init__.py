"""`scipy.stats`, differentiable: a module for each distribution that has rules.

Of the continuous ones `pdf logpdf cdf logcdf sf logsf ppf isf` can be differentiated for what the
distribution function is a function of, for `loc` and `scale`; densities also for the shapes. For
the shapes of the others no formula is known: NotImplementedError. Of what a module does not have,
`rvs` for one, SciPy's own function is found there; and so is every other distribution here.

Beside the support a density and a distribution function are constant, with gradient 0; the
logarithm is -inf there, and its gradient NaN.

>>> import numpy as np
>>> from fastgrad import grad
>>> from fastgrad.scipy.stats import norm
>>> grad(lambda loc: np.sum(norm.logpdf(np.array([1.0, 2.0]), loc, scale=0.5)))(0.0)
12.0
"""

import scipy.stats as _scipy

from fastgrad.scipy.stats import beta, chi2, dirichlet, gamma, multivariate_normal, norm, poisson, t

__all__ = ["beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"]


def __getattr__(name):
    return getattr(_scipy, name)


def __dir__():
    return sorted({*globals(), *dir(_scipy)})
