"""The suite of peers at tiny sizes: it runs, notices what is wrong, and writes what others read."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.libraries import LIBRARIES
from benchmarks.models import MODELS
from benchmarks.peers import tasks
from benchmarks.peers.kinds import Graph, Model, Peak, Routine, Scale
from benchmarks.peers.rounds import Effort, Row, Run, Suite, compare, in_order
from benchmarks.peers.table import tables
from benchmarks.peers.worker import Absent, Failure, Worker
from benchmarks.workloads import chain_of

BRIEF = Effort(measurement=0, task=60, rounds=2, timeout=120)
CHAIN = Graph("chain, 0-d", "sizes", workload=chain_of(None, 8))


def tiny(task):
    """The task with few steps on few elements, where it has a workload."""
    if isinstance(task, Routine):
        return replace(task, length=20)
    if not getattr(task, "workload", None):
        return task
    shapes = tuple(tuple(min(n, 5) for n in shape) for shape in task.workload.shapes)
    return replace(task, workload=replace(task.workload, shapes=shapes, count=8))


CATALOGUE = [tiny(task) for task in tasks.catalogue(quick=True) if not isinstance(task, Scale)]


# --- the adapters ---


@pytest.fixture(scope="module")
def expected():
    """What the references compute, by task."""
    outcomes = {}
    for name in ("baseline", "numpy"):
        worker = Worker(name)
        for task in CATALOGUE:
            if task.reference == name:
                outcomes[task.name] = worker.ask("outcome", task, 8)
        worker.close()
    return outcomes


@pytest.mark.parametrize("name", [name for name in LIBRARIES if name != "jax"])
def test_adapter_computes_what_the_baseline_does(name, expected):
    worker = Worker(name)
    try:
        info = worker.start()
    except Absent as absent:
        pytest.skip(str(absent))
    else:
        assert info["version"]
        assert info["threads"] == 1
        check_outcomes(worker, info, expected)
    finally:
        worker.close()


def check_outcomes(worker, info, expected):
    """Compare all outcomes of a library; what is known to fail does."""
    whole = "gradients" not in info["lacks"]
    done = 0
    for task in CATALOGUE:
        if set(task.needs) & set(info["lacks"]):
            continue
        try:
            compare(expected[task.name], worker.ask("outcome", task, 8), whole)
        except Failure:
            # Its product of a matrix and a vector has no right gradient.
            assert worker.name == "dezero", task.name
            assert task.name.startswith(("HMC", "ODE"))
        done += 1
    assert done >= 2


def test_eager_jax_computes_what_the_baseline_does(expected):
    worker = Worker("jax")  # takes seconds for what has many operations
    try:
        for task in CATALOGUE:
            if task.group not in ("models", "derivatives"):
                compare(expected[task.name], worker.ask("outcome", task, 8))
    except Absent as absent:
        pytest.skip(str(absent))
    finally:
        worker.close()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_gradients_by_hand_are_those_of_fastgrad(model):
    from benchmarks.libraries import load

    parameters, constants = model.start()
    expected = model.step(model.by_hand, parameters, constants)
    library = load("fastgrad")

    def gradient(parameters, constants):
        return library.value_and_gradients(model.loss, parameters, constants)

    for a, b in zip(expected, model.step(gradient, parameters, constants), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_gradient_by_hand_alone_is_the_same(model):
    values = []

    def alone(parameters, constants):
        value, gradients = model.by_hand(parameters, constants, value=False)
        values.append(value)
        return 0.0, gradients

    parameters, constants = model.start()
    whole = model.step(model.by_hand, parameters, constants)
    for a, b in zip(whole, model.step(alone, parameters, constants), strict=True):
        assert np.ndim(a) == 0 or np.array_equal(a, b)
    assert set(values) == {None}


# --- what goes wrong ---

FAULTS = {
    "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "ended": "import os; os._exit(3)",
    "raises": "raise RecursionError('too deep')",
    "hangs": "import time; time.sleep(60)",
    "wrong": "return [1.001 * g for g in super().backward(graph, leaves)]",
}


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """Makes an adapter of a module with a given text; gives its name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(name, text):
        package = tmp_path / "faulty_adapters"
        package.mkdir(exist_ok=True)
        (package / f"{name}.py").write_text(textwrap.dedent(text))
        return f"faulty_adapters.{name}"

    return make


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("crash", "crashed: SIGSEGV"),
        ("ended", "ended with code 3"),
        ("raises", "RecursionError: too deep"),
        ("hangs", "took more than 2 s"),
        ("wrong", "wrong: result 1 is off by"),
    ],
)
def test_failure_is_reported_and_the_suite_goes_on(fault, said, faulty):
    name = faulty(
        fault,
        f"""
        from benchmarks.libraries.fastgrad import Adapter as Right

        class Adapter(Right):
            def backward(self, graph, leaves):
                {FAULTS[fault]}
        """,
    )
    suite = Suite([name, "fastgrad"], replace(BRIEF, timeout=2 if fault == "hangs" else 120))
    try:
        suite.measure(CHAIN)
        suite.measure(Graph("chain, 0-d, again", "sizes", workload=chain_of(None, 8)))
    finally:
        suite.close()
    assert [(task, library) for task, library, _ in suite.run.failures] == [
        ("chain, 0-d", name),
        ("chain, 0-d, again", name),
    ]
    assert all(said in what for *_, what in suite.run.failures)
    assert suite.run.row("chain, 0-d", name) is None
    assert len(suite.run.row("chain, 0-d", "fastgrad").totals) == 2
    assert said.split(":")[0] in tables(suite.run, [CHAIN])


