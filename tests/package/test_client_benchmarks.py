"""`python -m benchmarks.clients`: tasks run on the front end, and the table says what it should.

Where the packages of the extra `clients` are installed, the whole command runs, quick.
"""

import importlib.util
import json
import math
from dataclasses import replace

import pytest

from benchmarks.clients import __main__ as command
from benchmarks.clients.table import table, text_of
from benchmarks.clients.turns import GROUPS, QUICK, Worker, overhead, row, same


def test_autograds_workloads_run_on_the_front_end_alone():
    """Both sides are the front end here: so all is equal to the last bit."""
    group = GROUPS["hips"]
    worker = Worker("front", "hips", group)
    try:
        assert len(worker.tasks) == 34
        for task in worker.tasks:
            made = row(task, {"real": worker, "front": worker}, group, QUICK)
            assert made["bits"], task
            assert made["ratio"] > 0
            assert all(map(math.isfinite, worker.run(task, 1)["numbers"])), task
    finally:
        worker.close()


@pytest.mark.parametrize("name", GROUPS)
def test_quick_mode_compares_both_sides(name, tmp_path, capsys):
    for package in GROUPS[name].packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: extra clients")
    assert command.main(["--quick", "--only", name, "--output", str(tmp_path)]) == 0
    assert GROUPS[name].title in capsys.readouterr().out
    assert name in json.loads((tmp_path / "clients.json").read_text())["groups"]


def test_what_is_not_installed_is_said(monkeypatch, tmp_path, capsys):
    group = replace(GROUPS["lifelines"], packages=("fastgrad_has_no_such_package",))
    monkeypatch.setitem(command.GROUPS, "lifelines", group)
    arguments = ["--quick", "--only", "lifelines", "--output", str(tmp_path)]
    assert command.main(arguments) == 0
    assert "lifelines: not installed: fastgrad_has_no_such_package" in capsys.readouterr().out


def test_the_table_has_80_columns_and_says_what_missed():
    made = {"task": "a" * 24, "real": 1.5, "front": 2e-8, "ratio": 123.4, "target": None,
            "bits": False, "same": False}  # fmt: skip
    dezero = {**made, "task": "newton", "real": 0.2, "ratio": 2.0, "target": 8, "same": True}
    results = {
        "groups": {"hips": [made], "dezero": [dezero]},
        "absent": [["lifelines", ["lifelines"]]],
        "overhead": {"fastgrad": 3.0, "front": 6.0},
    }
    lines = table(results).splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "OTHERS" in text
    assert ">= 8x MISSED" in text
    assert ">= 5x met" in text
    assert "+3.00 us  <= 2 us MISSED" in text


def test_times_have_units():
    assert [text_of(x) for x in (2.5, 0.002, 3e-6, 4e-8)] == ["2.5 s", "2 ms", "3 us", "40 ns"]


def test_numbers_that_are_the_same():
    nan, inf = float("nan"), float("inf")
    assert same([1, nan, inf], [1, nan, inf], 0)
    assert same([1e6, 1], [1e6, 1.5], 1e-6)
    assert not same([1, 2], [1], 1)
    assert not same([1.0], [nan], 1)
    assert not same([inf, 1], [1, 1], 1)


def test_the_price_of_a_call_is_measured():
    assert set(overhead(QUICK)) == {"fastgrad", "front"}
