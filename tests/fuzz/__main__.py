"""Fuzz for as long as told: `python -m tests.fuzz --hours 2`.

Rounds of the state machine and of programs of rows take turns, each from the next seed. The first
failure is shrunk, shown with its seed, and ends the run with exit status 1.
"""

import argparse
import importlib.util
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tests' own modules

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from fuzz.check import check
from fuzz.machine import Machine, counts

N_EXAMPLES, N_STEPS, N_PROGRAMS = 200, 50, 500  # of a round


def round_of_machine(number):
    """Random uses of the interface, against the model."""
    seed(number)(Machine)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=N_EXAMPLES,
            stateful_step_count=N_STEPS,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def round_of_rows(number):
    """Random programs of rows."""
    torch = importlib.util.find_spec("torch") is not None
    for program in range(number * N_PROGRAMS, (number + 1) * N_PROGRAMS):
        check(program, torch)
        counts["programs of rows"] += 1


ROUNDS = {"machine": round_of_machine, "rows": round_of_rows}


def main():
    """Read the command line, and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*ROUNDS, []], help="all, if not said")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1, help="of the first round (1)")
    options = parser.parse_args()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "x.grad is None")  # a hint for beginners
    start, number, reported = time.monotonic(), options.seed, 0.0
    while (hours := (time.monotonic() - start) / 3600) < options.hours:
        for what in options.what or ROUNDS:
            try:
                ROUNDS[what](number)
            except BaseException:
                print(f"failed: {what}, --seed {number}", flush=True)
                raise
        if hours >= 1.2 * reported:
            reported = max(hours, 0.01)
            print(summary(number - options.seed + 1, start), flush=True)
        number += 1
    print(summary(number - options.seed, start))


def summary(n_rounds, start):
    """What was done so far."""
    done = ", ".join(f"{n} {what}" for what, n in counts.items())
    return f"{(time.monotonic() - start) / 60:.1f} minutes: {n_rounds} rounds, {done}; no failure"


if __name__ == "__main__":
    main()
