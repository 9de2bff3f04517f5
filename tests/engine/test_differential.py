"""Random graphs on fastgrad and on the baseline: same values, errors and gradients, bit for bit.

A program is plain data, so that Hypothesis can shrink it and print it; `run` does what it says with
either engine and returns all that can be seen. An index is taken modulo what there is to choose.
"""

import functools
import itertools
import operator
from dataclasses import dataclass

import numpy as np
import pytest
from helpers import functions_for, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

import fastgrad
from benchmarks import baseline

BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "@": operator.matmul,
}
UNARY = {"neg": operator.neg, "abs": abs}

# Most programs keep to one shape, where the fast paths are; the others broadcast, or are refused.
# 2500 elements are more than one block of the fused accumulation, and no whole number of them.
SHAPES = [
    [()],
    [(3,)],
    [(2, 3)],
    [(3, 3), (3,)],
    [(), (1,), (3,), (1, 1), (2, 1), (1, 3), (2, 3), (4, 1, 3)],
    [(0,), (1,), ()],
    [(2500,), (1,)],
]
DTYPES = {
    "float64": ["float64"],
    "float32": ["float32"],
    "float32 and float64": ["float32", "float64"],
    "integers and floats": ["int8", "uint8", "int64", "float16", "float32", "longdouble"],
    "real and complex": ["float32", "float64", "complex64", "complex128"],
}
SCALARS = [0, 1, 2, -3, 300, True, 0.5, -1.5, 1j, np.float32(0.1), np.float64(0.1), np.int8(3)]


@dataclass(frozen=True)
class Array:
    """An array that is made when it is needed."""

    shape: tuple
    dtype: str
    seed: int

    def make(self):
        rng = np.random.default_rng(self.seed)
        kind = np.dtype(self.dtype).kind
        if kind in "iu":
            return np.asarray(rng.integers(-3 * (kind == "i"), 4, self.shape)).astype(self.dtype)
        # Far apart in size: the order in which contributions are added shows in the rounding.
        x = rng.normal(size=self.shape) * 2.0 ** rng.integers(-4, 5, self.shape)
        x = x + 1j * rng.normal(size=self.shape) if kind == "c" else x
        return np.asarray(x).astype(self.dtype)


@dataclass(frozen=True)
class Program:
    """Leaves, operations on what there is by then, and what is done with the graph."""

    leaves: list
    steps: list  # (what, name, indices, constant, recorded)
    actions: list


# From the front of the pool or from its back: much used leaves, and long chains. Half of each.
PLACES = [*range(10), -3, -2, -1] + 2 * [*range(10)] + 9 * [-3, -2, -1]


@functools.cache
def strategies(number, dtypes):
    """(arrays, steps, actions) for one of SHAPES."""
    kinds = itertools.product(SHAPES[number], dtypes)
    arrays = st.builds(
        lambda kind, seed: Array(*kind, seed), st.sampled_from(list(kinds)), st.integers(0, 99)
    )
    names = [("binary", name) for name in BINARY], [("unary", name) for name in UNARY]
    functions = [("function", name) for name in "Square Exp Split Combine Shuffle".split()]
    sides = ("constant on the left", "constant on the right")
    constants = list(itertools.product(sides, BINARY))
    what = st.one_of(
        *(st.tuples(st.sampled_from(pairs), st.none()) for pairs in (*names, functions)),
        st.tuples(st.sampled_from(constants), st.one_of(st.sampled_from(SCALARS), arrays)),
        st.tuples(st.just(("sum", None)), st.integers(3, 8)),
        st.tuples(st.just(("raise generation", None)), st.integers(1, 4)),
    )
    indices = st.tuples(*[st.sampled_from(PLACES)] * 3)
    mostly = st.integers(0, 9).map(lambda n: n < 9)  # shrinks to True
    steps = st.builds(
        lambda what, indices, recorded: (*what[0], indices, what[1], recorded),
        what, indices, mostly,
    )  # fmt: skip
    actions = st.one_of(
        st.tuples(
            st.just("backward"),
            st.integers(0, 9),  # the root, counted from the last one recorded
            st.one_of(st.none(), st.integers(0, 99)),  # the seed of its starting gradient
            st.booleans(),  # retain_grad
        ),
        st.tuples(st.just("cleargrad"), st.integers(0, 9)),
    )
    leaves = st.lists(arrays, min_size=1, max_size=4)
    return leaves, st.lists(steps, max_size=8), st.lists(actions, min_size=1, max_size=4)


@st.composite
def programs(draw, dtypes):
    """Programs whose leaves have the given dtypes."""
    number = draw(st.integers(0, len(SHAPES) - 1))
    leaves, steps, actions = strategies(number, tuple(dtypes))
    return Program(
        draw(leaves),
        [step for _ in range(3) for step in draw(steps)],  # 12 on average
        draw(actions),
    )


@functools.cache
def functions_of(lib):
    """Python Functions with one and many inputs and outputs."""
    F = functions_for(lib)

    class Shuffle(lib.Function):
        """Three outputs of three inputs: ties that come three at a time."""

        def forward(self, x0, x1, x2):
            return x1 + x2, x2 - x0, x0 * 1

        def backward(self, *gys):
            gy0, gy1, gy2 = (0 * self.inputs[0].data if gy is None else gy for gy in gys)
            return gy2 - gy1, gy0 + 0, gy0 + gy1

    F.Shuffle = Shuffle
    return {name: with_arrays(cls, lib) for name, cls in vars(F).items()}


