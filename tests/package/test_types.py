"""What type checkers say of programs: those of the README, and those in `typed`.

With mypy, and basedpyright (which is pyright, and brings the Node.js that it needs) or pyright.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_package import blocks

import fastgrad

TYPED = Path(__file__).parent / "typed"
INSTALLED = Path(fastgrad.__file__).parents[1]  # or the repository
needs_stubs = pytest.mark.skipif(
    not importlib.util.find_spec("scipy-stubs"), reason="scipy-stubs is not installed"
)


def errors_of_mypy(folder):
    pytest.importorskip("mypy")
    env = os.environ if "site-packages" in str(INSTALLED) else {"MYPYPATH": str(INSTALLED)}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file", "",
         "--scripts-are-modules", *sorted(folder.glob("*.py"))],
        cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return set(re.findall(r"^.*: error: .*$", done.stdout, re.MULTILINE))


def errors_of_pyright(folder):
    names = ("basedpyright", "pyright")
    name = next(filter(importlib.util.find_spec, names), None)
    if name is None:
        pytest.skip("neither basedpyright nor pyright is installed")
    config = {"typeCheckingMode": "standard", "reportMissingModuleSource": False}
    if "site-packages" not in str(INSTALLED):
        config["extraPaths"] = [str(INSTALLED)]
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", name, "-p", ".", "--pythonpath", sys.executable],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return set(re.findall(r"^ *.*:\d+:\d+ - error: .*$", done.stdout, re.MULTILINE))


CHECKERS = {"mypy": errors_of_mypy, "pyright": errors_of_pyright}


@needs_stubs
@pytest.mark.parametrize("checker", CHECKERS)
def test_examples_of_the_readme_type_check(checker, tmp_path):
    for line, code in blocks("python"):
        (tmp_path / f"readme_{line}.py").write_text(code, encoding="utf-8")
    assert not CHECKERS[checker](tmp_path)


@pytest.mark.parametrize("checker", CHECKERS)
def test_programs_type_check_and_mistakes_do_not(checker, tmp_path):
    for name in ("programs.py", "mistakes.py"):
        (tmp_path / name).write_text((TYPED / name).read_text(encoding="utf-8"), encoding="utf-8")
    lines = (TYPED / "mistakes.py").read_text(encoding="utf-8").splitlines()
    expected = {f"mistakes.py:{i}" for i, line in enumerate(lines, 1) if line.endswith("# E")}
    errors = CHECKERS[checker](tmp_path)
    assert {re.search(r"\w+\.py:\d+", error)[0] for error in errors} == expected, errors


def test_programs_run(capsys):
    source = (TYPED / "programs.py").read_text(encoding="utf-8")
    exec(compile(source, "programs.py", "exec"), {"__name__": "programs"})
    assert capsys.readouterr().out
