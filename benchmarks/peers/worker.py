"""Both ends of the pipe between the suite and the process that measures one library.

Requests are (method, task, arguments), and answers are ("done", result) or (what happened, text).
`python -m benchmarks.peers.worker NAME [--fastgrad DIR]` is the far end.
"""

import contextlib
import gc
import os
import pickle
import select
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.libraries import load

ROOT = Path(__file__).parents[2]
DONE, ABSENT, FAILED = "done", "absent", "failed"


class Failure(Exception):
    """A library did not do what was asked; the text says why."""


class Absent(Failure):
    """A library is not installed."""


class Worker:
    """The near end: a process for the library `name`, which is started again if it died.

    `fastgrad` is a directory from which fastgrad is imported, instead of what is installed.
    """

    def __init__(self, name, threads=1, timeout=600, fastgrad=None):
        self.name, self.threads, self.timeout = name, threads, timeout
        self.fastgrad = fastgrad
        self.process = None
        self.info = None

    def start(self):
        """Start the process; what the library tells of itself."""
        command = [sys.executable, "-m", "benchmarks.peers.worker", self.name]
        if self.fastgrad:
            command += ["--fastgrad", str(self.fastgrad)]
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, **thread_limits(self.threads)}
        environment["PYTHONPATH"] = os.pathsep.join(path)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.info = self.answer()
        return self.info

    def ask(self, method, task, *arguments):
        """What `method` of the task returns there."""
        if self.process is None:
            self.start()
        try:
            pickle.dump((method, task, arguments), self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(self.died()) from None
        return self.answer()

    def answer(self):
        """Wait for the next answer."""
        pipe = self.process.stdout
        # Nothing of an earlier answer is left in the buffer: each is read to its end.
        if not select.select([pipe], [], [], self.timeout)[0]:
            self.close()
            raise Failure(f"took more than {self.timeout:g} s")
        try:
            what, result = pickle.load(pipe)
        except (EOFError, pickle.UnpicklingError):
            raise Failure(self.died()) from None
        if what == DONE:
            return result
        raise (Absent if what == ABSENT else Failure)(result)

    def died(self):
        """How the process ended."""
        code = self.close()
        if code < 0:
            return f"crashed: {signal.Signals(-code).name}"
        return f"its process ended with code {code}"

    def close(self):
        """End the process; its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        with contextlib.suppress(BrokenPipeError):  # it ended first
            process.stdin.close()
        try:
            code = process.wait(timeout=0.5 if process.poll() is None else None)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        process.stdout.close()
        return code


def thread_limits(threads):
    """What the libraries read, before they are imported, about how many threads to use."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
    limits = {name: str(threads) for name in names}
    if threads == 1:
        limits["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    limits["JAX_PLATFORMS"] = "cpu"
    return limits


def describe(library):
    """What the near end has to know."""
    return {
        "version": library.version(),
        "threads": library.threads(),
        "collector": gc.isenabled(),
        "lacks": library.LACKS,
        "most_operations": library.MOST_OPERATIONS,
        "most_nodes": library.MOST_NODES,
    }


def attempt(function, *arguments):
    """The answer: the result, or what was raised instead."""
    try:
        return DONE, function(*arguments)
    except Exception as error:  # noqa: BLE001 (whatever a library raises is a finding)
        text = str(error).splitlines()
        what = f"{type(error).__name__}: {text[0] if text else ''}"
        return ABSENT if isinstance(error, ModuleNotFoundError) else FAILED, what


def serve(name, directory, requests, answers):
    """The far end: answer until the pipe is closed."""
    library = None

    def begin():
        nonlocal library
        library = load(name)
        check_origin(directory)
        return describe(library)

    reply(answers, attempt(begin))
    known = {}
    while library is not None:
        try:
            method, task, arguments = pickle.load(requests)
        except EOFError:
            return
        task = known.setdefault(task, task)  # the one that caches know
        reply(answers, attempt(getattr(task, method), library, *arguments))


def check_origin(directory):
    """Raise unless fastgrad came from the directory, if one was given."""
    if directory:
        import fastgrad

        if not Path(fastgrad.__file__).is_relative_to(Path(directory).resolve()):
            raise ImportError(f"fastgrad was imported from {fastgrad.__file__}")


def reply(answers, answer):
    """Send an answer."""
    pickle.dump(answer, answers)
    answers.flush()


def main():
    """Serve on the pipes; what a library prints goes nowhere."""
    name, *options = sys.argv[1:]
    directory = options[1] if options else None  # after --fastgrad
    if directory:
        sys.path.insert(0, directory)
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(name, directory, sys.stdin.buffer, answers)
    # Interpreters with a deep graph alive may crash on their way out: nobody waits for that.
    os._exit(0)


if __name__ == "__main__":
    main()
