# ruff: noqa: NPY002 (the library draws from NumPy's one generator)
"""The programs of the book's steps 38 to 60, which need DeZero's functions, layers, optimizers.

`python steps_of_layers.py original` prints, as JSON, what the library as it is makes of these, and
of those in steps.py; `python steps_of_layers.py patched`, what it makes of them on fastgrad's core.
"""

import contextlib
import itertools
import json
import sys

import numpy as np
from steps import SIMPLE, STEPS, number, numbers, step

LAYERS = {}


@step("38-41", LAYERS)
def shapes(lib):
    """Reshape, transpose, sum, broadcast, matrix product."""
    F, Variable = lib.functions, lib.Variable
    x = Variable(np.arange(6.0).reshape(2, 3))
    found = []
    for f in (
        lambda x: x.reshape(6),
        lambda x: x.reshape((3, 2)),
        lambda x: x.transpose() if x.ndim else x,
        lambda x: x.T,
        lambda x: F.sum(x, axis=0),
        lambda x: x.sum(axis=1, keepdims=True),
        lambda x: x.sum(0, True),
        lambda x: F.broadcast_to(x.sum(axis=0), (4, 3)),
        lambda x: F.sum_to(x, (1, 3)),
        lambda x: x + Variable(np.array([10.0])),
        lambda x: F.matmul(x, Variable(np.ones((3, 4)))),
        lambda x: x[1],
        lambda x: F.get_item(x, [0, 0, 1]),
        lambda x: x.max(axis=1),
        lambda x: x.max(1, True),
        lambda x: x.min(),
        lambda x: F.clip(x, 1.0, 4.0),
    ):
        x.cleargrad()
        y = f(x)
        (y * y).backward()
        found += numbers(y, x.grad)
    return found


def sine_data(n=100):
    """Points of a noisy sine."""
    rng = np.random.RandomState(0)
    x = rng.rand(n, 1)
    return x, np.sin(2 * np.pi * x) + rng.rand(n, 1), rng


@step("42", LAYERS)
def linear_regression(lib):
    """A line, by steepest descent."""
    F, Variable = lib.functions, lib.Variable
    rng = np.random.RandomState(0)
    x = rng.rand(100, 1)
    y = 5 + 2 * x + rng.rand(100, 1)
    x, y = Variable(x), Variable(y)
    W, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
    for _ in range(100):
        loss = F.mean_squared_error(y, F.matmul(x, W) + b)
        W.cleargrad()
        b.cleargrad()
        loss.backward()
        W.data -= 0.1 * W.grad.data
        b.data -= 0.1 * b.grad.data
    return numbers(W, b, loss)


@step("43", LAYERS)
def neural_network(lib):
    """Two layers by hand."""
    F, Variable = lib.functions, lib.Variable
    x, y, rng = sine_data()
    parameters = [Variable(0.01 * rng.randn(1, 10)), Variable(np.zeros(10))]
    parameters += [Variable(0.01 * rng.randn(10, 1)), Variable(np.zeros(1))]
    W1, b1, W2, b2 = parameters
    found = []
    for i in range(300):
        loss = F.mean_squared_error(y, F.linear(F.sigmoid(F.linear(x, W1, b1)), W2, b2))
        for p in parameters:
            p.cleargrad()
        loss.backward()
        for p in parameters:
            p.data -= 0.2 * p.grad.data
        if i % 100 == 0:
            found += numbers(loss)
    return found


def linear(lib, n):
    """A layer in float64: one in float32 has gradients in float32 here, in float64 there."""
    return lib.layers.Linear(n, dtype=np.float64)


def learn(model, optimizer, loss):
    """Update the parameters of the model once."""
    model.cleargrads()
    loss.backward()
    optimizer.update()


