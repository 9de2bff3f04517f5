"""The guard against slipping, on runs that are made up: nothing is timed."""

import pytest

from benchmarks import guard, instructions, revisions
from benchmarks.peers.rounds import Effort, Row, Run

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
    assert len(lines) == 3
    assert not any("SLOWER" in line for line in lines)
    found = guard.verdicts(run_of(chain=STEADY), run_of(chain=[2] * 5), 0.1)
    assert guard.report(found).endswith("SLOWER")


@pytest.mark.parametrize(("factor", "status"), [(1.0, 0), (1.5, 1)])
def test_command_ends_with_what_it_found(factor, status, monkeypatch, tmp_path, capsys):
    pytest.importorskip("pytest_benchmark")
    from benchmarks.peers import store

    path = tmp_path / "before.json"
    store.write(store.as_json(run_of(chain=STEADY), 1, quick=True), path)
    now = run_of(chain=[factor * r for r in STEADY])
    monkeypatch.setattr(guard, "measure", lambda tasks, effort, tree: now)
    options = ["--quick", "--no-instructions", "--output", str(tmp_path), "--against", str(path)]
    assert guard.main(options) == status
    assert f"{status} slower, 0 failed, of 1 workloads" in capsys.readouterr().out
    assert store.read(tmp_path / "guard.json")[0].rows[0].ratios == now.rows[0].ratios


def test_unknown_revision_is_an_error(tmp_path):
    pytest.importorskip("pytest_benchmark")
    with pytest.raises(SystemExit, match="neither a file nor a revision"):
        guard.main(["--against", "no-such-revision", "--output", str(tmp_path)])


def test_built_revision_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(revisions, "BUILT", tmp_path)
    monkeypatch.setattr(revisions, "commit_of", lambda revision: "abc")
    (tmp_path / "abc").mkdir()
    assert revisions.build("HEAD") == tmp_path / "abc"


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
