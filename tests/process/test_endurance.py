"""10^6 operations leave memory as it was; 10^7 nodes can be freed anywhere.

`FASTGRAD_NODES=10000000 pytest tests/process/test_endurance.py` takes 10^7 nodes in all four
places, where there are 4 GB to spare; else it is 10^7 in the small thread and 10^6 elsewhere.
"""

import os
import textwrap
from pathlib import Path

import pytest

PREAMBLE = """
import gc, threading, weakref
import numpy as np
import fastgrad
import fastgrad.numpy as fnp
from fastgrad import *
from lifetimes import *
from lifetimes import F, Fail, Same, leaf
"""

# A step is ten operations or more, and is taken 10^5 times.
STEPS = {
    "operations": "y = x\nfor _ in range(10): y = y * 1.0 + 0.0\ny.backward()",
    "rows": "y = vector\nfor _ in range(10): y = cumsum(y)\ny.backward(); vector.cleargrad()",
    "Python Functions": "y = x\nfor _ in range(10): y = Same()(y)\ny.backward()",
    "exceptions": """
        for _ in range(10):
            try:
                Fail()(x).backward()
            except ZeroDivisionError:
                pass
    """,
}


@pytest.mark.parametrize("name", STEPS)
def test_a_million_operations_leave_memory_as_it_was(name, run_child):
    code = PREAMBLE + "vector, cumsum = leaf(n=3), fnp.cumsum\ndef step(x):\n"
    code += textwrap.indent(textwrap.dedent(STEPS[name]), "    ")
    assert run_child(code + "\nassert_no_leak(step, 10**5)\nprint('done')\n") == "done\n"


def test_a_million_recorded_by_create_graph_leave_memory_as_it_was(run_child):
    """Cycles, which the collector frees: so it runs."""
    code = """
        x = leaf(0.5)
        def step(x):
            w = leaf(0.5)
            y = fnp.tanh(w * w)
            y.backward(create_graph=True)  # about a dozen operations more
            if gc.get_count()[0] > 500:
                gc.collect(0)
        assert_no_leak(step, 75_000)
        print("done")
    """
    assert run_child(PREAMBLE + textwrap.dedent(code)) == "done\n"


def available():
    """Bytes of memory that can be had; 0 where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return 0
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


PLACES = {
    "the main thread": "y = chain(n)\ndel y",
    "a thread with a small stack": """
        before = threading.stack_size(256 * 1024)
        def body():
            y = chain(n)
            del y
            done.append(True)
        done = []
        thread = threading.Thread(target=body)
        thread.start(), thread.join()
        assert done
    """,
    "the end of the interpreter": "y = chain(n)",
    "the garbage collector": """
        x = leaf()
        x.keep = chain(n, x)
        died = weakref.ref(x)
        del x
        gc.collect()
        assert died() is None
    """,
}


@pytest.mark.parametrize("place", PLACES)
def test_ten_million_nodes_are_freed_by(place, run_child):
    n = int(os.environ.get("FASTGRAD_NODES", 10**7 if "small" in place else 10**6))
    if available() < 400 * n:
        pytest.skip(f"{n} nodes need {400 * n / 1e9:.0f} GB")
    code = PREAMBLE + f"n = {n}\n" + textwrap.dedent(PLACES[place]) + "\nprint('done')\n"
    assert run_child(code) == "done\n"
