"""What the tests of the front ends share: originals to be replaced, made for the test."""

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def run_python(tmp_path):
    """Run `python *arguments` with `tmp_path` first on the path, where `files` were written."""

    def run(*arguments, files=None, status=0, stdin=""):
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(text))
        path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
            input=stdin, capture_output=True, text=True, check=False, timeout=170,
        )  # fmt: skip
        if status is not None:
            assert done.returncode == status, done.stderr
        return done

    return run
