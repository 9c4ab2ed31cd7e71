"""The alarm is raised for what a tool did, for overlapping attempts, and for nothing else."""

import os
from pathlib import Path

import pytest

from pipeline.model.patch import Reason
from pipeline.store.layout import Layout
from pipeline.work.guard import ControlPlane


@pytest.fixture
def guard(project, pool, tmp_path: Path) -> ControlPlane:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    layout = Layout(project.top, project.repo.common_dir, worktrees=project.slots)
    return ControlPlane(project.repo, layout, pool, home=home)


def test_nothing_happened(project, pool, guard) -> None:
    with pool.take(project.tree), pool.take(project.tree):
        pass
    assert guard.after(guard.before()) == ()


def test_our_own_work_is_no_alarm(project, pool, guard) -> None:
    with pool.take(project.tree), pool.take(project.tree):
        pass
    mark = guard.before()
    git = project.git
    for name in ("refs/heads/ws/plan/a", "refs/heads/pipeline/r1", "refs/pipeline/state/r1/a"):
        git(project.top, "update-ref", name, project.commit)
    git(project.top, "pack-refs", "--all")
    git(project.top, "update-ref", "-d", "refs/heads/ws/plan/a")
    (project.top / ".pipeline").mkdir()
    (project.top / ".pipeline/state.db").write_text("x")
    with pool.take(project.tree) as slot:
        (slot.path / "src/app.py").write_text("another worker\n")
    assert guard.after(mark) == ()


def test_looking_at_the_checkout_is_no_alarm(project, guard, tmp_path: Path) -> None:
    mark = guard.before()
    os.utime(project.top / ".git/index")
    project.git(project.top, "status")
    project.git(project.top, "update-index", "--refresh")
    (project.top / "src/__pycache__").mkdir()
    (project.top / "src/__pycache__/app.pyc").write_text("x")
    (tmp_path / "home/.ssh/known_hosts").write_text("a host\n")
    assert guard.after(mark) == ()


def test_staging_is_seen(project, guard) -> None:
    mark = guard.before()
    project.git(project.top, "rm", "-q", "--cached", "Makefile")
    (found,) = guard.after(mark)
    assert found.reason is Reason.CONTROL_PLANE and found.message.startswith("CTL:")


def test_a_message_names_the_thing_and_the_other_reading(project, guard) -> None:
    mark = guard.before()
    project.git(project.top, "branch", "new")
    (project.top / "src/app.py").write_text("a person's edit\n")
    (project.top / "src/other.py").write_text("a person's file\n")
    messages = [one.message for one in guard.after(mark)]
    assert any(
        "refs/heads/new (from nothing to " + project.commit in message for message in messages
    )
    assert any("MAIN" in one and "src/app.py (changed)" in one for one in messages)
    assert any("src/* (new: other.py)" in one for one in messages)
    assert all("person" in one for one in messages)


def test_attempts_that_overlap_are_all_refused_and_told(project, guard) -> None:
    one = guard.before()
    two = guard.before()
    project.git(project.top, "branch", "new")
    first, second = guard.after(one), guard.after(two)
    assert first and second
    assert all("Another attempt" in found.message for found in (*first, *second))
    three = guard.before()
    assert guard.after(three) == ()
    four = guard.before()
    project.git(project.top, "branch", "-D", "new")
    (alone,) = guard.after(four)
    assert "Another attempt" not in alone.message


def test_many_changes_are_counted(project, guard) -> None:
    mark = guard.before()
    for number in range(30):
        project.git(project.top, "branch", f"b{number}")
    found = guard.after(mark)
    assert len(found) == 11 and "and 20 more" in found[-1].message


def test_hooks_elsewhere_are_watched(project, pool, tmp_path: Path) -> None:
    (project.top / "githooks").mkdir()
    project.git(project.top, "config", "core.hooksPath", "githooks")
    guard = ControlPlane(project.repo, Layout(project.top, project.repo.common_dir), pool)
    mark = guard.before()
    (project.top / "githooks/pre-commit").write_text("#!/bin/sh\n")
    assert any("pre-commit" in one.message for one in guard.after(mark))
