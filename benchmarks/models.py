"""Small models, differentiated by each library and by hand: `python -m benchmarks.models`.

What a careful person writes with NumPy alone, gradients included, is the measure; fastgrad and its
peers (extra `peers`; those that are absent are skipped) get the model alone. Each result is
compared with the one by hand before anything is timed. One thread.
"""

import argparse
import gc
import importlib
import os
import statistics
from dataclasses import dataclass
from time import perf_counter_ns

if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

import itertools

import numpy as np

# --- the models: what a step computes, with the namespace `xp` of a library, and by hand ---


class Perceptron:
    """A step of gradient descent: batch of 32, two hidden layers of 64 with tanh, squared error."""

    name = "MLP step, batch 32, 2 x 64 tanh"
    rate = 1e-3

    def __init__(self):
        rng = np.random.default_rng(0)
        sizes = [8, 64, 64, 1]
        self.x, self.t = rng.standard_normal((32, 8)), rng.standard_normal((32, 1))
        self.parameters = []
        for n, k in itertools.pairwise(sizes):
            self.parameters += [rng.normal(0, n**-0.5, (n, k)), np.zeros(k)]

    def loss(self, xp, parameters, x, t):
        """The sum of the squared errors."""
        w0, b0, w1, b1, w2, b2 = parameters
        h = xp.tanh(x @ w0 + b0)
        h = xp.tanh(h @ w1 + b1)
        return xp.sum((h @ w2 + b2 - t) ** 2)

    def step(self, library):
        """The new parameters."""
        _, gradients = library(self.loss, self.parameters, (self.x, self.t))
        return [p - self.rate * g for p, g in zip(self.parameters, gradients, strict=True)]

    def by_hand(self):
        """The same."""
        w0, b0, w1, b1, w2, b2 = self.parameters
        x, rate = self.x, self.rate
        h0 = np.tanh(x @ w0 + b0)
        h1 = np.tanh(h0 @ w1 + b1)
        g2 = 2 * (h1 @ w2 + b2 - self.t)
        g1 = (g2 @ w2.T) * (1 - h1 * h1)
        g0 = (g1 @ w1.T) * (1 - h0 * h0)
        return [
            w0 - rate * (x.T @ g0),
            b0 - rate * g0.sum(axis=0),
            w1 - rate * (h0.T @ g1),
            b1 - rate * g1.sum(axis=0),
            w2 - rate * (h1.T @ g2),
            b2 - rate * g2.sum(axis=0),
        ]


class Rosenbrock:
    """The value of Rosenbrock's function and its gradient."""

    def __init__(self, n):
        self.name = f"Rosenbrock, n = {n}, value and gradient"
        self.x = np.random.default_rng(0).uniform(0.5, 1.5, n)

    def loss(self, xp, parameters):
        """The function."""
        (x,) = parameters
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    def step(self, library):
        """[value, gradient]"""
        y, (gx,) = library(self.loss, [self.x], ())
        return [y, gx]

    def by_hand(self):
        """The same."""
        x = self.x
        head = x[:-1]
        d = x[1:] - head * head
        e = 1 - head
        gx = np.zeros_like(x)
        gx[1:] = 200 * d
        gx[:-1] -= 400 * d * head + 2 * e
        return [np.sum(100 * d * d + e * e), gx]


class Leapfrog:
    """A trajectory of Hamiltonian Monte Carlo on a logistic regression of 200 x 10: 10 steps."""

    name = "HMC leapfrog, logistic regression 200 x 10, 10 steps"
    steps, size = 10, 0.01

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((200, 10))
        self.s = np.where(rng.random(200) < 0.5, -1.0, 1.0)  # the labels
        self.w, self.p = rng.standard_normal(10), rng.standard_normal(10)

    def loss(self, xp, parameters, x, s):
        """The negative logarithm of the posterior density."""
        (w,) = parameters
        return xp.sum(xp.log(1 + xp.exp(-s * (x @ w)))) + 0.5 * xp.sum(w * w)

    def trajectory(self, gradient):
        """Where the trajectory ends."""
        w, p, size = self.w, self.p, self.size
        p = p - 0.5 * size * gradient(w)
        for i in range(self.steps):
            w = w + size * p
            p = p - (size if i < self.steps - 1 else 0.5 * size) * gradient(w)
        return [w, p]

    def step(self, library):
        """[position, momentum]"""
        return self.trajectory(lambda w: library(self.loss, [w], (self.x, self.s))[1][0])

    def by_hand(self):
        """The same."""

        def gradient(w):
            e = np.exp(-self.s * (self.x @ w))
            return (-self.s * (e / (1 + e))) @ self.x + w

        return self.trajectory(gradient)


# --- the libraries: `library(loss, parameters, constants)` gives the value and the gradients ---