def test_absent_and_broken_libraries_are_told_apart(faulty):
    absent = faulty("absent", "import a_library_that_nobody_has")
    broken = faulty("broken", "raise AttributeError('removed in NumPy 2')")
    suite = Suite([absent, broken], BRIEF)
    suite.close()
    assert suite.run.missing[absent].startswith("not installed: ")
    assert suite.run.missing[broken] == "broken: AttributeError: removed in NumPy 2"


def test_thread_limit_is_set_before_the_library_is_imported(faulty):
    name = faulty(
        "threads",
        """
        import os
        from benchmarks.libraries.fastgrad import Adapter as Right
        at_import = int(os.environ["OMP_NUM_THREADS"])

        class Adapter(Right):
            def threads(self):
                return at_import
        """,
    )
    worker = Worker(name, threads=3)
    assert worker.start()["threads"] == 3
    worker.close()


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        ([np.ones(2), np.ones(2)], None),
        ([np.ones(2)], "1 results, expected 2"),
        ([np.ones(2), np.ones(3)], "has shape"),
        ([np.ones(2), np.array([1, np.nan])], "off by nan"),
        ([np.ones(2), np.array([1, 1 + 1e-6])], "off by 1.0e-06"),
    ],
)
def test_outcomes_are_compared(actual, said):
    expected = [np.ones(2), np.ones(2)]
    if said is None:
        compare(expected, actual)
    else:
        with pytest.raises(Failure, match=said):
            compare(expected, actual)


# --- measuring ---


@pytest.fixture(scope="module")
def run():
    """A run of NumPy, fastgrad and the baseline on one tiny task of each kind."""
    suite = Suite(["numpy", "fastgrad", "baseline"], BRIEF)
    try:
        for task in chosen():
            suite.measure(task)
    finally:
        suite.close()
    return suite.run


def chosen():
    """Tasks of all kinds that draw something."""
    kinds = {task.group: task for task in CATALOGUE}
    scales = [Scale(f"graph of {n} nodes", "graph", nodes=n) for n in (100, 1000)]
    sizes = [task for task in CATALOGUE if task.group == "sizes"]
    return [*sizes, kinds["custom"], kinds["no_grad"], kinds["models"], *scales, kinds["memory"]]


