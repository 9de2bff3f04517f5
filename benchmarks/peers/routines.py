"""Functions of whole arrays: value and gradient of `sum(w * f(x))`, and by hand in NumPy.

A case has `call(xp, *xs)`, the one text for every library (`xp` is its `routines`), `operands(n)`,
arrays of lengths that grow with `n`, and `by_hand(gy, *xs)`, the value and the gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np


def random(*shape, seed=0):
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


@dataclass(frozen=True)
class Case:
    """A function, as measured."""

    call: Callable
    operands: Callable
    by_hand: Callable


def prod_by_hand(gy, x):
    """By division: there is no zero."""
    y = np.prod(x, axis=1)
    return y, (gy * y)[:, None] / x


def median_by_hand(gy, x):
    """The rows are of an odd number, so that the median is an element."""
    y = np.median(x, axis=0)
    return y, gy * (x == y)


def stacks_by_hand(gy, a, b):
    """The matrices of two stacks."""
    return np.einsum("ijk,ikl->ijl", a, b), gy @ b.swapaxes(1, 2), a.swapaxes(1, 2) @ gy


def matrices_by_hand(gy, a, b, optimize=False):
    """Two matrices."""
    return np.einsum("ij,jk->ik", a, b, optimize=optimize), gy @ b.T, a.T @ gy


def cholesky_by_hand(gy, a):
    """Murray, "Differentiation of the Cholesky decomposition" (2016), (8)."""
    y = np.linalg.cholesky(a)
    p = np.tril(y.T @ gy)
    p[np.diag_indices(len(p))] /= 2
    s = np.linalg.solve(y.T, np.linalg.solve(y.T, p.T).T)
    return y, (s + s.T) / 2


def sort_by_hand(gy, x):
    """The elements are all different."""
    order = np.argsort(x)
    gx = np.empty_like(x)
    gx[order] = gy
    return x[order], gx


def positive_definite(n):
    """A matrix that has a factor."""
    x = random(n, n)
    return x @ x.T + n * np.eye(n)


def two_matrices(n):
    """Of half the length, squares."""
    return random(n // 2, n // 2), random(n // 2, n // 2, seed=1)


CASES = {
    "prod, axis=1": Case(
        lambda xp, x: xp.prod(x, 1), lambda n: [1 + 0.01 * random(n, n)], prod_by_hand
    ),
    "median, axis=0": Case(
        lambda xp, x: xp.median(x, 0), lambda n: [random(n | 1, n)], median_by_hand
    ),
    "einsum of stacks": Case(
        lambda xp, a, b: xp.einsum("ijk,ikl->ijl", a, b),
        lambda n: [random(n // 10, 32, 32), random(n // 10, 32, 32, seed=1)],
        stacks_by_hand,
    ),
    "einsum of matrices": Case(
        lambda xp, a, b: xp.einsum("ij,jk->ik", a, b), two_matrices, matrices_by_hand
    ),
    "einsum, optimize": Case(
        lambda xp, a, b: xp.einsum("ij,jk->ik", a, b, optimize=True),
        two_matrices,
        partial(matrices_by_hand, optimize=True),
    ),
    "cholesky": Case(
        lambda xp, x: xp.cholesky(x), lambda n: [positive_definite(n // 5)], cholesky_by_hand
    ),
    "sort": Case(lambda xp, x: xp.sort(x), lambda n: [random(n * n)], sort_by_hand),
}