def fastgrad_library():
    """fastgrad, by Variables and backward."""
    import fastgrad.numpy as xp
    from fastgrad import Variable

    def library(loss, parameters, constants):
        xs = [Variable(x) for x in parameters]
        y = loss(xp, xs, *constants)
        y.backward(retain_graph=False)
        return y.data, [x.grad for x in xs]

    return library


def autograd_library():
    """HIPS autograd."""
    xp = importlib.import_module("autograd.numpy")
    value_and_grad = importlib.import_module("autograd").value_and_grad

    def library(loss, parameters, constants):
        return value_and_grad(lambda xs: loss(xp, xs, *constants))(parameters)

    return library


def torch_library():
    """PyTorch, on tensors that share the arrays' memory."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)

    def library(loss, parameters, constants):
        xs = [torch.from_numpy(x).requires_grad_() for x in parameters]
        y = loss(torch, xs, *(torch.from_numpy(c) for c in constants))
        y.backward()
        return y.detach().numpy(), [x.grad.numpy() for x in xs]

    return library


LIBRARIES = {
    "fastgrad": fastgrad_library,
    "autograd": autograd_library,
    "torch": torch_library,
}
MODELS = [Perceptron(), Rosenbrock(10), Rosenbrock(1000), Leapfrog()]


def available():
    """Those that are installed, by name."""
    found = {}
    for name, make in LIBRARIES.items():
        try:
            found[name] = make()
        except ImportError:
            continue
    return found


def check(model, library):
    """Raise unless the library's result is the one by hand."""
    for actual, expected in zip(model.step(library), model.by_hand(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-12)


# --- measuring ---


@dataclass(frozen=True)
class Measured:
    """Microseconds a step by hand, and by library: microseconds, and the median of the ratios."""

    model: str
    by_hand: float
    libraries: dict


def time_of(step, repeats):
    """Microseconds a call."""
    t0 = perf_counter_ns()
    for _ in range(repeats):
        step()
    return (perf_counter_ns() - t0) / repeats / 1e3


def measure(model, libraries, rounds):
    """Interleaved rounds; each ratio is taken within one."""
    steps = {"by hand": model.by_hand}
    for name, library in libraries.items():
        check(model, library)
        steps[name] = lambda library=library: model.step(library)
    repeats = {name: max(3, int(5e3 / time_of(step, 20))) for name, step in steps.items()}
    gc.collect()
    times = [
        {name: time_of(step, repeats[name]) for name, step in steps.items()} for _ in range(rounds)
    ]
    medians = {name: statistics.median(t[name] for t in times) for name in steps}
    ratios = {name: statistics.median(t[name] / t["by hand"] for t in times) for name in libraries}
    return Measured(
        model.name,
        medians["by hand"],
        {name: (medians[name], ratios[name]) for name in libraries},
    )


def calls():
    """Single calls: (what, recorded by fastgrad, the same by bare NumPy)."""
    import fastgrad
    from fastgrad import Variable

    a = np.linspace(0.1, 0.4, 4)
    v, w = Variable(a), Variable(a)
    return [
        (
            "np.tanh(v), 4 elements, through NumPy's protocol",
            lambda: np.tanh(v),
            lambda: np.tanh(a),
        ),
        ("fastgrad.tanh(v), 4 elements", lambda: fastgrad.tanh(v), lambda: np.tanh(a)),
        ("v.sum(), 4 elements", lambda: v.sum(), lambda: a.sum()),
        ("v * w, 4 elements", lambda: v * w, lambda: a * a),
        ("array * v, 4 elements, by NumPy's protocol", lambda: a * v, lambda: a * a),
        ("v[1:], 4 elements", lambda: v[1:], lambda: a[1:]),
    ]


def calls_table(rounds):
    """What recording a call costs, beside NumPy's time for it."""
    lines = [f"{'microseconds a call, recorded (times NumPy)':<54}{'NumPy':>10}{'fastgrad':>18}"]
    for what, ours, numpys in calls():
        times = [(time_of(ours, 3000), time_of(numpys, 3000)) for _ in range(rounds)]
        us, reference = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(a / b for a, b in times)
        lines.append(f"{what:<54}{reference:>10.2f}{f'{us:.2f} ({ratio:.2f}x)':>18}")
    return "\n".join(lines)


def table(results):
    """The figures as text."""
    names = list(results[0].libraries)
    head = f"{'microseconds a step (times by hand)':<54}{'by hand':>10}"
    lines = [head + "".join(f"{name:>18}" for name in names)]
    for row in results:
        cells = [f"{us:>10.1f} ({ratio:.2f}x)" for us, ratio in row.libraries.values()]
        lines.append(f"{row.model:<54}{row.by_hand:>10.1f}" + "".join(f"{c:>18}" for c in cells))
    return "\n".join(lines)


def main():
    """Measure all models on all libraries that are there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    libraries = available()
    print(table([measure(model, libraries, options.rounds) for model in MODELS]))
    print()
    print(calls_table(options.rounds))


if __name__ == "__main__":
    main()
