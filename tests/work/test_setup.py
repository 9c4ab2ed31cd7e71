"""Set-up directories are made once, lent to slots, and no part of what is captured."""

import os
from pathlib import Path

import pytest

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import TreeEntry
from pipeline.model.config import SetupStep
from pipeline.model.patch import Reason
from pipeline.work.setup import prepare_setup, setup_digest

STEP = SetupStep(
    "venv",
    "mkdir -p .venv/bin && cp pyproject.toml .venv/bin/tool && echo x >> $COUNT",
    files=("pyproject.toml",),
    directories=(".venv",),
)


@pytest.fixture
def prepare(project, pool, tmp_path: Path):
    def run(*steps: SetupStep, tree: str = ""):
        return prepare_setup(
            steps,
            tree or project.tree,
            repo=project.repo,
            pool=pool,
            cache_root=tmp_path / "cache",
            logs=tmp_path / "logs" / "setup",
            environ=os.environ,
        )

    return run


def counting(tmp_path: Path) -> SetupStep:
    command = str(STEP.command).replace("$COUNT", str(tmp_path / "count"))
    return SetupStep(STEP.name, command, STEP.files, STEP.directories)


def test_made_once_and_lent(project, pool, prepare, captured, tmp_path: Path) -> None:
    step = counting(tmp_path)
    for _ in range(2):
        dirs = prepare(step)
        with pool.take(project.tree, with_git=True, links=dirs.links) as slot:
            assert (slot.path / ".venv/bin/tool").read_text().startswith("line 1")
            assert project.git(slot.path, "status", "--porcelain", "-unormal").count(b".venv") == 0
            found = captured(slot)
            assert (found.changes, found.objections) == ((), ())
    assert (tmp_path / "count").read_text() == "x\n"


def test_a_link_that_was_replaced_is_seen(project, pool, prepare, captured, tmp_path) -> None:
    dirs = prepare(counting(tmp_path))
    with pool.take(project.tree, links=dirs.links) as slot:
        (slot.path / ".venv").unlink()
        (slot.path / ".venv").symlink_to("/etc")
        found = captured(slot)
        assert [(one.reason, one.path) for one in found.objections] == [
            (Reason.SPECIAL_FILE, b".venv")
        ]
    with pool.take(project.tree) as slot:
        assert not (slot.path / ".venv").is_symlink()


def test_the_key_follows_the_declared_files(project) -> None:
    repo, blob = project.repo, project.repo.objects.write("blob", b"other\n")
    same = repo.trees.edit(project.tree, [(b"Makefile", TreeEntry(0o100644, blob))])
    other = repo.trees.edit(project.tree, [(b"pyproject.toml", TreeEntry(0o100644, blob))])
    first = setup_digest([STEP], project.tree, repo, os.environ)
    assert setup_digest([STEP], same, repo, os.environ) == first
    assert setup_digest([STEP], other, repo, os.environ) != first
    assert setup_digest([], project.tree, repo, os.environ) == ""


@pytest.mark.parametrize("command", ["cd . && maker --all", ("env", "X=1", "maker")])
def test_the_key_follows_the_programs_and_their_path(project, tmp_path: Path, command) -> None:
    step = SetupStep("make", command, directories=("made",))
    folder = tmp_path / "bin"
    folder.mkdir()

    def key(*more: Path) -> str:
        path = os.pathsep.join(map(str, (folder, *more, "/usr/bin", "/bin")))
        return setup_digest([step], project.tree, project.repo, {"PATH": path})

    keys = [key()]
    for text, seconds in (("one", 1), ("two, longer", 1), ("two, longer", 2)):
        maker = folder / "maker"
        maker.write_text(text)
        maker.chmod(0o755)
        os.utime(maker, (seconds, seconds))
        keys.append(key())
        assert key() == keys[-1]
    keys.append(key(tmp_path))
    assert len(set(keys)) == 5


@pytest.mark.parametrize("name", ["src", "a/b", "..", ".GIT", ""])
def test_directories_that_cannot_be(prepare, name: str) -> None:
    with pytest.raises(InputError):
        prepare(SetupStep("x", "true", directories=(name,)))


@pytest.mark.parametrize("command", ["exit 3", "true", ("no-such-program",)])
def test_a_step_that_fails_is_said(prepare, command) -> None:
    with pytest.raises(UnfitError, match="set-up"):
        prepare(SetupStep("x", command, directories=("made",)))


def test_nothing_is_left_of_what_was_not_finished(prepare, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    gone = cache / "0123.4194304.new"  # no process has so high a number
    (gone / ".venv").mkdir(parents=True)
    (gone / ".venv").chmod(0o500)
    alive = cache / f"0123.{os.getppid()}.new"
    alive.mkdir()
    with pytest.raises(UnfitError, match="'broken' failed: exit code 7; no room"):
        prepare(SetupStep("broken", "mkdir .venv; echo no room >&2; exit 7", (), (".venv",)))
    assert sorted(cache.iterdir()) == [alive]
    prepare(counting(tmp_path))
    assert sum(path.is_dir() for path in cache.iterdir()) == 2
