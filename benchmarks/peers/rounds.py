"""Rounds: the libraries take turns, one at a time, and a ratio is taken within a round.

There the machine is in the same mood for both; what is reported are medians over the rounds.
"""

import statistics
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from benchmarks.libraries import CONTROL, LIBRARIES
from benchmarks.peers.worker import Absent, Failure, Worker


@dataclass(frozen=True)
class Effort:
    """How long to measure: seconds a measurement, seconds of rounds a task, rounds at most."""

    measurement: float
    task: float
    rounds: int
    least: int = 1  # rounds, however long they take
    timeout: float = 600  # of one answer


QUICK = Effort(0.002, 0.8, 5, timeout=60)
THOROUGH = Effort(0.03, 20, 25, least=3)


@dataclass(frozen=True)
class Row:
    """What a library took for a task."""

    task: str
    group: str
    library: str
    count: int
    totals: list  # nanoseconds an operation or step, one a round
    ratios: list  # to NumPy's in the same round
    figures: dict  # medians of all that was measured

    @property
    def ratio(self):
        """The median of the ratios; None if NumPy was not measured."""
        return statistics.median(self.ratios) if self.ratios else None


@dataclass
class Run:
    """What came of all tasks."""

    libraries: dict = field(default_factory=dict)  # name: what it tells of itself
    missing: dict = field(default_factory=dict)  # name: why it is not there
    rows: list = field(default_factory=list)
    failures: list = field(default_factory=list)  # (task, library, what happened)

    def row(self, task, library):
        """The row of a task and a library; None if there is none."""
        found = (row for row in self.rows if (row.task, row.library) == (task, library))
        return next(found, None)

    def failure(self, task, library):
        """What went wrong there; None if nothing did."""
        found = (what for t, name, what in self.failures if (t, name) == (task, library))
        return next(found, None)


class Suite:
    """The processes of the libraries, and the run that they fill.

    A library may be called `fastgrad@SOMETHING`; `trees` has the directory it is imported from.
    """

    def __init__(self, libraries, effort, threads=1, trees=None):
        self.effort = effort
        self.threads = threads
        self.trees = trees or {}
        self.run = Run()
        self.workers = {}
        self.references = {}  # processes that tell what is right
        self.expected = {}  # what they told, of the task that is being measured
        for name in libraries:
            worker = self.worker(name)
            try:
                self.run.libraries[name] = worker.start()
            except Failure as failure:
                how = "not installed" if isinstance(failure, Absent) else "broken"
                self.run.missing[name] = f"{how}: {failure}"
                worker.close()
            else:
                self.workers[name] = worker

    def worker(self, name):
        """A process for a library, not yet started."""
        adapter = name.split("@")[0]
        return Worker(adapter, self.threads, self.effort.timeout, self.trees.get(name))

    def close(self):
        """End the processes."""
        for worker in [*self.workers.values(), *self.references.values()]:
            worker.close()

    def measure(self, task):
        """All rounds of a task; a library that fails takes part in no further one."""
        counts = self.participants(task)
        samples = {name: [] for name in counts}
        self.expected.clear()
        start, rounds = perf_counter(), 0
        while counts and rounds < self.effort.rounds:
            if rounds >= self.effort.least and perf_counter() - start > self.effort.task:
                break
            # In one order, then in the other.
            for name in list(counts)[:: -1 if rounds % 2 else 1]:
                try:
                    samples[name].append(self.turn(task, name, counts[name], first=not rounds))
                except Failure as failure:
                    self.run.failures.append((task.name, name, str(failure)))
                    del counts[name]
            rounds += 1
        self.run.rows += rows_of(task, counts, samples)

    def participants(self, task):
        """The libraries that can do the task, and how many operations each gets."""
        counts = {}
        for name in self.workers:
            info = self.run.libraries[name]
            count = task.count_for(info)
            if count is not None and not set(task.needs) & set(info["lacks"]):
                counts[name] = count
        return counts

    def turn(self, task, name, count, first):
        """One measurement; the first time, the outcome is compared too."""
        if not task.fresh:
            worker = self.workers[name]
            if first:
                self.check(task, name, count, worker)
            return worker.ask("measure", task, count, self.effort.measurement)
        worker = self.worker(name)
        try:
            sample = worker.ask("measure", task, count, self.effort.measurement)
            if first:  # only now: it would not have been fresh
                self.check(task, name, count, worker)
        finally:
            worker.close()
        return sample

    def check(self, task, name, count, worker):
        """Raise a Failure unless a library's outcome is that of the reference."""
        actual = worker.ask("outcome", task, count)
        if not actual:
            return  # the task compares by itself
        if count not in self.expected:
            reference = self.references.setdefault(task.reference, self.worker(task.reference))
            self.expected[count] = reference.ask("outcome", task, count)
        lacks = self.run.libraries[name]["lacks"]
        compare(self.expected[count], actual, whole="gradients" not in lacks)


def compare(expected, actual, whole=True):
    """Raise a Failure unless the values and gradients are the same but for rounding."""
    if whole and len(actual) != len(expected):
        raise Failure(f"wrong: {len(actual)} results, expected {len(expected)}")
    for i, (a, b) in enumerate(zip(expected, actual, strict=False)):
        if a.shape != b.shape:
            raise Failure(f"wrong: result {i} has shape {b.shape}, expected {a.shape}")
        scale = np.max(np.abs(a), initial=0)
        error = np.max(np.abs(b - a), initial=0)
        if not error <= 1e-9 * scale:
            raise Failure(f"wrong: result {i} is off by {error:.1e}, of {scale:.1e}")


def rows_of(task, counts, samples):
    """The row of each library that did all rounds."""
    control = [sample["total"] for sample in samples[CONTROL]] if CONTROL in counts else []
    for name, count in counts.items():
        totals = [sample["total"] for sample in samples[name]]
        ratios = [a / b for a, b in zip(totals, control, strict=False)]
        figures = {
            key: statistics.median(sample[key] for sample in samples[name])
            for key in samples[name][0]
        }
        yield Row(task.name, task.group, name, count, totals, ratios, figures)


def in_order(libraries):
    """The names in the order of the tables; a name that is in none of them is an error."""
    unknown = set(libraries) - set(LIBRARIES)
    if unknown:
        raise ValueError(f"no such library: {', '.join(sorted(unknown))}")
    return [name for name in LIBRARIES if name in libraries]
