"""Both sides of a group in turns, each in a process of its own; what a front end's call adds."""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import fastgrad

ROOT = Path(__file__).parents[2]
SIDES = "real", "front"


@dataclass(frozen=True)
class Group:
    """Tasks of one program."""

    front: str  # which front end
    packages: tuple[str, ...]  # that have to be installed
    title: str
    target: float | None = None  # for the median of the ratios
    targets: tuple[tuple[str, float], ...] = ()  # for single ones
    close: float = 1e-6  # what the numbers may differ by, relatively


GROUPS = {
    "hips": Group("autograd", ("autograd",), "autograd's own benchmarks", target=5),
    "lifelines": Group("autograd", ("autograd", "lifelines"), "lifelines: fits"),
    "pymanopt": Group("autograd", ("autograd", "pymanopt"), "pymanopt: runs"),
    "dezero": Group(
        "dezero",
        ("dezero", "matplotlib"),
        "DeZero's training loops",
        targets=(
            ("goldstein_price", 50), ("newton", 8), ("network_by_hand", 2), ("spiral", 1.4),
            ("sine_by_rnn", 2), ("sine_by_lstm", 1.7), ("convolutional_network", 1),
        ),
        close=1e-4,  # where its layers are of float32
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Effort:
    """How many turns, and how long one is at least: on each side, for what is short is run cold."""

    turns: int
    seconds: float


QUICK, THOROUGH = Effort(1, 0.0), Effort(9, 0.05)


class Worker:
    """A process with one side of a program."""

    def __init__(self, side, name, group):
        path = os.pathsep.join([str(ROOT), *(p for p in sys.path if p)])
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.clients.worker", side, group.front, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **threads, "PYTHONPATH": path, "MPLBACKEND": "Agg"},
        )  # fmt: skip
        self.tasks = self.answer()

    def answer(self):
        """The next line that it says."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a process ended: {' '.join(map(str, self.process.args))}")
        return json.loads(line)

    def run(self, task, count):
        """The CPU seconds of so many runs, and the numbers."""
        print(json.dumps([task, count]), file=self.process.stdin, flush=True)
        return self.answer()

    def close(self):
        """Let it end."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def compare(name, group, effort):
    """A row for each task of the group."""
    workers = {side: Worker(side, name, group) for side in SIDES}
    try:
        return [row(task, workers, group, effort) for task in workers["real"].tasks]
    finally:
        for worker in workers.values():
            worker.close()


def row(task, workers, group, effort):
    """Turns of both sides: their times a run, the median ratio, and whether numbers agree."""
    first = {side: workers[side].run(task, 1) for side in SIDES}
    counts = dict.fromkeys(SIDES, 1)
    if effort.seconds:
        for side in SIDES:
            warm = workers[side].run(task, 1)["seconds"]
            counts[side] = min(math.ceil(effort.seconds / max(warm, 1e-7)) or 1, 100_000)
    turns = []
    for i in range(effort.turns):
        turn = {}
        for side in SIDES[:: 1 if i % 2 else -1]:
            count = counts[side]
            turn[side] = max(workers[side].run(task, count)["seconds"] / count, 1e-9)
        turns.append(turn)
    xs, ys = (first[side]["numbers"] for side in SIDES)
    return {
        "task": task,
        **{side: statistics.median(turn[side] for turn in turns) for side in SIDES},
        "ratio": statistics.median(turn["real"] / turn["front"] for turn in turns),
        "target": dict(group.targets).get(task),
        "bits": xs == ys,
        "same": same(xs, ys, group.close),
    }


def same(xs, ys, close):
    """Whether the numbers are as many, and no further apart than that of the largest."""
    scale = max((abs(x) for x in xs if math.isfinite(x)), default=0.0)
    return len(xs) == len(ys) and all(
        x == y or (x != x and y != y) or abs(x - y) <= close * scale
        for x, y in zip(xs, ys, strict=False)
    )


def overhead(effort):
    """Microseconds of a call of `grad` of a product: fastgrad's own, and the front end's."""
    from fastgrad.compat import autograd

    calls = {
        "fastgrad": fastgrad.grad(lambda x: x * x),
        "front": autograd.grad(lambda x: x * x),
    }
    count = 20_000 if effort.seconds else 50
    best = dict.fromkeys(calls, math.inf)
    for _ in range(2 * effort.turns + 1):
        for name, f in calls.items():
            started = time.process_time()
            for _ in range(count):
                f(3.0)
            best[name] = min(best[name], (time.process_time() - started) / count)
    return {name: 1e6 * seconds for name, seconds in best.items()}
