"""A run as JSON, in the format of pytest-benchmark: `pytest-benchmark compare` reads it.

Each row is a benchmark whose times are seconds an operation or step, one for each round. In its
`extra_info` are the ratios to NumPy, and the medians of the other figures in nanoseconds and bytes.
What the format has no place for stands beside the benchmarks: libraries, failures.
"""

import datetime
import gc
import json

from pytest_benchmark import __version__ as version_of_format
from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
from pytest_benchmark.stats import Stats
from pytest_benchmark.utils import get_commit_info

from benchmarks.machine import machine
from benchmarks.peers.kinds import WALL
from benchmarks.peers.rounds import Row, Run


def machine_info():
    """What pytest-benchmark tells of a machine, and the settings that matter here."""
    info = pytest_benchmark_generate_machine_info()
    info["suite"] = {**machine(), "collector": "on" if gc.isenabled() else "off"}
    return info


def as_benchmark(row, threads, clock):
    """A row as pytest-benchmark keeps it."""
    stats = Stats()
    for total in row.totals:
        stats.update(total * 1e-9)
    extra = {"count": row.count, "ratios": row.ratios, "figures": row.figures, "threads": threads}
    name = f"{row.task}[{row.library}]"
    return {
        "group": row.group,
        "name": name,
        "fullname": f"{row.group}/{name}",
        "params": {"task": row.task, "library": row.library},
        "param": row.library,
        "extra_info": extra,
        "options": {"disable_gc": False, "timer": clock.removesuffix("_ns"), "warmup": True},
        "stats": {**stats.as_dict(), "iterations": 1, "data": stats.data},
    }


def as_json(run, threads, quick, clock=WALL):
    """A run as plain data; `clock` is the one that its tasks read."""
    return {
        "machine_info": machine_info(),
        "commit_info": get_commit_info(),
        "benchmarks": [as_benchmark(row, threads, clock) for row in run.rows],
        "datetime": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "version": version_of_format,
        "quick": quick,
        "libraries": run.libraries,
        "missing": run.missing,
        "failures": run.failures,
    }


def write(data, path):
    """Plain data into a file."""
    path.write_text(json.dumps(data, indent=1))


def clock_of(data):
    """The clock that the tasks of a run read."""
    return next((f"{b['options']['timer']}_ns" for b in data["benchmarks"]), WALL)


def read(path):
    """The run of a file, and its plain data."""
    data = json.loads(path.read_text())
    run = Run(data["libraries"], data["missing"], [], [tuple(f) for f in data["failures"]])
    for benchmark in data["benchmarks"]:
        extra, params = benchmark["extra_info"], benchmark["params"]
        totals = [time * 1e9 for time in benchmark["stats"]["data"]]
        ends = extra["count"], totals, extra["ratios"], extra["figures"]
        run.rows.append(Row(params["task"], benchmark["group"], params["library"], *ends))
    return run, data
