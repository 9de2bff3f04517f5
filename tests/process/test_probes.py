"""A program may call whatever it can get hold of: an exception or a result, never a signal.

The sweep is in probes.py; each part runs in a child process, which names what it probes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBES = Path(__file__).parent / "probes.py"
N_PARTS = 2


@pytest.mark.parametrize("part", range(N_PARTS))
def test_all_that_can_be_reached_can_be_called(part, tmp_path):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", PROBES, str(part), str(N_PARTS), "0"],
        capture_output=True,
        text=True,
        timeout=170,
        env=environ,
        cwd=tmp_path,  # np.save is called, too
    )
    lines = child.stdout.splitlines() or ["nothing"]
    assert lines[-1] == "end", f"at {lines[-1]}: {child.returncode}\n{child.stderr[-3000:]}"
    assert len(lines) > 500  # so many were probed


DEEP = """
import contextvars
import numpy as np
import fastgrad
import fastgrad.numpy as fnp
from fastgrad import Variable, as_array, grad, gradients, no_grad, stop_gradient

def deep(wrap):
    x = 0.0
    for _ in range(100_000):
        x = wrap(x)
    return x

loop = []
loop.append(loop)
v = Variable(np.ones((2, 2)))
f = (v * v).creator
calls = [
    fnp.concatenate, fnp.arctan, fnp.stack, stop_gradient, as_array, grad(lambda x: 1.0),
    lambda x: np.concatenate([v, x]), lambda x: v[x], lambda x: v[(v, x)], lambda x: v + x,
    lambda x: np.where(x, v, v), lambda x: fnp.sum(v, axis=x), lambda x: np.multiply(v, x),
    lambda x: np.pad(v, x), lambda x: np.arctan(v, out=x), lambda x: np.arctan(v, where=x),
    lambda x: np.add.reduce(v, axis=x), lambda x: np.add.outer(v, x), lambda x: np.tile(v, x),
    lambda x: v.reshape(x), lambda x: np.block([[v], x]), lambda x: gradients(x, v),
    lambda x: fastgrad.Add()(v, x), lambda x: setattr(f, "inputs", x), lambda x: Variable(x),
    lambda x: setattr(f, "note", x), lambda x: fnp.concatenate([v, v], out=x), lambda x: v == x,
]
xs = [deep(lambda x: [x]), deep(lambda x: (x,)), deep(lambda x: {"x": x}), loop, [v, loop]]
xs.append(deep(lambda x: (v, x)))
for call in calls:
    for x in xs:
        try:
            call(x)
        except Exception:
            pass

def blocks():
    entered = [no_grad() for _ in range(100_000)]
    for block in entered:
        block.__enter__()
    entered[0].__exit__(None, None, None)

contextvars.copy_context().run(blocks)
print("fine")
"""


def test_lists_without_end_are_an_exception(run_child):
    """And blocks that begin in blocks without end, and do not end in their order."""
    assert run_child(DEEP) == "fine\n"
