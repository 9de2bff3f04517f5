"""The package as it is installed: README, doctests, imports, metadata."""

import builtins
import doctest
import importlib
import importlib.metadata
import importlib.resources
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastgrad

# --- the README ---


def root():
    """Where README.md is; `.ci/run` tests an installed wheel, and tells where the repository is."""
    roots = [os.environ.get("FASTGRAD_ROOT"), Path(__file__).parents[2]]
    found = [Path(root) for root in roots if root and (Path(root) / "README.md").is_file()]
    if not found:
        pytest.skip("no README.md here")
    return found[0]


def readme():
    return (root() / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """The fenced blocks of the README in that language: (number of the line, text)."""
    text = readme()
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(text[: m.start(1)].count("\n") + 1, m[1]) for m in fence.finditer(text)]


def test_python_blocks_of_the_readme_run_and_print_what_their_comments_say(capsys):
    """`print(x)  # text` prints that text. Each block stands alone."""
    examples = blocks("python")
    assert examples
    for line, code in examples:
        source = "\n" * (line - 1) + code  # so that a traceback tells the line of the README
        exec(compile(source, "README.md", "exec"), {"__name__": f"README.md, line {line}"})
        printed = capsys.readouterr().out.splitlines()
        expected = re.findall(r"^ *print\(.*\) +# (.*)$", code, re.MULTILINE)
        assert printed == expected, f"README.md, line {line}"


COMMANDS = {
    "bench": r'python3? -m venv \.venv && \.venv/bin/pip install -e "\.\[bench\]" && '
    r"\.venv/bin/python -m benchmarks",
    "test": r'python3? -m venv \.venv && \.venv/bin/pip install -e "\.\[test\]" && '
    r"\.venv/bin/(python -m )?pytest",
}


@pytest.mark.parametrize("extra", COMMANDS)
def test_readme_has_its_command_on_the_first_screen_as_one_line(extra):
    screen = readme().splitlines()[:40]
    assert any(re.fullmatch(COMMANDS[extra], line) for line in screen)


def test_what_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", readme())
    assert links
    assert [link for link in links if not (root() / link).exists()] == []


def test_readme_has_every_row_of_the_table_of_differences():
    table = readme().split("## What differs from the original")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 14
    assert all(len(row.strip("|").split("|")) == 3 for row in rows)


# --- doctests, of compiled modules too ---

MODULES = ["fastgrad"]
MODULES += [module.name for module in pkgutil.walk_packages(fastgrad.__path__, "fastgrad.")]


def documented(module):
    """Everything in the module that has a docstring, by its name."""
    found = {module.__name__: module.__doc__}
    for name, member in vars(module).items():
        if getattr(member, "__module__", None) != module.__name__:
            continue
        found[f"{module.__name__}.{name}"] = getattr(member, "__doc__", None)
        if inspect.isclass(member):
            for attribute, value in vars(member).items():
                full_name = f"{module.__name__}.{name}.{attribute}"
                found[full_name] = getattr(value, "__doc__", None)
    return {name: doc for name, doc in found.items() if isinstance(doc, str)}


def doctest_of(name, doc, names):
    """The examples in a docstring, which see these names."""
    return doctest.DocTestParser().get_doctest(doc, dict(names), name, None, None)


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module):
    runner, report = doctest.DocTestRunner(verbose=False), []
    module = importlib.import_module(module)
    for name, doc in documented(module).items():
        runner.run(doctest_of(name, doc, vars(module)), out=report.append)
    assert not runner.failures, "".join(report)


