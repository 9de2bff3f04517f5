"""The catalogue: what the suite measures, in groups, each a table."""

from dataclasses import dataclass, replace

from benchmarks.models import MODELS
from benchmarks.peers.kinds import Derivative, Graph, Model, NoGrad, Peak, Routine, Scale
from benchmarks.peers.routines import CASES
from benchmarks.workloads import (
    WORKLOADS,
    Workload,
    chain_of,
    custom_chain,
    layers,
    powers,
    reuse_of,
    wide_of,
)

# The longest graphs for which every library has the time.
LONG, QUICK = 10**4, 10**3


@dataclass(frozen=True)
class Group:
    """Tasks whose figures are shown together."""

    title: str
    unit: str  # of what a table shows
    control: str  # what NumPy does in it
    figure: str = "total"  # which of what was measured


GROUPS = {
    "sizes": Group("y = y * b + c: record, backward, release", "ns an operation", "computes it"),
    "shapes": Group("Other graphs: record, backward, release", "ns an operation", "computes it"),
    "custom": Group("An operation written in Python, 0-d", "ns a call", "computes it"),
    "no_grad": Group("y = y * b + c, not recorded", "ns an operation", "computes it"),
    "models": Group("Models: value and gradient", "us a step", "by hand"),
    "derivatives": Group("Derivatives of functions", "us a call", "by hand"),
    "routines": Group("Functions of whole arrays: value and gradient", "us a call", "by hand"),
    "graph": Group("0-d chains by size: all phases", "ns a node", "computes it"),
    "memory": Group("Peak memory of 10 layers, 10^6 elements", "MB", "computes it", "bytes"),
}


def catalogue(quick):
    """All tasks, in the order of the tables."""
    longest = QUICK if quick else LONG
    return [
        *sizes(longest),
        *shapes(longest),
        Graph("custom Function", "custom", ("custom",), custom(min(longest, 2000))),
        *no_grad(longest),
        *(Model(model.name, "models") for model in MODELS),
        Derivative("Hessian of Rosenbrock, n = 10", "derivatives"),
        Derivative("jacobian, 100 x 100", "derivatives"),
        *(Routine(name, "routines", length=200 if quick else 1000) for name in CASES),
        *(graph(10**e) for e in range(3, 5 if quick else 8)),
        Peak("peak memory", "memory", workload=ten_layers()),
    ]


def sizes(longest):
    """The chains of `benchmarks.workloads`, one for each size."""
    chains = [w for w in WORKLOADS if w.group == "chain" and (w.size > 1 or w.count == LONG)]
    for workload in chains:
        size = powers(workload.size) if workload.shapes[0] else "0-d"
        needs = ("arrays",) if workload.shapes[0] else ()
        yield Graph(f"chain, {size}", "sizes", needs, shorter(workload, longest))


def shapes(longest):
    """Wide graphs, and one variable that is used again and again."""
    few = min(longest, 1000)
    for branches in sorted({100, few, longest}):
        yield Graph(f"wide, {powers(branches)}", "shapes", (), wide_of(branches))
    for size, count in ((1, few), (10**5, few // 5)):
        name = f"reused, {powers(size)}"
        yield Graph(name, "shapes", ("arrays",), reuse_of(size, count))


def shorter(workload, longest):
    """The same with as many steps for every library."""
    return replace(workload, count=min(workload.count, longest), baseline_count=None)


def custom(count):
    """An operation of the user's own, again and again."""
    return Workload("custom Function", "custom", custom_chain, ((),), count)


def no_grad(longest):
    """Chains on small arrays."""
    for size in (None, 16, 256):
        name = "0-d" if size is None else powers(size)
        needs = ("no_grad",) if size is None else ("no_grad", "arrays")
        yield NoGrad(f"no_grad, {name}", "no_grad", needs, chain_of(size, longest))


def graph(nodes):
    """A 0-d chain in a process of its own."""
    return Scale(f"graph of {powers(nodes)} nodes", "graph", nodes=nodes)


def ten_layers():
    """Ten elementwise layers on a million elements."""
    return Workload("10 layers", "memory", layers, ((10**6,),) * 3, 10)
