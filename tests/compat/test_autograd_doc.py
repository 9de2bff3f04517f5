"""docs/compat.md: its examples run, and the names that it lists are there."""

import importlib
import os
import re
from pathlib import Path

import pytest

PACKAGE = "fastgrad.compat.autograd"


def page():
    """The text of the page."""
    roots = [os.environ.get("FASTGRAD_ROOT"), Path(__file__).parents[2]]
    for root in roots:
        if root and (Path(root) / "docs" / "compat.md").is_file():
            return (Path(root) / "docs" / "compat.md").read_text(encoding="utf-8")
    pytest.skip("no docs/compat.md here")
    return None


def has_scipy():
    try:
        import scipy
    except ImportError:
        return False
    return bool(scipy.__version__)


@pytest.fixture
def text():
    """The part of the page about autograd."""
    return page().partition("\n## autograd\n")[2].partition("\n## ")[0]


def test_examples_print_what_their_comments_say(text, capsys):
    examples = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(examples) > 1
    for code in examples:
        exec(compile(code, "compat.md", "exec"), {"__name__": "compat"})
        expected = re.findall(r"^ *print\(.*\) +# (.*)$", code, re.MULTILINE)
        assert capsys.readouterr().out.splitlines() == expected


def test_names_that_are_listed_are_there(text):
    rows = re.findall(r"^\| (`autograd.*?) \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 5
    for modules, names in rows:
        if "scipy" in modules and not has_scipy():
            continue
        names = " ".join(re.findall("`(.*?)`", names)).split()
        found = set()
        for module in re.findall("`(.*?)`", modules):
            module = module.removeprefix("autograd").lstrip(".")
            if module.startswith("numpy_"):
                module = f"numpy.{module}"
            found |= set(dir(importlib.import_module(f"{PACKAGE}.{module}".rstrip("."))))
        assert set(names) <= found, modules
