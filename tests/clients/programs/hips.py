"""Programs of the kind that autograd's own benchmarks and examples are: tapes, RNNs, models."""

from itertools import pairwise

import autograd.numpy as np
import autograd.numpy.random as npr
from autograd import elementwise_grad, grad, hessian, jacobian, make_jvp, make_vjp, value_and_grad
from autograd.misc.flatten import flatten
from autograd.misc.optimizers import adam, sgd
from autograd.scipy.special import logsumexp


def square():
    """A call of grad, the overhead of all."""
    return [grad(lambda x: x**2)(float(i)) for i in range(200)]


def chain_of_sines():
    """Fifty operations on a number."""

    def f(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    return [grad(f)(0.1 * i) for i in range(20)]


def fan_out_and_in():
    """Ten thousand times a sum of a number with itself."""

    def f(x):
        for _ in range(10**4):
            x = (x + x) / 2.0
        return np.sum(x)

    return grad(f)(2.0)


def sigmoid_six_times():
    """An elementwise function, differentiated up to six times."""
    f, x, found = np.tanh, np.linspace(-3, 3, 50), []
    for _ in range(6):
        f = elementwise_grad(f)
        found.append(f(x))
    return found


def recurrent_network():
    """An RNN of float64 on short sequences, with adam."""
    rng = npr.RandomState(0)
    xs, labels = rng.randn(8, 12, 5), rng.rand(8) > 0.5
    start = {"W": 0.3 * rng.randn(16, 16), "U": 0.3 * rng.randn(5, 16), "b": np.zeros(16),
             "v": rng.randn(16)}  # fmt: skip

    def loss(params, _):
        h = np.zeros((8, 16))
        for t in range(12):
            h = np.tanh(np.dot(h, params["W"]) + np.dot(xs[:, t], params["U"]) + params["b"])
        logits = np.dot(h, params["v"])
        return -np.sum(labels * logits - np.logaddexp(0.0, logits))

    return adam(grad(loss), start, num_iters=30)


def network_by_lists():
    """A network whose parameters are a list of pairs, with sgd."""
    rng = npr.RandomState(1)
    xs, ys = rng.randn(40, 6), rng.randint(0, 3, 40)
    sizes = [6, 20, 10, 3]
    start = [(0.4 * rng.randn(m, n), np.zeros(n)) for m, n in pairwise(sizes)]

    def loss(params, _):
        outputs = xs
        for W, b in params:
            inputs = np.dot(outputs, W) + b
            outputs = np.tanh(inputs)
        logs = inputs - logsumexp(inputs, axis=1, keepdims=True)
        return -np.mean(logs[np.arange(40), ys]) + 1e-3 * sum(np.sum(W**2) for W, _ in params)

    return sgd(grad(loss), start, num_iters=40)


def gaussian_process():
    """The marginal likelihood of a Gaussian process, and its Hessian."""
    rng = npr.RandomState(2)
    x = rng.rand(15)
    y = np.sin(6 * x) + 0.1 * rng.randn(15)

    def negative(params):
        scale, width, noise = np.exp(params)
        K = scale * np.exp(-0.5 * (x[:, None] - x[None, :]) ** 2 / width**2)
        K = K + noise * np.eye(15)
        _, logdet = np.linalg.slogdet(K)
        return 0.5 * np.dot(y, np.linalg.solve(K, y)) + 0.5 * logdet

    params = np.array([0.1, -1.0, -2.0])
    return value_and_grad(negative)(params), hessian(negative)(params)


def mixture_of_gaussians():
    """The gradient of a mixture's log-likelihood by flattened parameters."""
    rng = npr.RandomState(3)
    data = rng.randn(100, 2)
    start = {"means": rng.randn(4, 2), "logs": rng.randn(4, 2), "weights": np.zeros(4)}
    flat, unflatten = flatten(start)

    def negative(vector):
        p = unflatten(vector)
        z = (data[:, None, :] - p["means"]) / np.exp(p["logs"])
        each = -0.5 * np.sum(z**2, axis=2) - np.sum(p["logs"], axis=1)
        weights = p["weights"] - logsumexp(p["weights"])
        return -np.sum(logsumexp(each + weights, axis=1))

    for _ in range(10):
        flat = flat - 1e-3 * grad(negative)(flat)
    return flat, negative(flat)


def jacobians():
    """Rows of a jacobian, and products with it on both sides."""
    rng = npr.RandomState(4)
    A, x = rng.randn(30, 20), rng.randn(20)

    def f(x):
        return np.tanh(np.dot(A, x)) * np.sum(x**2)

    vjp, value = make_vjp(f)(x)
    return jacobian(f)(x), value, vjp(np.ones(30)), make_jvp(f)(x)(np.ones(20))


def rosenbrock_hessian():
    """A Hessian of twenty variables."""

    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return hessian(f)(np.linspace(-1, 1, 20))
