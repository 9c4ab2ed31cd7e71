"""The hooks run for real under pre-commit, as `.pre-commit-hooks.yaml` describes them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from projects import IDENTITY, Project

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def hooked(project: Project) -> Project:
    """A project with our hooks installed; the environment is the tests' own, not a fresh one."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    local = [{**hook, "language": "system"} for hook in hooks]
    project.write(
        ".pre-commit-config.yaml",
        yaml.safe_dump({"repos": [{"repo": "local", "hooks": local}]}),
    )
    run(project, "pre-commit", "install")
    return project


def run(project: Project, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(BIN), os.environ["PATH"]))
    return subprocess.run(
        command,
        cwd=project.top,
        env={**os.environ, **IDENTITY, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def commit(project: Project, *paths: str) -> subprocess.CompletedProcess[str]:
    added = run(project, "git", "add", "--force", "--", *paths)
    assert added.returncode == 0, added.stderr
    return run(project, "git", "commit", "-m", "Change")


def on_branch(project: Project) -> Project:
    """Run one workstream and check its branch out."""
    project.writes("one", "a.txt", "A\n", files_create=["made/**"])
    project.run()
    project.git("checkout", "--quiet", "ws/plan/one")
    return project


def test_every_hook_is_a_module_with_that_name():
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    from pipeline.commands.hook import HOOKS

    assert [hook["id"] for hook in hooks] == list(HOOKS)
    for hook in hooks:
        assert (ROOT / "hooks" / f"{hook['id'].replace('-', '_')}.py").is_file()
        assert hook["entry"] == f"pipeline hook {hook['id']}"


def test_sound_bundle_is_committed(hooked):
    hooked.writes("one", "a.txt", "A\n")
    done = commit(hooked, "workstreams/one.json")
    assert done.returncode == 0, done.stderr


def test_wrong_bundle_is_refused_with_its_place(hooked):
    hooked.write("workstreams/bad.json", '{"id": "Bad Id", "tasks": "no list"}')
    done = commit(hooked, "workstreams/bad.json")
    assert done.returncode == 1
    assert "workstreams/bad.json" in done.stderr
    assert "tasks" in done.stderr


def test_commit_within_scope_is_let_through(hooked):
    on_branch(hooked)
    hooked.write("a.txt", "by hand\n")
    hooked.write("made/by/hand.txt", "x\n")
    done = commit(hooked, "a.txt", "made/by/hand.txt")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ["b.txt", "stray.txt", "made/conftest.py"])
def test_commit_out_of_scope_is_refused(hooked, path):
    on_branch(hooked)
    hooked.write(path, "by hand\n")
    done = commit(hooked, path)
    assert done.returncode == 1
    assert path in done.stderr


def test_commit_of_everything_is_judged_by_its_own_index(hooked):
    """`git commit -a` hands its hooks an index of its own."""
    on_branch(hooked)
    hooked.write("b.txt", "by hand\n")
    done = run(hooked, "git", "commit", "-a", "-m", "Change")
    assert done.returncode == 1
    assert "b.txt" in done.stderr


def test_other_branches_are_nobodys_business(hooked):
    hooked.write("b.txt", "by hand\n")
    assert commit(hooked, "b.txt").returncode == 0


def test_branch_that_no_run_knows_is_refused_with_the_next_step(hooked):
    hooked.git("checkout", "--quiet", "-b", "ws/plan/unknown")
    hooked.write("b.txt", "by hand\n")
    done = commit(hooked, "b.txt")
    assert done.returncode == 1
    assert "pipeline run" in done.stderr


def test_unsound_patch_is_refused(hooked):
    hooked.write("broken.patch", "this is no patch\n")
    done = commit(hooked, "broken.patch")
    assert done.returncode == 1
    assert "broken.patch" in done.stderr
