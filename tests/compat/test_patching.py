"""`patch` and `unpatch`, and what a program sees of them; each in a child process."""

import pytest

# Stand-ins for the originals, so that they need not be installed.
AUTOGRAD = {
    "autograd/__init__.py": "whose = 'the original'\ndef grad(): ...\ndef only_here(): ...\n",
    "autograd/numpy/__init__.py": "whose = 'the original'\ndef also_here(): ...\n",
    "autograd/elsewhere.py": "",
    "autograd/extend.py": "from autograd import only_here, grad\ndef vspace(): ...\n",
}
DEZERO = {
    "dezero/__init__.py": "from dezero.core import Variable, Function\nimport dezero.layers\n",
    "dezero/core.py": "class Variable: pass\nclass Function: pass\nclass Gone: pass\n",
    "dezero/core_simple.py": "class Variable: pass\n",
    "dezero/layers.py": """
        import numpy as np
        from dezero.core import Variable, Function
        class Twice(Function):
            def forward(self, x):
                return x * 2
            def backward(self, gy):
                return gy * 2
        def labels(n, dtype=np.int):
            return np.arange(n, dtype=np.int)
        def line_of_error():
            raise ValueError
    """,
}


@pytest.fixture
def run(run_python):
    """Run code in a child that knows both originals, or those that are given."""

    def run(code, files=None):
        files = {**AUTOGRAD, **DEZERO} if files is None else files
        return run_python("program.py", files={"program.py": code, **files})

    return run


def test_modules_are_the_front_ends_own(run):
    code = """
        from fastgrad.compat import patch
        patch("autograd")
        import autograd, sys
        import autograd.numpy.linalg as linalg
        from autograd import numpy as np, grad
        from autograd.numpy import sin
        import fastgrad.compat
        import fastgrad.compat.autograd.numpy.linalg
        ours = fastgrad.compat.autograd
        assert autograd is ours is sys.modules["autograd"]
        assert np is autograd.numpy is ours.numpy is sys.modules["autograd.numpy"]
        assert linalg is ours.numpy.linalg and grad is ours.grad and sin is ours.numpy.sin
        assert autograd.__spec__.name == autograd.__name__ == "fastgrad.compat.autograd"
        print(grad(lambda x: x * x)(3.0))
    """
    assert run(code).stdout == "6.0\n"


def test_it_says_once_what_it_replaced(run):
    code = """
        from fastgrad.compat import patch
        patch("autograd", "dezero")
        patch("dezero")
        patch("autograd")
    """
    said = run(code, {}).stderr.splitlines()
    assert len(said) == 2
    assert said[0].startswith("fastgrad ")
    assert said[0].endswith("replaced by fastgrad.compat.autograd")
    assert "dezero.core and dezero.core_simple" in said[1]
    assert run(code.replace('")', '", quiet=True)')).stderr == ""


def test_it_refuses_what_is_imported(run):
    code = """
        import {0}
        from fastgrad.compat import patch
        try:
            patch("{1}")
        except RuntimeError as error:
            print(error)
        import {0} as again, sys
        assert again.__file__ == {0}.__file__ and "fastgrad" not in again.__file__
        assert not [x for x in sys.meta_path if type(x).__module__.startswith("fastgrad")]
    """
    for module in ("autograd", "dezero"):
        files = {"autograd/__init__.py": "", "dezero/__init__.py": ""}
        printed = run(code.format(module, module), files).stdout
        assert f"{module} is imported already, from /" in printed.replace("\\", "/")
        assert f"patch('{module}') before the first import of {module}" in printed
        assert f"python -m fastgrad.compat {module} script.py" in printed


def test_refused_is_all_or_nothing(run):
    code = """
        import dezero
        from fastgrad.compat import patch
        try:
            patch("autograd", "dezero")
        except RuntimeError:
            import autograd
            print(autograd.whose)
    """
    assert run(code, {**AUTOGRAD, "dezero/__init__.py": ""}).stdout == "the original\n"


