"""Graphs of ten million nodes: built, differentiated and freed in a child process.

`python -m benchmarks.stress [--nodes N] [--shape deep|wide|random] [--seed S]` prints the time and
the memory a node of each phase, checks the gradients, and tells whether the child ended well.

deep    `y = y * b + c`; checked against the closed form
wide    branches `x * w`, summed by a balanced tree; checked against the closed form, bit for bit
random  a random graph with shared nodes and long skips; checked bit for bit against the baseline at
        a small size, and at full size against a tangent that runs forward through the same steps

From a million nodes on, a graph of a hundredth of them is measured first, in a child of its own:
what a node costs must not depend on how many there are.
"""

import argparse
import functools
import json
import math
import subprocess
import sys
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from benchmarks import libraries
from benchmarks.memory import peak_bytes, resident_bytes
from benchmarks.phases import same_bits
from benchmarks.workloads import MODULES, chain, load, sum_tree, wide


class WrongGradient(AssertionError):
    """A value or a gradient is not what it has to be."""


class Deep:
    """A chain: with `b = 1 + 1/n`, the value and the gradients stay small however long it is."""

    def __init__(self, nodes, seed):
        self.steps = n = max(1, nodes // 2)
        self.nodes = 2 * n
        self.leaves = [1.0, 1 + 1 / n, 1 / n]

    def build(self, m, xs):
        """The root, from the leaves."""
        return chain(m, xs, self.nodes)

    def check(self, y, gxs):
        """Compare with the closed form of `y_n = b^n y_0 + c (b^n - 1) / (b - 1)`."""
        n, (y0, b, c) = self.steps, self.leaves
        d = b - 1
        power = math.exp(n * math.log1p(d))
        series = (power - 1) / d
        slope = n * power / b
        expected = [
            power * y0 + c * series,
            power,
            slope * y0 + c * (slope - series) / d,
            series,
        ]
        return closest(expected, [y, *gxs], 1e-7), "the closed form"


class Wide:
    """Branches and a tree, with values that make every sum exact."""

    def __init__(self, nodes, seed):
        self.count = max(1, (nodes + 1) // 2)
        self.nodes = 2 * self.count - 1
        self.leaves = [3.0, 0.5]

    def build(self, m, xs):
        """The root, from the leaves."""
        return wide(m, xs, self.count)

    def check(self, y, gxs):
        """Compare with `n x w` and its derivatives."""
        n, (x, w) = self.count, self.leaves
        return closest([n * x * w, n * w, n * x], [y, *gxs], 0.0), "the closed form"


class Random:
    """Steps `y = a * p + b * q` that pick `a` and `b` in a pool, and put `y` in the place of `a`.

    The pool is all that is alive. An entry is used once or many times, after some steps or after
    thousands, and in the end all are summed: no node is in vain. Each `p + q = 1`, so that values
    stay bounded. The steps are made again from the seed whenever they are needed, never kept.
    """

    def __init__(self, nodes, seed):
        self.seed = seed
        self.pool = max(4, min(1000, nodes // 30))
        self.weights = 16  # pairs of p and q
        # Three nodes a step, and in the end the sum of the pool.
        self.steps = max(1, (nodes - self.pool + 1) // 3)
        self.nodes = 3 * self.steps + self.pool - 1
        rng = np.random.default_rng(seed)
        p = rng.uniform(0.3, 0.7, self.weights)
        values = rng.uniform(-1, 1, self.pool)
        self.leaves = [*values.tolist(), *p.tolist(), *(1 - p).tolist()]

    def run(self, xs):
        """Take all the steps, with anything that can be multiplied and added."""
        pool = list(xs[: self.pool])
        ps = xs[self.pool : self.pool + self.weights]
        qs = xs[self.pool + self.weights :]
        rng = np.random.default_rng(self.seed + 1)
        chunk = 10_000
        highs = [self.pool, self.pool, self.weights]
        for start in range(0, self.steps, chunk):
            shape = (min(chunk, self.steps - start), 3)
            for i, j, w in rng.integers(0, highs, shape).tolist():
                pool[i] = pool[i] * ps[w] + pool[j] * qs[w]
        return sum_tree(pool)

    def build(self, m, xs):
        """The root, from the leaves."""
        return self.run(xs)

    def check(self, y, gxs):
        """Compare the value exactly, and the gradients along a random direction with a tangent."""
        directions = np.random.default_rng(self.seed + 2).uniform(-1, 1, len(self.leaves))
        tangent = self.run([Dual(x, dx) for x, dx in zip(self.leaves, directions, strict=True)])
        along = math.fsum(gx * dx for gx, dx in zip(gxs, directions, strict=True))
        size = math.fsum(abs(gx * dx) for gx, dx in zip(gxs, directions, strict=True))
        error = abs(along - tangent.dx) / size
        if y != tangent.x or error > 1e-9:
            raise WrongGradient(f"value {y!r}, expected {tangent.x!r}; gradient off by {error:g}")
        return error, "a tangent run forward"


class Dual:
    """A number and its derivative along one direction."""

    __slots__ = ("x", "dx")

    def __init__(self, x, dx):
        self.x = x
        self.dx = dx

    def __add__(self, other):
        return Dual(self.x + other.x, self.dx + other.dx)

    def __mul__(self, other):
        return Dual(self.x * other.x, self.dx * other.x + self.x * other.dx)


SHAPES = {"deep": Deep, "wide": Wide, "random": Random}
PHASES = ("record", "backward", "release")


def closest(expected, actual, tolerance):
    """The largest relative error; a WrongGradient if it is beyond the tolerance."""
    error = max(abs(b - a) / abs(a) for a, b in zip(expected, actual, strict=True))
    if not error <= tolerance:
        raise WrongGradient(f"expected {expected}, got {actual}: off by {error:g}")
    return error


def measure(graph, library, now=perf_counter_ns):
    """Build, differentiate and free a graph by an adapter; what each phase took, by node."""
    build = functools.partial(build_from_leaves, graph)
    xs = [library.leaf(np.array(x)) for x in graph.leaves]
    # What is made once, at the first operation, is made here.
    library.backward(library.record(lambda x, w: x * w + w, xs[:2]), xs[:2])
    xs = [library.leaf(np.array(x)) for x in graph.leaves]
    library.prepare(build, xs)

    memory = [resident_bytes()]
    clock = [now()]
    y = library.record(build, xs)
    clock.append(now())
    memory.append(resident_bytes())
    top = peak_bytes()
    gxs = library.backward(y, xs)
    clock.append(now())
    memory.append(memory[-1] + max(0, peak_bytes() - top))
    value = number(library, library.value(y))
    start = now()
    del y
    clock.append(clock[-1] + now() - start)
    memory.append(resident_bytes())

    error, against = graph.check(value, [number(library, gx) for gx in gxs]) if gxs else (0, None)
    phases = {
        phase: {
            "ns": (clock[i + 1] - clock[i]) / graph.nodes,
            "bytes": (memory[i + 1] - memory[i]) / graph.nodes,
        }
        for i, phase in enumerate(PHASES)
    }
    return {"nodes": graph.nodes, "phases": phases, "error": error, "against": against}


def build_from_leaves(graph, *xs):
    """The root of a graph."""
    return graph.build(None, xs)


def number(library, a):
    """A library's array as a number; a weight that a random graph never picked has no gradient."""
    return 0.0 if a is None else float(library.to_numpy(a))


def in_child(shape, nodes, seed, module):
    """The same in a fresh process, whose end is checked too."""
    options = ["--shape", shape, "--nodes", str(nodes), "--seed", str(seed), "--module", module]
    command = [sys.executable, "-m", "benchmarks.stress", "--child", *options]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        sys.exit(f"{shape}, {nodes} nodes: the child ended by {how}")
    return json.loads(done.stdout)


def check_against_baseline(shape, nodes, seed):
    """Raise unless a small graph has the baseline's value and gradients, bit for bit."""
    graph = SHAPES[shape](nodes, seed)
    outcomes = []
    for module in MODULES:
        m = load(module)
        xs = [m.Variable(np.array(x)) for x in graph.leaves]
        y = graph.build(m, xs)
        y.backward()
        outcomes.append([y.data, *(x.grad for x in xs)])
    if not all(map(same_bits, *outcomes)):
        raise AssertionError(f"{shape}, {graph.nodes} nodes: gradients differ from the baseline's")
    return graph.nodes


def report(result):
    """Print the phases of one child."""
    print(f"{result['nodes']:>12,} nodes".replace(",", " ") + "     ns a node   bytes a node")
    total = 0.0
    for phase, cost in result["phases"].items():
        total += cost["ns"]
        print(f"  {phase:16}{cost['ns']:21.1f}{cost['bytes']:15.1f}")
    print(f"  {'all':16}{total:21.1f}")
    print(f"  gradients: within {result['error']:.1e} of {result['against']}")
    print("  the child exited cleanly", flush=True)
    return total


def main():
    """Measure a small graph and the large one, each in a child, and compare."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stress",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", type=lambda text: int(float(text)), default=10**7)
    parser.add_argument("--shape", choices=SHAPES, default="deep")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--module", choices=MODULES, default="fastgrad")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    shape, nodes, seed, module = options.shape, options.nodes, options.seed, options.module
    if options.child:
        print(json.dumps(measure(SHAPES[shape](nodes, seed), libraries.load(module))))
        return

    small = check_against_baseline(shape, min(nodes, 3000), seed)
    print(f"shape {shape}, seed {seed}: {small} nodes have the baseline's gradients, bit for bit")
    few = report(in_child(shape, nodes // 100, seed, module)) if nodes >= 10**6 else None
    many = report(in_child(shape, nodes, seed, module))
    if few:
        print(f"time a node, large to small: {many / few:.2f}")


if __name__ == "__main__":
    main()
