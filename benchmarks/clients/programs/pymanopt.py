"""Optimisations on manifolds by pymanopt."""

import autograd.numpy as anp
import numpy as np
import pymanopt
from pymanopt.manifolds import Sphere, Stiefel
from pymanopt.optimizers import ConjugateGradient, TrustRegions


def _run(optimizer, manifold, function, start, count):
    cost = pymanopt.function.autograd(manifold)(function)
    run = optimizer(verbosity=0, max_iterations=count, max_time=10**6).run
    done = run(pymanopt.Problem(manifold, cost), initial_point=start)
    return done.point, done.cost


def _symmetric(n):
    A = np.random.RandomState(0).randn(n, n)
    return A @ A.T / n


def rayleigh_quotient():
    A, x = _symmetric(50), np.ones(50) / np.sqrt(50)
    return _run(ConjugateGradient, Sphere(50), lambda x: -x @ A @ x, x, 60)


def rayleigh_by_hessians():
    A, x = _symmetric(50), np.ones(50) / np.sqrt(50)
    return _run(TrustRegions, Sphere(50), lambda x: -x @ A @ x, x, 15)


def dominant_subspace():
    A, X = _symmetric(30), np.eye(30)[:, :4]
    return _run(TrustRegions, Stiefel(30, 4), lambda X: -anp.trace(X.T @ A @ X), X, 10)
