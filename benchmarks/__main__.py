"""`python -m benchmarks [--quick] [--output DIR]`: everything, into one table and one plot.

Runs each workload on the baseline and on fastgrad in interleaved rounds, then trains the network on
the digits; prints the table, and writes `results.json` and `benchmarks.svg` into the directory.
"""

import argparse
import json
import sys
from pathlib import Path

try:
    from tqdm import tqdm
except ImportError:
    sys.exit("the benchmarks need their extra: pip install '.[bench]'")

from benchmarks import rounds
from benchmarks.machine import machine
from benchmarks.report import table
from benchmarks.workloads import WORKLOADS

BAR = "{percentage:3.0f}% |{bar:30}| {elapsed} {desc}"


def measure(quick):
    """Measure everything; a bar shows the progress."""
    training = 1.5  # its share of the bar, in workloads
    with tqdm(total=len(WORKLOADS) + training, bar_format=BAR) as bar:
        throughput = []
        for workload in WORKLOADS:
            bar.set_description_str(workload.name)
            if quick:
                measured = rounds.compare(workload, 0.5, bar.update)
            else:
                measured = rounds.compare(workload.with_room(), 6, bar.update)
            throughput.append(measured)
        # Only now: what scikit-learn imports gives the garbage collector more to walk.
        from benchmarks import digits

        bar.set_description_str("training on the digits")
        trained = digits.compare(tick=lambda share: bar.update(share * training))
        bar.set_description_str("done")
    return {"machine": machine(), "quick": quick, "throughput": throughput, "digits": trained}


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than a minute, less exact")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="DIR")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    results = measure(options.quick)
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    print(table(results))

    from benchmarks.plot import draw

    (options.output / "results.json").write_text(json.dumps(results, indent=1))
    draw(results, options.output / "benchmarks.svg")
    print(f"\nwritten: {options.output / 'results.json'}, {options.output / 'benchmarks.svg'}")


if __name__ == "__main__":
    main()
