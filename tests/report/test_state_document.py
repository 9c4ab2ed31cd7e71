"""The document of states is what the tables say, and the file in the repository is current."""

import re
from pathlib import Path

import pytest

from pipeline.model.ladder import LADDER_MOVES, LadderState
from pipeline.model.states import (
    FINAL,
    PATCH_MOVES,
    RUN_MOVES,
    WORKSTREAM_MOVES,
    PatchState,
    RunState,
    WorkstreamState,
)
from pipeline.report import state_document as document

FILE = Path(__file__).parents[2] / "docs" / "state_machine.md"


def test_the_file_is_what_the_generator_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == document.state_document(), (
        "run: python -m pipeline.report.state_document docs/state_machine.md"
    )


def test_every_state_has_a_meaning() -> None:
    assert set(document.WORKSTREAM_MEANINGS) == set(WorkstreamState) == set(WORKSTREAM_MOVES)
    assert set(document.RUN_MEANINGS) == set(RunState) == set(RUN_MOVES)
    assert set(document.LADDER_MEANINGS) == set(LadderState) == set(LADDER_MOVES)
    assert set(document.PATCH_MEANINGS) == set(PatchState) == set(PATCH_MOVES)


def test_the_diagram_holds_exactly_the_moves() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    tables = (WORKSTREAM_MOVES, RUN_MOVES, PATCH_MOVES, LADDER_MOVES)
    wanted = [
        (str(source), str(target))
        for moves in tables
        for source, targets in moves.items()
        for target in targets
    ]
    assert sorted(arrows) == sorted(wanted)


def test_final_states_end_the_diagram() -> None:
    lines = document.state_diagram(WORKSTREAM_MOVES)
    assert {line.split()[0] for line in lines if line.endswith("--> [*]")} == set(FINAL)
    assert lines[1].split() == ["[*]", "-->", "pending"]


def test_main_writes_the_file_named_or_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "states.md"
    assert document.main([str(target)]) == 0
    assert document.main([]) == 0
    assert capsys.readouterr().out == target.read_text(encoding="utf-8")
