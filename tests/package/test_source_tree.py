"""The folder of the sources, which `python` imports although nothing was compiled there."""

import shutil
import subprocess
import sys
from pathlib import Path

import fastgrad


def test_sources_that_were_not_compiled_say_what_to_do(tmp_path):
    """The text of the one error, and nothing of a module that is private."""
    source = Path(fastgrad.__file__).parent
    shutil.copytree(source, tmp_path / "fastgrad", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    done = subprocess.run(
        [sys.executable, "-c", "import fastgrad"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("ImportError: fastgrad is not compiled for this Python in ")
    assert "leave the folder of the sources" in error
    assert "pip install -e ." in error
    assert "During handling" not in done.stderr
