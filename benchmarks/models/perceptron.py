"""A perceptron's step."""

import itertools

import numpy as np


class Perceptron:
    """A step of gradient descent: batch of 32, two hidden layers of 64 with tanh, squared error."""

    name = "MLP step, batch 32, 2 x 64 tanh"
    rate = 1e-3

    def start(self):
        """Weights and biases; inputs and targets."""
        rng = np.random.default_rng(0)
        x, t = rng.standard_normal((32, 8)), rng.standard_normal((32, 1))
        parameters = []
        for n, k in itertools.pairwise([8, 64, 64, 1]):
            parameters += [rng.normal(0, n**-0.5, (n, k)), np.zeros(k)]
        return parameters, (x, t)

    def loss(self, xp, parameters, x, t):
        """The sum of the squared errors."""
        w0, b0, w1, b1, w2, b2 = parameters
        h = xp.tanh(x @ w0 + b0)
        h = xp.tanh(h @ w1 + b1)
        return xp.sum((h @ w2 + b2 - t) ** 2)

    def step(self, gradient, parameters, constants):
        """[value, new parameters ...]"""
        y, gradients = gradient(parameters, constants)
        return [y, *(p - self.rate * g for p, g in zip(parameters, gradients, strict=True))]

    def by_hand(self, parameters, constants, value=True):
        """The value, and the gradient of each weight and bias."""
        w0, b0, w1, b1, w2, b2 = parameters
        x, t = constants
        h0 = np.tanh(x @ w0 + b0)
        h1 = np.tanh(h0 @ w1 + b1)
        error = h1 @ w2 + b2 - t
        g2 = 2 * error
        g1 = (g2 @ w2.T) * (1 - h1 * h1)
        g0 = (g1 @ w1.T) * (1 - h0 * h0)
        gradients = [
            x.T @ g0,
            g0.sum(axis=0),
            h0.T @ g1,
            g1.sum(axis=0),
            h1.T @ g2,
            g2.sum(axis=0),
        ]
        return np.sum(error * error) if value else None, gradients
