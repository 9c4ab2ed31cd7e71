"""A small repository, a pool of slots on it, and a way to capture."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.base.git import Repository
from pipeline.model.config import CaptureConfig
from pipeline.model.edit import Captured
from pipeline.work.capture import capture
from pipeline.work.slots import Slot, SlotPool

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@a",
    "GIT_AUTHOR_DATE": "1600000000 +0000",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@a",
    "GIT_COMMITTER_DATE": "1600000000 +0000",
}


def run_git(cwd: Path, *args: str, **env: str) -> bytes:
    done = subprocess.run(
        ["git", *args], cwd=cwd, env=GIT_ENVIRONMENT | env, check=True, capture_output=True
    )
    return done.stdout


@dataclass(frozen=True)
class Project:
    """The repository of a test: ``top`` is the person's checkout, ``tree`` that of ``HEAD``."""

    repo: Repository
    top: Path
    commit: str
    tree: str
    slots: Path

    def git(self, cwd: Path, *args: str, **env: str) -> bytes:
        return run_git(cwd, *args, **env)

    def tree_of(self, directory: Path) -> str:
        """What git itself says the tree of a directory is, every file taken."""
        own = self.slots.parent / "judge.git"
        if not own.exists():
            run_git(self.slots.parent, "init", "-q", "--bare", str(own))
            (own / "info/attributes").write_text("* -text -eol -ident -filter\n")
        where = (f"--git-dir={own}", f"--work-tree={directory}")
        run_git(directory, *where, "read-tree", "--empty")
        run_git(directory, *where, "add", "-A", "-f", "--", ".")
        return run_git(directory, *where, "write-tree").decode().strip()


def make_files(top: Path) -> None:
    lines = "".join(f"line {number}\n" for number in range(1, 21))
    for folder in ("src", "tests", "tools", "private", ".github/workflows"):
        (top / folder).mkdir(parents=True)
    for name in (
        "src/app.py",
        "pyproject.toml",
        "package.json",
        "Makefile",
        ".github/workflows/ci.yml",
    ):
        (top / name).write_text(lines)
    (top / "src/util.py").write_text("u1\nu2\n")
    (top / "src/ident.py").write_text("# $Id$\n")
    (top / "tests/test_app.py").write_text("def test_app():\n    pass\n")
    (top / "tools/deploy.sh").write_text("#!/bin/sh\necho deploy\n")
    (top / "tools/deploy.sh").chmod(0o755)
    (top / "private/key.txt").write_text("secret\n")
    (top / ".gitignore").write_text("build/\n__pycache__/\n*.log\n")
    (top / "link").symlink_to("src/app.py")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    top = tmp_path / "main"
    top.mkdir()
    run_git(top, "init", "-q", "-b", "main")
    make_files(top)
    run_git(top, "add", "-A")
    run_git(top, "commit", "-q", "-m", "start")
    with Repository.discover(top, engine_root=tmp_path) as repo:
        commit = repo.resolve_commit("HEAD")
        yield Project(repo, top, commit, repo.commit_tree(commit), tmp_path / "slots")


@pytest.fixture
def pool(project: Project) -> Iterator[SlotPool]:
    with SlotPool(project.repo, project.slots, limit=4) as slots:
        yield slots


Capture = Callable[..., Captured]


@pytest.fixture
def captured(project: Project) -> Iterator[Capture]:
    """Capture a slot; the scratch lives as long as the test."""
    with project.repo.scratch() as scratch:

        def take(slot: Slot, config: CaptureConfig | None = None) -> Captured:
            return capture(slot, scratch, config or CaptureConfig())

        yield take
