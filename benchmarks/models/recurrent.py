"""A recurrent network."""

import functools

import numpy as np


class Recurrent:
    """`h = tanh(x W + h U + b)`, 200 times on 32 x 64; the loss is the mean of the last squared."""

    steps, batch, size = 200, 32, 64
    name = "RNN, 200 steps on 32 x 64, value and gradient"

    def start(self):
        """W, U and b; the inputs of all steps and the first state."""
        rng = np.random.default_rng(0)
        n = self.size
        w, u = (rng.normal(0, n**-0.5, (n, n)) for _ in range(2))
        xs = rng.standard_normal((self.steps, self.batch, n))
        return [w, u, np.zeros(n)], (xs, np.zeros((self.batch, n)))

    @functools.cached_property
    def workspace(self):
        """Memory for the scores and the states of all steps: new memory would be slow."""
        shape = (self.batch, self.size)
        return np.empty((self.steps, *shape)), np.empty((self.steps + 1, *shape))

    def loss(self, xp, parameters, xs, h):
        """The mean of the squares of the last state."""
        w, u, b = parameters
        h = xp.iterate(lambda i, h: xp.tanh(xs[i] @ w + h @ u + b), h, self.steps)
        return xp.sum(h * h) / (self.batch * self.size)

    def step(self, gradient, parameters, constants):
        """[value, gradients ...]"""
        y, gradients = gradient(parameters, constants)
        return [y, *gradients]

    def by_hand(self, parameters, constants, value=True):
        """The value and the gradients: what does not depend on the state is one product for all."""
        w, u, b = parameters
        xs, h = constants
        n = self.size
        scores, hs = self.workspace
        np.matmul(xs.reshape(-1, n), w, out=scores.reshape(-1, n))
        scores += b
        hs[0] = h
        for i in range(self.steps):
            np.tanh(scores[i] + hs[i] @ u, out=hs[i + 1])
        gs = scores  # from here on their gradients
        gh = 2 / (self.batch * n) * hs[-1]
        for i in reversed(range(self.steps)):
            np.multiply(gh, 1 - hs[i + 1] * hs[i + 1], out=gs[i])
            gh = gs[i] @ u.T
        flat = gs.reshape(-1, n)
        gradients = [xs.reshape(-1, n).T @ flat, hs[:-1].reshape(-1, n).T @ flat, flat.sum(axis=0)]
        return np.sum(hs[-1] * hs[-1]) / (self.batch * n) if value else None, gradients
