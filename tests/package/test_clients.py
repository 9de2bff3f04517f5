"""`python -m tests.clients` on a client that is made here: no network, no package but fastgrad."""

import json
import sys
import textwrap
import zlib
from pathlib import Path

import pytest

from tests.clients import environment, run
from tests.clients.__main__ import main
from tests.clients.environment import Unavailable, prepare
from tests.clients.records import CLIENTS, Client, Suite
from tests.clients.report import HEAD, details, good, good_fit, row, text_of

# A client's own tests, beside an "autograd" which stands for the real one.
FILES = {
    "autograd/__init__.py": """
        def grad(f):
            return lambda x: (f(x + 1e-3) - f(x - 1e-3)) / 2e-3
        numpy = __import__("numpy")
    """,
    "test_toy.py": """
        import os, random
        import autograd, numpy, pytest
        def square(x):
            return x * x
        def test_same():
            assert abs(autograd.grad(square)(3.0) - 6) < 1e-6
        def test_exact():
            assert autograd.grad(lambda x: x**3)(3.0) == 27
        def test_known():
            assert not hasattr(autograd, "jacobian")
        def test_fails():
            raise ValueError("on both")
        def test_draws():
            assert (random.random(), numpy.random.rand()) == DRAWN
        def test_left_out():
            os._exit(1)
        @pytest.mark.skip
        def test_skipped():
            pass
        random.seed(SEED)
        numpy.random.seed(SEED)
        DRAWN = random.random(), numpy.random.rand()
    """,
    "program.py": """
        import pathlib, sys
        sys.path.append(str(pathlib.Path(__file__).parent))
        import autograd
        def cube():
            return {"x": autograd.grad(lambda x: x**3)(3.0), "y": ["text", 2.0]}
        def same():
            return 1.0, float("nan")
        def broken():
            raise ValueError("on both")
        def with_a_parameter(x):
            raise AssertionError
    """,
}


class Here:
    """An environment: this one."""

    python, versions = sys.executable, dict

    def __init__(self, folder):
        self.site = self.tests = folder


@pytest.fixture
def toy(tmp_path):
    """The client, on both sides."""
    seed = zlib.crc32(b"test_toy.py::test_draws")
    folder = tmp_path / "tests"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace("SEED", str(seed)))
    (folder / "pytest.ini").write_text("[pytest]\n")
    tests = Suite(("test_toy.py",), left_out=(("*::test_left_out", "ends the process"),))
    known = (("test_toy.py::test_known", "the front end has more"),)
    client = Client("toy", (), tests, str(folder / "program"), known=known)
    return run.Run(client, Here(folder), tmp_path, limit=100, rounds=1, budget=0)


def test_tests_and_fits_of_both_sides_are_compared(toy):
    result = run.compare(toy.everything())
    ended = {d["test"].partition("::")[2]: (d["real"], d["front"]) for d in result["differ"]}
    assert ended == {"test_exact": ("failed", "passed"), "test_known": ("passed", "failed")}
    assert [d["known"] for d in result["differ"]] == [False, True]
    assert (result["tests"], result["real"], result["front"], result["agree"]) == (6, 3, 3, 4)
    assert "autograd/__init__.py" in result["modules"]["real"].replace("\\", "/")
    assert "compat/autograd" in result["modules"]["front"].replace("\\", "/")
    assert result["trouble"] == {"real": "", "front": ""}

    cube, same, broken = result["fits"]
    assert 1e-8 < cube["apart"] < 1e-6
    assert cube["where"] == ".x"
    assert good_fit(cube)
    assert same["apart"] == 0
    assert not good_fit(broken)
    assert broken["error"] == dict.fromkeys(run.SIDES, "ValueError: on both")
    assert not good(result)
    assert len(row(result)) <= len(HEAD) <= 80
    assert "test_exact: real failed, front passed" in details(result)
    assert "test_known: real passed, front failed (known)" in details(result)
    assert "bit-equal" in text_of(same)


def test_a_process_that_hangs_is_ended_and_what_it_did_before_counts(toy):
    path = toy.environment.tests / "test_toy.py"
    path.write_text("import time\ndef test_a(): pass\ndef test_b(): time.sleep(600)\n")
    toy.limit = 8
    toy.run_tests("real")
    side = toy.sides["real"]
    assert side.ended == {"test_toy.py::test_a": "passed"}
    assert side.trouble.startswith("ended after 8 s")


def test_a_process_that_dies_is_trouble(toy):
    (toy.environment.tests / "program.py").write_text("import os\nos._exit(7)\n")
    toy.run_fits("real", 0)
    assert toy.sides["real"].trouble.startswith("the fits ended with status 7")


def leaf(*values, kind="real", path=""):
    return {"path": path, "kind": kind, "shape": [len(values)],
            "values": [float(x).hex() for x in values]}  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "actual", "distance"),
    [
        (leaf(1, 2), leaf(1, 2), 0),
        (leaf(1, 4), leaf(1, 3), 0.25),
        (leaf(0, 0), leaf(0, 1e-3), 1e-3),
        (leaf(float("nan")), leaf(float("nan")), 0),
        (leaf(1), leaf(float("nan")), float("inf")),
        (leaf(float("inf"), 1), leaf(float("inf"), 1), 0),
        (leaf(float("inf"), 1), leaf(1, 1), float("inf")),
        (leaf(1, 2), leaf(1), float("inf")),
        (leaf(1), leaf(1, kind="complex"), float("inf")),
    ],
)
def test_how_far_values_are_apart(expected, actual, distance):
    assert run.apart([expected], [actual])[0] == distance


def test_what_cannot_be_installed_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    client = Client("toy", ("fastgrad-has-no-such-package==1.0",))
    with pytest.raises(Unavailable, match=r"toy: pip install .*failed .is there a network"):
        prepare(client, tmp_path, say=lambda text: None)
    assert not list(tmp_path.iterdir())


def test_a_changed_pin_is_another_environment():
    a, b = (Client("toy", (f"toy=={n}",)) for n in (1, 2))
    assert environment.key_of(a) != environment.key_of(b)
    assert environment.key_of(a) == environment.key_of(Client("toy", ("toy==1",), program="p"))


def test_every_client_is_pinned_and_has_something_to_run():
    programs = Path(run.__file__).parent / "programs"
    named = set()
    for client in CLIENTS.values():
        assert all("==" in pin for pin in (*client.pins, *client.without_isolation))
        assert client.tests or client.program
        named.add(client.program)
    assert named - {""} == {path.stem for path in programs.glob("*.py")}


def test_the_command_lists_clients_and_refuses_other_names(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in CLIENTS)
    with pytest.raises(SystemExit):
        main(["nobody"])
    assert "no client is called nobody" in capsys.readouterr().err


def test_results_are_json(toy):
    toy.run_fits("front", 0)
    assert json.loads(json.dumps(run.compare(toy)))["client"] == "toy"
