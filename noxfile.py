"""The tasks of development, a word each: `nox -s lint`, `nox -s test`; `nox -l` lists them.

`build` and `debug` compile in place, and only what changed: seconds, where `pip install -e .`
compiles everything anew. What needs the extensions builds them first.
"""

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "test-fast"]

PROJECT = nox.project.load_toml("pyproject.toml")
BUILD = PROJECT["build-system"]["requires"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
FAST = ["tests/engine", "tests/kernels", "tests/package"]


def compile_in_place(session, *extras, **switches):
    """Build what changed, for the Python of the session, which gets what these extras need."""
    session.install(*BUILD, *PROJECT["project"]["dependencies"])
    needed = [requirement for extra in extras for requirement in EXTRAS[extra]]
    if needed:
        session.install(*needed)
    session.run("python", "setup.py", "build_ext", "--inplace", env=switches)


@nox.session
def build(session):
    """Compile the extensions in place."""
    compile_in_place(session)


@nox.session
def debug(session):
    """Compile them with assertions and None checks, and test the engine; `build` undoes it."""
    compile_in_place(session, "test", FASTGRAD_DEBUG="1")
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/engine", "tests/fuzz"]))


@nox.session
def test(session):
    """Run all tests, in two processes; arguments after `--` go to pytest instead."""
    compile_in_place(session, "test")
    arguments = session.posargs or ["-n", "2", "--dist", "loadfile"]
    session.run("python", "-m", "pytest", *arguments)


@nox.session(name="test-fast")
def test_fast(session):
    """Run the tests of the engine, the kernels and the package, up to the first that fails."""
    compile_in_place(session, "test")
    session.run("python", "-m", "pytest", "-q", "-x", *(session.posargs or FAST))


@nox.session
def lint(session):
    """Run the linters of CI."""
    session.install(*[tool for tool in EXTRAS["lint"] if tool.startswith(("ruff", "cython-lint"))])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("cython-lint", "fastgrad")


@nox.session
def bench(session):
    """Measure what the README's figures are made of."""
    compile_in_place(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def guard(session):
    """Fail if something got slower: `nox -s guard -- --against REVISION`."""
    compile_in_place(session, "bench")
    session.run("python", "-m", "benchmarks.guard", *session.posargs)


@nox.session(venv_backend="none")
def sanitize(session):
    """Run the tests under both sanitizers; `-- valgrind`: those of lifetimes under memcheck."""
    session.run("bash", ".ci/sanitize", *session.posargs, external=True)


@nox.session
def coverage(session):
    """Show which lines the tests reach, compiled ones too; `build` undoes it."""
    session.install("coverage")
    compile_in_place(session, "test", FASTGRAD_TRACE="1")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report")


@nox.session
def docs(session):
    """Write the generated pages anew."""
    compile_in_place(session, "test")
    session.run("python", "docs/make_coverage.py", env={"PYTHONPATH": "."})
    session.run("python", "docs/make_globals.py")
