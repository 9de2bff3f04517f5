"""Schedules: loops of NumPy's in parts, memory that is used again, sums, results; bit for bit."""

import numpy as np
import pytest

from fastgrad import grad, value_and_grad
from fastgrad.replay import replay
from fastgrad.replay.step import is_alike

BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power]
UNARY = [np.negative, np.absolute, np.sign, np.sqrt, np.exp, np.log, np.tanh, np.sin, np.cos]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, 1e300, -1e300, 1.0, 2.0]


def numbers(seed, n, dtype):
    """Of all sizes, with special values among them."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        x = (rng.standard_normal(n) * 10.0 ** rng.integers(-3, 4, n)).astype(dtype)
        places = rng.random(n) < 0.1
        x[places] = rng.choice(SPECIAL, places.sum()).astype(dtype)
    return x


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("ufunc", [*BINARY, *UNARY], ids=lambda f: f.__name__)
def test_numpys_loops_give_the_same_bits_in_parts(ufunc, dtype):
    """For any block, offset and length, and in place: that is what groups of loops rest on."""
    n = 3000
    xs = [numbers(seed, n, dtype) for seed in range(ufunc.nin)]
    with np.errstate(all="ignore"):
        whole = ufunc(*xs)
        for block in (1, 3, 8, 17, 512, 1024):
            for offset in (0, 1, 5):
                made = np.concatenate([
                    ufunc(*(x[i : i + block] for x in xs)) for i in range(offset, n, block)
                ])  # fmt: skip
                assert is_alike(made, whole[offset:])
        for k in range(ufunc.nin):
            copies = [x.copy() for x in xs]
            ufunc(*copies, out=copies[k])
            assert is_alike(copies[k], whole)


@pytest.mark.parametrize("n", [1, 5, 64, 127, 128, 129, 2047, 2048, 4099])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_long_chains_of_loops(n, dtype):
    def f(x, y):
        z = x
        for i in range(12):
            z = np.sin(z) * y + x[::-1] / (2.0 + i) - np.tanh(z * 0.5)
            z = np.where(z > y, z, 0.25 * z) + np.maximum(z, y) * np.abs(z)
            z = -z / (1.0 + z * z) + np.exp(-z * z) ** 2
        return np.sum(z * z) + np.mean(z)

    rng = np.random.default_rng(n)
    step, eager = replay(value_and_grad(f, (0, 1)), check=None), value_and_grad(f, (0, 1))
    for _ in range(5):
        x, y = (rng.standard_normal(n).astype(dtype) for _ in range(2))
        (value, gs), (expected, hs) = step(x, y), eager(x, y)
        for a, b in zip((value, *gs), (expected, *hs), strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert step.n_eager == 0
    assert sum(p.n_replays for programs in step.programs.values() for p in programs) == 3


@pytest.mark.parametrize("n", [5, 128, 129, 300, 2048, 5000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("at", [0, 3, -1])
def test_one_number_of_an_operand_is_read_until_the_loop_ends(n, dtype, at):
    """Nothing is written over it by a loop in place, or by another of the group."""

    def part(y):
        return y[at : at + 1 or None]

    def of_itself(x):
        y = np.exp(x)
        return y - part(y)

    def twice_a_part(x):
        y = np.exp(x)
        return y - part(y)[:]

    def without_axes(x):
        y = np.exp(x)
        return np.maximum(y, np.squeeze(part(y)))

    def used_later(x):
        y = np.exp(x)
        z = x / part(y)
        return np.tanh(y * 0.5) + z

    def replaced_later(x):
        y = np.exp(x)
        z = x * part(y)
        w = np.sin(z) + x
        return z * w - np.cos(w) / part(w)

    for f in (of_itself, twice_a_part, without_axes, used_later, replaced_later):
        # (what is returned has memory of its own: only values in between lie in others' places)
        for g in (f, lambda x, f=f: np.sum(f(x)), grad(lambda x, f=f: np.sum(f(x) * f(x)))):
            step = replay(g, check=None)
            for seed in range(4):
                x = np.random.default_rng(seed).standard_normal(n).astype(dtype)
                assert step(x).tobytes() == g(x).tobytes(), f.__name__
            assert step.n_eager == 0


@pytest.mark.parametrize("n", [300, 3000])
def test_a_part_of_what_python_makes_between_loops(n):
    """Where it is, is known in the run alone: a group of loops ends there."""

    def f(x):
        y = np.cumsum(x)
        z = np.sin(x) * x
        w = np.cos(z) * y[:]
        return np.sum(w * y.reshape(-1) - np.ravel(y[::1]) * z)

    for g in (f, grad(f)):
        step = replay(g, check=None)
        for seed in range(5):
            x = np.random.default_rng(seed).standard_normal(n)
            assert step(x).tobytes() == g(x).tobytes()
        assert step.n_eager == 0
        assert "in Python: cumsum" in step.explain()


SHAPES = [(7,), (300,), (32, 1), (1, 32), (5, 3), (3, 5), (9, 40), (40, 9), (2, 3, 4), (4, 1, 9),
          (3, 200, 5), (2, 2, 300), (1, 1), ()]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_along_axes(shape, dtype):
    n = len(shape)
    axes = [None, *range(-n, n), *([(0, 1), (0, n - 1), tuple(range(n))] if n > 1 else [])]
    for order in "CF":
        for axis in axes:
            for keepdims in (False, True):

                def f(x, axis=axis, keepdims=keepdims):
                    return np.sum(x * 1.5, axis=axis, keepdims=keepdims) + 0.0

                step = replay(f, check=None)
                for seed in range(3):
                    x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
                    x = np.asarray(x, order=order)
                    assert np.asarray(step(x)).tobytes() == np.asarray(f(x)).tobytes()


# --- programs drawn at random ---


def program(rng):
    """A function of three arrays, (6, 4), (4,) and (), that returns a number and an array."""
    steps = []
    for _ in range(rng.integers(5, 30)):
        steps.append((rng.integers(0, 16), rng.integers(0, 1 << 30), rng.integers(0, 1 << 30)))

    def f(m, v, s):
        pool = {(6, 4): [m], (4,): [v], (): [s]}

        def pick(shape, k):
            return pool[shape][k % len(pool[shape])]

        def put(x):
            pool.setdefault(tuple(x.shape), []).append(x)

        for kind, j, k in steps:
            shape = [(6, 4), (4,), ()][j % 3]
            x, y = pick(shape, k), pick(shape, j)
            if kind == 0:
                put(x + y * 0.5)
            elif kind == 1:
                put(x * pick((), j))
            elif kind == 2:
                put(np.tanh(x) - y)
            elif kind == 3:
                put(x / (2.0 + y * y))
            elif kind == 4:
                put(np.sum(pick((6, 4), k), axis=0) * 0.2)
            elif kind == 5:
                put(np.sum(pick((6, 4), k) * 0.1))
            elif kind == 6:
                put(pick((6, 4), j) + pick((4,), k))
            elif kind == 7:
                put(pick((6, 4), j)[k % 6])
            elif kind == 8:
                put(pick((4,), j)[k % 4])
            elif kind == 9:
                put(np.maximum(x, y))
            elif kind == 10:
                put(np.where(x > y, x, 0.5))
            elif kind == 11:
                a = pick((6, 4), j)
                put((a @ (pick((6, 4), k).T @ a)) * 0.02)
            elif kind == 12:
                put((pick((6, 4), j) @ pick((4,), k))[:4] * 0.3)
            elif kind == 13:
                put(np.reshape(pick((6, 4), j).T, (6, 4)))
            elif kind == 14:
                put(np.concatenate([pick((6, 4), j)[3:], -pick((6, 4), k)[:3]]))
            else:
                put(np.abs(x) ** 1.5 - np.sort(y) if x.ndim else np.exp(-x * x))
        value = sum(np.sum(np.tanh(x)) for xs in pool.values() for x in xs)
        return value + np.sum(pick((6, 4), -1) * 0.5)

    return f


def seeds():
    return [int(s) for s in np.random.SeedSequence(20261201).generate_state(60)]


@pytest.mark.parametrize("order", [1, 2])
def test_programs_drawn_at_random(order):
    n_replayed = 0
    for seed in seeds()[: 60 if order == 1 else 15]:
        rng = np.random.default_rng(seed)
        f = first = program(rng)
        if order == 2:

            def f(*xs, first=first):  # fmt: skip
                return sum(np.sum(np.sin(g)) for g in grad(first, (0, 1, 2))(*xs))

        eager = value_and_grad(f, (0, 1, 2))
        step = replay(eager, check=None)
        same = None
        for call in range(4):
            if same is None or call > 1:
                same = [rng.standard_normal(n) * 0.7 for n in ((6, 4), 4, ())]
                same[2] = np.asarray(same[2])
            (value, gs), (expected, hs) = step(*same), eager(*same)
            if not is_alike(np.asarray(value), np.asarray(expected)):
                raise AssertionError(f"seed {seed}")
            for a, b in zip(gs, hs, strict=True):
                if order == 1:
                    assert is_alike(a, b), f"seed {seed}"
                else:
                    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=f"seed {seed}")
                assert type(a) is type(b), f"seed {seed}"
        n_replayed += any(p.n_replays for ps in step.programs.values() for p in ps)
        assert step.given_up is None, f"seed {seed}"
    assert n_replayed > 5


# --- results and memory ---


def test_results_that_are_kept_are_not_written_again():
    f = value_and_grad(lambda x: np.sum(np.sin(x) * x))
    step, kept = replay(f), []
    for k in range(40):
        x = np.arange(4.0) + k
        value, gradient = step(x)
        if k % 3 == 0:
            kept.append((x, value, gradient[1:]))  # a view keeps the array
        gradient = None
    for x, value, gradient in kept:
        expected, g = f(x)
        assert (value, gradient.tobytes()) == (expected, g[1:].tobytes())


def test_a_program_holds_neither_its_arguments_nor_its_logs():
    import gc
    import weakref

    class Array(np.ndarray):
        pass

    x = np.arange(1000.0)
    base = x.view(Array)
    step = replay(value_and_grad(lambda x: np.sum(np.sort(x) * x)), check=None)
    for _ in range(4):
        step(np.asarray(base))
    watched = weakref.ref(base)
    del base, x
    gc.collect()
    assert watched() is None
