"""Memory a node, as the operating system sees it: the resident set of a child that records a graph.

`tracemalloc` sees neither what extension types take from `malloc` by themselves nor what allocators
round up; the resident set of a fresh process does.
"""

import contextlib
import functools
import subprocess
import sys
from pathlib import Path

from benchmarks.workloads import WORKLOADS, load

try:
    import resource
except ModuleNotFoundError:
    resource = None  # Windows, where memory is not measured: all figures are 0

STATM = Path("/proc/self/statm")
STATUS = Path("/proc/self/status")
# So many that pages, arenas and free lists do not count: some 30 MB.
ENOUGH_NODES = {"baseline": 50_000, "fastgrad": 300_000}


def peak_bytes():
    """The largest resident set that this process has had, since `reset_peak` where that works."""
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak():
    """Forget earlier peaks, where the system can: what an import took for a moment is one."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def resident_bytes():
    """The resident set of this process; its peak where the system does not tell."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    return peak_bytes()


def bytes_per_node(workload, module):
    """The bytes that the module named `module` keeps for each recorded node of the workload."""
    # Graphs that differ in their number of steps alone are measured once.
    graph = workload.build, workload.shapes
    return measured(next(w.name for w in WORKLOADS if (w.build, w.shapes) == graph), module)


@functools.cache
def measured(name, module):
    """The bytes a node that a child reports."""
    command = [sys.executable, "-m", "benchmarks.memory", name, module]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def record_in_this_process(workload, module):
    """Record the workload once, in a process that does nothing else; the bytes a node."""
    m = load(module)
    small = workload.size <= 16
    count = workload.count_for(module)
    count = max(count, ENOUGH_NODES[module]) if small else count
    xs = [m.Variable(x) for x in workload.leaves()]
    workload.build(m, xs, 2)  # what is made once, at the first operation, is made here
    before = resident_bytes()
    y = workload.build(m, xs, count)
    after = resident_bytes()
    del y
    return (after - before) / workload.nodes(count)


if __name__ == "__main__":
    name, module = sys.argv[1:]
    (workload,) = [w for w in WORKLOADS if w.name == name]
    print(record_in_this_process(workload, module))
