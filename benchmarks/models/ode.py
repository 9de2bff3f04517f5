"""An ordinary differential equation, solved explicitly."""

import numpy as np


class Ode:
    """`y' = tanh(A y) - y` on 8 states by Euler's method; the loss is of the end state."""

    steps, size, dt = 1000, 8, 0.01
    name = "ODE, 1000 Euler steps on 8 states, value and gradient"

    def start(self):
        """A; the state at the beginning and the one wanted at the end."""
        rng = np.random.default_rng(0)
        a = rng.normal(0, 2 * self.size**-0.5, (self.size, self.size))
        return [a], (rng.standard_normal(self.size), rng.standard_normal(self.size))

    def loss(self, xp, parameters, y, wanted):
        """The squared distance of the end state from the one wanted."""
        (a,) = parameters
        dt = self.dt
        y = xp.iterate(lambda i, y: y + dt * (xp.tanh(a @ y) - y), y, self.steps)
        return xp.sum((y - wanted) ** 2)

    def step(self, gradient, parameters, constants):
        """[value, gradient]"""
        y, (ga,) = gradient(parameters, constants)
        return [y, ga]

    def by_hand(self, parameters, constants, value=True):
        """The value and the gradient: all steps backwards, then one product for `A`."""
        (a,) = parameters
        y, wanted = constants
        dt, shape = self.dt, (self.steps, self.size)
        ys, fs = np.empty(shape), np.empty(shape)
        for i in range(self.steps):
            ys[i] = y
            f = np.tanh(a @ y, out=fs[i])
            y = y + dt * (f - y)
        error = y - wanted
        slopes = dt * (1 - fs * fs)
        gs = np.empty(shape)  # the gradients of A y
        gy = 2 * error
        at = a.T
        for i in reversed(range(self.steps)):
            g = np.multiply(gy, slopes[i], out=gs[i])
            gy = (1 - dt) * gy + at @ g
        return np.sum(error * error) if value else None, [gs.T @ ys]
