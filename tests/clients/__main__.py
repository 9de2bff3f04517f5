"""`python -m tests.clients [NAME...]`: other people's programs, on the real packages and on ours.

Each client is installed (once) with pinned versions into a virtual environment of its own. Its own
tests run once with the real autograd or dezero and once with fastgrad's front end, patched in by
`python -m fastgrad.compat`; the fits of `tests/clients/programs` run in alternating processes.
Exit status: 0 if both sides agree but for what the record knows, 1 if not, 2 if a client could not
be installed.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.clients.environment import Unavailable, default_cache, prepare
from tests.clients.records import CLIENTS
from tests.clients.report import HEAD, LEGEND, details, good, row
from tests.clients.run import Run, compare


def options_of(arguments):
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.clients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="clients; all if none is named")
    parser.add_argument("--list", action="store_true", help="name the clients, and what each has")
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR",
                        help="where environments are kept (%(default)s)")  # fmt: skip
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep logs and outcomes there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--only", choices=("tests", "fits"), help="not both")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="processes of fits")
    parser.add_argument("--budget", type=float, default=0.5, metavar="S",
                        help="seconds for which a fast fit is repeated (%(default)s)")  # fmt: skip
    parser.add_argument("--limit", type=float, default=1800, metavar="S",
                        help="seconds that one process may take (%(default)s)")  # fmt: skip
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in CLIENTS]
    if unknown:
        parser.error(f"no client is called {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    return options


def describe():
    """A line per client."""
    for client in CLIENTS.values():
        tests = f"tests of {client.tests.origin}" if client.tests else "no tests in the registry"
        fits = f"fits in programs/{client.program}.py" if client.program else "no fits"
        print(f"{client.name:<15}{' '.join(client.pins)}: {tests}; {fits}")
        for pattern, reason in (*(client.tests.left_out if client.tests else ()), *client.known):
            print(f"{'':<15}{pattern}: {reason}")


def run_client(client, options, work):
    """Install it, run it, compare; the result."""
    environment = prepare(client, options.cache, say=note)
    work.mkdir(parents=True, exist_ok=True)
    run = Run(client, environment, work, options.limit, options.rounds, options.budget)
    return compare(run.everything(options.only != "fits", options.only != "tests"))


def note(text):
    """Progress, beside the results."""
    print(text, file=sys.stderr, flush=True)


def main(arguments=None):
    """Run them one after the other; the exit status."""
    options = options_of(arguments)
    if options.list:
        describe()
        return 0
    work = options.keep or Path(tempfile.mkdtemp())
    results, unavailable = [], []
    try:
        for name in options.names or CLIENTS:
            try:
                result = run_client(CLIENTS[name], options, work.resolve() / name)
            except Unavailable as error:
                unavailable.append(str(error))
                note(f"{error}")
                continue
            results.append(result)
            print(HEAD, row(result), details(result), "", sep="\n", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    if len(results) > 1:
        print(HEAD, *map(row, results), sep="\n")
    print(LEGEND)
    if unavailable:
        return 2
    return 0 if all(map(good, results)) else 1


if __name__ == "__main__":
    sys.exit(main())
