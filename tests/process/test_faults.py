"""Whatever fails, wherever: no crash, no leak, no half-written gradient, and then all goes on.

In CI every thirteenth point is taken; `FASTGRAD_FAULTS=1 pytest tests/process/test_faults.py -s`
takes all of them, in a minute or two, and tells how many.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fault_scenarios import SCENARIOS

ALL = os.environ.get("FASTGRAD_FAULTS", "0") not in ("", "0")
SOURCE = Path(__file__).parent / "failing_malloc.c"
COMPILER = shutil.which(os.environ.get("CC", "cc").split()[0])

FAULTS = {  # how many requests meet it, one after the other, and the signal instead
    "MemoryError": (1, 0),
    "MemoryError, five times": (5, 0),
    "KeyboardInterrupt": (1, signal.SIGINT),
}


# ContextVar.set begins and ends blocks. In Python 3.11 it crashes if it finds no memory twice.
SETTERS = {"differentiable_function", "second_derivative", "hessian", "products", "checkpoint"}
SETTERS |= {
    "create_graph",
    "create_graph_with_old_gradients_and_retain_grad",
    "no_grad",
    "arrays_in_the_other_byte_order_recorded",
}


@pytest.fixture(scope="module")
def heap(tmp_path_factory):
    """The library to preload."""
    if not sys.platform.startswith("linux") or COMPILER is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("heap") / "failing_malloc.so"
    command = [COMPILER, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]
    subprocess.run(command, check=True)
    return library


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="ASan has a heap too")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("part", range(4))
def test_a_fault_at_every_request_for_memory(fault, part, heap, run_child, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", str(heap))
    monkeypatch.setenv("FAULT_NO_RANGE", "1")  # nodes are requested one by one
    monkeypatch.setenv("PYTHONMALLOC", "malloc")  # and so is all of Python
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    span, number = FAULTS[fault]
    names = [name for name in SCENARIOS if span == 1 or name not in SETTERS][part::4]
    code = f"import faults; faults.sweep({names}, {span}, {int(number)}, {1 if ALL else 13})"
    done = run_child(code, timeout=3600 if ALL else 170).splitlines()
    print(*done, sep="\n")
    assert len(done) == len(names)
