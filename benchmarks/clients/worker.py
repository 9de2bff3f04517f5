"""`python -m benchmarks.clients.worker SIDE PACKAGE PROGRAM`: a process that runs tasks, on demand.

SIDE is `real` or `front`: there, fastgrad's front end takes the package's place before the program
is loaded. Requests and answers are lines of JSON: a task's name, and how often to run it; the CPU
time that took, and the numbers that it returned.
"""

import contextlib
import json
import random
import runpy
import sys
import time
import types
import warnings
from pathlib import Path

import numpy as np

PROGRAMS = Path(__file__).parent / "programs"


def load(side, package, program):
    """The program's tasks, on that side."""
    if side == "front":
        from fastgrad.compat import patch

        patch(package, quiet=True)
    elif package == "dezero" and "int" not in vars(np):
        vars(np)["int"] = int  # of NumPy before 1.24: its release cannot be imported without
    names = runpy.run_path(str(PROGRAMS / f"{program}.py"), run_name="tasks")
    return {
        name: f
        for name, f in names.items()
        if isinstance(f, types.FunctionType) and f.__module__ == "tasks" and name[0] != "_"
    }


def run(f, count):
    """The CPU time of so many calls, and what the last returned."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (the packages draw from it)
    started = time.process_time()
    for _ in range(count):
        y = f()
    return time.process_time() - started, list(numbers(y))


def numbers(y):
    """All numbers in nested containers, as floats that keep every bit."""
    if isinstance(y, (tuple, list)):
        for part in y:
            yield from numbers(part)
    else:
        yield from np.asarray(y, dtype=float).ravel().tolist()


def serve(side, package, program):
    """Answer until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):
        tasks = load(side, package, program)
        print(json.dumps(list(tasks)), file=answers, flush=True)
        for line in sys.stdin:
            name, count = json.loads(line)
            seconds, found = run(tasks[name], count)
            print(json.dumps({"seconds": seconds, "numbers": found}), file=answers, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
