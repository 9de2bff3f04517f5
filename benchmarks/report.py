"""The table: what was measured, in sections, each line beside the figure that it has to reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A row: a reference, fastgrad, their ratio, and the target for it."""

    name: str
    reference: float
    fastgrad: float
    ratio: str
    target: str = ""
    met: bool | None = None
    note: str = ""

    def text(self):
        """The row, aligned."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        start = f"  {self.name:<45}{number(self.reference):>11}{number(self.fastgrad):>11}"
        return f"{start}{self.ratio:>8}   {self.target:<9}{verdict:<8}{self.note}".rstrip()


@dataclass(frozen=True)
class Section:
    """Rows in one unit, against one reference."""

    title: str
    reference: str
    lines: list
    note: str = ""

    def text(self):
        """The heading and the rows."""
        start = f"{self.title:<46}{self.reference:>12}{'fastgrad':>11}{'ratio':>8}"
        head = f"{start}   {'target':<17}{self.note}".rstrip()
        return "\n".join([head, *(line.text() for line in self.lines)])


def number(x):
    """Three digits at least, and thousands apart."""
    return f"{x:.3g}" if x < 100 else f"{x:,.0f}".replace(",", " ")


def times(ratio):
    """A ratio as text."""
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.1f}x"


def faster(name, reference, fastgrad, ratio, target=None, note=""):
    """A row whose ratio says how many times less fastgrad takes."""
    text = f">= {target:g}x" if target else ""
    met = ratio >= target if target else None
    return Line(name, reference, fastgrad, times(ratio), text, met, note)


def share(name, reference, fastgrad, ratio, target=None, note=""):
    """A row whose ratio says which share of the reference fastgrad takes."""
    met = ratio <= target if target else None
    text = f"<= {target:g}" if target else ""
    return Line(name, reference, fastgrad, f"{ratio:.2f}", text, met, note)


def sections(results):
    """The table's sections, from what `benchmarks.__main__` measured."""
    rows = results["throughput"]
    made = [totals(rows), recording(rows), by_hand(rows), width(rows), memory(rows)]
    made.append(training(results["digits"]))
    return [section for section in made if section.lines]


def totals(rows):
    """Record, differentiate, release, against the baseline."""
    lines = []
    for row in rows:
        parts = row["fastgrad"]
        note = " + ".join(number(parts[phase]) for phase in ("record", "backward", "release"))
        name = row["workload"] + (" *" if row["baseline_count"] else "")
        reference = row["baseline"]["total"]
        lines.append(faster(name, reference, parts["total"], row["ratio"], row["target"], note))
    title = "ns an operation: all its life"
    return Section(title, "baseline", lines, "record + backward + release")


def recording(rows):
    """Recording alone, against NumPy computing the same without recording."""
    lines = [
        share(
            row["workload"],
            row["control"],
            row["fastgrad"]["record"],
            row["ratio_to_control"],
            0.4 if row["workload"] == "0-d chain, 10^4 operations" else None,
        )
        for row in rows
        if row["group"] == "chain"
    ]
    return Section("ns an operation: recording it", "bare NumPy", lines)


def by_hand(rows):
    """A Function defined in Python, against its two bodies called in a plain loop."""
    lines = [
        share(
            row["workload"], row["control"], row["fastgrad"]["total"], row["ratio_to_control"], 1.6
        )
        for row in rows
        if row["group"] == "function"
    ]
    return Section("ns a call: a Function defined in Python", "by hand", lines)


def width(rows):
    """The widest graph against the narrowest: the queue's share must not grow."""
    wide = [row for row in rows if row["group"] == "wide"]
    if len(wide) < 2:
        return Section("", "", [])
    few, many = wide[0]["fastgrad"]["total"], wide[-1]["fastgrad"]["total"]
    name = wide[-1]["workload"].removeprefix("wide, ")
    line = share(name, few, many, many / few, 1.5)
    branches = wide[0]["workload"].removeprefix("wide, ")
    return Section("ns an operation: fastgrad, wide graph", branches, [line])


def memory(rows):
    """The resident set of a process that holds the recorded graph."""
    lines = []
    for row in rows:
        if (row["size"], row["count"]) != (1, 10**4):
            continue  # elsewhere it is the arrays' own size, or the same again
        base, fast = row["bytes_per_node"]["baseline"], row["bytes_per_node"]["fastgrad"]
        if base <= 0 or fast <= 0:
            continue  # the system does not tell, or peaks alone
        line = faster(row["workload"], base, fast, base / fast)
        if row["workload"] == "0-d chain, 10^4 operations":
            line = Line(line.name, base, fast, line.ratio, "<= 200 B", fast <= 200)
        lines.append(line)
    return Section("bytes an operation, recorded", "baseline", lines)


def training(digits):
    """The perceptron."""
    seconds = digits["seconds"]
    name = f"{digits['epochs']} epochs; {digits['accuracy']:.1%} of the test read right"
    note = "same losses, bit for bit"
    line = faster(name, seconds["baseline"], seconds["fastgrad"], digits["ratio"], note=note)
    return Section("seconds: a perceptron learns the digits", "baseline", [line])


FOOTNOTE = """\
Medians over interleaved rounds, the garbage collector on; last column: fastgrad's three phases.
* The baseline did a tenth of the steps, for want of minutes or of memory. Its time for each is
  taken to stay the same; on the wide graph, where it sorts its queue at every push, to grow with
  them."""


def table(results):
    """The whole table as text."""
    parts = [section.text() for section in sections(results)]
    return "\n\n".join([*parts, FOOTNOTE])
