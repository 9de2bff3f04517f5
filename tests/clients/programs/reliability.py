"""Fits of the distributions of reliability, with censored data."""

import matplotlib.pyplot as plt
import numpy as np
import reliability.ALT_fitters as alt
import reliability.Fitters as fitters
from reliability.Distributions import Weibull_Distribution
from reliability.Other_functions import make_ALT_data, make_right_censored_data

RAW = Weibull_Distribution(alpha=50, beta=2).random_samples(60, seed=2)
DATA = make_right_censored_data(RAW, threshold=60)
SHARES = np.random.RandomState(0).beta(2, 3, 60)
OPTIONS = {"show_probability_plot": False, "print_results": False}


def fit(fitter, **more):
    """Parameters, likelihood, covariances where there are some."""
    with plt.rc_context({"figure.max_open_warning": 0}):
        f = fitter(failures=DATA.failures, right_censored=DATA.right_censored, **OPTIONS, **more)
    plt.close("all")
    return f.results["Point Estimate"].values, f.loglik, f.results["Standard Error"].values


def weibull():
    return fit(fitters.Fit_Weibull_2P), fit(fitters.Fit_Weibull_3P)


def normal():
    return fit(fitters.Fit_Normal_2P), fit(fitters.Fit_Lognormal_2P)


def lognormal_with_location():
    return fit(fitters.Fit_Lognormal_3P)


def gamma():
    return fit(fitters.Fit_Gamma_2P)


def exponential():
    return fit(fitters.Fit_Exponential_1P), fit(fitters.Fit_Exponential_2P)


def logistic():
    return fit(fitters.Fit_Loglogistic_2P), fit(fitters.Fit_Gumbel_2P)


def beta():
    f = fitters.Fit_Beta_2P(failures=SHARES, **OPTIONS)
    return f.alpha, f.beta, f.loglik


def mixture():
    f = fitters.Fit_Weibull_Mixture(
        failures=DATA.failures, right_censored=DATA.right_censored, **OPTIONS
    )
    return f.alpha_1, f.beta_1, f.alpha_2, f.beta_2, f.proportion_1, f.loglik


def competing_risks():
    f = fitters.Fit_Weibull_CR(
        failures=DATA.failures, right_censored=DATA.right_censored, **OPTIONS
    )
    return f.alpha_1, f.beta_1, f.alpha_2, f.beta_2, f.loglik


def accelerated_life():
    """Weibull lives under an exponential law of stress."""
    made = make_ALT_data(
        distribution="Weibull", life_stress_model="Exponential", a=2000, b=10, beta=2.5,
        stress_1=[20, 40, 60], number_of_samples=40, fraction_censored=0.2, seed=1,
    )  # fmt: skip
    f = alt.Fit_Weibull_Exponential(
        failures=made.failures, failure_stress=made.failure_stresses,
        right_censored=made.right_censored, right_censored_stress=made.right_censored_stresses,
        use_level_stress=30, show_probability_plot=False, show_life_stress_plot=False,
        print_results=False,
    )  # fmt: skip
    return f.a, f.b, f.beta, f.loglik