@step("45-46", LAYERS)
def models(lib):
    """Layers in models, and each optimizer."""
    F, O = lib.functions, lib.optimizers  # noqa: E741
    x, y, _ = sine_data()
    found = []
    hooks = [O.WeightDecay(1e-3), O.ClipGrad(0.5)]
    kinds = [O.SGD(0.2), O.MomentumSGD(0.1), O.AdaGrad(0.1), O.AdaDelta(), O.Adam(0.01)]
    for optimizer in kinds:

        class TwoLayers(lib.Model):
            def __init__(self):
                super().__init__()
                self.l1, self.l2 = linear(lib, 10), linear(lib, 1)

            def forward(self, x):
                return self.l2(F.sigmoid(self.l1(x)))

        np.random.seed(0)
        model = TwoLayers()
        optimizer.setup(model)
        for hook in hooks:
            optimizer.add_hook(hook)
        for _ in range(50):
            loss = F.mean_squared_error(y, model(x))
            learn(model, optimizer, loss)
        found += numbers(loss)
    return found


@step("47", LAYERS)
def cross_entropy(lib):
    """Softmax and cross entropy, and a slice of Variables."""
    F = lib.functions
    x = lib.Variable(np.array([[0.2, -0.4], [0.3, 0.5], [1.3, -3.2], [2.1, 0.3]]))
    t = np.array([0, 1, 0, 1])
    found = []
    for loss in (F.softmax_cross_entropy, F.softmax_cross_entropy_simple):
        x.cleargrad()
        y = loss(x, t)
        y.backward()
        found += numbers(y, x.grad, F.softmax(x), F.log_softmax(x), F.accuracy(x, t))
    return found


@step("48-50", LAYERS)
def spiral(lib):
    """The three spirals, through a DataLoader."""
    F = lib.functions
    train = lib.datasets.Spiral(train=True)
    loader = lib.DataLoader(train, 30)
    np.random.seed(0)
    model = lib.models.MLP((10, 3))
    for layer in model.layers:
        layer.dtype = np.float64
        layer.b.data = layer.b.data.astype(np.float64)
    optimizer = lib.optimizers.SGD(1.0).setup(model)
    found = []
    for _ in range(4):
        total = 0.0
        for x, t in loader:
            loss = F.softmax_cross_entropy(model(x.astype(np.float64)), t)
            learn(model, optimizer, loss)
            total += float(loss.data) * len(t)
        found.append(total / len(train))
    with lib.no_grad():
        x, t = loader.next()
        found += numbers(F.accuracy(model(x.astype(np.float64)), t))
    return found


@step("53-54", LAYERS)
def weights_and_dropout(lib):
    """Weights to a file and back, and dropout in both modes."""
    import os
    import tempfile

    F = lib.functions
    np.random.seed(0)
    model, other = lib.models.MLP((4, 2)), lib.models.MLP((4, 2))
    x = np.random.rand(3, 5)
    y = model(x)
    other(x)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.npz")
        model.save_weights(path)
        other.load_weights(path)
    np.random.seed(1)
    z = F.dropout(np.ones((4, 5)))
    with lib.test_mode():
        same = F.dropout(np.ones(5))
    return [number(y), bool((number(other(x)) == np.array(number(y))).all()), *numbers(z, same)]


@step("55-58", LAYERS)
def convolution(lib):
    """im2col, convolution, pooling, batch normalization: a network and its gradients."""
    F, L = lib.functions, lib.layers
    found = [list(F.im2col(np.random.rand(n, 3, 7, 7), 5).shape) for n in (1, 10)]
    rng = np.random.RandomState(0)
    np.random.seed(0)
    x = lib.Variable(rng.rand(2, 3, 8, 8))
    conv, bn = L.Conv2d(4, 3, pad=1, dtype=np.float64), L.BatchNorm()
    deconv = L.Deconv2d(2, 3, stride=2, dtype=np.float64)
    y = bn(conv(x))
    y = F.average_pooling(F.relu(deconv(F.pooling(F.leaky_relu(y), 2, 2))), 3, 2)
    loss = F.sum(y * y)
    loss.backward()
    parameters = [conv.W, conv.b, bn.gamma, bn.beta, deconv.W, deconv.b]
    return [*found, *numbers(loss, x.grad, *[p.grad for p in parameters])]


