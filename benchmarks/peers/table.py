"""The run as text: a table for each group, a line for each library."""

from benchmarks.libraries import CONTROL, LIBRARIES
from benchmarks.peers.tasks import GROUPS
from benchmarks.phases import PHASES
from benchmarks.report import number

SCALES = {"us a step": 1e-3, "us a call": 1e-3, "MB": 1e-6}
NAME, CELL = 24, 20
PER_TABLE = 6  # columns
OURS = "fastgrad"


def tables(run, catalogue):
    """All tables, and what went wrong."""
    parts = []
    for name, group in GROUPS.items():
        tasks = [task for task in catalogue if task.group == name]
        tasks = [task for task in tasks if any(row.task == task.name for row in run.rows)]
        for i in range(0, len(tasks), PER_TABLE):
            parts.append(one_table(run, group, tasks[i : i + PER_TABLE]))
    if any("record" in row.figures for row in run.rows):
        parts.append(phases(run))
    return "\n\n".join([*parts, footnotes(run)])


def one_table(run, group, tasks):
    """A column for each task, a line for each library that did one or failed at it."""
    head = f"{group.title}: {group.unit} (times {OURS})"
    lines = [head, " " * NAME + "".join(f"{column(task):>{CELL}}" for task in tasks)]
    for library in run.libraries:
        cells = [cell(run, group, task.name, library) for task in tasks]
        if any(text != "-" for text in cells):
            label = LIBRARIES.get(library, library)
            if library == CONTROL:
                label = f"{label}, {group.control}"
            lines.append(f"  {label:<{NAME - 2}}" + "".join(f"{text:>{CELL}}" for text in cells))
            if library == CONTROL and group.control == "by hand":
                lines += gradient_alone(run, group, tasks)
    return "\n".join(lines)


def gradient_alone(run, group, tasks):
    """The line of what is by hand, without the value of the loss."""
    cells = [cell(run, group, task.name, CONTROL, "gradient alone") for task in tasks]
    if all(text == "-" for text in cells):
        return []
    return [f"  {'  gradient alone':<{NAME - 2}}" + "".join(f"{text:>{CELL}}" for text in cells)]


def column(task):
    """The name of a task as the head of a column."""
    first, *rest = task.name.split(", ")
    if task.group in ("sizes", "no_grad"):
        return rest[0]
    if first == "Rosenbrock":
        return f"Rosenbrock, {rest[0].replace(' ', '')}"
    return first.split(" of ")[0] if task.group in ("models", "derivatives") else task.name


def cell(run, group, task, library, figure=None):
    """A figure, and how many times fastgrad's it is; or what happened."""
    figure = figure or group.figure
    row = run.row(task, library)
    if row is None:
        failure = run.failure(task, library)
        return "-" if failure is None else failure.split(":")[0].replace("Error", "") + " !"
    if figure not in row.figures:
        return "-"
    text = number(row.figures[figure] * SCALES.get(group.unit, 1))
    ours = run.row(task, OURS)
    if library == OURS or ours is None:
        return text
    return f"{text} ({multiple(against(row, ours, figure))})"


def against(row, ours, figure):
    """How many times fastgrad's a figure is: of times, the median of the ratios within a round."""
    if figure == "total":
        return median_ratio(row.totals, ours.totals)
    return row.figures[figure] / max(ours.figures.get(figure, ours.figures["total"]), 1e-9)


def multiple(ratio):
    """A ratio as text."""
    return f"{ratio:.2f}x" if ratio < 10 else f"{number(ratio)}x"


def median_ratio(xs, ys):
    """The median of the ratios."""
    ratios = sorted(x / y for x, y in zip(xs, ys, strict=False))
    middle = len(ratios) // 2
    return (ratios[middle] + ratios[~middle]) / 2


def phases(run):
    """What each phase takes, and the memory, for one small graph and for the largest."""
    lines = [f"{'Phases: ns an operation':<{NAME}}{'':20}" + "".join(f"{p:>12}" for p in PHASES)]
    lines[0] += f"{'bytes':>12}"
    for library in run.libraries:
        rows = [row for row in run.rows if row.library == library and "record" in row.figures]
        chosen = [row for row in rows if row.task == "chain, 0-d"]
        chosen += [row for row in rows if row.group == "graph"][-1:]
        for row in chosen:
            name = LIBRARIES.get(library, library)
            figures = [number(row.figures[phase]) for phase in PHASES]
            figures.append(number(row.figures["bytes"]) if "bytes" in row.figures else "")
            text = "".join(f"{figure:>12}" for figure in figures)
            lines.append(f"  {name:<{NAME - 8}}{row.task:<26}{text}".rstrip())
    return "\n".join(lines)


def footnotes(run):
    """What is not there, what failed, and how to read the rest."""
    notes = ["Medians over interleaved rounds, each library in its own process, collector on."]
    notes.append("- The library cannot express it, or would take minutes.")
    notes += [f"! {LIBRARIES.get(name, name)}, {task}: {what}" for task, name, what in run.failures]
    notes += [f"{LIBRARIES.get(name, name)}: {why}" for name, why in run.missing.items()]
    few = {row.library: row.count for row in run.rows if row.task == "chain, 0-d"}
    if few:
        most = max(few.values())
        short_of = [f"{LIBRARIES.get(k, k)} {v}" for k, v in few.items() if v < most]
        if short_of:
            notes.append(f"Times are an operation; graphs had fewer for {', '.join(short_of)}.")
    versions = [
        f"{LIBRARIES.get(name, name)} {info['version']} ({info['threads']} thread"
        f"{'s' if info['threads'] != 1 else ''})"
        for name, info in run.libraries.items()
    ]
    return "\n".join([*notes, ", ".join(versions)])
