"""Rosenbrock's function."""

import numpy as np


def rosenbrock(xp, x):
    """The function, of a vector."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    """Its Hessian by hand."""
    n = len(x)
    h = np.zeros((n, n))
    diagonal = h.reshape(-1)[:: n + 1]
    diagonal[1:] = 200
    diagonal[:-1] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    beside = -400 * x[:-1]
    h.reshape(-1)[1 :: n + 1] = beside
    h.reshape(-1)[n :: n + 1] = beside
    return h


def rosenbrock_hvp(x, v):
    """Its Hessian times a vector, by hand."""
    inner = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    beside = -400 * x[:-1]
    hv = np.empty_like(x)
    hv[-1] = 0
    hv[:-1] = inner * v[:-1] + beside * v[1:]
    hv[1:] += 200 * v[1:] + beside * v[:-1]
    return hv


class Rosenbrock:
    """The value of Rosenbrock's function and its gradient."""

    def __init__(self, n):
        self.n = n
        self.name = f"Rosenbrock, n = {n}, value and gradient"

    def start(self):
        """A point; nothing."""
        return [np.random.default_rng(0).uniform(0.5, 1.5, self.n)], ()

    def loss(self, xp, parameters):
        """The function."""
        (x,) = parameters
        return rosenbrock(xp, x)

    def step(self, gradient, parameters, constants):
        """[value, gradient]"""
        y, (gx,) = gradient(parameters, constants)
        return [y, gx]

    def by_hand(self, parameters, constants, value=True):
        """The value and the gradient."""
        (x,) = parameters
        head = x[:-1]
        d = x[1:] - head * head
        e = 1 - head
        gx = np.empty_like(x)
        gx[0] = 0
        gx[1:] = 200 * d
        gx[:-1] -= 400 * d * head + 2 * e
        return np.sum(100 * d * d + e * e) if value else None, [gx]
