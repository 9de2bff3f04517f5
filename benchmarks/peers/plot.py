"""The plot: time an operation by array size, time a node by graph size, the models' ratios."""

import math

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.libraries import CONTROL, LIBRARIES
from benchmarks.peers.table import multiple
from benchmarks.plot import QUIET, STYLE, nanoseconds, style_ratios, superscript
from benchmarks.workloads import powers

# Colours of Okabe and Ito, and of Tol, which the colour-blind tell apart; dashes and markers help.
LOOKS = {
    "numpy": ("#7b8794", "--", "o"),
    "fastgrad": ("#0072b2", "-", "o"),
    "baseline": ("#000000", "-", "s"),
    "dezero": ("#cc79a7", "-", "D"),
    "autograd": ("#009e73", "-", "^"),
    "mygrad": ("#e69f00", "-", "v"),
    "micrograd": ("#56b4e9", "-", "*"),
    "torch": ("#d55e00", "-", "s"),
    "jax": ("#882255", "-", "P"),
    "jax_jit": ("#882255", "--", "X"),
}
BARS = ("fastgrad", "torch", "autograd", "mygrad", "jax", "jax_jit")
SIZES = {"0-d": 1, "16": 16, "256": 256, "4 096": 4096, "65 536": 65536, "10^6": 10**6}
WIDTH = 6.6  # inches of a column


def draw(run, path):
    """Draw the panels for which there are figures into the file `path`."""
    sizes = [row for row in run.rows if row.group == "sizes"]
    graphs = [row for row in run.rows if row.group == "graph"]
    models = [row for row in run.rows if row.group == "models" and row.ratios]
    curves = [panel for panel, rows in ((draw_sizes, sizes), (draw_graphs, graphs)) if rows]
    columns = bool(curves) + bool(models)
    if not columns:
        return False
    with matplotlib.rc_context(STYLE):
        height = max(5 * len(curves), 1.2 + 1.5 * len({row.task for row in models}))
        figure = Figure(figsize=(WIDTH * columns, height), layout="constrained")
        grid = figure.add_gridspec(max(1, len(curves)), columns)
        for i, panel in enumerate(curves):
            panel(figure.add_subplot(grid[i, 0]), sizes if panel is draw_sizes else graphs)
        if models:
            draw_models(figure.add_subplot(grid[:, -1]), run, models)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    return True


def draw_sizes(axes, rows):
    """Nanoseconds an operation, by the size of the arrays."""
    draw_curves(axes, rows, lambda row: SIZES[row.task.removeprefix("chain, ")])
    used = {row.task.removeprefix("chain, ") for row in rows}
    ticks = [(size, superscript(text)) for text, size in SIZES.items() if text in used]
    axes.set_xticks(*zip(*ticks, strict=True))
    axes.set_xlabel("elements of the arrays")
    axes.set_title("Time an operation, y = y * b + c: record, backward, release")


def draw_graphs(axes, rows):
    """Nanoseconds a node, by the number of nodes."""
    draw_curves(axes, rows, lambda row: row.count)
    counts = sorted({row.count for row in rows})
    axes.set_xticks(counts, [superscript(powers(count)) for count in counts])
    axes.set_xlabel("operations in the graph, 0-d arrays")
    axes.set_title("Time a node: record, backward, release")


def draw_curves(axes, rows, x_of):
    """A line for each library, with its name where it begins."""
    starts = []
    for library in {row.library: None for row in rows}:
        points = sorted((x_of(r), r.figures["total"]) for r in rows if r.library == library)
        xs, ys = zip(*points, strict=True)
        color, dashes, marker = LOOKS.get(library, (QUIET, "-", "o"))
        width = 3 if library == "fastgrad" else 1.5
        axes.plot(xs, ys, dashes, color=color, lw=width, marker=marker, ms=4.5)
        starts.append((xs[0], ys[0], library, color))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda y, _: nanoseconds(y))
    low, high = axes.get_xlim()
    axes.set_xlim(low / (high / low) ** 0.3, high)  # room for the names
    axes.grid()
    place_names(axes, starts)


def place_names(axes, starts):
    """The names of the lines left of their beginnings, moved apart where they would overlap."""
    starts = sorted(starts, key=lambda start: start[1])
    bottom, top = (math.log(y) for y in axes.get_ylim())
    gap = (top - bottom) / 22
    heights = apart([math.log(y) for _, y, *_ in starts], gap)
    shift = max(0, heights[-1] - top + gap / 2)
    left = min(x for x, *_ in starts)
    for (x, y, library, color), height in zip(starts, heights, strict=True):
        name = LIBRARIES.get(library, library)
        axes.annotate(
            name if library != CONTROL else f"{name}, value alone",
            (x, y),
            xytext=(left / (axes.get_xlim()[1] / axes.get_xlim()[0]) ** 0.035, math.exp(height)),
            textcoords="data",
            color=color,
            size=9,
            weight="bold" if library == "fastgrad" else "normal",
            ha="right",
            va="center",
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.5, "shrinkA": 1, "shrinkB": 3},
        )
    axes.set_ylim(top=math.exp(top + shift))


def apart(heights, gap):
    """Rising heights, changed as little as needed to be `gap` apart: clusters keep their middle."""
    clusters = []  # of heights that touch: (middle, members)
    for height in heights:
        clusters.append((height, 1))
        while len(clusters) > 1:
            (m0, n0), (m1, n1) = clusters[-2:]
            if m1 - m0 >= gap * (n0 + n1) / 2:
                break
            clusters[-2:] = [((m0 * n0 + m1 * n1) / (n0 + n1), n0 + n1)]
    return [m + gap * (i - (n - 1) / 2) for m, n in clusters for i in range(n)]


def draw_models(axes, run, rows):
    """For each model a bar for each library: how many times the gradient by hand takes."""
    y, ticks = 0.0, []
    for task in {row.task: None for row in rows}:
        bars = [row for name in BARS if (row := run.row(task, name)) and row.ratios]
        for i, row in enumerate(bars):
            color, dashes, _ = LOOKS[row.library]
            hatch = "////" if dashes == "--" else None
            face = "white" if hatch else color
            left, right = sorted((1, row.ratio))
            axes.barh(y + i, right - left, 0.8, left, color=face, edgecolor=color, hatch=hatch)
            text = f"{LIBRARIES[row.library]} {multiple(row.ratio)}"
            weight = "bold" if row.library == "fastgrad" else "normal"
            place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "size": 8}
            axes.annotate(text, (right, y + i), color=color, weight=weight, **place)
        ticks.append(
            (y + (len(bars) - 1) / 2, task.removesuffix(", value and gradient").replace(", ", "\n"))
        )
        y += len(bars) + 1
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.set_xscale("log")
    ratios = [row.ratio for row in rows if row.library in BARS]
    axes.set_xlim(min(0.8, *ratios) * 0.9, 6 * max(ratios))
    axes.axvline(1, color=QUIET, lw=1)
    style_ratios(axes)
    axes.set_title("Models: times as long as value and gradient by hand in NumPy", x=-0.3)
