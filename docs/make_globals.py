"""Write the table of C globals in docs/guarantees.md: `python docs/make_globals.py`.

The sources say which there are, and which never change after import: those that no function
declares `global`, of a type that cannot be written into. Of all others PROTECTED says what keeps
threads from each other's way; the script, and a test, fail for one that is not there.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("guarantees.md")
BEGIN, END = (
    "<!-- python docs/make_globals.py writes this table -->\n",
    "<!-- end of the table -->\n",
)

IMPORT = "immutable after import"
BY_PROGRAM = "the GIL; written at import, and by {}"
EACH_THREADS = "the GIL, {}; would have to be each thread's"
ONE_LOCK = "the GIL, {}. One lock would do"
HELPERS = "atomic instructions, between the thread that has the loop and its helpers"

# Where a global is: "module name ...": what protects it.
PROTECTED = {
    "config enable_backprop keep_variables": (
        "their states are in context variables, of the thread and the task. The defaults of the "
        "process, and `overridden`: the GIL; one atomic pointer would do"
    ),
    "config ever_kept": "the GIL; written by the first use of `Config.keep_variables`",
    "debug current": "a context variable: of the thread and the task",
    "node by_hand": "the GIL; only ever set, and read by assertions alone",
    "debug armed": "the GIL; written by the first `debug` block",
    "recorded namespace": "the GIL; set once, by the first recorded backward",
    "_products contractions": "the GIL; by layout and axes, none is ever taken away",
    "_products dot_contraction inner_contraction inner_with_vector outer_contraction": IMPORT,
    "watch watched": "the GIL; written where a log begins and ends",
    "watch watchers": "the GIL; a thread has an entry of its own",
    "classes any_subclass": "the GIL; set by the first subclass of Variable, and stays so",
    "handles fg_origin": (
        "each thread's own (`__thread`): the number of the function that it is differentiating"
    ),
    "handles last_origin": "the GIL; a counter, at each outermost transform",
    "node spare_nodes": EACH_THREADS.format("at every birth and death"),
    "handles spare_handles": EACH_THREADS.format("at every birth and death"),
    "node dying freeing": EACH_THREADS.format("at every death"),
    "handles waiting n_releasing": EACH_THREADS.format("at every death"),
    "node header": IMPORT,
    "handles variable_type": IMPORT,
    "run n_runs": ONE_LOCK.format("at the beginning of a run"),
    "asides active late": ONE_LOCK.format(
        "at the beginning and the end of a run, and where two runs meet"
    ),
    "stand_ins stand_ins": ONE_LOCK.format(
        "where a Function's `backward` reads an input or output that was assigned other data"
    ),
    "function last_type last_version last_answer": (
        "the GIL; a cache of one class, which could be each thread's"
    ),
    "collector listening": "the GIL; whether the collector calls us; set once",
    "collector incomplete": "the GIL; set once, when memory runs out",
    "protocols answers": BY_PROGRAM.format("`op` and the first use of SciPy's functions"),
    "protocols special": IMPORT,
    "arguments assembled": IMPORT,
    "rules rules": IMPORT,
    "variable registered": IMPORT,
    "notes HOOKS NOTES": IMPORT,
    "precision reals complexes sizes": IMPORT,
    "arguments NAMES": IMPORT,
    "loops loops ufuncs": IMPORT,
    "loops split": "the GIL; written by `set_num_threads`",
    "parallel n_threads": "the GIL; written by `set_num_threads`",
    "parallel fg_loop": "written by the thread that has the loop, while no helper is inside",
    "parallel fg_next fg_open fg_n_inside fg_up fg_helpers": HELPERS,
    "parallel fg_taken fg_n_helpers": "the GIL; one lock would do",
    "spares bins kept next_victim": EACH_THREADS.format("at every array"),
    "spares fg_descrs": IMPORT,
    "slabs current with_room top n_empty": (
        "the GIL, at every birth and death of a node; `current` would have to be each thread's, "
        "the others behind a lock"
    ),
    "slabs start end piece_size header_size n_pieces": IMPORT,
}

# Of these types, what no function assigns to does not change.
FIXED_TYPES = set(
    "object tuple str frozenset bint int double size_t Py_ssize_t uint64_t Rule".split()
)

DECLARATION = re.compile(
    r"^cdef (?!class |inline |extern |enum|struct|union)((?:const |unsigned )*\w+) (.*)$", re.M
)
STATIC = re.compile(
    r"^ +static (?:__thread |__declspec\(thread\) )?(?:struct \{[^}]*\}|(?!inline)[\w ]+?) ?\**"
    r"((?:fg_\w+(?:\[\w+\])?(?:, )?)+)(?:;| = | __attribute)",
    re.M,
)


def names_in(declared):
    """The names of one declaration without its type; none of a function's."""
    declared = re.sub(r" *#.*", "", declared)
    if re.match(r"\**\w+ *\(", declared):
        return []
    declared = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", declared)
    return re.findall(r"(?:^|, )\**(\w+)(?= *(?:$|=|,))", declared)


def c_globals(text):
    """The names that a .pyx or .pxd declares at its top level: their types."""
    found = {}
    for declaration in DECLARATION.finditer(text):
        for name in names_in(declaration[2]):
            kind = "array" if f"{name}[" in declaration[2] else declaration[1].split()[-1]
            found[name] = "pointer" if f"*{name}" in declaration[2] else kind
    for declaration in STATIC.finditer(text):
        for name in re.sub(r"\[\w+\]", "", declaration[1]).split(", "):
            found[name] = "static"
    return found


def assigned(text):
    """The names that its functions declare global."""
    return {
        name for names in re.findall(r"^ +global (.*)", text, re.M) for name in names.split(", ")
    }


def modules():
    """The globals of each module, by its name: (name, whether it never changes after import)."""
    found = {}
    for path in sorted((ROOT / "fastgrad").rglob("*.pyx")):
        texts = [
            p.read_text(encoding="utf-8") for p in (path.with_suffix(".pxd"), path) if p.exists()
        ]
        kinds = {name: kind for text in texts for name, kind in c_globals(text).items()}
        changed = assigned(texts[-1])
        if kinds:
            found[path.stem] = [
                (name, kind in FIXED_TYPES and name not in changed) for name, kind in kinds.items()
            ]
    return found


def protections():
    """PROTECTED, by module and name."""
    return {
        (words.split()[0], name): why
        for words, why in PROTECTED.items()
        for name in words.split()[1:]
    }


def problems():
    """What is missing in PROTECTED, and what is there in vain."""
    known, found = protections(), modules()
    there = {(module, name) for module, names in found.items() for name, _ in names}
    missing = [
        f"{module}.{name}: say in docs/make_globals.py what protects it"
        for module, names in found.items()
        for name, fixed in names
        if not fixed and (module, name) not in known
    ]
    return missing + [
        f"{module}.{name}: is gone" for module, name in known if (module, name) not in there
    ]


def table():
    """The lines of the table: a module's names that one thing protects are in one line."""
    known = protections()
    lines = ["| module | state | protected by |\n|---|---|---|\n"]
    for module, names in modules().items():
        rows = {}
        for name, _ in names:
            rows.setdefault(known.get((module, name), IMPORT), []).append(f"`{name}`")
        lines += [f"| `{module}` | {', '.join(rows[why])} | {why} |\n" for why in rows]
    return "".join(lines)


def page(text):
    """The text of docs/guarantees.md with this table in place of the one that it has."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    if problems():
        raise SystemExit("\n".join(problems()))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