def test_every_library_does_every_task_and_ratios_are_to_numpy(run):
    assert not run.failures
    for task in chosen():
        assert isinstance(task, Peak) or task.name in {row.task for row in run.rows}
        for name in ("numpy", "fastgrad", "baseline"):
            row = run.row(task.name, name)
            control = run.row(task.name, "numpy")
            assert len(row.totals) == 2
            assert row.ratios == [a / b for a, b in zip(row.totals, control.totals, strict=True)]
            assert ("record" in row.figures) == (
                name != "numpy" and isinstance(task, (Graph, Scale))
            )
            assert ("bytes" in row.figures) == isinstance(task, (Scale, Peak))
            assert ("gradient alone" in row.figures) == (
                name == "numpy" and isinstance(task, Model)
            )


def test_tables_show_all_figures(run):
    text = tables(run, chosen())
    for head in ("ns an operation", "us a step", "ns a node", "MB", "gradient alone", "bytes"):
        assert head in text
    assert "baseline step 20 (1 thread)" in text


def test_plot_is_drawn_with_what_is_there(run, tmp_path):
    pytest.importorskip("matplotlib")
    from benchmarks.peers.plot import apart, draw

    assert draw(run, tmp_path / "all.svg")
    text = (tmp_path / "all.svg").read_text()
    assert text.startswith("<?xml")
    models = Run(run.libraries, {}, [row for row in run.rows if row.group == "models"])
    assert draw(models, tmp_path / "models.svg")
    assert not draw(Run(), tmp_path / "nothing.svg")
    assert apart([0, 0, 0.5, 9], 1) == pytest.approx([-5 / 6, 1 / 6, 7 / 6, 9])


def test_run_is_read_by_pytest_benchmark(run, tmp_path):
    pytest.importorskip("pytest_benchmark")
    from benchmarks.peers import store

    path = tmp_path / "0001_peers.json"
    data = store.as_json(run, 1, quick=True)
    store.write(data, path)
    again, stored = store.read(path)
    assert stored["quick"]
    assert [replace(row, totals=[]) for row in again.rows] == [
        replace(row, totals=[]) for row in run.rows
    ]
    for row, before in zip(again.rows, run.rows, strict=True):
        assert row.totals == pytest.approx(before.totals)

    compared = pytest_benchmark("compare", path)
    assert "chain, 0-d[fastgrad]" in compared
    test = tmp_path / "test_it.py"
    test.write_text("def test_it(benchmark):\n    benchmark(int)\n")
    options = ["-q", "--benchmark-only", f"--benchmark-compare={path}", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", test],
        env={key: x for key, x in os.environ.items() if not key.startswith("PYTEST_")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Comparing against benchmarks from: {path}" in done.stderr


def pytest_benchmark(*arguments):
    """What pytest-benchmark's own command prints."""
    command = [sys.executable, "-m", "pytest_benchmark", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_command_writes_what_it_measured(tmp_path):
    for module in ("tqdm", "pytest_benchmark", "matplotlib"):
        pytest.importorskip(module)
    from benchmarks.peers.__main__ import main

    options = ["--quick", "--only", "custom", "--libraries", "fastgrad,numpy"]
    main([*options, "--output", str(tmp_path)])
    data = json.loads((tmp_path / "peers.json").read_text())
    assert [benchmark["name"] for benchmark in data["benchmarks"]] == [
        "custom Function[numpy]",
        "custom Function[fastgrad]",
    ]
    assert data["machine_info"]["suite"]["collector"] == "on"


def test_libraries_are_named_as_they_are_listed():
    assert in_order(["torch", "numpy"]) == ["numpy", "torch"]
    with pytest.raises(ValueError, match="no such library: tensorflow"):
        in_order(["numpy", "tensorflow"])


def test_every_task_has_a_table_and_a_name_of_its_own():
    for quick in (True, False):
        catalogue = tasks.catalogue(quick)
        assert {task.group for task in catalogue} == set(tasks.GROUPS)
        assert len({task.name for task in catalogue}) == len(catalogue)


def test_row_without_control_has_no_ratio():
    assert Row("a", "sizes", "torch", 1, [1.0], [], {"total": 1.0}).ratio is None
