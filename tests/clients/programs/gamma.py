"""Incomplete gamma and beta functions, and fits of distributions by them."""

import autograd.numpy as np
from autograd import elementwise_grad, grad, hessian
from autograd.scipy.special import gammaln
from autograd_gamma import (
    betainc,
    betaincinv,
    betaincln,
    gammainc,
    gammaincc,
    gammainccinv,
    gammainccln,
    gammaincinv,
    gammaincln,
)
from scipy.optimize import minimize

A = np.linspace(0.3, 8, 25)
X = np.linspace(0.05, 9, 25)
P = np.linspace(0.02, 0.98, 25)


def gamma_functions():
    """Values and both derivatives of each."""
    found = []
    for f, x in ((gammainc, X), (gammaincc, X), (gammaincln, X), (gammainccln, X),
                 (gammaincinv, P), (gammainccinv, P)):  # fmt: skip
        found += [f(A, x), elementwise_grad(f, 0)(A, x), elementwise_grad(f, 1)(A, x)]
    return found


def beta_functions():
    """Values and three derivatives of each."""
    found = []
    for f in (betainc, betaincln, betaincinv):
        found += [f(A, A[::-1], P)]
        found += [elementwise_grad(f, i)(A, A[::-1], P) for i in range(3)]
    return found


def broadcast():
    """Gradients of operands that were broadcast."""

    def f(a):
        return np.sum(gammaincln(a[:, None], X))

    def h(x):
        return np.sum(betainc(2.0, 3.0, x))

    return grad(f)(A[:4]), hessian(h)(P[:5])


def generalised_gamma():
    """Censored times, fitted by BFGS."""
    rng = np.random.RandomState(0)
    times = rng.gamma(2.0, 3.0, 200)
    seen = times < 9
    times = np.minimum(times, 9.0)

    def negative(params):
        shape, scale = np.exp(params)
        z = times / scale
        observed = (shape - 1) * np.log(z) - z - np.log(scale)
        late = gammainccln(shape, z)
        return -np.sum(np.where(seen, observed - gammaln(shape), late)) / 200

    found = minimize(negative, np.zeros(2), jac=grad(negative), method="BFGS")
    return found.x, found.fun


def beta_intervals():
    """Counts in intervals, fitted as a beta distribution."""
    edges = np.linspace(0, 1, 9)[1:-1]
    counts = np.array([3, 8, 15, 24, 22, 13, 6, 2])

    def negative(params):
        a, b = np.exp(params)
        below = betainc(a, b, edges)
        shares = np.concatenate([below, np.ones(1)]) - np.concatenate([np.zeros(1), below])
        return -np.sum(counts * np.log(shares))

    found = minimize(negative, np.zeros(2), jac=grad(negative), method="L-BFGS-B")
    return found.x, found.fun
