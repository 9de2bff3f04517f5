"""Programs of the kind that DeZero's book has: scalars, derivatives of derivatives, training."""

from itertools import pairwise

import dezero
import dezero.functions as F
import dezero.layers as L
import numpy as np
from dezero import Model, Parameter, Variable, optimizers
from dezero.models import MLP


def test_functions():
    """Optimisers' test functions of two numbers, each with its gradients."""

    def goldstein(x, y):
        return (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
            30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
        )

    def matyas(x, y):
        return 0.26 * (x**2 + y**2) - 0.48 * x * y

    found = []
    for f in (goldstein, matyas):
        for i in range(20):
            x, y = Variable(np.array(0.1 * i)), Variable(np.array(1.0))
            z = f(x, y)
            z.backward()
            found.append((z.data, x.grad.data, y.grad.data))
    return found


def gradient_descent():
    """Rosenbrock's function from (0, 2), a thousand steps."""
    x0, x1 = Variable(np.array(0.0)), Variable(np.array(2.0))
    for _ in range(1000):
        y = 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2
        x0.cleargrad()
        x1.cleargrad()
        y.backward()
        x0.data = x0.data - 0.001 * x0.grad.data
        x1.data = x1.data - 0.001 * x1.grad.data
    return x0.data, x1.data


def newton():
    """Second derivatives by a backward of the gradient's graph."""
    return minimum(60)


def minimum(count):
    """That many steps of Newton's method."""
    x = Variable(np.array(2.0))
    for _ in range(count):
        y = x**4 - 2 * x**2
        x.cleargrad()
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        gx.backward()
        x.data = x.data - gx.data / x.grad.data
    return x.data


def higher_derivatives_of_tanh():
    """Four times."""
    x = Variable(np.linspace(-2, 2, 40))
    y, found = F.tanh(x), []
    y.backward(create_graph=True)
    for _ in range(4):
        gx = x.grad
        found.append(gx.data)
        x.cleargrad()
        gx.backward(create_graph=True)
    return found


def penalised_gradient():
    """A backward through a gradient, as in a penalty."""
    x = Variable(np.linspace(0.1, 1, 10).reshape(2, 5))
    W = Variable(np.linspace(-1, 1, 20).reshape(5, 4))
    y = F.sum(F.matmul(x, W) ** 3)
    y.backward(create_graph=True)
    gW = W.grad
    z = F.sum(gW**2) + y
    W.cleargrad()
    x.cleargrad()
    z.backward()
    return z.data, W.grad.data, x.grad.data


def network_by_hand():
    """Two layers on a noisy sine, parameters updated by hand."""
    rng = np.random.RandomState(0)
    x = rng.rand(100, 1)
    y = np.sin(2 * np.pi * x) + rng.rand(100, 1)
    params = W1, b1, W2, b2 = [
        Variable(0.01 * rng.randn(1, 10)), Variable(np.zeros(10)),
        Variable(0.01 * rng.randn(10, 1)), Variable(np.zeros(1)),
    ]  # fmt: skip
    losses = []
    for _ in range(200):
        h = F.sigmoid(F.linear(x, W1, b1))
        loss = F.mean_squared_error(y, F.linear(h, W2, b2))
        for p in params:
            p.cleargrad()
        loss.backward()
        for p in params:
            p.data = p.data - 0.2 * p.grad.data
        losses.append(loss.data)
    return losses, [p.data for p in params]


class Network(Model):
    """Layers of float64."""

    def __init__(self, *sizes):
        super().__init__()
        self.steps = []
        for i, (m, n) in enumerate(pairwise(sizes)):
            layer = L.Linear(n, dtype=np.float64, in_size=m)
            setattr(self, f"l{i}", layer)
            self.steps.append(layer)

    def forward(self, x):
        for layer in self.steps[:-1]:
            x = F.relu(layer(x))
        return self.steps[-1](x)


def trained(model, optimizer, loss_of, steps):
    """The losses, and the parameters in the end."""
    optimizer = optimizer.setup(model)
    losses = []
    for i in range(steps):
        loss = loss_of(model, i)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(loss.data)
    return losses, sorted_params(model)


def sorted_params(model):
    """DeZero keeps their names in a set."""
    found = {}
    model._flatten_params(found)
    return {name: p.data for name, p in found.items()}


