"""The plot: how many times faster each workload is, and the time an operation by array size."""

import re

import matplotlib
from matplotlib.figure import Figure

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
FASTGRAD, RECORD, BASELINE, NUMPY = "#0b69a3", "#62b0e8", "#c4412f", "#9aa5b1"
TARGET = "#f7a928"
STYLE = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": GRID,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "axes.titlepad": 12,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "legend.frameon": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "ytick.major.size": 0,
    "svg.hashsalt": "fastgrad",  # the same picture is the same file
}


def draw(results, path):
    """Draw both panels into the file `path`; its suffix chooses the format."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(12.5, 5.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.05))
        figure.get_layout_engine().set(wspace=0.05)
        draw_ratios(left, results)
        draw_sizes(right, results["throughput"])
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def draw_ratios(axes, results):
    """A bar for each workload: how many times faster than the baseline."""
    bars = [(row["workload"], row["ratio"], row["target"]) for row in results["throughput"]]
    bars.append(("digits: training a perceptron", results["digits"]["ratio"], None))
    names, ratios, targets = zip(*bars, strict=True)
    names = [superscript(name) for name in names]
    axes.barh(names, ratios, height=0.64, color=FASTGRAD)
    aims = [(y, target) for y, target in enumerate(targets) if target]
    if aims:
        ys, xs = zip(*aims, strict=True)
        low, high = [y - 0.44 for y in ys], [y + 0.44 for y in ys]
        axes.vlines(xs, low, high, color=TARGET, lw=2.5, label="to be reached")
        axes.legend(loc="lower right")
    for y, (ratio, target) in enumerate(zip(ratios, targets, strict=True)):
        end = max(ratio, target or 0)
        text = f"{ratio:.0f}×" if ratio >= 9.95 else f"{ratio:.1f}×"
        place = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text, (end, y), weight="bold", **place)
    axes.set_xscale("log")
    axes.set_xlim(min(1, *ratios), 3 * max(ratios))
    style_ratios(axes)
    axes.set_title("Times faster than the seed's algorithm", x=-0.35)


def style_ratios(axes):
    """The axes of horizontal bars, the first on top."""
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter("{x:g}×")
    axes.grid(axis="x")


def draw_sizes(axes, rows):
    """The time an operation on arrays of each size, of fastgrad, NumPy and the baseline."""
    # Of the 0-d chains the middle one: the targets speak of it.
    rows = [row for row in rows if row["group"] == "chain"]
    rows = [row for row in rows if row["size"] > 1 or row["count"] == 10**4]
    sizes = [row["size"] for row in rows]
    three = "record + backward + release"
    curves = [
        (f"the seed's algorithm: {three}", BASELINE, "-", [r["baseline"]["total"] for r in rows]),
        (f"fastgrad: {three}", FASTGRAD, "-", [r["fastgrad"]["total"] for r in rows]),
        ("fastgrad: record", RECORD, "--", [r["fastgrad"]["record"] for r in rows]),
        ("bare NumPy: compute, no gradient", NUMPY, "--", [r["control"] for r in rows]),
    ]
    for label, color, line, times in curves:
        axes.plot(sizes, times, line, color=color, lw=2, marker="o", ms=4.5, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [(1, "0-d"), (16, "16"), (256, "256"), (4096, "4 096"), (65536, "65 536")]
    ticks.append((10**6, "10⁶"))
    axes.set_xticks([x for x, _ in ticks], [text for _, text in ticks])
    axes.yaxis.set_major_formatter(lambda y, _: nanoseconds(y))
    axes.set_xlabel("elements of the arrays")
    axes.grid()
    axes.set_ylim(top=axes.get_ylim()[1] * 6)  # room for the legend
    axes.legend(loc="upper left")
    axes.set_title("Time an operation, y = y * b + c on float64 arrays")


def superscript(text):
    """`10^4` with its exponent raised."""
    return re.sub(r"\^(\d)", lambda found: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(found[1])], text)


def nanoseconds(t):
    """A time as text, in the unit that suits it."""
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if t >= size:
            return f"{t / size:g} {unit}"
    return f"{t:g} ns"
