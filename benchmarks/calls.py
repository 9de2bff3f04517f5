"""Single calls and `grad`: `python -m benchmarks.calls`.

What recording a call costs, beside NumPy's time for it; and what `grad(f)(x)` adds to recording and
walking the same graph by hand. One thread.
"""

import argparse
import gc
import os
import statistics
from timeit import Timer

if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

import numpy as np

import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Variable, grad

CALLS = 2000  # of a measurement: the clock itself takes 0.1 us


def calls():
    """The calls: (name, the call recorded by fastgrad, the same call of NumPy)."""
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


def gradient_steps():
    """`grad` of a function of an array, and the same graph by a Variable."""
    x = np.linspace(0.5, 1.5, 10)

    def f(x):
        return fnp.sum(x * x)

    def by_hand():
        v = Variable(x)
        f(v).backward(retain_graph=False)
        return v.grad

    g = grad(f)
    return lambda: g(x), by_hand


def pairs_of(step, reference, rounds):
    """Microseconds a call of each, in interleaved rounds; the collector is on."""
    timers = [Timer(f, setup="gc.enable()", globals={"gc": gc}) for f in (step, reference)]
    return [[timer.timeit(CALLS) / CALLS * 1e6 for timer in timers] for _ in range(rounds)]


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    print(f"{'microseconds a call, recorded (times NumPy)':<54}{'NumPy':>10}{'fastgrad':>18}")
    for what, ours, numpys in calls():
        times = pairs_of(ours, numpys, rounds)
        us, reference = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(a / b for a, b in times)
        print(f"{what:<54}{reference:>10.2f}{f'{us:.2f} ({ratio:.2f}x)':>18}")
    times = pairs_of(*gradient_steps(), rounds)
    over = statistics.median(a - b for a, b in times)
    hand = statistics.median(b for _, b in times)
    print(f"grad(f)(x) adds {over:.2f} us to the {hand:.2f} us of recording and backward")


if __name__ == "__main__":
    main()