def test_another_name_is_an_error(run):
    code = """
        from fastgrad.compat import explain, patch, unpatch
        for function in (patch, unpatch, explain):
            try:
                function("torch")
            except ValueError as error:
                print(error)
    """
    assert run(code).stdout == "'torch': there is a front end for autograd and dezero\n" * 3


def test_unpatch_brings_the_originals_back(run):
    code = """
        import importlib, sys
        import fastgrad.compat.autograd.numpy
        from fastgrad.compat import patch, unpatch
        before = {name: dict(vars(sys.modules[name])) for name in sys.modules
                  if name.startswith("fastgrad.compat.autograd")}
        metas = list(sys.meta_path)
        for names in (("autograd", "dezero"), ()):
            patch("autograd", "dezero", quiet=True)
            import autograd.numpy, dezero.layers
            assert not hasattr(autograd.numpy, "nothing")
            assert not hasattr(dezero.core, "Gone") and hasattr(dezero.core, "Parameter")
            unpatch(*names)
            assert not [name for name in sys.modules if name.startswith(("autograd", "dezero"))]
            assert sys.meta_path == metas
            import autograd.numpy, dezero.layers
            assert autograd.whose == autograd.numpy.whose == "the original"
            assert hasattr(dezero.core, "Gone") and not hasattr(dezero.core, "Parameter")
            for name in list(sys.modules):
                if name.startswith(("autograd", "dezero")):
                    del sys.modules[name]
        after = {name: dict(vars(sys.modules[name])) for name in before}
        assert before == after, [n for n in before if before[n] != after[n]]
        unpatch("autograd")
        unpatch()
        print("back")
    """.replace("np.int", "int")
    files = {**AUTOGRAD, **DEZERO}
    files["dezero/layers.py"] = files["dezero/layers.py"].replace("np.int", "int")
    assert run(code, files).stdout == "back\n"


def test_blocks_nest(run):
    code = """
        import sys
        from fastgrad.compat import patch
        def whose():
            import autograd
            whose = getattr(autograd, "whose", autograd.__name__)
            if whose == "the original":
                del sys.modules["autograd"]
            return whose
        with patch("autograd", quiet=True):
            with patch("autograd", "dezero", quiet=True):
                assert whose() == "fastgrad.compat.autograd"
            import dezero
            assert not hasattr(dezero.core, "Parameter")
            assert whose() == "fastgrad.compat.autograd"
        print(whose())
        try:
            with patch("autograd", quiet=True):
                raise KeyError
        except KeyError:
            print(whose())
    """
    files = {**AUTOGRAD, **DEZERO}
    files["dezero/layers.py"] = files["dezero/layers.py"].replace("np.int", "int")
    assert run(code, files).stdout == "the original\n" * 2


def test_what_is_nowhere_is_an_error_that_names_it(run):
    code = """
        from fastgrad.compat import explain, patch
        patch("autograd", quiet=True)
        import autograd, importlib.util
        from autograd import numpy, builtins
        assert not hasattr(builtins, "nothing")
        for line in (
            "import autograd.elsewhere",
            "import autograd.elsewhere.further",
            "import autograd.numpy.linalg.further",
            "from autograd import only_here",
            "from autograd.numpy import also_here",
            "autograd.only_here_2",
        ):
            try:
                exec(line)
            except (AttributeError, ImportError) as error:
                name = line.split()[-1].rpartition(".")[2]
                print(type(error).__name__, name in str(error) or "elsewhere" in str(error))
        assert importlib.util.find_spec("autograd.elsewhere") is None
        assert not hasattr(autograd, "__nothing__")
        print(explain("autograd")["autograd"]["asked"])
    """
    expected = ["ModuleNotFoundError True"] * 3 + ["ImportError True"] * 2 + ["AttributeError True"]
    asked = "autograd.builtins.nothing autograd.elsewhere autograd.only_here "
    asked += "autograd.numpy.also_here autograd.only_here_2"
    assert run(code).stdout.splitlines() == [*expected, str(asked.split())]


