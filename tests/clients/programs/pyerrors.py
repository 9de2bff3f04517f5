"""Observables with errors, propagated through functions, fits, roots and integrals."""

import autograd.numpy as anp
import numpy as np
import pyerrors as pe


def observables(n, seed=0, length=400):
    """Some of Monte Carlo kind, with means 1, 2, ..."""
    rng = np.random.RandomState(seed)
    return [pe.Obs([1 + i + 0.1 * rng.randn(length)], ["ensemble"]) for i in range(n)]


def told(result):
    """The value and the error of each."""
    found = []
    for o in np.ravel(np.asarray(result, dtype=object)):
        o.gamma_method()
        found.append((o.value, o.dvalue))
    return found


def derived():
    """Arithmetic and functions, a jacobian each."""
    a, b, c = observables(3)
    return told([a * b + c / a, np.sin(a) ** b, np.exp(-a) * np.log(b), np.arctanh(a / c)])


def derived_of_many():
    """A function of sixteen observables with five values."""
    data = observables(16)

    def f(x):
        return anp.array([anp.sum(anp.sin(x) ** k) for k in range(1, 6)])

    return told(pe.derived_observable(f, data))


def matrices():
    """Inverse, Cholesky factor, determinant, eigenvalues, products."""
    data = observables(9)
    M = np.array(data).reshape(3, 3)
    M = M @ M.T + 10 * np.eye(3)
    found = [pe.linalg.inv(M), pe.linalg.cholesky(M), pe.linalg.det(M)]
    found += [pe.linalg.eigh(M)[0], pe.linalg.matmul(M, M), pe.linalg.einsum("ij,jk->ik", M, M)]
    return [told(part) for part in found]


def root():
    (d,) = observables(1)
    return told(pe.roots.find_root(d, lambda x, d: anp.exp(-(x**2)) - d / 3))


def integral():
    p = observables(2)
    done = pe.integrate.quad(lambda p, x: p[0] + p[1] * anp.exp(-x), p, 0.0, 2.0)
    return told(done[0])


def data_of_fit(seed):
    """Noise around 2 exp(-0.3 x)."""
    rng = np.random.RandomState(seed)
    xs = np.arange(1, 11)
    ys = [pe.Obs([2 * np.exp(-0.3 * x) * (1 + 0.02 * rng.randn(300))], ["ensemble"]) for x in xs]
    for y in ys:
        y.gamma_method()
    return xs, ys


def exponential(a, x):
    return a[0] * anp.exp(-a[1] * x)


def least_squares():
    xs, ys = data_of_fit(1)
    done = pe.least_squares(xs, ys, exponential, silent=True)
    return told(done.fit_parameters), done.chisquare


def correlated_fit():
    xs, ys = data_of_fit(2)
    done = pe.least_squares(xs, ys, exponential, correlated_fit=True, silent=True)
    return told(done.fit_parameters), done.chisquare


def total_least_squares():
    _, ys = data_of_fit(3)
    xs = observables(10, seed=4, length=300)
    for x in xs:
        x.gamma_method()
    done = pe.total_least_squares(xs, ys, exponential, silent=True)
    return told(done.fit_parameters), done.odr_chisquare


def special_functions():
    a, b = observables(2)

    def f(x):
        return pe.special.gammaln(x[0] + x[1]) + pe.special.erf(x[0]) * pe.special.kn(1, x[1])

    return told([pe.derived_observable(f, [a, b])])
