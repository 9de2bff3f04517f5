"""Run a client's tests and fits on both sides, in processes with a time limit, and compare."""

import json
import os
import signal
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.environment import bridge
from tests.clients.inside.client_outcomes import matches

HERE = Path(__file__).parent
SIDES = "real", "front"
GOOD = "passed", "skipped", "xfailed", "xpassed"


@dataclass
class Side:
    """What one side did: how each test ended, and what each fit returned, round for round."""

    ended: dict = field(default_factory=dict)
    said: dict = field(default_factory=dict)
    fits: list = field(default_factory=list)
    test_seconds: float = 0.0
    module: str = ""
    asked: list = field(default_factory=list)
    trouble: str = ""

    def passed(self):
        """The tests that passed."""
        return sum(ended in GOOD[:1] for ended in self.ended.values())


class Run:
    """A client on both sides."""

    def __init__(self, client, environment, work, limit, rounds, budget):
        self.client, self.environment, self.work = client, environment, work
        self.limit, self.rounds, self.budget = limit, rounds, budget
        self.path = bridge(work / "bridge")
        self.sides = {side: Side() for side in SIDES}

    def everything(self, tests=True, fits=True):
        """Tests once on each side, fits in alternating processes."""
        if tests and self.client.tests:
            for side in SIDES:
                self.run_tests(side)
        if fits and self.client.program:
            for i in range(self.rounds):
                for side in SIDES[:: 1 if i % 2 else -1]:
                    self.run_fits(side, i)
        return self

    def run_tests(self, side):
        """Let pytest run the client's tests; what it wrote until it ended, or was ended, counts."""
        tests, made = self.client.tests, self.sides[side]
        output = self.work / f"{side}-tests.jsonl"
        output.write_text("")
        job = {"outcomes": str(output), "left_out": [pattern for pattern, _ in tests.left_out]}
        command = [
            "-m", "pytest", "-q", "-c", "pytest.ini", "--rootdir", ".", "-p", "no:cacheprovider",
            "-p", "client_outcomes",
            *(word.format(site=self.environment.site) for word in (*tests.options, *tests.targets)),
        ]  # fmt: skip
        log = self.work / f"{side}-tests.log"
        status, made.test_seconds = self.child(side, command, job, self.environment.tests, log)
        for line in map(json.loads, output.read_text().splitlines()):
            if "test" in line:
                # Two reports of a test: of its call, and of what failed after it.
                made.ended[line["test"]] = line["ended"]
                made.said[line["test"]] = line["said"]
            else:
                made.module, made.asked = line["module"] or "", line["asked"]
        if status is None:
            made.trouble = f"ended after {self.limit} s, in the test after the last; see {log}"
        elif status not in (0, 1):
            made.trouble = f"pytest's exit status was {status}; see {log}"

    def run_fits(self, side, number):
        """A process with all fits of the client's program."""
        made = self.sides[side]
        output, log = self.work / f"{side}-{number}.json", self.work / f"{side}-{number}.log"
        output.unlink(missing_ok=True)
        program = HERE / "programs" / f"{self.client.program}.py"
        command = [str(HERE / "inside" / "client_fit.py"), str(program), str(output)]
        job = {"budget": self.budget}
        status, _ = self.child(side, command, job, self.work, log)
        if not output.exists():
            made.trouble = f"the fits ended with status {status}; see {log}"
            made.fits.append({})
            return
        answer = json.loads(output.read_text())
        made.module = answer["module"] or made.module
        made.fits.append(answer["fits"])

    def child(self, side, command, job, cwd, log):
        """Run it on that side: exit status, or None if its time was over, and its CPU time."""
        client = self.client
        job = {**job, "front": client.front, "module": client.module, "before": client.before}
        if side == "front":
            command = ["-m", "fastgrad.compat", self.client.front, *command]
        env = {
            **os.environ,
            "FASTGRAD_CLIENT": json.dumps(job),
            "PYTHONPATH": os.pathsep.join([str(self.path), str(HERE / "inside")]),
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "Agg",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTHONHOME"):
            env.pop(name, None)
        before = cpu_of_children()
        with open(log, "w", encoding="utf-8") as file:
            started = subprocess.Popen(
                [self.environment.python, *command],
                cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip
            try:
                status = started.wait(timeout=self.limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                end(started)
        return status, cpu_of_children() - before


def end(process):
    """End the process and those that it started, if it has not ended by itself."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def cpu_of_children():
    """CPU seconds of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def compare(run):
    """Both sides beside each other, as plain data."""
    real, front = (run.sides[side] for side in SIDES)
    known = [pattern for pattern, _ in run.client.known]
    both = {test: (real.ended[test], front.ended.get(test, "missing")) for test in real.ended}
    differ = {test: pair for test, pair in both.items() if group(pair[0]) != group(pair[1])}
    differ |= {test: ("missing", end) for test, end in front.ended.items() if test not in both}
    expected = {test for test in differ if matches(test, known)}
    fits = [compared_fit(name, run) for name in names_of_fits(run)]
    return {
        "client": run.client.name,
        "version": run.environment.versions().get(run.client.name, "?"),
        "versions": run.environment.versions(),
        "tests": len(both),
        "real": real.passed(),
        "front": front.passed(),
        "agree": len(both) - len(differ),
        "differ": [
            {"test": t, "real": a, "front": b, "said": front.said.get(t) or real.said.get(t, ""),
             "known": t in expected}
            for t, (a, b) in sorted(differ.items())
        ],
        "test_seconds": {side: run.sides[side].test_seconds for side in SIDES},
        "fits": fits,
        "modules": {side: run.sides[side].module for side in SIDES},
        "asked": front.asked,
        "trouble": {side: run.sides[side].trouble for side in SIDES},
    }  # fmt: skip


def group(ended):
    """Outcomes that count as the same: a failure is a failure, wherever it came."""
    return "failed" if ended in ("failed", "error") else ended


def names_of_fits(run):
    """In the order of the program."""
    names = {}
    for side in SIDES:
        for fits in run.sides[side].fits:
            names |= dict.fromkeys(fits)
    return list(names)


def compared_fit(name, run):
    """A fit on both sides: the medians of its times, and how far its values are apart."""
    rounds = {side: [fits[name] for fits in run.sides[side].fits if name in fits] for side in SIDES}
    row = {"fit": name, "seconds": {}, "error": {}, "apart": None, "known": False}
    for side in SIDES:
        done = [fit for fit in rounds[side] if "seconds" in fit]
        if done:
            row["seconds"][side] = statistics.median(fit["seconds"] for fit in done)
        else:
            errors = [fit["error"] for fit in rounds[side]]
            row["error"][side] = errors[0] if errors else "did not run"
    if len(row["seconds"]) == 2:
        values = [next(f["values"] for f in rounds[side] if "values" in f) for side in SIDES]
        row["apart"], row["where"] = apart(*values)
        pairs = zip(rounds["real"], rounds["front"], strict=False)
        ratios = [
            a["seconds"] / b["seconds"] for a, b in pairs if "seconds" in a and "seconds" in b
        ]
        row["times"] = statistics.median(ratios)
    row["close"] = run.client.close_for(name)
    return row


def apart(expected, actual):
    """The largest difference, over the largest magnitude of its array: 0 if all bits are the same.

    It is infinity if there is another structure, another text, or NaN on one side only.
    """
    if [shape_of(leaf) for leaf in expected] != [shape_of(leaf) for leaf in actual]:
        return float("inf"), "structure"
    worst, where = 0.0, ""
    for a, b in zip(expected, actual, strict=True):
        if a["values"] == b["values"]:
            continue
        if a["kind"] == "text":
            return float("inf"), a["path"]
        xs, ys = ([float.fromhex(text) for text in leaf["values"]] for leaf in (a, b))
        distance = furthest(xs, ys)
        if distance > worst:
            worst, where = distance, a["path"]
    return worst, where


def furthest(xs, ys):
    """The largest |x - y| over the largest |x| that is finite."""
    scale = max((abs(x) for x in xs if abs(x) < float("inf")), default=0.0) or 1.0
    distances = []
    for x, y in zip(xs, ys, strict=True):
        if x == y or (x != x and y != y):
            continue
        distance = abs(x - y) / scale
        distances.append(distance if distance == distance else float("inf"))
    return max(distances, default=0.0)


def shape_of(leaf):
    """What has to be equal exactly."""
    return leaf["path"], leaf["kind"], leaf["shape"]
