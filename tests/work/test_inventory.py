"""Slots on disk are listed with their owners; what somebody uses is never removed."""

import os
from pathlib import Path

from pipeline.work.inventory import list_slots, remove_unused
from pipeline.work.slots import SlotPool


def test_slots_are_listed_with_their_owners(project) -> None:
    assert list_slots(project.slots) == ()
    with SlotPool(project.repo, project.slots, limit=2) as pool:
        with pool.take(project.tree, owner="run/a"), pool.take(project.tree, owner="run/b"):
            found = list_slots(project.slots)
        assert [(one.number, one.owner, one.pid, one.is_held) for one in found] == [
            (0, "run/a", os.getpid(), True),
            (1, "run/b", os.getpid(), True),
        ]
        assert remove_unused(project.slots) == ()
    assert not any(one.is_held or one.is_broken for one in list_slots(project.slots))


def test_unused_slots_are_removed_whatever_is_in_them(project, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    with SlotPool(project.repo, project.slots, limit=1) as pool, pool.take(project.tree) as slot:
        (slot.path / "link").unlink()
        (slot.path / "link").symlink_to(precious)
        (slot.path / "closed").mkdir(mode=0o000)
        os.mkfifo(slot.path / "pipe")
        (slot.directory / "also").symlink_to(precious)
    (project.slots / "slot-x").mkdir()
    (project.slots / "slot-7").symlink_to(precious)
    (project.slots / "slot-9").mkdir()
    (project.slots / "slot-9/lock").write_text("[1]")
    assert remove_unused(project.slots, older_than_s=3600) == ()
    planned = remove_unused(project.slots, dry_run=True)
    assert remove_unused(project.slots) == planned
    assert [one.number for one in planned] == [0, 9]
    assert sorted(path.name for path in project.slots.iterdir()) == ["slot-7", "slot-x"]
    assert (precious / "file").read_text() == "x"
