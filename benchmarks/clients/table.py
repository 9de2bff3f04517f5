"""What was measured, as text of 80 columns."""

import statistics

from benchmarks.clients.turns import GROUPS
from benchmarks.report import number, times

WIDTH = 26


def table(results):
    """A section for each group, the overhead of a call, and what was not there."""
    parts = [section(name, rows) for name, rows in results["groups"].items()]
    if "overhead" in results:
        parts.append(overhead(results["overhead"]))
    parts += [f"{name}: not installed: {', '.join(absent)}" for name, absent in results["absent"]]
    return "\n\n".join(parts)


def section(name, rows):
    """The tasks of a group, and the median of their ratios."""
    group = GROUPS[name]
    lines = [f"{group.title:<{WIDTH}}{'real':>10}{'front':>10}{'faster':>8}   numbers"]
    for row in rows:
        real, front = (text_of(row[side]) for side in ("real", "front"))
        line = f"  {row['task']:<{WIDTH - 2}}{real:>10}{front:>10}{times(row['ratio']):>8}   "
        line += f"{said_of(row):<6}"
        lines.append((line + verdict(row["ratio"], row["target"])).rstrip())
    middle = statistics.median(row["ratio"] for row in rows)
    lines.append(f"  {'median':<{WIDTH + 18}}{times(middle):>8}{verdict(middle, group.target)}")
    return "\n".join(lines)


def said_of(row):
    """How near the numbers of both sides are."""
    return "equal" if row["bits"] else "close" if row["same"] else "OTHERS"


def verdict(ratio, target):
    """Whether a ratio reaches its target, if it has one."""
    if target is None:
        return ""
    return f"  >= {target:g}x {'met' if ratio >= target else 'MISSED'}"


def text_of(seconds):
    """A time with its unit."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{number(seconds * scale)} {unit}"
    return f"{number(seconds * 1e9)} ns"


def overhead(microseconds):
    """What the front end's `grad` adds to a call."""
    own, front = microseconds["fastgrad"], microseconds["front"]
    added = front - own
    met = "met" if added <= 2 else "MISSED"
    return (
        f"a call of grad(lambda x: x * x): fastgrad's {own:.2f} us, the front end's {front:.2f} us:"
        f"\n  {added:+.2f} us  <= 2 us {met}"
    )
