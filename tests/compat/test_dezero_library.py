"""The DeZero library's own functions, layers and optimizers on fastgrad's core, if it is there.

Each of the book's programs runs in two processes, on the library as it is and with its core
replaced, in float64: what they compute is to be the same to the last bits.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from steps import SIMPLE, STEPS
from steps_of_layers import LAYERS
from test_dezero import close

NEEDED = [name for name in ("dezero", "matplotlib") if importlib.util.find_spec(name) is None]
if NEEDED:
    pytest.skip(f"could not find {' and '.join(NEEDED)}", allow_module_level=True)

PROGRAM = Path(__file__).with_name("steps_of_layers.py")
NAMES = [*STEPS, *(f"{name} simple" for name in SIMPLE), *LAYERS]


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """What both made of every program."""
    path = os.pathsep.join(path for path in sys.path if path)
    # (Layers keep their parameters in sets of names, and the norm of all gradients is a sum.)
    env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}
    env["MPLCONFIGDIR"] = str(tmp_path_factory.mktemp("matplotlib"))
    found = {}
    for which in ("original", "patched"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(PROGRAM), which],
            env=env, capture_output=True, text=True, check=False, timeout=170,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found[which] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_what_the_original_computes(computed, name):
    assert close(computed["patched"][name], computed["original"][name])
