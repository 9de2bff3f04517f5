"""Child processes that need no start of their own: forks of one that has imported NumPy.

`python -c "import children; exec(children.serve())"` is that one. It reads a request a line, the
fork runs the program that it names, in `__main__`, and the answer is how the fork ended. fastgrad
is imported by the fork, for programs set its environment variables before.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np  # noqa: F401 (for all children)

COMMAND = [sys.executable, "-X", "faulthandler", "-c"]
CAN_FORK = sys.platform.startswith("linux")


def serve():
    """Fork at each request: the code that the fork is to run is returned there, and only there."""
    for line in sys.stdin:
        code, directory, timeout = json.loads(line)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # OpenBLAS has threads, and takes care of them
            child = os.fork()
        if child == 0:
            redirect(Path(directory))
            return compile(code, "<string>", "exec")
        print(status_of(child, timeout), flush=True)
    os._exit(0)


def redirect(directory):
    """Standard streams to files: pipes would have to be read meanwhile."""
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, directory / "stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, directory / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (for as long as the process lives)


def status_of(child, timeout):
    """How it ended, as `subprocess` has it: None for one that hung, and was killed."""
    ends, delay = time.monotonic() + timeout, 0.001
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return json.dumps(os.waitstatus_to_exitcode(status))
        if time.monotonic() > ends:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "null"
        time.sleep(delay)
        delay = min(2 * delay, 0.02)


class Children:
    """Runs programs in child processes with the environment that there was at first."""

    def __init__(self):
        self.state, self.server = None, None

    def run(self, code, timeout, fresh):
        """Return code, standard output and error; `fresh` is a process with nothing imported."""
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        env.pop("PYTEST_CURRENT_TEST", None)
        state = env, os.getcwd()
        if self.state is None and CAN_FORK:
            self.state = state
        if fresh or state != self.state:  # a test may have set an environment variable
            child = subprocess.run(
                [*COMMAND, code],
                capture_output=True, text=True, errors="replace", timeout=timeout, env=env,
            )  # fmt: skip
            return child.returncode, child.stdout, child.stderr
        with tempfile.TemporaryDirectory() as directory:
            return self.run_fork(code, directory, timeout)

    def run_fork(self, code, directory, timeout):
        if self.server is None:
            self.server = subprocess.Popen(
                [*COMMAND, "import children; exec(children.serve())"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.state[0],
            )  # fmt: skip
        print(json.dumps([code, directory, timeout]), file=self.server.stdin, flush=True)
        returncode = json.loads(self.server.stdout.readline())
        if returncode is None:
            raise subprocess.TimeoutExpired(code, timeout)
        return returncode, *(
            (Path(directory) / name).read_text(errors="replace") for name in ("stdout", "stderr")
        )

    def close(self):
        """End the process that forks."""
        if self.server is not None:
            self.server.stdin.close()
            self.server.wait()
            self.server.stdout.close()
