"""Fits of survival models on the data sets that lifelines ships."""

import autograd.numpy as np
import lifelines
from lifelines import datasets
from lifelines.fitters import ParametricRegressionFitter, ParametricUnivariateFitter

WALTONS = datasets.load_waltons()
ROSSI = datasets.load_rossi()


def univariate(fitter, **options):
    """Parameters, their variances and the likelihood."""
    f = fitter.fit(WALTONS["T"], WALTONS["E"], **options)
    return f.params_.values, f.variance_matrix_.values, f.log_likelihood_


def regression(fitter, data=ROSSI, **options):
    """The same of a regression."""
    f = fitter.fit(data, duration_col="week", event_col="arrest", **options)
    return f.params_.values, f.variance_matrix_.values, f.log_likelihood_


def weibull():
    return univariate(lifelines.WeibullFitter())


def exponential():
    return univariate(lifelines.ExponentialFitter())


def log_normal():
    return univariate(lifelines.LogNormalFitter())


def log_logistic():
    return univariate(lifelines.LogLogisticFitter())


def generalized_gamma():
    return univariate(lifelines.GeneralizedGammaFitter())


def spline():
    return univariate(lifelines.SplineFitter([6, 20, 40, 75]))


def piecewise_exponential():
    return univariate(lifelines.PiecewiseExponentialFitter([20, 40]))


def mixture_cure():
    return univariate(lifelines.MixtureCureFitter(base_fitter=lifelines.WeibullFitter()))


def weibull_left_censored():
    f = lifelines.WeibullFitter().fit_left_censoring(WALTONS["T"], WALTONS["E"])
    return f.params_.values, f.variance_matrix_.values


def weibull_interval_censored():
    f = lifelines.WeibullFitter()
    f.fit_interval_censoring(WALTONS["T"], WALTONS["T"] + 1 + WALTONS["E"])
    return f.params_.values, f.variance_matrix_.values


def gompertz_of_our_own():
    """A cumulative hazard in three lines."""

    class Gompertz(ParametricUnivariateFitter):
        _fitted_parameter_names = ["nu_", "b_"]  # noqa: RUF012 (as lifelines has it)

        def _cumulative_hazard(self, params, times):
            nu, b = params
            return nu * np.expm1(times / (20 * b))

    return univariate(Gompertz())


def weibull_aft():
    return regression(lifelines.WeibullAFTFitter())


def weibull_aft_penalised():
    return regression(lifelines.WeibullAFTFitter(penalizer=0.1, l1_ratio=0.2))


def weibull_aft_both_parameters():
    return regression(lifelines.WeibullAFTFitter(), ancillary=True)


def log_normal_aft():
    return regression(lifelines.LogNormalAFTFitter())


def log_logistic_aft():
    return regression(lifelines.LogLogisticAFTFitter())


def generalized_gamma_regression():
    return regression(lifelines.GeneralizedGammaRegressionFitter(penalizer=1.0))


def piecewise_regression():
    return regression(lifelines.PiecewiseExponentialRegressionFitter([20, 35], penalizer=0.1))


def cox_with_splines():
    f = lifelines.CoxPHFitter(baseline_estimation_method="spline", n_baseline_knots=3)
    return regression(f)[::2]


def cox_piecewise():
    f = lifelines.CoxPHFitter(baseline_estimation_method="piecewise", breakpoints=[20, 35])
    return regression(f)[::2]


def exponential_aft_of_our_own():
    """A regression in four lines."""

    class Exponential(ParametricRegressionFitter):
        _fitted_parameter_names = ["lambda_"]  # noqa: RUF012 (as lifelines has it)

        def _cumulative_hazard(self, params, times, Xs):
            return times / np.exp(np.dot(Xs["lambda_"], params["lambda_"]))

    columns = {"lambda_": "age + prio + fin"}
    return regression(Exponential(), regressors=columns)
