"""`python -m benchmarks.peers`: fastgrad beside its peers, in tables, JSON and a plot.

Every library that is installed (extra `peers`) does every task that it can express, in a process of
its own, after its gradients were compared with the baseline's.
"""

import argparse
import sys
from pathlib import Path

try:
    from tqdm import tqdm
except ImportError:
    sys.exit("the benchmarks need their extra: pip install '.[bench]'")

from benchmarks.__main__ import BAR
from benchmarks.libraries import LIBRARIES
from benchmarks.peers.rounds import QUICK, THOROUGH, Suite, in_order
from benchmarks.peers.tasks import GROUPS, catalogue


def measure(tasks, libraries, effort, threads):
    """The run of all tasks; a bar shows how far it is."""
    with tqdm(total=len(tasks), bar_format=BAR) as bar:
        bar.set_description_str("starting the libraries")
        suite = Suite(libraries, effort, threads)
        try:
            for task in tasks:
                bar.set_description_str(task.name)
                suite.measure(task)
                bar.update()
            bar.set_description_str("done")
        finally:
            suite.close()
    return suite.run


def options_of(arguments):
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than two minutes, less exact")
    parser.add_argument("--only", choices=GROUPS, help="this group of tasks alone")
    parser.add_argument(
        "--libraries", default=",".join(LIBRARIES), help=f"some of {','.join(LIBRARIES)}"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="one if not given")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        options.libraries = in_order(options.libraries.split(","))
    except ValueError as error:
        parser.error(str(error))
    return options


def main(arguments=None):
    """Measure, print, write."""
    options = options_of(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    tasks = [t for t in catalogue(options.quick) if options.only in (None, t.group)]
    effort = QUICK if options.quick else THOROUGH
    run = measure(tasks, options.libraries, effort, options.threads)

    from benchmarks.peers import store
    from benchmarks.peers.plot import draw
    from benchmarks.peers.table import tables

    data = store.as_json(run, options.threads, options.quick)
    machine = data["machine_info"]["suite"]
    print(", ".join(f"{key} {value}" for key, value in machine.items()), end="\n\n")
    print(tables(run, tasks))
    store.write(data, options.output / "peers.json")
    draw(run, options.output / "peers.svg")
    print(f"\nwritten: {options.output / 'peers.json'}, {options.output / 'peers.svg'}")


if __name__ == "__main__":
    main()