PUBLIC = [*fastgrad.__all__, "pow", "abs"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_documented(name):
    assert inspect.getdoc(getattr(fastgrad, name))


@pytest.mark.parametrize("name", ["Variable", "Function", "using_config", "no_grad", "as_array"])
def test_public_name_has_an_example(name):
    assert doctest_of(name, getattr(fastgrad, name).__doc__, {}).examples


# --- names, imports, metadata ---

NAMES = """
Variable Function Config using_config no_grad as_array
Add add Mul mul Sub sub Div div Neg neg Pow pow MatMul matmul Abs abs
""".split()


def test_public_names_are_there_and_hide_no_builtin():
    assert all(hasattr(fastgrad, name) for name in NAMES)
    assert set(NAMES) - {"pow", "abs"} <= set(fastgrad.__all__)
    assert not set(fastgrad.__all__) & set(dir(builtins))
    assert set(fastgrad.__all__) & set(dir(np)) == {"add", "matmul"}  # the book's


def test_a_star_import_brings_what_all_says_and_nothing_else(run_child):
    code = """
        import copy, math
        import numpy as np
        before = set(globals())
        from fastgrad import *
        import fastgrad
        assert set(globals()) - before == {*fastgrad.__all__, "before", "fastgrad"}
        assert copy.copy and math.sin and np.sum and sum([1]) == max(1, 0) == abs(-1) == 1
        print(len(fastgrad.__all__) == len(set(fastgrad.__all__)))
    """
    assert run_child(code, fresh=True) == "True\n"


def test_dir_is_what_is_public(run_child):
    """Before anything was asked for, and after; and it is what the stub has."""
    code = """
        import ast, importlib.util, inspect, types
        from pathlib import Path
        import fastgrad
        before = dir(fastgrad)
        from fastgrad import grad, op, testing, numpy
        assert dir(fastgrad) == before == sorted(set(before))
        assert set(fastgrad.__all__) < set(before) and not {"importlib", "config"} & set(before)
        modules = [n for n in before if isinstance(getattr(fastgrad, n), types.ModuleType)]
        assert modules == ["numpy", "replay", "special", "testing"], modules
        def has_signature(f):
            try:
                return inspect.signature(f)
            except ValueError:  # NumPy's own in C have theirs since 2.4
                return False
        for name in before:
            f = getattr(fastgrad, name)
            if callable(f) and not name.endswith("Warning"):
                assert has_signature(f) or not has_signature(f.__wrapped__), name
        stub = Path(fastgrad.__file__).with_suffix(".pyi")
        tree, names = ast.parse(stub.read_text()), set(fastgrad.functions.__all__)
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                names |= {alias.asname for alias in node.names if alias.asname}
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
                assert ast.literal_eval(node.value) == fastgrad.__all__
        assert names | {"__version__"} == set(before), names ^ set(before)
        print("same")
    """
    assert run_child(code, fresh=True) == "same\n"


def test_modules_are_there_without_being_imported(run_child):
    code = """
        import sys
        import fastgrad as fg
        assert not {"fastgrad.numpy", "fastgrad.testing", "fastgrad.transforms"} & set(sys.modules)
        fg.testing.check_gradients(fg.numpy.tanh, fg.numpy.ones(2))
        import numpy as np
        assert fg.numpy.random.default_rng is np.random.default_rng
        import fastgrad.numpy.random
        import fastgrad.special
        import fastgrad.numpy.linalg, fastgrad.numpy.fft
        assert fg.numpy.random.default_rng is np.random.default_rng
        assert "normal" in dir(fg.numpy.random) and fg.special.relu is fg.relu
        fg.numpy.random.seed(3)
        first = fastgrad.numpy.random.normal()
        np.random.seed(3)
        assert first == np.random.normal()
        for name in ("nothing", "importlib", "TYPE_CHECKING"):
            assert not hasattr(fg, name)
        print("there")
    """
    assert run_child(code, fresh=True) == "there\n"


def test_chapters_that_are_read_later(run_child):
    """What NumPy hands over finds its rule, and a program's own row takes no rule's place."""
    code = """
        import sys
        import numpy as np
        import fastgrad
        from fastgrad import Variable, op
        later = {f"fastgrad.functions.{name}" for name in ("discrete", "fft", "linalg")}
        assert not later & set(sys.modules)
        x = Variable(2 * np.eye(2))
        {first}
        assert later <= set(sys.modules)
        np.linalg.det(x).backward()
        assert np.allclose(x.grad, 2 * np.eye(2)) and fastgrad.DegeneracyWarning
        assert np.fft.fft(x).creator is not None and np.can_cast(x.dtype, float)
        print("found")
    """
    vjp = "vjp=lambda xp, g, y, x: 5 * g * np.ones((2, 2))"
    for first in (
        "np.linalg.det(x)",
        "import fastgrad.numpy.linalg, fastgrad.numpy",
        f"det = op('det', np.linalg.det, {vjp}); det(x).backward(); x.cleargrad()",
        "np.array_str(x)",
    ):
        assert run_child(code.replace("{first}", first), fresh=True) == "found\n"


def test_import_brings_nothing_but_numpy(run_child):
    """Cython's runtime enters two modules that it makes itself: no file is read for them."""
    code = """
        import re, sys
        import numpy
        before = set(sys.modules)
        import fastgrad
        after = {name.partition(".")[0] for name in set(sys.modules) - before}
        after -= {"fastgrad", "numpy", "cython_runtime", *sys.stdlib_module_names}
        print([name for name in sorted(after) if not re.fullmatch(r"_cython_\\d\\w*", name)])
    """
    assert run_child(code, fresh=True) == "[]\n"


def test_import_does_not_change_numpys_state(run_child):
    code = """
        import warnings
        import numpy as np
        before = np.geterr(), np.get_printoptions(), list(warnings.filters)
        import fastgrad
        assert before == (np.geterr(), np.get_printoptions(), list(warnings.filters))
        print("same")
    """
    assert run_child(code, fresh=True) == "same\n"


@pytest.fixture
def distribution():
    try:
        return importlib.metadata.distribution("fastgrad")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("fastgrad was built in place, not installed")


def test_version_is_that_of_the_installed_distribution(distribution):
    assert fastgrad.__version__ == distribution.version


def test_numpy_is_the_only_dependency_at_run_time(distribution):
    needed = [text for text in distribution.requires if "extra ==" not in text]
    assert [re.match(r"[\w.-]+", text)[0].lower() for text in needed] == ["numpy"]


def test_extras_are_those_of_the_readme(distribution):
    assert {"bench", "test"} <= set(distribution.metadata.get_all("Provides-Extra"))


def test_type_information_is_shipped():
    """Of what is public; what is compiled is private, and has no stubs of its own."""
    files = importlib.resources.files("fastgrad")
    assert (files / "py.typed").is_file()
    assert (files / "__init__.pyi").is_file()
    for module in MODULES[1:]:
        name = module.removeprefix("fastgrad.").replace(".", "/")
        stubbed = any((files / f"{name}{end}").is_file() for end in (".pyi", "/__init__.pyi"))
        if "/_" in f"/{name}":
            assert not stubbed, name
        elif name.count("/") == 0 or name.startswith("numpy"):
            assert stubbed or name in ("trees", "numpy/lookup"), name


def test_modules_are_compiled():
    compiled = [m for m in MODULES if importlib.import_module(m).__file__.endswith((".so", ".pyd"))]
    for name in ("_core.queue", "_core.engine", "_kernels.loops", "functions._arithmetic"):
        assert f"fastgrad.{name}" in compiled


def test_engine_in_python_runs():
    page = root() / "docs" / "engine_in_python.py"
    if not page.is_file():
        pytest.skip("no docs here")
    run = subprocess.run([sys.executable, page], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-2:] == [
        "the queue is empty; a.grad is None still",
        "a.grad, b.grad, c.grad = 24.0, 36.0, 1.0",
    ]
