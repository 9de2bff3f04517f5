"""Survival regressions of lifelines on its own data."""

from lifelines import LogNormalAFTFitter, WeibullAFTFitter, WeibullFitter, datasets

ROSSI, WALTONS = datasets.load_rossi(), datasets.load_waltons()


def weibull_aft():
    f = WeibullAFTFitter().fit(ROSSI, duration_col="week", event_col="arrest")
    return f.params_.values, f.log_likelihood_


def log_normal_aft():
    f = LogNormalAFTFitter().fit(ROSSI, duration_col="week", event_col="arrest")
    return f.params_.values, f.log_likelihood_


def weibull():
    f = WeibullFitter().fit(WALTONS["T"], WALTONS["E"])
    return f.params_.values, f.log_likelihood_
