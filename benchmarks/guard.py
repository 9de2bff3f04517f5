"""Which workloads became slower: `python -m benchmarks.guard [--against FILE|REVISION]`.

Measures the current checkout, and compares it with a run that was stored (`results/guard.json`) or
with another revision of git, which is built and measured in the same rounds. Times are those of the
processor (`benchmarks.guarded` has the tasks), and what is compared is the ratio to NumPy's in the
same round. A workload is slower if its ratio grew by more than the tolerance and by more than the
spread over the rounds explains, and does so again when it is measured anew. Instructions are
counted too, where valgrind is installed. The exit status is 1 if anything became slower. Without
`--against`, the run is stored and nothing is compared.
"""

import argparse
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import guarded, instructions, revisions
from benchmarks.libraries import CONTROL
from benchmarks.peers.kinds import CPU
from benchmarks.peers.rounds import Effort, Suite

OURS, THEIRS = "fastgrad", "fastgrad@then"
QUICK = Effort(0.004, 1.5, 15, least=5)
THOROUGH = Effort(0.02, 12, 40, least=9)


@dataclass(frozen=True)
class Verdict:
    """How a workload's ratio to NumPy changed, and how much it may."""

    task: str
    before: float
    now: float
    change: float
    allowed: float

    @property
    def slower(self):
        """Whether that is beyond what is allowed."""
        return self.change > self.allowed


def uncertainty(ratios):
    """The relative standard error of a median, from the median deviation."""
    middle = statistics.median(ratios)
    deviation = statistics.median(abs(ratio - middle) for ratio in ratios)
    return 1.25 * 1.48 * deviation / middle / math.sqrt(len(ratios))


def verdict(task, before, now, tolerance, paired):
    """Compare the ratios of two runs; of one round each, and one run, if they are paired."""
    old, new = statistics.median(before), statistics.median(now)
    if paired:  # then NumPy's own spread cancels out
        changes = [b / a for a, b in zip(before, now, strict=True)]
        change, noise = statistics.median(changes), uncertainty(changes)
    else:
        change, noise = new / old, math.hypot(uncertainty(before), uncertainty(now))
    return Verdict(task, old, new, change, 1 + max(tolerance, 3 * noise))


def verdicts(before, now, tolerance, library=OURS):
    """Compare the tasks that both runs have; `library` is the name of fastgrad in the first."""
    found = []
    for row in now.rows:
        old = before.row(row.task, library) if row.library == OURS else None
        if old and old.count == row.count and old.ratios and row.ratios:
            paired = before is now
            found.append(verdict(row.task, old.ratios, row.ratios, tolerance, paired))
    return found


def measure(tasks, effort, tree=None):
    """The run of NumPy, of the checkout and, if a tree is given, of the fastgrad in it."""
    from tqdm import tqdm

    from benchmarks.__main__ import BAR

    names = [CONTROL, OURS, *([THEIRS] if tree else [])]
    suite = Suite(names, effort, trees={OURS: revisions.ROOT, THEIRS: tree})
    try:
        if OURS in suite.run.missing:
            sys.exit(f"fastgrad cannot be measured: {suite.run.missing[OURS]}")
        with tqdm(tasks, bar_format=BAR) as bar:
            for task in bar:
                bar.set_description_str(task.name)
                suite.measure(task)
    finally:
        suite.close()
    return suite.run


def judge(tasks, effort, tolerance, stored=None, tree=None):
    """The run, and the verdicts on it; what seems slower is measured anew before it is said."""
    run = measure(tasks, effort, tree)
    before, library = (run, THEIRS) if tree else (stored, OURS)
    if before is None:
        return run, []
    first = verdicts(before, run, tolerance, library)
    suspects = {v.task for v in first if v.slower}
    if not suspects:
        return run, first
    again = measure([task for task in tasks if task.name in suspects], effort, tree)
    second = verdicts(again if tree else before, again, tolerance, library)
    confirmed = {v.task: v for v in second}
    return run, [confirmed.get(v.task, v) for v in first]


def report(found):
    """The verdicts as text."""
    head = f"{'time, in times NumPy':<54}{'before':>10}{'now':>10}{'change':>9}{'allowed':>9}"
    lines = [head]
    for v in found:
        mark = "   SLOWER" if v.slower else ""
        figures = f"{v.before:>10.3f}{v.now:>10.3f}{v.change:>9.2f}{v.allowed:>9.2f}"
        lines.append(f"  {v.task:<52}{figures}{mark}")
    middle = statistics.median(v.change for v in found)
    return "\n".join([*lines, f"  {'the median workload':<72}{middle:>9.2f}"])


def count_instructions(options, tree, stored):
    """The instructions now, and the lines and the number of what grew."""
    if options.no_instructions:
        return None, [], 0
    if not instructions.available():
        return None, ["instructions: not counted, valgrind is not installed"], 0
    now = instructions.measure()
    before = instructions.measure(tree) if tree else (stored or {}).get("callgrind")
    if before is None:
        counted = ", ".join(f"{phase} {n:.1f}" for phase, n in now["instructions"].items())
        return now, [f"instructions an operation, 0-d chain: {counted}"], 0
    return now, *instructions.compare(before, now)


def options_of(arguments):
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--against", metavar="FILE|REVISION")
    parser.add_argument("--quick", action="store_true", help="two minutes, less exact")
    parser.add_argument("--tolerance", type=float, default=0.1, help="0.1 if not given")
    parser.add_argument("--no-instructions", action="store_true", help="do without valgrind")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Measure, compare, store; the exit status."""
    from benchmarks.peers import store

    options = options_of(arguments)
    before = data = tree = None
    if options.against and Path(options.against).is_file():
        before, data = store.read(Path(options.against))
        if data["quick"] != options.quick:
            sys.exit("one run is quick and the other is not: their graphs differ in length")
        if store.clock_of(data) != CPU:
            sys.exit(f"{options.against} has times of another clock: the guard reads {CPU}")
    elif options.against:
        try:
            tree = revisions.build(options.against)
        except revisions.NoRevision as error:
            sys.exit(str(error))

    effort = QUICK if options.quick else THOROUGH
    run, found = judge(guarded.tasks(options.quick), effort, options.tolerance, before, tree)
    counted, lines, grown = count_instructions(options, tree, data)
    if found:
        print(report(found))
    print("\n".join([*lines, *(f"{lib}, {task}: {what}" for task, lib, what in run.failures)]))
    slower = sum(v.slower for v in found) + grown
    broken = sum(library == OURS for _, library, _ in run.failures)
    if options.against:
        print(f"{slower} slower, {broken} failed, of {len(found)} workloads")

    options.output.mkdir(parents=True, exist_ok=True)
    stored = {**store.as_json(run, 1, options.quick, CPU), "callgrind": counted}
    store.write(stored, options.output / "guard.json")
    print(f"written: {options.output / 'guard.json'}")
    return 1 if slower or broken else 0


if __name__ == "__main__":
    sys.exit(main())