def spiral():
    """The book's classifier of spirals, in batches."""
    x, t = dezero.datasets.get_spiral()
    x = x.astype(np.float64)

    def loss(model, i):
        batch = slice(30 * (i % 10), 30 * (i % 10) + 30)
        return F.softmax_cross_entropy(model(x[batch]), t[batch])

    return trained(Network(2, 10, 3), optimizers.SGD(1.0), loss, 100)


def optimizers_one_by_one():
    rng = np.random.RandomState(1)
    x, y = rng.randn(50, 4), rng.randn(50, 2)

    def loss(model, _):
        return F.mean_squared_error(model(x), y)

    found = []
    for make in (optimizers.MomentumSGD, optimizers.AdaGrad, optimizers.AdaDelta, optimizers.Adam):
        np.random.seed(2)
        found.append(trained(Network(4, 8, 2), make(), loss, 20))
    return found


def perceptron_of_float32():
    """As the library makes it if nobody says otherwise."""
    rng = np.random.RandomState(3)
    x = rng.rand(60, 5).astype(np.float32)
    t = rng.randint(0, 3, 60)

    def loss(model, _):
        return F.softmax_cross_entropy(model(x), t)

    return trained(MLP((12, 3)), optimizers.SGD(0.1), loss, 50)


class Recurrent(Model):
    """A recurrent layer, and a linear one on it."""

    def __init__(self, layer):
        super().__init__()
        self.rnn, self.fc = layer, L.Linear(1)

    def forward(self, x):
        return self.fc(self.rnn(x))


def through_time(layer, length, cut=30):
    """Truncated backpropagation along a sine curve, an update at each cut."""
    model, optimizer = Recurrent(layer), optimizers.Adam(0.01)
    optimizer.setup(model)
    xs = np.sin(np.linspace(0, 6, length + 1)).reshape(-1, 1, 1)
    losses = []
    for _ in range(2):
        model.rnn.reset_state()
        loss = 0
        for i in range(length):
            loss += F.mean_squared_error(model(xs[i]), xs[i + 1])
            if (i + 1) % cut == 0:
                model.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
                losses.append(loss.data)
    return losses


def sine_by_rnn():
    return through_time(L.RNN(20), 180)


def sine_by_lstm():
    return through_time(L.LSTM(20), 90)


class Convolutional(Model):
    """Two convolutions, pooling, normalisation, a linear layer."""

    def __init__(self):
        super().__init__()
        self.a = L.Conv2d(6, 3, pad=1, dtype=np.float64)
        self.b = L.Conv2d(8, 3, stride=2, dtype=np.float64)
        self.norm, self.fc = L.BatchNorm(), L.Linear(4, dtype=np.float64)

    def forward(self, x):
        h = F.pooling(F.relu(self.a(x)), 2, 2)
        h = F.relu(self.norm(F.flatten(self.b(h))))
        return self.fc(F.dropout(h, 0.3))


def convolutions():
    rng = np.random.RandomState(4)
    x, t = rng.randn(12, 2, 12, 12), rng.randint(0, 4, 12)

    def loss(model, _):
        return F.softmax_cross_entropy(model(x), t)

    return trained(Convolutional(), optimizers.MomentumSGD(0.05), loss, 8)


def functions_one_by_one():
    """What the library has besides, with its gradients."""
    x = np.random.RandomState(5).rand(3, 4) + 0.5
    found = []
    for f in (
        F.sin, F.cos, F.exp, F.log, F.sigmoid, F.softmax, F.log_softmax, F.leaky_relu, F.max, F.min,
        lambda x: F.clip(x, 0.7, 1.2), lambda x: x[1], lambda x: x[[0, 0, 2]], lambda x: x.T,
        lambda x: F.sum_to(x, (1, 4)), lambda x: F.broadcast_to(x[0], (5, 4)),
        lambda x: F.sum(x, axis=0), lambda x: x.reshape(2, 6), lambda x: x / (x + 1) - x**3,
    ):  # fmt: skip
        v = Variable(x.copy())
        y = F.sum(f(v) ** 2)
        y.backward()
        found.append((y.data, v.grad.data))
    return found


def parameters_of_layers():
    """What a program sees of a graph: parameters, creators, generations, names."""
    p = Parameter(np.ones((2, 2)), name="p")
    y = F.sum(F.exp(p) * 2)
    with dezero.no_grad():
        z = p * 3
    names = [y.creator.__class__.__name__, str(z.creator), p.name, repr(p)]
    return names, float(y.generation), z.data
