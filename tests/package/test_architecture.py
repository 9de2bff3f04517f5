"""docs/architecture.md names files, functions and NOTEs that exist, and every module."""

import re

import pytest
from test_package import root


@pytest.fixture(scope="module")
def page():
    path = root() / "docs" / "architecture.md"
    if not path.is_file() or not (root() / "fastgrad" / "_core" / "node.pyx").is_file():
        pytest.skip("no docs or sources here")
    return path.read_text(encoding="utf-8")


FILE = r"(?<![\w/.])((?:\w+/)*\w+\.(?:pyx|pxd|py))"


def definition(text, name):
    """Where a file defines a function or class, or None."""
    return re.search(
        rf"^ *(?:cdef |cpdef |def |class )(?:[^=\n#]*?[ *])??{name}(?:\(|:| *$)", text, re.M
    )


def defines(text, name):
    """Whether a file defines that function, class, or method (`Run.by_row`)."""
    for part in name.split("."):
        found = definition(text, part)
        if found is None:
            return False
        text = text[found.start() :]
    return True


def test_its_functions_are_there(page):
    named = re.findall(rf"{FILE}: (\w+(?:\.\w+)?)(?!\w)", page)
    assert len(set(named)) > 50
    missing = []
    for file, function in named:
        path = root() / "fastgrad" / file
        if not path.is_file() or not defines(path.read_text(encoding="utf-8"), function):
            missing.append(f"{file}: {function}")
    assert missing == []


def body(file, name):
    """The lines of a function below its first, or of a class."""
    text = (root() / "fastgrad" / file).read_text(encoding="utf-8")
    for part in name.split("."):
        text = text[definition(text, part).start() :]
    first, *rest = text.splitlines()
    indent, found = len(first) - len(first.lstrip()), []
    for line in rest:
        inside = not line.strip() or len(line) - len(line.lstrip()) > indent
        if found and not inside and not line.lstrip().startswith(")"):
            break
        found.append(line)
    return "\n".join(found)


def test_who_calls_whom_is_so(page):
    """In the drawn ways; but what has a star, which is called through a rule or a row."""
    wrong, n_calls = [], 0
    for way in re.findall(r"```text\n(.*?)```", page, re.S):
        above = []  # (indent, file, function)
        for line in way.splitlines():
            found = re.match(rf"( *)(\* )?(?:\.\.\. )?{FILE}: (\w+(?:\.\w+)?)", line)
            if found is None:
                continue
            indent, star, file, function = len(found[1]), found[2], found[3], found[4]
            while above and above[-1][0] >= indent:
                above.pop()
            if above and not star:
                n_calls += 1
                name = function.rpartition(".")[2]
                if not re.search(rf"\b{name}\b", body(*above[-1][1:])):
                    wrong.append(f"{above[-1][2]} does not call {function}")
            above.append((indent, file, function))
    assert n_calls > 30
    assert wrong == []


def test_its_files_are_there(page):
    named = set(re.findall(rf"{FILE}(?!\))", page)) - {"engine_in_python.py"}
    assert len(named) > 30
    roots = (root() / "fastgrad", root() / "fastgrad" / "functions", root())
    assert [file for file in named if not any((at / file).is_file() for at in roots)] == []


def listed(page, folder):
    """The modules in the table of a folder, in order."""
    table = page.partition(f"Within `{folder}/`")[2].partition("\n## ")[0].partition("Within")[0]
    return re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M)))


@pytest.mark.parametrize("folder", ["_kernels", "_core"])
def test_every_module_is_in_the_table(page, folder):
    there = {path.stem for path in (root() / "fastgrad" / folder).glob("*.pyx")}
    assert sorted(listed(page, folder)) == sorted(there)


def test_modules_of_the_core_import_those_above_them(page):
    order = listed(page, "_core")
    for i, module in enumerate(order):
        for path in (root() / "fastgrad" / "_core").glob(f"{module}.p*"):
            if path.suffix in (".pyx", ".pxd"):
                text = path.read_text(encoding="utf-8")
                found = re.findall(r"^from fastgrad\._core\.(\w+) c?import", text, re.M)
                assert set(found) <= set(order[: i + 1]), path.name


def test_every_note_is_in_the_table(page):
    listed = set(re.findall(r"^\| \[(.*?)\] \| `(.*?)` \|", page, re.M))
    there = set()
    for path in (root() / "fastgrad").rglob("*.p*"):
        if path.suffix in (".pyx", ".pxd", ".py"):
            text = path.read_text(encoding="utf-8")
            file = path.relative_to(root() / "fastgrad").as_posix()
            there |= {(name, file) for name in re.findall(r"^(?:# )?NOTE \[(.*?)\]", text, re.M)}
    assert listed == there


@pytest.mark.parametrize(
    ("name", "expected"),
    [("f", True), ("g", True), ("A", True), ("A.m", True), ("h", False), ("B.m", False)],
)
def test_a_definition_is_found(name, expected):
    text = "cdef object f(int x):\n    h()\ncdef inline int *g(\nclass A:\n    def m(self):\n"
    assert defines(text, name) is expected
