"""Minimisations over lists of arrays, with gradients by autograd."""

import autograd.numpy as np
from autoptim import minimize

RNG = np.random.RandomState(0)
X, Y = RNG.randn(60, 8), RNG.randn(60, 5)


def rosenbrock():
    def f(x):
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    x, done = minimize(f, np.zeros(2))
    return x, done.fun


def regression_of_two_arrays():
    def loss(W, b):
        return np.mean((Y - np.dot(X, W) - b) ** 2)

    (W, b), done = minimize(loss, [np.zeros((8, 5)), np.zeros(5)])
    return W, b, done.fun


def factorisation():
    start = [X[:, :3] + Y[:, :3], Y[:8, :3].T]

    def loss(U, V):
        return np.sum((X - np.dot(U, V)) ** 2) + 0.1 * np.sum(U**2) + 0.1 * np.sum(V**2)

    (U, V), done = minimize(loss, start, options={"maxiter": 12})
    return U, V, done.fun


def bounded():
    labels = np.sign(Y[:, 0])

    def loss(w):
        return np.sum(np.log(1 + np.exp(-labels * np.dot(X, w)))) + 0.1 * np.sum(w)

    w, done = minimize(loss, np.ones(8), bounds=(0.0, None))
    return w, done.fun


def preconditioned():
    scale = np.array([1.0, 30.0, 0.1])
    H = np.diag(scale**2)

    def loss(x, H):
        return np.dot(x, np.dot(H, x)) + np.sum(np.exp(-x))

    def forward(x, H):
        return x * np.sqrt(np.diag(H))

    def backward(y, H):
        return y / np.sqrt(np.diag(H))

    x, done = minimize(loss, np.ones(3), args=(H,), precon_fwd=forward, precon_bwd=backward)
    return x[0] if isinstance(x, tuple) else x, done.fun


def independent_components():
    rng = np.random.RandomState(1)
    S = np.sign(rng.randn(3, 200)) * rng.rand(3, 200)
    mixed = np.dot(np.array([[1.0, 0.5, 0.1], [0.2, 1.0, 0.3], [0.4, 0.1, 1.0]]), S)

    def loss(W):
        z = np.dot(W, mixed)
        return np.mean(np.log(np.cosh(z))) * 3 - np.linalg.slogdet(W)[1]

    W, done = minimize(loss, np.eye(3))
    return W, done.fun
