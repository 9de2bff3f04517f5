"""What every test file shares: the two engines, seeded numbers, child processes."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import textwrap
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A deadline would be a timed assertion; this suite has none.
settings.register_profile(
    "dev", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(params=["fastgrad", "benchmarks.baseline"])
def lib(request):
    """fastgrad, and the seed's algorithm in plain Python: what is true of both is the contract."""
    return importlib.import_module(request.param)


@pytest.fixture
def rng(request):
    """Random numbers from a seed of the test's own, shown with the captured output on failure."""
    seed = int(os.environ.get("FASTGRAD_SEED", zlib.crc32(request.node.nodeid.encode())))
    print(f"random numbers: rerun with FASTGRAD_SEED={seed}")
    return np.random.default_rng(seed)


@pytest.fixture
def run_child():
    """Run a snippet in a process of its own: a crash there is a failed test here."""
    return _run_child


def _run_child(code: str, *, timeout: float = 170) -> str:
    """Return what `code` printed; fail with its stderr if it raised, or was killed by a signal.

    The timeout only ends a child that hangs.
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environ,
    )
    if child.returncode < 0:
        name = signal.Signals(-child.returncode).name
        pytest.fail(f"the child process crashed with {name}\n{child.stderr[-4000:]}", False)
    if child.returncode != 0:
        pytest.fail(f"the child process failed\n{child.stderr[-4000:]}", False)
    return child.stdout
