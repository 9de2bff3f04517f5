"""Optimizers of nested values by stochastic gradients, `grad(x, i)` in step `i`.

Each calls `callback(x, i, g)` before a step, and returns the last `x`.
"""

import fastgrad.numpy as xp
from fastgrad.compat.autograd.misc.flatten import flatten
from fastgrad.compat.autograd.wrap_util import wraps


def unflatten_optimizer(optimize):
    """Let an optimizer of vectors take nests of tuples, lists and dicts."""

    @wraps(optimize)
    def of_nests(grad, x0, callback=None, *args, **kwargs):
        vector, unflatten = flatten(x0)

        def vector_grad(x, i):
            return flatten(grad(unflatten(x), i))[0]

        def vector_callback(x, i, g):
            callback(unflatten(x), i, unflatten(g))

        told = vector_callback if callback else None
        return unflatten(optimize(vector_grad, vector, told, *args, **kwargs))

    return of_nests


def steps(grad, x, callback, num_iters, direction):
    """`x` after so many steps along `direction(g, i)`."""
    for i in range(num_iters):
        g = grad(x, i)
        if callback:
            callback(x, i, g)
        x = x + direction(g, i)
    return x


@unflatten_optimizer
def sgd(grad, x, callback=None, num_iters=200, step_size=0.1, mass=0.9):
    """Gradient descent with momentum: steps along the running mean of the gradients."""
    velocity = xp.zeros(len(x))

    def direction(g, i):
        nonlocal velocity
        velocity = mass * velocity - (1.0 - mass) * g
        return step_size * velocity

    return steps(grad, x, callback, num_iters, direction)


@unflatten_optimizer
def rmsprop(grad, x, callback=None, num_iters=100, step_size=0.1, gamma=0.9, eps=10**-8):
    """Steps along the gradient by the root of its mean square (Tieleman and Hinton 2012)."""
    square = xp.ones(len(x))

    def direction(g, i):
        nonlocal square
        square = square * gamma + g**2 * (1 - gamma)
        return -(step_size * g / (xp.sqrt(square) + eps))

    return steps(grad, x, callback, num_iters, direction)


@unflatten_optimizer
def adam(grad, x, callback=None, num_iters=100, step_size=0.001, b1=0.9, b2=0.999, eps=10**-8):
    """Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1."""
    m, v = xp.zeros(len(x)), xp.zeros(len(x))

    def direction(g, i):
        nonlocal m, v
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * (g**2) + b2 * v
        unbiased_m, unbiased_v = m / (1 - b1 ** (i + 1)), v / (1 - b2 ** (i + 1))
        return -(step_size * unbiased_m / (xp.sqrt(unbiased_v) + eps))

    return steps(grad, x, callback, num_iters, direction)
