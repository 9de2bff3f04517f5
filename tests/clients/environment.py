"""A client's virtual environment: pinned packages, its tests, and a link to fastgrad.

Environments are made once, in a cache, under a name that says what is in them: a changed pin or
another Python makes another one. What failed half-way is removed: one that is there is whole.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

PYTEST = "pytest==9.2.0"


class Unavailable(Exception):
    """What a client needs cannot be had: the text is for the person at the terminal."""


@dataclass(frozen=True)
class Environment:
    """Where an environment's parts are."""

    folder: Path

    @property
    def python(self):
        scripts = "Scripts" if os.name == "nt" else "bin"
        return self.folder / "venv" / scripts / "python"

    @property
    def site(self):
        """Where its packages are installed."""
        if os.name == "nt":
            return self.folder / "venv" / "Lib" / "site-packages"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "venv" / "lib" / version / "site-packages"

    @property
    def tests(self):
        """The folder in which pytest runs."""
        return self.folder / "tests"

    def versions(self):
        """The version of each package that pip installed."""
        return json.loads((self.folder / "versions.json").read_text())


def default_cache():
    """The user's cache folder, as the system has it."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(home or Path.home() / ".cache") / "fastgrad" / "clients"


def key_of(client):
    """A name for what is in the environment."""
    tests = client.tests and (client.tests.sdist, client.tests.copies, client.tests.replaced)
    said = repr((client.pins, client.without_isolation, tests, sys.version, PYTEST))
    return f"{client.name}-{hashlib.sha256(said.encode()).hexdigest()[:10]}"


def prepare(client, cache, say=print):
    """The client's environment, made if it is not there."""
    folder = cache / key_of(client)
    environment = Environment(folder)
    if (folder / "versions.json").exists():
        return environment
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        say(f"{client.name}: making {folder}")
        venv.create(folder / "venv", with_pip=False, symlinks=os.name != "nt")
        # Without bytecode for all of NumPy and SciPy: Python makes it of what is imported.
        pip(environment, client, "install", "--no-compile", "--prefer-binary", PYTEST, *client.pins)
        for pin in client.without_isolation:
            pip(environment, client, "install", "--no-build-isolation", "--no-deps", pin)
        fetch_tests(client, environment)
        found = pip(environment, client, "list", "--format", "json")
        versions = {row["name"].lower(): row["version"] for row in json.loads(found)}
        (folder / "versions.json").write_text(json.dumps(versions, indent=1))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return environment


def pip(environment, client, *arguments):
    """Run this Python's pip on the environment; its standard output."""
    command = [sys.executable, "-m", "pip", "--python", environment.python, *arguments]
    done = run_pip(command)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = "\n  ".join(said[:5] or done.stderr.splitlines()[-5:])
        raise Unavailable(
            f"{client.name}: pip {arguments[0]} {' '.join(arguments[1:])} failed "
            f"(is there a network, and a package registry?):\n  {reason}"
        )
    return done.stdout


def run_pip(command):
    """Pip as a child, whose own variables and settings hold: a registry is the user's choice."""
    said = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_QUIET": "0"}
    env = {**os.environ, **said}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def fetch_tests(client, environment):
    """Copy the client's own tests from its source distribution, as the record says."""
    environment.tests.mkdir()
    (environment.tests / "pytest.ini").write_text("[pytest]\n")
    tests = client.tests
    if tests is None:
        return
    if tests.sdist:
        source = download(client, environment)
        for path, place in tests.copies:
            into = environment.site if place.startswith("site:") else environment.tests
            shutil.copytree(source / path, into / place.removeprefix("site:"))
    for path, text in tests.replaced:
        (environment.tests / path).write_text(text)


def download(client, environment):
    """The unpacked source distribution, by pip: it asks the build system for the metadata."""
    place = environment.folder / "source"
    pip(
        environment, client, "download", "--quiet", "--no-deps", "--no-binary", ":all:",
        "--dest", str(place), client.tests.sdist,
    )  # fmt: skip
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(place, filter="data")
    return next(path for path in place.iterdir() if path.is_dir())


def bridge(folder):
    """A folder for PYTHONPATH with fastgrad alone in it, and not what is installed beside it."""
    found = importlib.util.find_spec("fastgrad")
    if found is None or found.origin is None:
        raise Unavailable("fastgrad cannot be imported: build it (`pip install -e .`)")
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "fastgrad"
    if link.is_symlink():
        link.unlink()
    link.symlink_to(Path(found.origin).parent, target_is_directory=True)
    return folder
