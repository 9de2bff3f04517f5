"""Fits of distributions and regressions with censored, truncated and tied data."""

import numpy as np
import surpyval
from surpyval.univariate import regression

RNG = np.random.RandomState(0)
TIMES = 10 * RNG.weibull(2.0, 80)
LATE = TIMES > 14
X, C = np.minimum(TIMES, 14), LATE.astype(int)
Z = RNG.randn(80, 2)
LIVES = X * np.exp(0.4 * Z[:, 0])


def fit(distribution, x=X, **options):
    """Parameters, their covariances where there are some, and the likelihood."""
    model = distribution.fit(x, c=C, **options)
    covariance = getattr(model, "hess_inv", None)
    found = [model.params, model.neg_ll()]
    return found if covariance is None else [*found, np.asarray(covariance)]


def weibull():
    return fit(surpyval.Weibull)


def weibull_with_offset():
    return fit(surpyval.Weibull, x=X + 5, offset=True)


def exponential():
    return fit(surpyval.Exponential)


def gamma():
    return fit(surpyval.Gamma)


def log_normal():
    return fit(surpyval.LogNormal)


def logistic():
    return fit(surpyval.LogLogistic), fit(surpyval.Logistic)


def exponentiated_weibull():
    return fit(surpyval.ExpoWeibull)


def gumbel():
    return fit(surpyval.Gumbel)


def limited_failures():
    return fit(surpyval.Weibull, lfp=True)


def intervals():
    """Times known to within intervals, and truncated."""
    x = [[a, a + 2] for a in np.floor(X)]
    model = surpyval.Weibull.fit(x=x)
    truncated = surpyval.Weibull.fit(x=X + 1, c=C, tl=1.0)
    return model.params, truncated.params, truncated.neg_ll()


def bounds():
    """Confidence bounds, by jacobians of the survival function."""
    model = surpyval.Weibull.fit(X, c=C)
    return model.cb(np.linspace(1, 13, 7), on="sf")


def proportional_hazards():
    model = regression.WeibullPH.fit(x=LIVES, Z=Z, c=C)
    return model.params


def accelerated_failure_time():
    model = regression.WeibullAFT.fit(x=LIVES, Z=Z, c=C)
    return model.params


def proportional_odds():
    model = regression.LogNormalPO.fit(x=LIVES, Z=Z, c=C)
    return model.params
