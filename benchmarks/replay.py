"""Functions replayed, beside eager calls and, if it is installed, JAX's jit.

`python -m benchmarks.replay [--quick] [--only NAME] [--plot FILE]` prints, for each workload, the
time of a call (or of an operation) as fastgrad calls it, as `fastgrad.replay` does, and as a
compiled function of JAX does, with the ratios, and what the preparation takes beyond two calls.
Times are of the CPU, the least of several rounds that take turns. Results are compared first: those
of the replay are the eager ones bit for bit, those of JAX about the same.
"""

import argparse
import importlib.util
from time import process_time

import numpy as np

import fastgrad
from fastgrad import grad, hessian, hvp, replay, value_and_grad
from fastgrad.trees import flatten

QUICK, ROUNDS = 0.02, 7  # seconds a round


def rosenbrock(xp, x):
    """Rosenbrock's function of a vector."""
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def chain_of(n):
    """A chain of n operations."""

    def chain(xp, x):
        y = x
        for _ in range(n // 2):
            y = y * 0.999 + 0.001
        return xp.sum(y) if y.ndim else y

    return chain


def wide(xp, x):
    """250 branches of one number, that are added up: 1000 operations."""
    ys = [x * (0.5 + 0.01 * i) for i in range(334)]
    total = ys[0] * ys[0]
    for y in ys[1:]:
        total = total + y * y
    return total


def perceptron(xp, p, x, y):
    """The loss of an MLP 8-64-64-1 for a batch."""
    h = xp.tanh(x @ p["w1"] + p["b1"])
    h = xp.tanh(h @ p["w2"] + p["b2"])
    return xp.mean((h @ p["w3"] + p["b3"] - y) ** 2)


def energy(xp, q):
    """The energy along which the trajectory goes."""
    return 0.5 * xp.sum(q * q) + xp.sum(xp.exp(-q * q))


def trajectory(xp, slope, q, p):
    """Ten leapfrog steps."""
    for _ in range(10):
        p = p - 0.05 * slope(q)
        q = q + 0.1 * p
        p = p - 0.05 * slope(q)
    return q, p


def euler(xp, y):
    """1000 steps of an ODE."""
    for _ in range(1000):
        y = y + 0.001 * (xp.sin(y) - y * 0.5)
    return xp.sum(y)


class Workload:
    """A function for each library, and its arguments."""

    def __init__(self, name, function, args, n=1, outer="value_and_grad"):
        self.name, self.function, self.args, self.n, self.outer = name, function, args, n, outer

    def made(self, xp, library):
        """The function to call: `library` has `grad` and its kin."""

        def f(*xs):
            return self.function(xp, *xs)

        if self.outer == "trajectory":
            slope = library.grad(lambda q: energy(xp, q))
            return lambda q, p: trajectory(xp, slope, q, p)
        return getattr(library, self.outer)(f)


class Jax:
    """JAX's transforms, if it is there."""

    def __init__(self):
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax, self.grad, self.value_and_grad = jax, jax.grad, jax.value_and_grad
        self.hessian = jax.hessian

    def hvp(self, f):
        """By forward over reverse, as its documentation has it."""
        return lambda x, v: self.jax.jvp(self.jax.grad(f), (x,), (v,))[1]

    def compiled(self, workload):
        """Its function, which waits for the result."""
        f = self.jax.jit(workload.made(self.jax.numpy, self))
        return lambda *args: self.jax.block_until_ready(f(*args))


def workloads():
    """The table of issue 16."""
    rng = np.random.default_rng(0)
    number = np.float64(0.3)
    found = [Workload("0-d chain, 1000", chain_of(1000), (number,), 1000),
             Workload("0-d chain, 10000", chain_of(10_000), (number,), 10_000),
             Workload("wide, 1000", wide, (number,), 1001)]  # fmt: skip
    for size in (16, 256, 4096, 65_536, 10**6):
        x = rng.standard_normal(size)
        found.append(Workload(f"chain of {size}", chain_of(100), (x,), 100))
    for size in (10, 1000, 10**5):
        found.append(Workload(f"Rosenbrock {size}", rosenbrock, (rng.standard_normal(size),)))
    sizes = {"b1": 64, "b2": 64, "b3": 1, "w1": (8, 64), "w2": (64, 64), "w3": (64, 1)}
    p = {name: rng.standard_normal(n) / 4 for name, n in sizes.items()}
    batch = rng.standard_normal((32, 8)), rng.standard_normal((32, 1))
    q, v = rng.standard_normal(10), rng.standard_normal(10)
    return [
        *found,
        Workload("MLP step 32x8-64-64-1", perceptron, (p, *batch)),
        Workload("HMC trajectory, 10 steps", None, (q, v), outer="trajectory"),
        Workload("ODE, 1000 Euler steps", euler, (v[:3].copy(),)),
        Workload("Hessian, Rosenbrock 10", rosenbrock, (q,), outer="hessian"),
        Workload("HVP, Rosenbrock 10", rosenbrock, (q, v), outer="hvp"),
    ]


class Library:
    """fastgrad's transforms."""

    grad, value_and_grad = staticmethod(grad), staticmethod(value_and_grad)
    hessian, hvp = staticmethod(hessian), staticmethod(hvp)


def timed(function, args, n):
    """Seconds for a call, of n."""
    start = process_time()
    for _ in range(n):
        function(*args)
    return (process_time() - start) / n


def calls_for(function, args, seconds):
    """How many calls take that many seconds."""
    n = 1
    while timed(function, args, n) * n < seconds / 2 and n < 1 << 24:
        n *= 2
    return n


def same_bits(xs, ys):
    """Whether two trees of results are the same."""
    return all(
        np.asarray(x).tobytes() == np.asarray(y).tobytes()
        for x, y in zip(flatten(xs)[0], flatten(ys)[0], strict=True)
    )


def measure(workload, jax, seconds, rounds):
    """(name, seconds: eager, replayed, JAX or None, preparation; instructions, in Python)."""
    eager = workload.made(fastgrad.numpy, Library)
    step, args = replay(eager, check=None), workload.args
    expected = eager(*args)
    start = process_time()
    made = [step(*args), step(*args), step(*args)]
    prepared = process_time() - start
    if not all(same_bits(x, expected) for x in made):
        raise AssertionError(f"{workload.name}: the replay is not the eager call")
    program = next(iter(step.programs.values()))[0]
    functions = {"eager": eager, "replay": step}
    if jax is not None and workload.n < 5000:  # (longer chains compile for minutes)
        functions["jax"] = jax.compiled(workload)
        for x, y in zip(flatten(functions["jax"](*args))[0], flatten(expected)[0], strict=True):
            np.testing.assert_allclose(np.asarray(x), y, rtol=1e-6, atol=1e-8)
    counts = {key: calls_for(f, args, seconds) for key, f in functions.items()}
    least = dict.fromkeys(functions, np.inf)
    for _ in range(rounds):
        for key, f in functions.items():
            least[key] = min(least[key], timed(f, args, counts[key]))
    preparation = prepared - 2 * least["eager"] - least["replay"]
    return least, preparation / len(program.entries), program


def text_of(seconds):
    """A time as text: three digits and a unit."""
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 1000 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def draw(rows, path):
    """Bars: how many times faster than eager."""
    import matplotlib
    from matplotlib.figure import Figure

    from benchmarks.plot import FASTGRAD, NUMPY, STYLE

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, 0.42 * len(rows) + 1), layout="constrained")
        axes = figure.subplots()
        for i, (name, times) in enumerate(rows[::-1]):
            axes.barh(i + 0.2, times["eager"] / times["replay"], 0.4, color=FASTGRAD)
            if "jax" in times:
                axes.barh(i - 0.2, times["eager"] / times["jax"], 0.4, color=NUMPY)
            axes.text(0.1, i, name, ha="right", va="center")
        axes.axvline(1, color="k", lw=0.5)
        axes.set(xscale="log", yticks=[], xlabel="times faster than an eager call",
                 title="fastgrad.replay (blue), JAX jit (grey)")  # fmt: skip
        figure.savefig(path)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--plot")
    given = parser.parse_args()
    jax = Jax() if importlib.util.find_spec("jax") else None
    print("| value and gradients | eager | replayed | JAX jit | eager / replayed | JAX / replayed"
          " | preparation, an operation |\n|---|---|---|---|---|---|---|")  # fmt: skip
    rows = []
    for workload in workloads():
        if given.only not in workload.name:
            continue
        rounds = 3 if given.quick else ROUNDS
        times, preparation, _ = measure(workload, jax, QUICK, rounds)
        rows.append((workload.name, times))
        each = {key: seconds / workload.n for key, seconds in times.items()}
        ours, theirs = each["replay"], each.get("jax")
        print(f"| {workload.name}{', an operation' if workload.n > 1 else ''} "
              f"| {text_of(each['eager'])} | {text_of(ours)} "
              f"| {text_of(theirs) if theirs else '-'} | {each['eager'] / ours:.1f} "
              f"| {f'{theirs / ours:.1f}' if theirs else '-'} | {text_of(max(preparation, 0))} |",
              flush=True)  # fmt: skip
    if given.plot:
        draw(rows, given.plot)


if __name__ == "__main__":
    main()
