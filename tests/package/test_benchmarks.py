"""The benchmarks at tiny sizes: they run, and both engines compute the same. Nothing is timed."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same_bits

import benchmarks
import fastgrad
from benchmarks import baseline, phases, stress
from benchmarks.workloads import MODULES, WORKLOADS

ROOT = Path(benchmarks.__file__).parent.parent


def tiny(workload, count=8, size=5):
    """The same graph with few steps, on arrays of a few elements at most."""
    shapes = tuple(tuple(min(n, size) for n in shape) for shape in workload.shapes)
    return replace(workload, shapes=shapes, count=count, baseline_count=None)


@pytest.mark.parametrize(("count", "size"), [(2, 1), (9, 5), (8, 3000)])
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_workload_gives_the_same_value_and_gradients_on_both(workload, count, size):
    outcomes = {}
    for module in MODULES:
        run = phases.Run(tiny(workload, count, size), module)
        run.record()
        run.backward()
        run.keep_outcome()
        outcomes[module] = run.outcome
        run.release()
    for expected, actual in zip(outcomes["baseline"], outcomes["fastgrad"], strict=True):
        assert (actual is None) == (expected is None)
        assert_same_bits(actual, expected, workload.name)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_workload_has_as_many_nodes_as_it_says(workload):
    workload = tiny(workload)
    run = phases.Run(workload, "fastgrad")
    run.record()
    stack, seen = [run.y.creator], set()
    while stack:
        f = stack.pop()
        if f is not None and f not in seen:
            seen.add(f)
            stack += [x.creator for x in f.inputs]
    assert len(seen) == workload.nodes()


@pytest.mark.parametrize("workload", WORKLOADS[::4], ids=lambda workload: workload.name)
def test_phases_are_timed_and_outcomes_compared(workload):
    workload = tiny(workload)
    runs = []
    for module in MODULES:
        times, run = phases.time_phases(workload, module)
        assert set(times) == {*phases.PHASES, "total"}
        assert times["total"] > 0
        runs.append(run)
    phases.check_same(workload, *runs)
    runs[1].outcome[1] = runs[1].outcome[1] + 1
    with pytest.raises(AssertionError, match="gradient of leaf 0"):
        phases.check_same(workload, *runs)


def command(*arguments):
    """Run `python -m` from the root, as the README says; return what it printed."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("shape", stress.SHAPES)
def test_stress_prints_its_figures(shape):
    lines = command("benchmarks.stress", "--nodes", "1000", "--shape", shape).splitlines()
    assert "nodes have the baseline's gradients, bit for bit" in lines[0]
    assert "ns a node" in lines[1]
    figures = {line.split()[0]: line.split()[1:] for line in lines[2:5]}
    assert list(figures) == ["record", "backward", "release"]
    assert all(float(ns) > 0 for ns, _ in figures.values())
    assert lines[-1].strip() == "the child exited cleanly"


@pytest.mark.parametrize("shape", stress.SHAPES)
def test_stress_notices_a_wrong_gradient(shape):
    graph = stress.SHAPES[shape](1000, seed=0)
    xs = [fastgrad.Variable(np.array(x)) for x in graph.leaves]
    y = graph.build(fastgrad, xs)
    y.backward()
    gxs = [0.0 if x.grad is None else float(x.grad) for x in xs]
    graph.check(float(y.data), gxs)
    i = max(range(len(gxs)), key=lambda i: abs(gxs[i]))
    gxs[i] *= 1 + 1e-3
    with pytest.raises(AssertionError):
        graph.check(float(y.data), gxs)


def test_digits_have_the_same_losses_on_both_and_are_learned():
    pytest.importorskip("sklearn")
    from benchmarks import digits

    expected, actual = (digits.train(m, epochs=1) for m in (baseline, fastgrad))
    assert actual.losses == expected.losses
    assert actual.accuracy == expected.accuracy > 0.5
    assert actual.losses[-1] < actual.losses[0] / 2


def test_digits_command_prints_losses_and_times():
    pytest.importorskip("sklearn")
    printed = command("benchmarks.digits", "--epochs", "1")
    assert "epoch   1   loss" in printed
    assert "losses are the same on both, bit for bit" in printed
