"""Children that are forks of one process: as good as processes of their own."""

import os
import subprocess

import pytest

HOW = pytest.mark.parametrize("fresh", [False, True])


@HOW
def test_what_was_printed_comes_back_and_nothing_is_left_behind(run_child, fresh):
    code = "import sys, os\nprint(__name__, os.getpid(), 'x' in globals())\nx = 1\n"
    names, pids, left = zip(*[run_child(code, fresh=fresh).split() for _ in range(2)], strict=True)
    assert names == ("__main__",) * 2
    assert left == ("False",) * 2
    assert len({*pids, str(os.getpid())}) == 3


@HOW
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed with SIGSEGV"),
        ("import os; os._exit(3)", "the child process failed"),
        ("raise LookupError('it said so')", "LookupError: it said so"),
        ("import atexit, os\natexit.register(os.abort)", "crashed with SIGABRT"),
    ],
)
def test_a_child_that_fails_is_a_failed_test(run_child, code, said, fresh):
    with pytest.raises(pytest.fail.Exception, match=said):
        run_child(code, fresh=fresh)
    assert run_child("print(input)", fresh=fresh)  # and the next one runs


@HOW
def test_a_child_that_hangs_is_ended(run_child, fresh):
    with pytest.raises(subprocess.TimeoutExpired):
        run_child("import time; time.sleep(60)", timeout=0.2, fresh=fresh)


def test_a_child_sees_the_environment_of_its_test(run_child, monkeypatch, tmp_path):
    code = "import os; print(os.environ.get('FASTGRAD_POOL_MB'), os.getcwd())"
    before = run_child(code)
    monkeypatch.setenv("FASTGRAD_POOL_MB", "3")
    monkeypatch.chdir(tmp_path)
    assert run_child(code).split() == ["3", str(tmp_path)]
    monkeypatch.undo()
    assert run_child(code) == before
