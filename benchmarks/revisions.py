"""fastgrad as it was at another revision, built in a directory of its own."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "build" / "revisions"


class NoRevision(Exception):
    """There is no such revision, or it cannot be built; the text says why."""


def commit_of(revision):
    """The commit that a revision names."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise NoRevision(f"neither a file nor a revision: {revision}")
    return done.stdout.strip()


def build(revision):
    """A directory with fastgrad of that revision, its extensions in place; kept for next time."""
    commit = commit_of(revision)
    tree = BUILT / commit
    if tree.exists():
        return tree
    BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILT) as made:
        source = Path(made) / "source"
        extract(commit, source)
        environment = {key: v for key, v in os.environ.items() if not key.startswith("FASTGRAD_")}
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise NoRevision(f"{revision} cannot be built:\n{done.stderr[-2000:]}")
        shutil.move(source, tree)  # only what was built to its end is kept
    return tree


def extract(commit, directory):
    """The files of a commit."""
    archive = directory.with_suffix(".tar")
    command = ["git", "archive", "--format=tar", f"--output={archive}", commit]
    subprocess.run(command, cwd=ROOT, check=True)
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
