"""What every test file shares: the two engines, seeded numbers, child processes."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import signal
import sys
import textwrap
import zlib

import numpy as np
import pytest
from children import Children
from hypothesis import HealthCheck, settings

# A deadline would be a timed assertion; this suite has none.
settings.register_profile(
    "dev", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_finish():
    """Leave thousands of tests out of the collections of garbage that tests ask for."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session")
def children():
    """The one that runs all snippets."""
    children = Children()
    yield children
    children.close()


# What snippets use that not every system has (Windows has none of these). macOS tells memory in
# another unit, and limits no addresses.
HAS = {
    "import resource": importlib.util.find_spec("resource") is not None,
    "RLIMIT_AS": sys.platform.startswith("linux"),
    "ru_maxrss": sys.platform.startswith("linux"),
    "setitimer": hasattr(signal, "setitimer"),
    "os.fork": hasattr(os, "fork"),
}


@pytest.fixture
def run_child(children):
    """Run a snippet in a process of its own: a crash there is a failed test here.

    Returns what it printed; fails with its stderr if it raised, or was killed by a signal. The
    timeout only ends a child that hangs. `fresh` is one that has imported nothing. Skips the test
    where the system has not what the snippet uses.
    """

    def run(code, *, timeout=170, fresh=False):
        for what, is_there in HAS.items():
            if what in code and not is_there:
                pytest.skip(f"this system has no {what.removeprefix('import ')}")
        returncode, stdout, stderr = children.run(textwrap.dedent(code), timeout, fresh)
        if returncode < 0:
            name = signal.Signals(-returncode).name
            pytest.fail(f"the child process crashed with {name}\n{stderr[-4000:]}", False)
        if returncode != 0:
            pytest.fail(f"the child process failed\n{stderr[-4000:]}", False)
        return stdout

    return run
