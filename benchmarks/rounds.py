"""Interleaved rounds: each measures the baseline, fastgrad and a control, one after the other.

A ratio is taken within a round, where the machine is in the same mood for both, and the median over
the rounds is what is reported.
"""

import statistics
from time import perf_counter

from benchmarks.memory import bytes_per_node
from benchmarks.phases import (
    PHASES,
    check_gradients,
    check_same,
    time_by_hand,
    time_numpy,
    time_phases,
)
from benchmarks.workloads import MODULES

MAX_ROUNDS = 100


def compare(workload, seconds, tick=lambda share: None):
    """Measure the workload in rounds for about so many seconds, and at least once.

    `tick` is told, after every round, which share of the work that was.
    """
    if workload.baseline_count:
        check_gradients(workload)
    rounds, done, started = [], 0.0, perf_counter()
    while not rounds or (done < 1 and len(rounds) < MAX_ROUNDS):
        rounds.append(one_round(workload, order=1 if len(rounds) % 2 else -1))
        share = min(1.0, (perf_counter() - started) / seconds)
        tick(share - done)
        done = share
    tick(1 - done)
    return summary(workload, rounds)


def one_round(workload, order):
    """The time a node of each phase on each module, and of the control."""
    times, runs = {}, {}
    for module in list(MODULES)[::order]:
        times[module], runs[module] = time_phases(workload, module)
    if not workload.baseline_count:
        check_same(workload, runs["baseline"], runs["fastgrad"])
    if workload.group == "function":
        times["control"] = time_by_hand(workload, "fastgrad")
    else:
        times["control"] = time_numpy(workload)
    return times


def summary(workload, rounds):
    """Medians over the rounds, as plain data that JSON can hold."""

    def median(value):
        return statistics.median(value(times) for times in rounds)

    phases = [*PHASES, "total"]
    over = "total" if workload.group == "function" else "record"
    return {
        "workload": workload.name,
        "group": workload.group,
        "count": workload.count,
        "size": workload.size,
        "nodes": workload.nodes(),
        "rounds": len(rounds),
        "target": workload.target,
        "baseline_count": workload.baseline_count,
        **{m: {p: median(lambda t, m=m, p=p: t[m][p]) for p in phases} for m in MODULES},
        "control": median(lambda t: t["control"]),
        "ratio": median(lambda t: t["baseline"]["total"] / t["fastgrad"]["total"]),
        "ratio_to_control": median(lambda t: t["fastgrad"][over] / t["control"]),
        "bytes_per_node": {m: bytes_per_node(workload, m) for m in MODULES},
    }
