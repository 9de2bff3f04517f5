"""Loops on several threads: the same bits, the same errors; and nobody is left waiting."""

import os
import platform
import textwrap
import threading

import numpy as np
import pytest

import fastgrad.numpy as fnp
from fastgrad import Variable, get_num_threads, set_num_threads

# About what is split, and its parts; the last is not even in elements that SIMD takes at once.
SIZES = [2**13 - 1, 2**13, 2**15, 2**15 + 1, 2**16 + 1023, 10**6 + 7]


@pytest.fixture(autouse=True)
def number_of_threads():
    before = get_num_threads()
    yield
    set_num_threads(before)


def outcome(n, dtype, x):
    """Values and gradients of a program with every kind of loop that is split."""
    a, b, c = (Variable(each) for each in x)
    y = fnp.exp(a * b + c) / (b * b) - fnp.sqrt(b) * 0.5
    y = fnp.tanh(y) + fnp.sin(a) * fnp.cos(c) + abs(c) ** 1.5 + fnp.log(b) + fnp.maximum(a, c)
    y.backward()
    return [y.data, a.grad, b.grad, c.grad]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", SIZES)
def test_the_number_of_threads_changes_no_bit(n, dtype):
    rng = np.random.default_rng(n)
    x = [rng.uniform(0.5, 2, n).astype(dtype) for _ in range(3)]
    set_num_threads(1)
    expected = outcome(n, dtype, x)
    for threads in (2, 3, 16):
        set_num_threads(threads)
        for a, b in zip(outcome(n, dtype, x), expected, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("place", [0, 2**15, 10**5 - 1])
def test_an_error_in_any_part_is_reported(place):
    a = np.ones(10**5)
    a[place] = 0
    set_num_threads(2)
    x = Variable(a)
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        fnp.log(x)
    with np.errstate(all="raise"):
        fnp.log(x + 1)  # no flag is left over
        with pytest.raises(FloatingPointError, match="divide by zero encountered in divide"):
            1 / x


def test_an_error_in_a_sum_of_products_is_reported():
    set_num_threads(2)
    a = np.ones(10**5)
    a[70_000] = 1e300
    x = Variable(np.ones(10**5))
    y = x * a + x * a
    y.grad = np.full(10**5, 1e10)
    with pytest.warns(RuntimeWarning, match="overflow encountered in multiply"):
        y.backward()
    assert np.isinf(x.grad).nonzero()[0].tolist() == [70_000]


def test_threads_of_the_program_run_meanwhile_and_have_loops_of_their_own():
    set_num_threads(2)
    x = Variable(np.linspace(0.5, 1, 10**5))
    expected = None
    failures = []

    def work():
        for _ in range(30):
            v = Variable(x.data)
            y = fnp.tanh(v * x.data) * v
            y.backward()
            if expected is not None and v.grad.tobytes() != expected:
                failures.append(v.grad)
        return v.grad.tobytes()

    expected = work()
    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_graph_that_is_released_meanwhile_is_held():
    """One thread walks a graph while another, over the same nodes, releases it."""
    set_num_threads(2)
    for _ in range(20):
        x = Variable(np.ones(10**5))
        y = x
        for _ in range(10):
            y = fnp.tanh(y * 1.001) * y
        outcomes = []

        def walk(retain, y=y, outcomes=outcomes):
            try:
                y.backward(retain_graph=retain)
                outcomes.append(None)
            except RuntimeError as error:
                outcomes.append(str(error))

        threads = [threading.Thread(target=walk, args=(retain,)) for retain in (True, False)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(each is None or "retain_graph=False" in each for each in outcomes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_threads_of_its_own(run_child):
    code = """
        import os
        import numpy as np
        from fastgrad import Variable, set_num_threads

        set_num_threads(3)
        x = Variable(np.ones(10**6))
        expected = (x * 2 + x).data.sum()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if all((x * 2 + x).data.sum() == expected for _ in range(20)) else 1)
            print(os.waitpid(child, 0)[1])
        print((x * 2 + x).data.sum() == expected)
    """
    assert run_child(textwrap.dedent(code)) == "0\n" * 5 + "True\n"


@pytest.mark.parametrize(("environment", "expected"), [
    ({"FASTGRAD_THREADS": "3", "OMP_NUM_THREADS": "2"}, "3"),
    ({"OMP_NUM_THREADS": "2"}, "2"),
    ({"OMP_NUM_THREADS": "4,2"}, "1"),
    ({"FASTGRAD_THREADS": "0"}, "1"),
    ({"FASTGRAD_THREADS": "1000"}, "16"),
], ids=str)  # fmt: skip
def test_the_environment_says_how_many(environment, expected, run_child):
    code = f"""
        import os
        os.environ.update({environment!r})
        import fastgrad
        print(fastgrad.get_num_threads())
    """
    assert run_child(textwrap.dedent(code)) == expected + "\n"


def test_what_is_no_number_in_the_environment_is_warned_of(run_child):
    code = """
        import os, warnings
        os.environ["FASTGRAD_THREADS"] = "many"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import fastgrad
        print(caught[0].message, fastgrad.get_num_threads())
    """
    assert run_child(textwrap.dedent(code)) == (
        "FASTGRAD_THREADS is 'many', no number of threads: 1 it is 1\n"
    )


@pytest.mark.parametrize("n", [0, -1])
def test_less_than_one_thread_is_an_error(n):
    before = get_num_threads()
    with pytest.raises(ValueError, match="expected 1 or more"):
        set_num_threads(n)
    with pytest.raises(TypeError):
        set_num_threads(1.5)
    assert get_num_threads() == before


ROUNDING = {
    "x86_64": {"down": 0x400, "up": 0x800, "toward zero": 0xC00},
    "aarch64": {"down": 0x800000, "up": 0x400000, "toward zero": 0xC00000},
}.get(platform.machine(), {})
PROGRAM = """
import ctypes
import numpy as np
from fastgrad import Variable, set_num_threads

libm = ctypes.CDLL(None)
rng = np.random.default_rng(3)
x, z = rng.standard_normal(1 << 17), rng.standard_normal(1 << 17)

def bits(x):
    return x.view(np.int64)  # compared as numbers, those below the normal ones may all be zeros

def check():
    for _ in range(20):  # for a helper to come in time
        a, b = Variable(x), Variable(z)
        for y, expected in [(a + b, x + z), (a - b, x - z), (a * b, x * z), (a / b, x / z),
                            (np.sqrt(abs(a)), np.sqrt(abs(x)))]:
            assert np.array_equal(bits(y.data), bits(expected)), type(y.creator)
        np.sum(a * b + a / b + a * b).backward()
        assert np.array_equal(bits(a.grad), bits(z + 1 / z + z))
        assert np.array_equal(bits(b.grad), bits(x + -(1 / z) * (x / z) + x))
"""


@pytest.mark.skipif(not ROUNDING or not hasattr(os, "sched_getaffinity"), reason="needs Linux")
@pytest.mark.parametrize("direction", ROUNDING)
def test_helpers_round_as_the_caller_does(run_child, direction):
    run_child(
        PROGRAM
        + f"""
set_num_threads(2)
check()
assert libm.fesetround({ROUNDING.get(direction)}) == 0
try:
    check()
finally:
    libm.fesetround(0)
check()
"""
    )


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not hasattr(os, "sched_getaffinity"),
    reason="knows where glibc keeps MXCSR in its fenv_t on x86-64",
)
def test_helpers_flush_to_zero_as_the_caller_does(run_child):
    run_child(
        PROGRAM
        + """
set_num_threads(2)
x, z = x * 1e-309, z * 1e-309
environment = ctypes.create_string_buffer(64)
libm.fegetenv(environment)
mxcsr = int.from_bytes(environment[28:32], "little")
with np.errstate(all="ignore"):
    check()
    environment[28:32] = (mxcsr | 0x8040).to_bytes(4, "little")  # flush to zero, denormals are zero
    libm.fesetenv(environment)
    assert not np.any(x + 0.0)
    check()
    environment[28:32] = (mxcsr & ~0x8040).to_bytes(4, "little")
    libm.fesetenv(environment)
    assert np.any(x + 0.0)
    check()
"""
    )