def test_explain_compares_with_the_original_without_importing_it(run):
    code = """
        import sys
        from fastgrad.compat import explain, patch
        for i in range(2):
            found = explain()
            assert not {"autograd", "dezero"} & set(sys.modules)
            assert found["autograd"]["asked"] == found["dezero"]["asked"] == []
            print(sorted(found["autograd"]["lacks"]), found["dezero"]["lacks"])
            patch("autograd", "dezero", quiet=True)
    """
    lacks = ["autograd.elsewhere", "autograd.numpy.also_here", "autograd.numpy.whose"]
    lacks = sorted([*lacks, "autograd.only_here", "autograd.whose"])
    assert run(code).stdout == f"{lacks} ['dezero.core.Gone']\n" * 2


def test_explain_where_there_is_no_original(run):
    code = """
        import sys
        sys.path = [p for p in sys.path if "site-packages" not in p] + [
            p for p in sys.path if "site-packages" in p]
        import importlib.machinery
        find = importlib.machinery.PathFinder.find_spec
        importlib.machinery.PathFinder.find_spec = lambda name, *rest: (
            None if name.partition(".")[0] in ("autograd", "dezero") else find(name, *rest))
        from fastgrad.compat import explain
        print(explain())
    """
    none = {"lacks": None, "asked": []}
    assert run(code, {}).stdout == f"{ {'autograd': none, 'dezero': none} }\n"


def test_who_looks_for_the_original_finds_it(run):
    code = """
        import importlib.metadata, importlib.util, pkgutil
        from fastgrad.compat import patch, unpatch
        patch("autograd", quiet=True)
        assert importlib.util.find_spec("autograd").name == "autograd"
        assert importlib.util.find_spec("autograd.numpy") is not None
        assert importlib.util.find_spec("autograd.elsewhere") is None
        assert int(importlib.metadata.version("autograd").split(".")[0]) >= 1
        assert importlib.metadata.metadata("autograd")["Name"] == "autograd"
        assert importlib.metadata.version("numpy") == __import__("numpy").__version__
        import autograd
        assert importlib.util.find_spec("autograd") is not None
        names = {module.name for module in pkgutil.iter_modules(autograd.__path__)}
        assert {"numpy", "extend"} <= names
        unpatch()
        try:
            print(importlib.metadata.version("autograd"))
        except importlib.metadata.PackageNotFoundError:
            print("none")
    """
    assert run(code, {}).stdout.strip()
    dist = "Metadata-Version: 2.1\nName: autograd\nVersion: 7.5\n"
    files = {**AUTOGRAD, "autograd-7.5.dist-info/METADATA": dist}
    assert run(code.replace(">= 1", "== 7"), files).stdout == "7.5\n"


def test_modules_of_dezero_run_on_the_core(run):
    code = """
        import traceback
        import numpy as np
        from fastgrad.compat import patch
        patch("dezero", quiet=True)
        import dezero
        import fastgrad.compat.dezero.core as core
        from dezero import layers
        import dezero.core_simple
        assert dezero.core is core and layers.Function is dezero.Function is core.Function
        assert dezero.core_simple.__name__ == "fastgrad.compat.dezero.core_simple"
        assert "fastgrad" not in dezero.__file__ and "fastgrad" not in layers.__file__
        x = dezero.Variable(np.array(3.0))
        y = layers.Twice()(x)
        y.backward()
        print(y, x.grad, layers.labels(3), layers.labels.__defaults__)
        try:
            layers.line_of_error()
        except ValueError:
            print("line" in traceback.format_exc() and "raise ValueError" in traceback.format_exc())
        assert np.__dict__.get("int") is None
    """
    expected = "variable(6.0) variable(2.0) [0 1 2] (<class 'int'>,)\nTrue\n"
    assert run(code).stdout == expected


def test_a_readers_own_dezero(run):
    """The folder of the book's own steps: found by `sys.path`, which the step itself sets."""
    code = """
        import os, sys
        import numpy as np
        from fastgrad.compat import patch
        patch("dezero", quiet=True)
        sys.path.insert(0, os.path.join(os.path.dirname(__file__), "book"))
        from dezero import Variable
        x = Variable(np.array(3.0))
        y = x * x + 1
        y.backward()
        print(Variable.__module__, y, x.grad)
    """
    files = {"book/dezero/__init__.py": "from dezero.core_simple import Variable\n"}
    expected = "fastgrad.variable variable(10.0) 6.0\n"
    assert run(code, files).stdout == expected


