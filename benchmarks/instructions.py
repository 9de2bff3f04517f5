"""Instructions per operation, counted by valgrind: a figure that other processes do not change.

`python -m benchmarks.instructions` counts what recording, backward and release of the 0-d chain
`y = y * b + c` execute. Each phase is counted on a graph of N and on one of 2N operations, and on
its own from what came before it: start-up and the phases before cancel out. Compiler and NumPy are
part of the figure, so they stand beside it; figures are compared only where they are the same.
"""

import argparse
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PHASES = ("record", "backward", "release")
COUNT = 10_000
REFS = re.compile(r"I\s+refs:\s+([\d,]+)")
COMPILER = re.compile(rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+")
TOLERANCE = 0.01  # addresses differ from run to run, and with them a hash table here and there


def available():
    """Whether valgrind is installed."""
    return shutil.which("valgrind") is not None


def parse(report):
    """The instructions that callgrind reports."""
    found = REFS.search(report)
    if not found:
        raise RuntimeError(f"callgrind told no number of instructions: {report[-500:]}")
    return int(found[1].replace(",", ""))


def count(phase, operations, tree=ROOT):
    """The instructions of a process that goes as far as the phase, with the fastgrad of a tree."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}"]
    command += [sys.executable, "-m", "benchmarks.instructions", "--child", phase]
    command += ["--operations", str(operations), "--tree", str(tree)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, stderr=subprocess.PIPE, text=True
    )
    return parse(done.stderr)


def per_operation(counts):
    """The instructions an operation of each phase, from {(phase, N), (phase, 2N): instructions}."""
    result, before = {}, 0
    for phase in PHASES:
        (few, at_few), (many, at_many) = sorted(
            (operations, total) for (name, operations), total in counts.items() if name == phase
        )
        so_far = (at_many - at_few) / (many - few)
        result[phase] = so_far - before
        before = so_far
    return result


def measure(tree=ROOT):
    """The instructions an operation, and what they depend on."""
    counts = {(phase, n): count(phase, n, tree) for phase in PHASES for n in (COUNT, 2 * COUNT)}
    return {"instructions": per_operation(counts), "made_with": made_with(tree)}


def made_with(tree=ROOT):
    """The versions that the number of instructions depends on."""
    import numpy as np

    compilers = {
        found[0].decode()
        for path in Path(tree).glob("fastgrad/**/*engine.*")
        if path.suffix in (".so", ".pyd") and (found := COMPILER.search(path.read_bytes()))
    }
    return {
        "compiler": ", ".join(sorted(compilers)) or "unknown",
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def compare(before, now):
    """Lines that tell the change of each phase, and whether any grew beyond the tolerance."""
    if before["made_with"] != now["made_with"]:
        return [f"instructions: not compared, {before['made_with']} then and {now['made_with']}"], 0
    lines, slower = [], 0
    for phase in PHASES:
        old, new = before["instructions"][phase], now["instructions"][phase]
        grown = new > old * (1 + TOLERANCE)
        slower += grown
        lines.append(
            f"  {phase:<40}{old:>12.1f}{new:>12.1f}{new / old:>9.3f}"
            f"{1 + TOLERANCE:>9.2f}{'   MORE' if grown else ''}"
        )
    return ["instructions an operation, 0-d chain", *lines], slower


def child(phase, operations):
    """Go as far as the phase, then end without tidying up."""
    import numpy as np

    from fastgrad import Variable

    gc.disable()
    leaves = [Variable(np.array(x)) for x in (1.0, 1.0, 0.0)]

    def record(n):
        y, b, c = leaves
        for _ in range(n // 2):
            y = y * b + c
        return y

    record(2).backward()  # what is made once is made here
    y = record(operations)
    if phase != "record":
        y.backward()
    if phase == "release":
        del y
    os._exit(0)


def main():
    """Count and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--child", choices=PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--operations", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--tree", default=str(ROOT), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.path.insert(0, options.tree)
        child(options.child, options.operations)
    if not available():
        sys.exit("valgrind is not installed")
    print(json.dumps(measure(options.tree), indent=1))


if __name__ == "__main__":
    main()
