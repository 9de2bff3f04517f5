"""A small multilayer perceptron learns the handwritten digits that scikit-learn ships.

`python -m benchmarks.digits [--epochs N]` trains it on the baseline and on fastgrad, in turns: the
same text, the same numbers (every loss is compared bit for bit), the time of each. The network is
written with Variables: operators, and Functions defined in Python as a user of the seed would.
"""

import argparse
import functools
import gc
import statistics
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from benchmarks.workloads import MODULES, load

HIDDEN = 64
BATCH = 32
RATE = 0.1
DECAY = 1e-4
EPOCHS = 20


@functools.cache
def functions_of(m):
    """The Functions of the network, defined on the module `m`."""

    class Tanh(m.Function):
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, gy):
            return gy * (1 - self.y * self.y)

    class SoftmaxCrossEntropy(m.Function):
        """The sum over a batch of the cross entropy of softmax(x) and the labels `t`."""

        def __init__(self, t):
            super().__init__()
            self.t = (np.arange(len(t)), t)

        def forward(self, x):
            z = x - x.max(axis=1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=1, keepdims=True)
            self.p = e / total
            return (np.log(total[:, 0]) - z[self.t]).sum()

        def backward(self, gy):
            gx = self.p.copy()
            gx[self.t] -= 1
            return gy * gx

    class SumOfSquares(m.Function):
        def forward(self, x):
            return np.square(x).sum()

        def backward(self, gy):
            return gy * (2 * self.inputs[0].data)

    return Tanh, SoftmaxCrossEntropy, SumOfSquares


@dataclass(frozen=True)
class Digits:
    """The 1797 images of 8 x 8 pixels and their labels, split four to one."""

    x: np.ndarray
    t: np.ndarray
    x_test: np.ndarray
    t_test: np.ndarray


@functools.cache
def digits():
    """The data, shuffled by a fixed seed."""
    from sklearn.datasets import load_digits  # takes a second: only where it is needed

    x, t = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, t, n = x[order], t[order], len(x) * 4 // 5
    return Digits(x[:n], t[:n], x[n:], t[n:])


class Network:
    """Standardise, hidden layer, scores; the parameters of all three are learned."""

    def __init__(self, m, x, rng):
        self.Tanh, self.Loss, self.SumOfSquares = functions_of(m)
        features = x.shape[1]

        def weights(n, k):
            return m.Variable(rng.normal(0, n**-0.5, (n, k)))

        self.mean = m.Variable(x.mean(axis=0))
        self.spread = m.Variable(x.std(axis=0) + 1)
        self.w0, self.b0 = weights(features, HIDDEN), m.Variable(np.zeros(HIDDEN))
        self.w1, self.b1 = weights(HIDDEN, 10), m.Variable(np.zeros(10))
        self.params = [self.mean, self.spread, self.w0, self.b0, self.w1, self.b1]

    def scores(self, x):
        """The scores of the ten digits for each row of the array `x`."""
        z = (x - self.mean) / self.spread
        return self.Tanh()(z @ self.w0 + self.b0) @ self.w1 + self.b1

    def loss(self, x, t):
        """The mean cross entropy over a batch, plus a penalty for large weights."""
        squares = self.SumOfSquares()(self.w0) + self.SumOfSquares()(self.w1)
        return self.Loss(t)(self.scores(x)) / len(t) + DECAY * squares

    def step(self):
        """One step of gradient descent."""
        for p in self.params:
            p.data = p.data - RATE * p.grad
            p.cleargrad()


@dataclass(frozen=True)
class Training:
    """The result: the loss of every step, the time of all, the share of digits read correctly."""

    losses: list
    seconds: float
    accuracy: float

    def epochs(self):
        """The mean loss of each epoch."""
        return np.reshape(self.losses, (-1, len(digits().x) // BATCH)).mean(axis=1)


def train(m, epochs=EPOCHS, seed=0):
    """Train a new network with the module `m`."""
    data = digits()
    rng = np.random.default_rng(seed)
    network = Network(m, data.x, rng)
    batches = len(data.x) // BATCH
    losses = []
    gc.collect()
    started = perf_counter()
    for _ in range(epochs):
        order = rng.permutation(len(data.x))
        for batch in order[: batches * BATCH].reshape(batches, BATCH):
            loss = network.loss(data.x[batch], data.t[batch])
            loss.backward()
            network.step()
            losses.append(float(loss.data))
    seconds = perf_counter() - started
    with m.no_grad():
        guesses = network.scores(data.x_test).data.argmax(axis=1)
    return Training(losses, seconds, float((guesses == data.t_test).mean()))


def compare(epochs=EPOCHS, rounds=3, tick=lambda share: None):
    """Train on the baseline and on fastgrad in turns; raise unless all losses are the same."""
    runs = {module: [] for module in MODULES}
    for _ in range(rounds):
        for module in MODULES:
            runs[module].append(train(load(module), epochs))
            tick(1 / (rounds * len(MODULES)))
    expected, actual = runs["baseline"][0], runs["fastgrad"][0]
    for step, (a, b) in enumerate(zip(expected.losses, actual.losses, strict=True)):
        if a != b:
            raise AssertionError(f"step {step}: the loss is {b!r}, the baseline's {a!r}")
    seconds = {module: [run.seconds for run in runs[module]] for module in MODULES}
    ratios = [a / b for a, b in zip(seconds["baseline"], seconds["fastgrad"], strict=True)]
    return {
        "epochs": epochs,
        "steps": len(actual.losses),
        "seconds": {module: statistics.median(seconds[module]) for module in MODULES},
        "ratio": statistics.median(ratios),
        "losses": actual.epochs().tolist(),
        "accuracy": actual.accuracy,
    }


def main():
    """Print the loss of every epoch, then the accuracy and the times."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits", description=__doc__)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    result = compare(parser.parse_args().epochs)
    for epoch, loss in enumerate(result["losses"], 1):
        print(f"epoch {epoch:3}   loss {loss:.6f}")
    print(f"test accuracy {result['accuracy']:.1%}")
    print(f"all {result['steps']} losses are the same on both, bit for bit")
    for module, seconds in result["seconds"].items():
        print(f"{module:9} {seconds:8.3f} s   {seconds / result['steps'] * 1e6:7.1f} us a step")
    print(f"ratio     {result['ratio']:8.2f}")


if __name__ == "__main__":
    main()
