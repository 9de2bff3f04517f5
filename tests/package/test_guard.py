"""The guard against slipping, on runs that are made up: nothing is timed."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import guard, guarded, instructions, revisions
from benchmarks.libraries import load
from benchmarks.peers.kinds import CPU, Graph, Scale, time_of
from benchmarks.peers.rounds import Effort, Row, Run, compare

STEADY = [1.00, 1.01, 0.99, 1.02, 0.98]


def run_of(**ratios):
    """A run in which fastgrad had these ratios."""
    rows = [
        Row(task, "sizes", "fastgrad", 8, [r * 100 for r in rs], rs, {"total": rs[0] * 100})
        for task, rs in ratios.items()
    ]
    return Run(rows=rows)


def slower(before, now, tolerance=0.1):
    """The names of what became slower."""
    return [v.task for v in guard.verdicts(before, now, tolerance) if v.slower]


def test_equal_runs_have_nothing_slower():
    assert slower(run_of(chain=STEADY, wide=STEADY), run_of(chain=STEADY, wide=STEADY)) == []


def test_slowdown_is_found():
    now = run_of(chain=[1.2 * r for r in STEADY], wide=STEADY)
    assert slower(run_of(chain=STEADY, wide=STEADY), now) == ["chain"]


def test_speedup_is_none():
    assert slower(run_of(chain=STEADY), run_of(chain=[0.5 * r for r in STEADY])) == []


def test_spread_excuses_what_it_explains():
    spread = [0.5, 0.8, 1.0, 1.4, 2.0]
    assert slower(run_of(chain=spread), run_of(chain=[1.2 * r for r in spread])) == []
    assert slower(run_of(chain=spread), run_of(chain=[4 * r for r in spread])) == ["chain"]


def test_spread_of_the_control_cancels_out_within_rounds():
    control = [0.5, 0.8, 1.0, 1.4, 2.0]
    now = [1.2 * r for r in control]
    verdict = guard.verdict("chain", control, now, 0.1, paired=True)
    assert verdict.change == pytest.approx(1.2)
    assert verdict.slower


def test_graphs_of_different_length_are_not_compared():
    now = run_of(chain=[2 * r for r in STEADY])
    now.rows[0] = Row("chain", "sizes", "fastgrad", 16, [1.0], [2.0], {})
    assert guard.verdicts(run_of(chain=STEADY), now, 0.1) == []


@pytest.mark.parametrize(("second", "expected"), [(1.0, []), (1.5, ["chain"])])
def test_what_seems_slower_is_measured_again(second, expected, monkeypatch):
    factors = iter([1.5, second])
    monkeypatch.setattr(
        guard,
        "measure",
        lambda tasks, effort, tree: run_of(chain=[next(factors)] * 5),
    )
    _, found = guard.judge([], Effort(0, 0, 1), 0.1, stored=run_of(chain=STEADY))
    assert [v.task for v in found if v.slower] == expected
    assert next(factors, None) is None


def test_report_marks_what_is_slower():
    found = guard.verdicts(run_of(chain=STEADY, wide=STEADY), run_of(chain=[2] * 5, wide=STEADY), 1)
    lines = guard.report(found).splitlines()
    assert len(lines) == 4
    assert lines[-1].split() == ["the", "median", "workload", "1.50"]
    assert not any("SLOWER" in line for line in lines)
    found = guard.verdicts(run_of(chain=STEADY), run_of(chain=[2] * 5), 0.1)
    assert guard.report(found).splitlines()[1].endswith("SLOWER")


@pytest.mark.parametrize(("factor", "status"), [(1.0, 0), (1.5, 1)])
def test_command_ends_with_what_it_found(factor, status, monkeypatch, tmp_path, capsys):
    pytest.importorskip("pytest_benchmark")
    from benchmarks.peers import store

    path = tmp_path / "before.json"
    store.write(store.as_json(run_of(chain=STEADY), 1, quick=True, clock=CPU), path)
    now = run_of(chain=[factor * r for r in STEADY])
    monkeypatch.setattr(guard, "measure", lambda tasks, effort, tree: now)
    options = ["--quick", "--no-instructions", "--output", str(tmp_path), "--against", str(path)]
    assert guard.main(options) == status
    assert f"{status} slower, 0 failed, of 1 workloads" in capsys.readouterr().out
    assert store.read(tmp_path / "guard.json")[0].rows[0].ratios == now.rows[0].ratios


def test_run_by_another_clock_is_not_compared(tmp_path):
    pytest.importorskip("pytest_benchmark")
    from benchmarks.peers import store

    path = tmp_path / "peers.json"
    store.write(store.as_json(run_of(chain=STEADY), 1, quick=True), path)
    with pytest.raises(SystemExit, match="times of another clock"):
        guard.main(["--quick", "--output", str(tmp_path), "--against", str(path)])


def test_unknown_revision_is_an_error(tmp_path):
    pytest.importorskip("pytest_benchmark")
    with pytest.raises(SystemExit, match="neither a file nor a revision"):
        guard.main(["--against", "no-such-revision", "--output", str(tmp_path)])


def test_built_revision_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(revisions, "BUILT", tmp_path)
    monkeypatch.setattr(revisions, "commit_of", lambda revision: "abc")
    (tmp_path / "abc").mkdir()
    assert revisions.build("HEAD") == tmp_path / "abc"


# --- what is measured ---

TASKS = guarded.tasks(quick=True)


@pytest.mark.parametrize("quick", [True, False])
def test_guard_measures_what_it_promises(quick):
    tasks = guarded.tasks(quick)
    names = [task.name for task in tasks]
    assert len(set(names)) == len(names)
    assert {task.clock for task in tasks} == {CPU}
    for name in (
        "chain, 0-d",
        "chain, 16",
        "chain, 256",
        "chain, 4 096, 5 paddings",
        "chain, 65 536",
        "MLP",
        "create_graph, chain, 0-d",
        "create_graph, chain, 256",
        "gradients(y, xs), chain, 0-d",
        "Hessian",
        "hvp",
    ):
        assert any(found.lower().startswith(name.lower()) for found in names), (name, names)


def small(task):
    """The task with few steps on few elements, where it has a workload."""
    if not getattr(task, "workload", None):
        return task
    shapes = tuple(tuple(min(n, 5) for n in shape) for shape in task.workload.shapes)
    return replace(task, workload=replace(task.workload, shapes=shapes, count=8))


@pytest.mark.parametrize(
    "task", [t for t in TASKS if t.group == "guard" or "paddings" in t.name], ids=lambda t: t.name
)
def test_own_tasks_compute_what_their_reference_does(task):
    task = small(task)
    expected = task.outcome(load(task.reference), 8)
    compare(expected, task.outcome(load("fastgrad"), 8))
    compare(expected, task.outcome(load("numpy"), 8), whole=False)
    for library in ("fastgrad", "numpy"):
        assert task.measure(load(library), 8, 0)["total"] >= 0


def test_every_kind_reads_the_clock_it_is_told(monkeypatch):
    ticks = iter(range(0, 10**9, 7))
    monkeypatch.setattr("time.ticks", lambda: next(ticks), raising=False)
    library = load("fastgrad")
    seen = set()
    for task in TASKS:
        if type(task) not in seen:
            seen.add(type(task))
            task = Scale(task.name, "graph", nodes=8) if isinstance(task, Scale) else small(task)
            total = replace(task, clock="ticks").measure(library, 8, 0)["total"]
            ticked = total * 8 / 7
            assert ticked > 0.5, task
            assert ticked == pytest.approx(round(ticked)), task
    assert len(seen) == 9
    assert time_of(int, 0, lambda: next(ticks)) == 7


def test_create_graph_leaves_no_cycle_behind():
    leaves = [load("fastgrad").leaf(np.ones(3)) for _ in range(3)]
    task = next(t for t in TASKS if t.name.startswith("create_graph"))
    graph = task.workload.build(None, leaves, 8)
    assert len(load("fastgrad").recorded_backward(graph, leaves)) == 3
    assert all(x.grad is None for x in leaves)


@pytest.mark.parametrize("padding", guarded.PADDINGS)
def test_padded_arrays_are_where_they_are_told(padding):
    arrays = [np.linspace(0, 1, 4096), np.ones((2, 3)), np.array(2.0)]
    copies, _ = guarded.apart(arrays, padding)
    for i, (a, copy) in enumerate(zip(arrays, copies, strict=True), start=1):
        assert copy.ctypes.data % guarded.PAGE == i * padding % guarded.PAGE
        assert copy.shape == a.shape
        assert np.array_equal(copy, a)
        assert copy.flags.aligned
        assert copy.flags.c_contiguous


def test_only_the_chain_on_4096_elements_is_padded():
    padded = [task for task in TASKS if isinstance(task, guarded.Padded)]
    assert [task.workload.shapes[0] for task in padded] == [(4096,)]
    assert all(isinstance(task, Graph) for task in padded)


# --- instructions ---

REPORT = """\
==12== Callgrind, a call-graph generating cache profiler
==12== Events    : Ir
==12== Collected : 1234567
==12==
==12== I   refs:      1,234,567
"""


def test_callgrind_report_is_parsed():
    assert instructions.parse(REPORT) == 1234567
    with pytest.raises(RuntimeError, match="no number of instructions"):
        instructions.parse("==12== killed")


def test_start_and_earlier_phases_cancel_out():
    start, n = 10**9, 1000
    costs = {"record": 1200, "backward": 600, "release": 180}
    counts, so_far = {}, 0
    for phase, cost in costs.items():
        so_far += cost
        counts |= {(phase, k * n): start + so_far * k * n for k in (1, 2)}
    assert instructions.per_operation(counts) == costs


def counted(record=1200.0, numpy="2.4.6"):
    """Figures as `instructions.measure` gives them."""
    figures = {"record": record, "backward": 600.0, "release": 180.0}
    return {"instructions": figures, "made_with": {"numpy": numpy}}


@pytest.mark.parametrize(
    ("now", "grown", "said"),
    [
        (counted(), 0, "1.000"),
        (counted(1210.0), 0, "1.008"),
        (counted(1300.0), 1, "MORE"),
        (counted(1300.0, "2.5.0"), 0, "not compared"),
    ],
)
def test_instructions_are_compared_where_they_mean_the_same(now, grown, said):
    lines, found = instructions.compare(counted(), now)
    assert found == grown
    assert said in "\n".join(lines)


def test_absence_of_valgrind_is_said(monkeypatch):
    monkeypatch.setattr(instructions, "available", lambda: False)
    options = guard.options_of([])
    assert guard.count_instructions(options, None, None) == (
        None,
        ["instructions: not counted, valgrind is not installed"],
        0,
    )


def test_compiler_is_read_from_what_it_built():
    made = instructions.made_with()
    assert set(made) == {"compiler", "numpy", "python", "machine"}
    assert all(made.values())
