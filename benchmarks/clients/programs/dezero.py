"""Training loops of DeZero's book, with the library's layers and optimisers."""

import dezero
import dezero.functions as F
import dezero.layers as L
import numpy as np
from dezero import Model, Variable, optimizers

from tests.clients.programs import dezero as _programs


def goldstein_price():
    """Step 24: a function of two numbers, and its gradients."""
    x, y = Variable(np.array(1.0)), Variable(np.array(1.0))
    z = (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
        30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    )
    z.backward()
    return x.grad.data, y.grad.data


def newton():
    """Step 33: second derivatives by backpropagation twice."""
    return _programs.minimum(10)


def network_by_hand():
    """Step 43: a network on a noisy sine."""
    rng = np.random.RandomState(0)
    x = rng.rand(100, 1)
    y = np.sin(2 * np.pi * x) + rng.rand(100, 1)
    W1, b1 = Variable(0.01 * rng.randn(1, 10)), Variable(np.zeros(10))
    W2, b2 = Variable(0.01 * rng.randn(10, 1)), Variable(np.zeros(1))
    for _ in range(30):
        h = F.sigmoid(F.linear(x, W1, b1))
        loss = F.mean_squared_error(y, F.linear(h, W2, b2))
        for p in (W1, b1, W2, b2):
            p.cleargrad()
        loss.backward()
        for p in (W1, b1, W2, b2):
            p.data = p.data - 0.2 * p.grad.data
    return loss.data


class _Network(Model):
    """Layers one after the other, in float64."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = layers
        for i, layer in enumerate(layers):
            setattr(self, f"l{i}", layer)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def _linear(n):
    return L.Linear(n, dtype=np.float64)


def _steps(model, optimizer, xs, labels, count):
    optimizer.setup(model)
    for i in range(count):
        at = slice(30 * (i % 10), 30 * (i % 10) + 30)
        loss = F.softmax_cross_entropy(model(xs[at]), labels[at])
        model.cleargrads()
        loss.backward()
        optimizer.update()
    return loss.data


def spiral():
    """Step 48: a classifier of points in spirals."""
    xs, labels = dezero.datasets.get_spiral()
    model = _Network(_linear(10), F.sigmoid, _linear(3))
    return _steps(model, optimizers.SGD(1.0), xs.astype(np.float64), labels, 20)


def _sine(layer):
    """Steps 59 and 60: a curve, with backpropagation through 30 points at a time."""
    model, optimizer = _Network(layer, L.Linear(1)), optimizers.Adam()
    optimizer.setup(model)
    xs, loss = np.sin(np.linspace(0, 3, 61)).reshape(-1, 1, 1), 0
    for i in range(60):
        loss += F.mean_squared_error(model(xs[i]), xs[i + 1])
        if i % 30 == 29:
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
    return loss.data


def sine_by_rnn():
    return _sine(L.RNN(100))


def sine_by_lstm():
    return _sine(L.LSTM(100))


def convolutional_network():
    """Two convolutions and a pooling on batches of small images."""
    xs = np.random.RandomState(1).randn(300, 1, 14, 14)
    labels = np.arange(300) % 4
    first = L.Conv2d(8, 3, pad=1, dtype=np.float64)
    second = L.Conv2d(8, 3, stride=2, dtype=np.float64)
    model = _Network(
        first, F.relu, lambda x: F.pooling(x, 2, 2), second, F.relu, F.flatten, _linear(4)
    )
    return _steps(model, optimizers.SGD(0.05), xs, labels, 3)
