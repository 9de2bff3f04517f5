"""The table of a run, and each difference, as text."""

HEAD = (
    f"{'client':<15}{'version':<8}{'tests':>6}{'real':>6}{'front':>6}{'agree':>6}"
    f"{'fits':>5}{'same':>5}{'apart':>8}{'faster':>7}{'CPU s':>7}"
)
LEGEND = """\
tests: compared; real, front: passed there; agree: ended alike. fits: compared; same: equal in all
bits; apart: the largest difference, over the largest number of an array; faster: the median over
the fits of CPU time on the real one over that on the front end; CPU s: of all fits, there."""


def row(result):
    """A client's line."""
    fits = [fit for fit in result["fits"] if fit["apart"] is not None]
    cells = [f"{result['client']:<15}{result['version']:<8}"]
    if result["tests"]:
        cells += [f"{result[key]:>6}" for key in ("tests", "real", "front", "agree")]
    else:
        cells.append(f"{'-':>6}" * 4)
    if not fits:
        return "".join([*cells, f"{'-':>5}" if not result["fits"] else f"{0:>5}"])
    same = sum(fit["apart"] == 0 for fit in fits)
    worst = max(fit["apart"] for fit in fits)
    seconds = sum(fit["seconds"]["front"] for fit in fits)
    times = faster(result)
    cells.append(f"{len(fits):>5}{same:>5}{worst:>8.0e}{times:>7.2f}{seconds:>7.2f}")
    return "".join(cells)


def faster(result):
    """The median over the fits of the ratio of CPU times; None without fits."""
    ratios = sorted(fit["times"] for fit in result["fits"] if "times" in fit)
    if not ratios:
        return None
    middle = len(ratios) // 2
    return ratios[middle] if len(ratios) % 2 else (ratios[middle - 1] + ratios[middle]) / 2


def details(result):
    """Each difference, and each fit, a line each."""
    lines = []
    for side, text in result["trouble"].items():
        if text:
            lines.append(f"  {side}: {text}")
    for difference in result["differ"]:
        mark = " (known)" if difference["known"] else ""
        lines.append(
            f"  {difference['test']}: real {difference['real']}, front {difference['front']}{mark}"
        )
        if difference["said"]:
            lines.append(f"    {difference['said'][:200]}")
    for fit in result["fits"]:
        lines.append(f"  {text_of(fit)}")
    if result["asked"]:
        lines.append(f"  asked for in vain: {', '.join(result['asked'])}")
    return "\n".join(lines)


def text_of(fit):
    """A fit's line."""
    if fit["error"]:
        errors = "; ".join(f"{side}: {text}" for side, text in fit["error"].items())
        return f"{fit['fit']:<34}{errors}"
    distance = f"{fit['apart']:.1e} in {fit['where'] or 'value'}" if fit["apart"] else "bit-equal"
    real, front = fit["seconds"]["real"], fit["seconds"]["front"]
    verdict = "" if good_fit(fit) else "  TOO FAR"
    times = f"{1e3 * real:9.1f} {1e3 * front:9.1f} ms {fit['times']:6.2f}x"
    return f"{fit['fit']:<34}{times}  {distance}{verdict}"


def good_fit(fit):
    """Whether both sides computed the same, as closely as the record asks."""
    if set(fit["error"]) == {"real", "front"}:
        return False
    return not fit["error"] and fit["apart"] <= fit["close"]


def good(result):
    """Whether nothing differs but what the record knows."""
    return (
        not any(result["trouble"].values())
        and all(difference["known"] for difference in result["differ"])
        and all(good_fit(fit) for fit in result["fits"])
    )