def test_where_there_is_no_dezero_its_core_is_there(run):
    code = """
        import importlib.machinery, importlib.util
        find = importlib.machinery.PathFinder.find_spec
        importlib.machinery.PathFinder.find_spec = lambda name, *rest: (
            None if name.partition(".")[0] == "dezero" else find(name, *rest))
        from fastgrad.compat import explain, patch
        patch("dezero", quiet=True)
        assert importlib.util.find_spec("dezero") is not None
        import numpy as np
        import dezero
        from dezero import Variable, no_grad
        x = Variable(np.array(3.0))
        y = x ** 2
        y.backward()
        print(x.grad, dezero.core.Variable is Variable)
        try:
            import dezero.functions
        except ImportError as error:
            print(error)
        print(explain()["dezero"])
    """
    expected = [
        "variable(6.0) True",
        "No module named 'dezero.functions'",
        "{'lacks': None, 'asked': ['dezero.functions']}",
    ]
    assert run(code, {}).stdout.splitlines() == expected


def test_threads_that_import_at_once(run):
    """The package `dezero` is there by then.

    Its `__init__` imports its modules, and Python's locks
    are a deadlock if a thread imports one of these meanwhile: without us too.
    """
    code = """
        import threading
        from fastgrad.compat import patch
        patch("autograd", "dezero", quiet=True)
        import dezero
        names = ["autograd", "autograd.numpy", "autograd.numpy.linalg", "autograd.extend",
                 "autograd.builtins", "dezero", "dezero.core", "dezero.layers"] * 4
        found, barrier = [], threading.Barrier(len(names))
        def look(name):
            barrier.wait()
            found.append((name, __import__(name, fromlist=["x"])))
        threads = [threading.Thread(target=look, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == len(names)
        assert len({(name, id(module)) for name, module in found}) == len(set(names))
        print("same")
    """
    assert run(code).stdout == "same\n"


def test_a_namespace_whose_functions_are_copied(run):
    """As PennyLane copies autograd.numpy's: it then finds its own submodules, and not ours."""
    code = """
        from fastgrad.compat import patch
        patch("autograd", quiet=True)
        import copies.random
        assert copies.random.whose == "its own"
        assert copies.sin(0.0) == 0.0
    """
    package = """
        from autograd import numpy as _np
        from autograd.numpy import *
        for name, obj in _np.__dict__.items():
            if callable(obj) and not isinstance(obj, type):
                globals()[name] = lambda *args, f=obj: f(*args)
        del random
        from . import random
    """
    run(code, {**AUTOGRAD, "copies/__init__.py": package, "copies/random.py": "whose = 'its own'"})


@pytest.mark.parametrize(("release", "defers"), [("1.8.0", True), ("1.9.1", False)])
def test_arrays_leave_operators_to_boxes_as_in_the_release_that_is_installed(run, release, defers):
    code = f"""
        import numpy as np
        from fastgrad.compat import patch, unpatch

        class Own(np.ndarray):
            def __array_ufunc__(self, ufunc, method, *args, **kwargs):
                if not all(isinstance(x, np.ndarray) for x in args):
                    return "its own"
                return getattr(ufunc, method)(*[x.view(np.ndarray) for x in args], **kwargs)

        patch("autograd", quiet=True)
        from autograd import grad
        own, found = np.ones(2).view(Own), []

        def f(x):
            found.append(own - x)
            return x

        grad(f)(1.0)
        assert (type(found[0]).__name__ == "ArrayBox") == {defers}, found
        unpatch("autograd")
        from fastgrad.compat.autograd import grad
        grad(f)(1.0)
        assert found[1] == "its own"
    """
    metadata = f"Metadata-Version: 2.1\nName: autograd\nVersion: {release}\n"
    run(code, {**AUTOGRAD, f"autograd-{release}.dist-info/METADATA": metadata})
