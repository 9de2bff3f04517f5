"""Derivatives of functions, by each library: `python -m benchmarks.derivatives`.

A gradient against recording and walking the same graph by hand, a jacobian of 100 x 100, a Hessian
of Rosenbrock's function. Peers come with the extra `peers`; those that are absent are skipped. Each
result is compared with the closed form before anything is timed. One thread.
"""

import argparse
import importlib
import os
import statistics

if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

import numpy as np

from benchmarks.models import time_of

A = np.random.default_rng(0).standard_normal((100, 100)) / 10
X = np.linspace(0.5, 1.5, 10)
V = np.linspace(-1, 1, 100)


def rosenbrock(xp, x):
    """Rosenbrock's function."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def layer(xp, a, x):
    """A layer of a network."""
    return xp.tanh(a @ x)


def rosenbrock_hessian(x):
    """The closed form."""
    h = np.zeros((len(x), len(x)))
    for i in range(len(x) - 1):
        h[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        h[i, i + 1] = h[i + 1, i] = -400 * x[i]
        h[i + 1, i + 1] += 200
    return h


EXPECTED = {
    "Hessian of Rosenbrock, n = 10": rosenbrock_hessian(X),
    "jacobian, 100 x 100": (1 - np.tanh(A @ V) ** 2)[:, None] * A,
}
HESSIAN, JACOBIAN = EXPECTED


def fastgrad_steps():
    """Fastgrad."""
    import fastgrad.numpy as xp
    from fastgrad import hessian, jacobian

    h = hessian(lambda x: rosenbrock(xp, x))
    j = jacobian(lambda x: layer(xp, A, x))
    return {HESSIAN: lambda: h(X), JACOBIAN: lambda: j(V)}


def autograd_steps():
    """HIPS autograd."""
    xp = importlib.import_module("autograd.numpy")
    autograd = importlib.import_module("autograd")
    h = autograd.hessian(lambda x: rosenbrock(xp, x))
    j = autograd.jacobian(lambda x: layer(xp, A, x))
    return {HESSIAN: lambda: h(X), JACOBIAN: lambda: j(V)}


def torch_steps():
    """PyTorch, by `torch.func`."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    a, x, v = torch.from_numpy(A), torch.from_numpy(X), torch.from_numpy(V)
    h = torch.func.hessian(lambda x: rosenbrock(torch, x))
    j = torch.func.jacrev(lambda x: layer(torch, a, x))
    return {HESSIAN: lambda: h(x).numpy(), JACOBIAN: lambda: j(v).numpy()}


LIBRARIES = {"fastgrad": fastgrad_steps, "autograd": autograd_steps, "torch": torch_steps}


def available():
    """The steps of the libraries that are installed, each with the right results."""
    found = {}
    for name, make in LIBRARIES.items():
        try:
            steps = make()
        except ImportError:
            continue
        for what, step in steps.items():
            np.testing.assert_allclose(step(), EXPECTED[what], rtol=1e-9, atol=1e-9)
        found[name] = steps
    return found


def grad_overhead():
    """Two steps: `grad` of a function of an array, and the same graph by a Variable."""
    from fastgrad import Variable, grad
    from fastgrad import numpy as xp

    def f(x):
        return xp.sum(x * x)

    def by_hand():
        v = Variable(X)
        f(v).backward(retain_graph=False)
        return v.grad

    g = grad(f)
    return lambda: g(X), by_hand


def rounds_of(steps, rounds):
    """For each step its microseconds in each of the interleaved rounds."""
    repeats = {name: max(3, int(5e3 / time_of(step, 5))) for name, step in steps.items()}
    return [
        {name: time_of(step, repeats[name]) for name, step in steps.items()} for _ in range(rounds)
    ]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.derivatives", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    libraries = available()
    print(f"{'microseconds (times fastgrad)':<34}" + "".join(f"{name:>20}" for name in libraries))
    for what in EXPECTED:
        times = rounds_of({name: steps[what] for name, steps in libraries.items()}, options.rounds)
        cells = []
        for name in libraries:
            us = statistics.median(t[name] for t in times)
            ratio = statistics.median(t[name] / t["fastgrad"] for t in times)
            cells.append(f"{f'{us:.1f} ({ratio:.1f}x)':>20}")
        print(f"{what:<34}" + "".join(cells))
    transform, by_hand = grad_overhead()
    times = rounds_of({"grad": transform, "by hand": by_hand}, options.rounds)
    over = statistics.median(t["grad"] - t["by hand"] for t in times)
    hand = statistics.median(t["by hand"] for t in times)
    print(f"grad(f)(x) adds {over:.2f} us to the {hand:.2f} us of recording and backward")


if __name__ == "__main__":
    main()