def recurrent(lib, layer):
    """A recurrent network that follows a sine, with truncated backpropagation through time."""
    F, L = lib.functions, lib.layers
    np.random.seed(0)
    xs = np.sin(np.linspace(0, 4 * np.pi, 91))

    class Recurrent(lib.Model):
        def __init__(self):
            super().__init__()
            self.rnn, self.fc = layer, linear(lib, 1)

        def forward(self, x):
            return self.fc(self.rnn(x))

    model = Recurrent()
    for part in vars(layer).values():
        if isinstance(part, L.Linear):
            part.dtype = np.float64
            if part.b is not None:
                part.b.data = part.b.data.astype(np.float64)
    for part in vars(layer).values():
        if isinstance(part, L.Linear) and part.in_size:
            part._init_W()
    optimizer = lib.optimizers.Adam().setup(model)
    layer.reset_state()
    loss, found = 0, []
    for i, (x, t) in enumerate(itertools.pairwise(xs)):
        loss += F.mean_squared_error(model(x.reshape(1, 1)), t.reshape(1, 1))
        if i % 15 == 14:
            learn(model, optimizer, loss)
            loss.unchain_backward()
            found += numbers(loss)
    return found


@step("59", LAYERS)
def rnn(lib):
    """With an Elman network."""
    return recurrent(lib, lib.layers.RNN(10))


@step("60", LAYERS)
def lstm(lib):
    """With an LSTM."""
    return recurrent(lib, lib.layers.LSTM(8))


@step("picture", LAYERS)
def library_picture(lib):
    """What `get_dot_graph` writes, but for the numbers of the objects."""
    import re

    F = lib.functions
    x = lib.Variable(np.ones((2, 3)), "x")
    y = F.tanh(F.matmul(x, np.ones((3, 2))))
    y.name = "y"
    text = lib.utils.get_dot_graph(y)
    names = {}
    return re.sub(r"\d{6,}", lambda m: names.setdefault(m[0], f"n{len(names)}"), text).splitlines()


@step("others", LAYERS)
def other_functions(lib):
    """What the steps leave out: losses, embeddings, the gradient check."""
    F, L = lib.functions, lib.layers
    rng = np.random.RandomState(0)
    np.random.seed(0)
    p = lib.Variable(rng.rand(4))
    t = np.array([0, 1, 1, 0])
    found = []
    for f in (F.binary_cross_entropy, F.sigmoid_cross_entropy):
        p.cleargrad()
        y = f(p, t)
        y.backward()
        found += numbers(y, p.grad)
    embedded = L.EmbedID(5, 3)
    y = embedded(np.array([0, 0, 3]))
    F.sum(y * y).backward()
    found += numbers(y, embedded.W.grad)
    x = rng.rand(2, 3)
    for f in (F.exp, F.log, F.sin, F.cos, F.tanh, F.sigmoid, F.flatten):
        found.append(bool(lib.utils.gradient_check(f, x.copy())))
    return found


def main(which):
    """Print what the library computes, on its own core or on fastgrad's."""
    if which == "patched":
        import fastgrad.compat

        fastgrad.compat.patch("dezero", quiet=True)
    else:  # the library is of a time when NumPy had it
        np.int = int  # noqa: NPY001
    with contextlib.redirect_stdout(sys.stderr):
        import dezero
        import dezero.core_simple
        import dezero.models

        dezero.core_simple.setup_variable()
        found = {name: f(dezero.core) for name, f in STEPS.items()}
        found |= {f"{name} simple": f(dezero.core_simple) for name, f in SIMPLE.items()}
        found |= {name: f(dezero) for name, f in LAYERS.items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
