"""`python -m benchmarks.clients`: other people's programs, on the real packages and on ours.

autograd's own benchmarks, fits of lifelines and pymanopt and DeZero's training loops run, of what
is installed (extra `clients`), in two processes each, in turns: one with the real package, one with
fastgrad's front end. CPU times; a ratio is taken within a turn, and the median over turns counts.
`python -m tests.clients` compares whole packages.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from benchmarks.clients.table import table
from benchmarks.clients.turns import GROUPS, QUICK, THOROUGH, compare, overhead
from benchmarks.machine import machine


def options_of(arguments):
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clients", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one turn of each, less exact")
    parser.add_argument("--only", choices=GROUPS, help="this group of tasks alone")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Measure what is installed, print, write."""
    options = options_of(arguments)
    effort = QUICK if options.quick else THOROUGH
    results = {"machine": machine(), "quick": options.quick, "groups": {}, "absent": []}
    for name, group in GROUPS.items():
        if options.only in (None, name):
            absent = [p for p in group.packages if importlib.util.find_spec(p) is None]
            if absent:
                results["absent"].append([name, absent])
                continue
            print(f"{name} ...", file=sys.stderr, flush=True)
            results["groups"][name] = compare(name, group, effort)
    if options.only is None:
        results["overhead"] = overhead(effort)
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    print(table(results))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "clients.json").write_text(json.dumps(results, indent=1))
    print(f"\nwritten: {options.output / 'clients.json'}")
    wrong = [row["task"] for rows in results["groups"].values() for row in rows if not row["same"]]
    return f"other numbers than on the real one: {', '.join(wrong)}" if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
