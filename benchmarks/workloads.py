"""The workloads, as plain data: graphs written against a module, `fastgrad` or the baseline.

One text builds the graph on both, and on bare arrays too: where no Function is defined in Python,
`build` uses operators alone, so leaves that are ndarrays make it compute the same forward in NumPy.
"""

import functools
import importlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

MODULES = {"baseline": "benchmarks.baseline", "fastgrad": "fastgrad"}


def load(name):
    """The module called `name` in the tables."""
    return importlib.import_module(MODULES[name])


@dataclass(frozen=True)
class Workload:
    """A graph to record, differentiate and release."""

    name: str
    group: str
    build: Callable  # build(m, xs, count): the root, made of the leaves `xs` by `count` steps
    shapes: tuple  # one per leaf
    count: int
    target: float | None = None  # how many times faster than the baseline it has to be
    # What the baseline cannot do in a sensible time or memory it does with fewer steps; its time a
    # node is then taken to grow with `count ** growth`.
    baseline_count: int | None = None
    growth: int = 0
    baseline_bytes: int = 0  # what the baseline would keep, where memory is the reason

    def leaves(self):
        """The arrays of the leaves: the first near 1, those after it nearer to 1, to 0, to 0."""
        rng = np.random.default_rng(0)
        centres = (1.0, 1.0, 0.0, 0.0)
        widths = (1e-1, 1e-6, 1e-6, 1e-6)
        return [
            np.asarray(rng.uniform(centre - width, centre + width, shape))
            for shape, centre, width in zip(self.shapes, centres, widths, strict=False)
        ]

    @property
    def size(self):
        """The number of elements of the first leaf."""
        return math.prod(self.shapes[0])

    def nodes(self, count=None):
        """The number of recorded operations."""
        count = count or self.count
        return 2 * count - 1 if self.build is wide else count

    def with_room(self):
        """The same, with all the steps for the baseline too if memory is why it got fewer."""
        fits = self.baseline_bytes and 1.5 * self.baseline_bytes < available_bytes()
        return replace(self, baseline_count=None) if fits else self

    def count_for(self, module):
        """How many steps the module called `module` is given."""
        return self.baseline_count or self.count if module == "baseline" else self.count

    def factor_for(self, module):
        """What that module's time a node is multiplied by, to stand for `count` steps."""
        return (self.count / self.count_for(module)) ** self.growth


def available_bytes():
    """The memory that is free now; 0 where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def chain(m, xs, count):
    """`y = y * b + c`, again and again: `count` operations."""
    y, b, c = xs
    for _ in range(count // 2):
        y = y * b + c
    return y


def wide(m, xs, count):
    """`count` branches `x * w`, summed by a balanced tree."""
    x, w = xs
    chunk = 1024  # keeps the handles alive at one time few, however wide the graph
    starts = range(0, count, chunk)
    return sum_tree([sum_tree([x * w for _ in range(min(chunk, count - i))]) for i in starts])


def sum_tree(ys):
    """The sum of a list, by a balanced tree of additions."""
    while len(ys) > 1:
        rest = ys[-1:] if len(ys) % 2 else []
        ys = [y0 + y1 for y0, y1 in zip(ys[::2], ys[1::2], strict=False)] + rest
    return ys[0]


def reuse(m, xs, count):
    """One variable, used by each of `count` additions."""
    (x,) = xs
    y = x
    for _ in range(count):
        y = y + x
    return y


def function_chain(m, xs, count):
    """A Function whose bodies are Python, applied `count` times."""
    (y,) = xs
    Sin = sin_of(m)
    for _ in range(count):
        y = Sin()(y)
    return y


def custom_chain(library, xs, count):
    """The same with the sine of an adapter of `benchmarks.libraries`."""
    (y,) = xs
    for _ in range(count):
        y = library.sine(y)
    return y


def layers(library, xs, count):
    """`y = tanh(y * w + b)`, again and again."""
    y, w, b = xs
    for _ in range(count):
        y = library.xp.tanh(y * w + b)
    return y


@functools.cache
def sin_of(m):
    """The sine, as a user of the module `m` would define it."""

    class Sin(m.Function):
        def forward(self, x):
            return np.sin(x)

        def backward(self, gy):
            x = self.inputs[0].data
            return gy * np.cos(x)

    return Sin


def powers(n):
    """`10^4` for 10000, and the digits of what is no power of ten."""
    exponent = len(str(n)) - 1
    return f"10^{exponent}" if n == 10**exponent and n >= 1000 else f"{n:,}".replace(",", " ")


def chain_of(size, count, **more):
    """A chain on arrays of `size` elements, 0-d ones if that is None."""
    what = "0-d chain" if size is None else f"chain, {powers(size)} elements"
    name = f"{what}, {powers(count)} operations" if size is None else what
    shape = () if size is None else (size,)
    return Workload(name, "chain", chain, (shape,) * 3, count, **more)


def wide_of(count, **more):
    """A wide graph of `count` branches."""
    return Workload(f"wide, {powers(count)} branches", "wide", wide, ((), ()), count, **more)


def reuse_of(size, count, **more):
    """One variable of `size` elements, used `count` times."""
    plural = "s" if size > 1 else ""
    name = f"one variable used {powers(count)} times, {powers(size)} element{plural}"
    return Workload(name, "reuse", reuse, ((size,),), count, **more)


WORKLOADS = [
    chain_of(None, 10**3),
    chain_of(None, 10**4, target=25),
    chain_of(None, 10**5),
    chain_of(16, 10**4),
    chain_of(256, 10**4, target=10),
    chain_of(4096, 10**3),
    chain_of(65536, 200, target=2),
    chain_of(10**6, 30, target=1.6),
    wide_of(10**2),
    wide_of(10**3),
    wide_of(10**4),
    wide_of(10**5, baseline_count=10**4, growth=1),  # five minutes a round
    reuse_of(1, 10**4, target=20),
    reuse_of(10**5, 10**4, target=3, baseline_count=10**3, baseline_bytes=8 * 10**9),
    Workload("Function in Python, 10^4 calls", "function", function_chain, ((),), 10**4),
]
