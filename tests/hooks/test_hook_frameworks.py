"""The hooks under pre-commit, prek and lefthook, with the configuration that the document shows.

Cold is a framework's first run, in which pre-commit and prek install this very tree into an
environment that they make from a repository of it; warm is any later one. Lefthook makes no
environments: it calls the command, so that its first run is like all others.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from projects import IDENTITY, Project

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
pytestmark = [pytest.mark.frameworks, pytest.mark.xdist_group("frameworks")]


@dataclass(frozen=True)
class Framework:
    """A framework: its configuration's name, what it is started with, whether it installs us."""

    name: str
    config: str
    install: tuple[str, ...]
    installs: bool = True


FRAMEWORKS = (
    Framework("pre-commit", ".pre-commit-config.yaml", ("pre-commit", "install")),
    Framework("prek", ".pre-commit-config.yaml", ("prek", "install")),
    Framework("lefthook", "lefthook.yml", ("lefthook", "install"), installs=False),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository that holds the files of this working tree, and its only commit."""
    top = tmp_path_factory.mktemp("published") / "git-pipeline"
    git(ROOT, "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(top))
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_bytes((ROOT / name).read_bytes())
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--allow-empty", "--message", "As it is")
    return top, git(top, "rev-parse", "HEAD").strip()


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the frameworks keep their environments, shared by this module's tests."""
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(params=FRAMEWORKS, ids=lambda framework: framework.name, scope="module")
def framework(request: pytest.FixtureRequest) -> Iterator[Framework]:
    """Each framework in turn; module-wide, so that all tests of one come together."""
    yield request.param


def git(top: Path, *arguments: str) -> str:
    environ = {**os.environ, **IDENTITY}
    return subprocess.run(
        ["git", *arguments], cwd=top, env=environ, check=True, capture_output=True, text=True
    ).stdout


def documented(framework: Framework) -> str:
    """The configuration that the document shows."""
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    pattern = rf"<!-- file: {re.escape(framework.config)} -->\n```yaml\n(.*?)```"
    (block,) = re.findall(pattern, text, re.DOTALL)
    return block


def run(
    project: Project, stores: Path, *command: str, offline: bool = False
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(BIN), os.environ["PATH"]))
    environ = {
        **os.environ,
        **IDENTITY,
        "PATH": path,
        "PRE_COMMIT_HOME": str(stores / "pre-commit"),
        "PREK_HOME": str(stores / "prek"),
    }
    if offline:  # what is warm must not ask an index for anything
        environ |= {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1"}
    return subprocess.run(
        command,
        cwd=project.top,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def hooked(
    project: Project, framework: Framework, published: tuple[Path, str], stores: Path
) -> None:
    where, revision = published
    text = documented(framework)
    if framework.installs:
        text = text.replace("https://example.com/git-pipeline", where.as_posix())
        text = text.replace("v0.1.0", revision)
        assert revision in text
    project.write(framework.config, text)
    done = run(project, stores, *framework.install)
    assert done.returncode == 0, done.stdout + done.stderr


def commit(
    project: Project, stores: Path, *paths: str, offline: bool = False
) -> subprocess.CompletedProcess[str]:
    project.git("add", "--force", "--", *paths)
    return run(project, stores, "git", "commit", "-m", "Change", offline=offline)


def test_sound_and_unsound_changes_cold_and_warm(project, framework, published, stores):
    hooked(project, framework, published, stores)
    project.writes("one", "a.txt", "A\n")
    before = project.git("rev-parse", "HEAD")
    cold = commit(project, stores, "workstreams/one.json")
    assert cold.returncode == 0, cold.stdout + cold.stderr
    sound = project.git("rev-parse", "HEAD")
    assert sound != before

    project.write("workstreams/bad.json", '{"id": "Bad Id", "tasks": "no list"}')
    project.write("broken.patch", "this is no patch\n")
    warm = commit(project, stores, "workstreams/bad.json", "broken.patch", offline=True)
    said = warm.stdout + warm.stderr
    assert warm.returncode != 0
    assert "workstreams/bad.json" in said
    assert "broken.patch" in said
    assert project.git("rev-parse", "HEAD") == sound


def test_commit_out_of_scope_is_refused_warm(project, framework, published, stores):
    hooked(project, framework, published, stores)
    project.writes("one", "a.txt", "A\n", files_create=["made/**"])
    project.run()
    project.git("checkout", "--quiet", "ws/plan/one")
    project.write("b.txt", "by hand\n")
    refused = commit(project, stores, "b.txt")
    assert refused.returncode != 0
    assert "b.txt" in refused.stdout + refused.stderr

    project.git("reset", "--quiet", "--hard")
    project.write("made/it.txt", "x\n")
    done = commit(project, stores, "made/it.txt")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_hook_took_part(framework):
    """The configuration that the document shows leaves no hook of ours out."""
    from pipeline.commands.hook import HOOKS

    text = documented(framework)
    assert [name for name in HOOKS if name not in text] == []
