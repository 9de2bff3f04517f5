"""Inside a client's process: a pytest plugin that writes how each test ended, a line as it ends.

The lines are JSON, in the file that FASTGRAD_CLIENT names, with the tests to leave out and what to
run before the client's first import. If the process dies, the lines before it remain.
"""

import json
import os
import random
import re
import sys
import zlib

import numpy as np
import pytest

JOB = json.loads(os.environ.get("FASTGRAD_CLIENT", "{}"))
if JOB.get("before"):
    exec(compile(JOB["before"], "<before>", "exec"), {"__name__": "before"})


def write(line):
    with open(JOB["outcomes"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def matches(nodeid, patterns):
    """Whether a pattern is that text; `*` in a pattern stands for any."""
    texts = (".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    return any(re.fullmatch(text, nodeid, re.DOTALL) for text in texts)


def pytest_collection_modifyitems(config, items):
    """Leave out what the record leaves out."""
    out = [item for item in items if matches(item.nodeid, JOB["left_out"])]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Have a test that draws without a seed draw the same on both sides."""
    seed = zlib.crc32(item.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (clients draw from it)


def pytest_collectreport(report):
    if report.failed:
        write({"test": report.nodeid, "ended": "error", "said": said(report)})


def pytest_runtest_logreport(report):
    """The call of a test, or what ended it before or after."""
    if report.when == "call" or report.outcome != "passed":
        ended = report.outcome
        if hasattr(report, "wasxfail"):
            ended = "xfailed" if report.skipped else "xpassed"
        elif report.when != "call" and report.failed:
            ended = "error"
        line = {"test": report.nodeid, "ended": ended, "said": said(report)}
        write({**line, "seconds": report.duration})


def said(report):
    """The last line of an error, which names it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr or "")
    return " ".join(text.split())[:300]


def pytest_sessionfinish():
    write({"module": place(), "asked": asked()})


def place():
    """The file of what stands under the front end's name: the real one's, or ours."""
    return getattr(sys.modules.get(JOB["module"]), "__file__", None)


def asked():
    """Names that the program looked for in the front end, and that it does not have."""
    if "fastgrad.compat" not in sys.modules:
        return []
    names = sys.modules["fastgrad.compat"].explain(JOB["front"])[JOB["front"]]["asked"]
    return [name for name in names if not name.endswith("._mock_name")]  # pytest looks for it
