"""How near chains on large arrays come to what memory allows: `python -m benchmarks.bandwidth`.

The bytes that `y = y * b + c` must move, forward and backward, at the speed at which `np.add` moves
them between as many arrays of the same size, which are there already. One thread.
"""

import argparse
import statistics
from time import perf_counter_ns

import numpy as np

from benchmarks.phases import time_phases
from benchmarks.workloads import chain_of
from fastgrad import set_num_threads

# Arrays read and written by one product and one sum. Forward: 3 and 3. Backward: the gradient of c
# grows (3); that of b by a product (4); that of y is multiplied by b (3), and passes the sum.
MOVED = 3 + 3 + 3 + 4 + 3


def time_of_add(size, count):
    """Nanoseconds for `out = x + y`, which moves three arrays: of `count`, as a graph has them."""
    xs, y = [np.ones(size) for _ in range(count)], np.ones(size)
    t0 = perf_counter_ns()
    for i in range(count):
        np.add(xs[i - 1], y, out=xs[i])
    return (perf_counter_ns() - t0) / count


def main():
    """Measure both in interleaved rounds, and print the ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bandwidth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    set_num_threads(1)
    head = "elements", "bytes an operation", "np.add moves", "us if so fast", "us", "ratio"
    print("".join(f"{each:>20}" for each in head))
    for size, count in ((65_536, 200), (10**6, 30)):
        workload, rows = chain_of(size, count), []
        moved = MOVED * 8 * size / 2
        for _ in range(rounds):
            speed = 3 * 8 * size / time_of_add(size, count)  # bytes a nanosecond
            rows.append((speed, moved / speed, time_phases(workload, "fastgrad")[0]["total"]))
        speed, least, taken = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio = statistics.median(taken / least for _, least, taken in rows)
        print(f"{size:>20}{moved / 1e6:>17.1f} MB{speed:>15.1f} GB/s{least / 1e3:>20.0f}"
              f"{taken / 1e3:>20.0f}{ratio:>20.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
