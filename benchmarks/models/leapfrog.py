"""Hamiltonian Monte Carlo on a logistic regression."""

import numpy as np


class Leapfrog:
    """A trajectory of Hamiltonian Monte Carlo on a logistic regression of 200 x 10: 10 steps."""

    name = "HMC leapfrog, logistic regression 200 x 10, 10 steps"
    steps, size = 10, 0.01

    def start(self):
        """Position and momentum; inputs and labels."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((200, 10))
        s = np.where(rng.random(200) < 0.5, -1.0, 1.0)
        return [rng.standard_normal(10), rng.standard_normal(10)], (x, s)

    def loss(self, xp, parameters, x, s):
        """The negative logarithm of the posterior density, at a position."""
        (w,) = parameters
        return xp.sum(xp.log(1 + xp.exp(-s * (x @ w)))) + 0.5 * xp.sum(w * w)

    def step(self, gradient, parameters, constants):
        """[position, momentum] where the trajectory ends."""
        w, p = parameters
        size = self.size
        p = p - 0.5 * size * gradient([w], constants)[1][0]
        for i in range(self.steps):
            w = w + size * p
            share = size if i < self.steps - 1 else 0.5 * size
            p = p - share * gradient([w], constants)[1][0]
        return [w, p]

    def by_hand(self, parameters, constants, value=True):
        """The value, and the gradient for the position."""
        (w,) = parameters
        x, s = constants
        e = np.exp(-s * (x @ w))
        gw = (-s * (e / (1 + e))) @ x + w
        return np.sum(np.log(1 + e)) + 0.5 * np.sum(w * w) if value else None, [gw]