def with_arrays(cls, lib):
    """The class, with arrays for the baseline's NumPy scalars, whose `*` may round differently.

    And for the baseline's integer Variables with gradients of float64, which fastgrad makes itself.
    """

    class WithArrays(cls):
        def backward(self, *gys):
            gxs = super().backward(*[gy if gy is None else np.asarray(gy) for gy in gys])
            if lib is not baseline or self.inputs[0].dtype.kind not in "biu":
                return gxs
            gxs = gxs if isinstance(gxs, tuple) else (gxs,)
            return tuple([np.asarray(gx, dtype=float) for gx in gxs])

    return WithArrays


def apply(lib, pool, what, name, indices, constant):
    """The new Variables that a step makes."""
    x0, x1, _ = (pool[i % len(pool)] for i in indices)
    if isinstance(constant, Array):
        constant = constant.make()
    if what == "binary":
        return [BINARY[name](x0, x1)]
    if what == "unary":
        return [UNARY[name](x0)]
    if what == "constant on the left":
        return [BINARY[name](constant, x0)]
    if what == "constant on the right":
        return [BINARY[name](x0, constant)]
    if what == "sum":  # of the last ones, step by step: few operations are in vain
        return list(itertools.accumulate(pool[-constant:], operator.add, initial=x0))[1:]
    if what == "raise generation":
        x0.generation += constant
        return []
    # The baseline does not fit the gradients of Python Functions: their operands are of a kind.
    alike = [x for x in pool if x.shape == x0.shape and x.dtype == x0.dtype]
    more = [alike[i % len(alike)] for i in indices[1:]] if name in ("Combine", "Shuffle") else []
    ys = functions_of(lib)[name]()(x0, *more)
    return ys if isinstance(ys, list) else [ys]


def run(lib, program, *, interior=True, drop=False, spend=False, look=lambda variables: None):
    """Everything that can be seen of a program, as pairs of a description and an outcome.

    `drop` lets the handles go that are not needed; `spend` does the last backward with
    retain_graph=False; `interior` also looks at the gradients that retain_grad keeps. `look` gets
    all Variables after every backward.
    """
    seen = []
    pool = [lib.Variable(array.make()) for array in program.leaves]
    for n, (*step, recorded) in enumerate(program.steps):
        with lib.using_config("enable_backprop", recorded):
            try:
                ys = apply(lib, pool, *step)
            except (ArithmeticError, TypeError, ValueError) as error:
                seen.append((f"step {n}", type(error)))
                continue
        for y in ys:
            seen.append((f"data of step {n}", y.data))
            seen.append((f"generation of step {n}", (y.generation, y.creator is None)))
        pool += ys

    leaves = [v for v in pool if v.creator is None]
    results = [v for v in pool if v.creator is not None][::-1]
    if not results:
        return seen
    if drop:
        used = {action[1] % len(results) for action in program.actions}
        results = [v if i in used else None for i, v in enumerate(results)]
    del pool, ys, y  # from here on `results` alone keeps them
    last = [n for n, action in enumerate(program.actions) if action[0] == "backward"][-1:]
    for n, (action, i, *options) in enumerate(program.actions):
        if action == "cleargrad":
            leaves[i % len(leaves)].cleargrad()
            continue
        root, (start, retain_grad) = results[i % len(results)], options
        dtype = "float64" if root.dtype.kind in "biu" else str(root.dtype)
        if start is not None:
            root.grad = Array(root.shape, dtype, start).make()
        elif root.dtype.kind in "biu":
            root.grad = np.ones(root.shape)  # the seed's would be integers
        root.backward(retain_grad, **({"retain_graph": False} if spend and n in last else {}))
        seen += [(f"gradient of leaf {k} after action {n}", v.grad) for k, v in enumerate(leaves)]
        for k, v in enumerate(results):
            if interior:
                seen.append((f"gradient of result {k} after action {n}", v.grad))
        look([v for v in (*leaves, *results) if v is not None])
        for v in results:
            if v is not None:
                v.cleargrad()  # the baseline would add a retained gradient again
    seen += [(f"data of leaf {k} in the end", v.data) for k, v in enumerate(leaves)]
    return seen


def assert_same_outcomes(program, **options):
    with np.errstate(all="ignore"):
        expected = run(baseline, program, interior=options.get("interior", True))
        actual = run(fastgrad, program, **options)
    assert [what for what, _ in actual] == [what for what, _ in expected]
    for (what, a), (_, b) in zip(actual, expected, strict=True):
        if isinstance(b, (np.ndarray, np.generic)):
            assert type(a) is np.ndarray, what
            assert same_bits(a, b), f"{what}: {a!r} is not bit for bit {b!r}"
        else:
            assert a == b, what


def assert_apart(variables):
    """No visible gradient shares memory with another, or with data."""
    gradients = [v.grad for v in variables if v.grad is not None]
    others = gradients + [v.data for v in variables]
    for i, gx in enumerate(gradients):
        assert not any(np.may_share_memory(gx, x) for x in others[i + 1 :])


@pytest.mark.parametrize("dtypes", DTYPES)
@settings(max_examples=300)
@given(st.data())
def test_random_graph_has_the_baselines_values_and_gradients(dtypes, data):
    assert_same_outcomes(data.draw(programs(DTYPES[dtypes])), look=assert_apart)


@pytest.mark.parametrize("dtypes", DTYPES)
@settings(max_examples=150)
@given(st.data())
def test_random_graph_of_which_only_leaves_and_roots_are_kept(dtypes, data):
    """Handles dropped, then the last backward frees the graph as it goes: no gradient changes."""
    program = data.draw(programs(DTYPES[dtypes]))
    assert_same_outcomes(program, interior=False, drop=True, spend=True)
