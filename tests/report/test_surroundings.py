"""Each checkup tells what is not fit, from plain facts; the rest is shown by `pipeline doctor`."""

import os
from pathlib import Path

import pytest

from pipeline.model.check import Check, Gate, ToolProfile
from pipeline.model.config import Config
from pipeline.report import surroundings
from pipeline.report.surroundings import Fitness
from pipeline.store.database import Mode, open_database
from pipeline.store.layout import Layout


@pytest.mark.parametrize(
    ("mebibytes", "fitness"),
    [(50, Fitness.BAD), (500, Fitness.NOTE), (5000, Fitness.OK)],
)
def test_little_room_is_told(mebibytes: int, fitness: Fitness) -> None:
    checkup = surroundings.judge_room("state", Path("/x"), mebibytes * 1024**2)
    assert checkup.fitness is fitness
    assert bool(checkup.remedy) is (fitness is not Fitness.OK)


def test_slots_and_databases_that_were_moved_aside_are_counted(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / ".git", worktrees=tmp_path / "slots")
    for name in ("slots/1", "slots/2", ".pipeline"):
        (tmp_path / name).mkdir(parents=True)
    (layout.state_dir / "state.db.corrupt-20250101T000000Z").touch()
    messages = [c.message for c in surroundings.check_disk(layout)]
    assert any(message.startswith("2 directories in ") for message in messages)
    assert [c.fitness for c in surroundings.check_database(layout)] == [Fitness.OK, Fitness.NOTE]


def test_damage_deep_in_the_database_is_found_and_left_to_the_next_run(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / ".git")
    opened = open_database(layout.database, Mode.WRITE)
    assert opened is not None
    rows = ((f"{i:064}", b"x" * 300) for i in range(500))
    opened.connection.executemany("INSERT INTO patch_texts VALUES (?, ?)", rows)
    opened.connection.close()
    assert [c.fitness for c in surroundings.check_database(layout)] == [Fitness.OK]
    content = bytearray(layout.database.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    layout.database.write_bytes(content)
    (found,) = surroundings.check_database(layout)
    assert found.fitness is Fitness.BAD and "pipeline run" in found.remedy
    again = open_database(layout.database, Mode.WRITE)
    assert again is not None and "was moved to" in again.notes[0]
    again.connection.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    layout = Layout(closed, tmp_path / ".git", worktrees=tmp_path)
    assert next(surroundings.check_disk(layout)).fitness is Fitness.BAD


def test_programs_are_looked_up_on_the_path_and_in_the_checkout(tmp_path: Path) -> None:
    for folder in ("bin", "tools"):
        program = tmp_path / folder / f"{folder}-program"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    checks = tuple(
        Check(name, command)
        for name, command in (
            ("path", ("bin-program", "x")),
            ("checkout", ("tools/tools-program",)),
            ("gone", ("tools/gone",)),
            ("template", ("{python}", "-V")),
        )
    )
    config = Config(
        gates={"runtime": Gate("runtime", checks)},
        tools={"idle": ToolProfile("idle", command=("gone-too",))},
    )
    found = list(surroundings.check_tools(config, (), tmp_path, str(tmp_path / "bin")))
    assert [(c.fitness, c.message.split()[0].rstrip(":")) for c in found] == [
        (Fitness.OK, "bin-program"),
        (Fitness.BAD, "tools/gone"),
        (Fitness.OK, "tools/tools-program"),
    ]
    used = list(surroundings.check_tools(config, {"idle"}, tmp_path, str(tmp_path / "bin")))
    assert "gone-too is missing (tool idle)." in [c.message for c in used]
