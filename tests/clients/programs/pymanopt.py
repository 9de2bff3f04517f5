"""Costs on manifolds, whose gradients and Hessians pymanopt takes from autograd."""

import autograd.numpy as anp
import numpy as np
import pymanopt
from pymanopt.manifolds import (
    Euclidean,
    FixedRankEmbedded,
    Grassmann,
    Oblique,
    Product,
    Sphere,
    Stiefel,
    SymmetricPositiveDefinite,
)
from pymanopt.optimizers import ConjugateGradient, SteepestDescent, TrustRegions


def run(optimizer, manifold, function, start, **options):
    """The point, its cost, and how many steps it took."""
    cost = pymanopt.function.autograd(manifold)(function)
    problem = pymanopt.Problem(manifold, cost)
    done = optimizer(verbosity=0, max_time=10**6, **options).run(problem, initial_point=start)
    return done.point, done.cost, float(done.iterations)


def symmetric(n, seed):
    matrix = np.random.RandomState(seed).randn(n, n)
    return matrix @ matrix.T / n


def rayleigh_quotient():
    """The largest eigenvalue, by conjugate gradients on the sphere."""
    A, manifold = symmetric(50, 0), Sphere(50)
    start = manifold.random_point()
    return run(ConjugateGradient, manifold, lambda x: -x @ A @ x, start, max_iterations=60)


def rayleigh_trust_regions():
    """The same with Hessians."""
    A, manifold = symmetric(30, 1), Sphere(30)
    start = manifold.random_point()
    return run(TrustRegions, manifold, lambda x: -x @ A @ x, start, max_iterations=15)


def subspace_on_grassmann():
    """The dominant subspace."""
    A, manifold = symmetric(30, 2), Grassmann(30, 4)
    start = manifold.random_point()
    return run(TrustRegions, manifold, lambda X: -anp.trace(X.T @ A @ X), start, max_iterations=10)


def brockett_on_stiefel():
    """Brockett's cost, by steepest descent."""
    A, N, manifold = symmetric(12, 3), np.diag([1.0, 2.0, 3.0]), Stiefel(12, 3)
    start = manifold.random_point()
    return run(
        SteepestDescent, manifold, lambda X: anp.trace(X.T @ A @ X @ N), start, max_iterations=40
    )


def regression_on_euclidean():
    """Least squares."""
    rng = np.random.RandomState(4)
    X, y = rng.randn(80, 10), rng.randn(80)
    return run(
        TrustRegions, Euclidean(10), lambda w: anp.sum((y - X @ w) ** 2), np.zeros(10),
        max_iterations=10,
    )  # fmt: skip


def means_of_matrices():
    """A point near some positive definite matrices, by their log-determinants."""
    matrices = [symmetric(4, 10 + i) + np.eye(4) for i in range(5)]
    manifold = SymmetricPositiveDefinite(4)

    def cost(S):
        total = 0.0
        for M in matrices:
            total = total + anp.log(anp.linalg.det(S + M)) - 0.5 * anp.log(anp.linalg.det(S))
        return total

    return run(SteepestDescent, manifold, cost, np.eye(4), max_iterations=25)


def correlations_on_oblique():
    """The nearest correlation matrix of rank three."""
    A, manifold = symmetric(8, 5), Oblique(3, 8)
    A = A / np.sqrt(np.outer(np.diag(A), np.diag(A)))
    start = manifold.random_point()
    return run(
        TrustRegions, manifold, lambda X: 0.25 * anp.linalg.norm(X.T @ X - A) ** 2, start,
        max_iterations=10,
    )  # fmt: skip


def product_of_manifolds():
    """Two arguments, each on a manifold of its own."""
    A = np.random.RandomState(6).randn(12, 9)
    manifold = Product([Sphere(12), Sphere(9)])
    start = manifold.random_point()
    return run(ConjugateGradient, manifold, lambda u, v: -u @ A @ v, start, max_iterations=30)


def matrix_of_low_rank():
    """An approximation of rank two, as factors."""
    A, manifold = np.random.RandomState(7).randn(10, 8), FixedRankEmbedded(10, 8, 2)
    start = manifold.random_point()

    def cost(u, s, vt):
        return anp.linalg.norm((u @ anp.diag(s) @ vt) - A) ** 2

    return run(ConjugateGradient, manifold, cost, start, max_iterations=20)
