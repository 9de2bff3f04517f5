"""The workloads under pytest-benchmark: `pytest benchmarks/bench_throughput.py`.

Each workload is a group; in it, the baseline and fastgrad run each phase apart, and all of them
together. Before anything is timed, the gradients are compared bit for bit. `extra_info` holds the
nodes, nodes a second and bytes a node; nothing asserts a time.
"""

import pytest

from benchmarks.memory import bytes_per_node
from benchmarks.phases import PHASES, Run, check_gradients
from benchmarks.workloads import MODULES, WORKLOADS

BEFORE = {"record": (), "backward": PHASES[:1], "release": PHASES[:2], "total": ()}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("phase", BEFORE)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_throughput(workload, phase, module, benchmark):
    """Time one phase of one workload on one module."""
    if workload.factor_for(module) != 1:
        pytest.skip("the baseline is quadratic: this would take it hours")
    check_gradients(workload)

    def fresh():
        run = Run(workload, module)
        for earlier in BEFORE[phase]:
            getattr(run, earlier)()
        return (run,), {}

    count = workload.count_for(module)
    benchmark.group = workload.name
    benchmark.pedantic(getattr(Run, phase), setup=fresh, rounds=rounds(workload, module))
    benchmark.extra_info["module"] = module
    benchmark.extra_info["phase"] = phase
    benchmark.extra_info["nodes"] = workload.nodes(count)
    if benchmark.stats:  # none under --benchmark-disable
        median = benchmark.stats.stats.median
        benchmark.extra_info["nodes_per_second"] = workload.nodes(count) / median
        benchmark.extra_info["bytes_per_node"] = bytes_per_node(workload, module)


def rounds(workload, module):
    """More rounds for what is short; one where the baseline's sorting takes seconds."""
    nodes = workload.nodes(workload.count_for(module))
    if workload.group == "wide" and module == "baseline" and nodes > 10**4:
        return 1
    return max(5, min(50, 10**5 // nodes))
