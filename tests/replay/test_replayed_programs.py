"""The fuzzer's programs of rows, replayed on other inputs than those that were logged: bits."""

import zlib

import numpy as np
import pytest
from fuzz.check import moved
from fuzz.rows import FASTGRAD, program
from replay.test_replayed_rows import as_ever, bits

from fastgrad import grad, value_and_grad
from fastgrad.replay import replay

N_PROGRAMS, N_IN_A_TEST = 300, 20
REPLAYED = []


def function_of(p, order, directions):
    every = tuple(range(len(p.leaves)))

    def f(*xs):
        return p.value(FASTGRAD, xs)

    if order == 1:
        return value_and_grad(f, every)

    def inner(*xs):
        gs = grad(f, every)(*xs)
        return sum(FASTGRAD.sum(g * d) for g, d in zip(gs, directions, strict=True))

    return value_and_grad(inner, every)


def inputs(p, rng):
    """Those of the program; close to them; in another order; far away."""
    yield p.leaves
    yield p.leaves
    yield moved(p.leaves, rng, 1e-3)
    yield [x[::-1].copy() if x.ndim else x + 0.125 for x in p.leaves]
    yield [rng.permuted(x.ravel()).reshape(x.shape) for x in p.leaves]
    yield moved(p.leaves, rng, 1.0)


def check(number, order):
    """The replayed program has what the program returns, or raises where that does."""
    p = program(number)
    rng = np.random.default_rng(zlib.crc32(b"%d %d" % (number, order)))
    f = function_of(p, order, [rng.normal(size=x.shape) for x in p.leaves])
    step = replay(f, check=None)
    for xs in inputs(p, rng):
        expected = as_ever(f, xs)
        if expected is None:
            with pytest.raises(Exception):  # noqa: B017 - whichever it was
                step(*xs)
            continue
        made = bits(step(*xs))
        if order == 1:
            assert made == expected, (number, step.explain())
        else:  # see OTHER_ORDER: the last bits of the logged calls are those of the replayed
            for (dtype, shape, x, kind), (*same, y, other) in zip(made, expected, strict=True):
                assert ([dtype, shape], kind) == (same, other)
                x, y = np.frombuffer(x, dtype), np.frombuffer(y, dtype)
                np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6, err_msg=str(number))
    REPLAYED.append(bool(step.programs))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("first", range(0, N_PROGRAMS, N_IN_A_TEST))
def test_programs(first, order, subtests):
    for number in range(first, first + N_IN_A_TEST if order == 1 else first + N_IN_A_TEST // 4):
        with subtests.test(str(number)), np.errstate(all="ignore"):
            check(number, order)


def test_most_of_them_are_replayed():
    """Runs after the others; alone it has nothing to say."""
    assert len(REPLAYED) == 0 or np.mean(REPLAYED) > 0.7, np.mean(REPLAYED)
