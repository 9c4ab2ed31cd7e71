"""zizmor and check-jsonschema find nothing in our actions and workflows, and can find something."""

import shutil
from pathlib import Path

import linters
import pytest

pytestmark = pytest.mark.actions

PLANTED = {
    "unpinned-uses": (
        "actions/setup/action.yml",
        "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
        "actions/setup-python@v7",
    ),
    "template-injection": (
        "actions/run/action.yml",
        "for id in $ONLY; do",
        "for id in ${{ inputs.only }}; do",
    ),
    "insecure-commands": (
        "actions/validate/action.yml",
        "run: |\n        pipeline validate",
        "env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: true}\n      run: |\n        pipeline validate",
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(linters.ROOT / "actions", tmp_path / "actions")
    return tmp_path


def plant(top: Path, file: str, old: str, new: str) -> Path:
    target = top / file
    text = target.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has changed: plant another defect"
    target.write_text(text.replace(old, new), encoding="utf-8")
    return target


def test_zizmor_finds_nothing() -> None:
    assert linters.zizmor([*linters.action_files(), *linters.workflow_files()]) == []


def test_zizmor_finds_what_is_planted(copy: Path) -> None:
    planted = {(str(plant(copy, *PLANTED[rule])), rule) for rule in PLANTED}
    found = linters.zizmor(linters.action_files(copy))
    assert {(one.file, one.rule) for one in found} == planted


def test_no_waiver_in_a_file_or_beside_it_hides_a_finding(copy: Path) -> None:
    """A change could bring its own configuration, or a comment; neither counts."""
    file, old, new = PLANTED["template-injection"]
    plant(copy, file, old, f"{new} # zizmor: ignore[template-injection]")
    rules = "rules:\n  template-injection:\n    disable: true\n"
    (copy / ".github").mkdir()
    for name in ("zizmor.yml", ".github/zizmor.yml"):
        (copy / name).write_text(rules)
    assert {one.rule for one in linters.zizmor(linters.action_files(copy))} >= {
        "template-injection"
    }


def test_a_file_that_zizmor_cannot_read_is_an_error_and_not_silence(copy: Path) -> None:
    plant(copy, "actions/run/action.yml", "using: composite", "using: [composite]")
    with pytest.raises(linters.BlindError, match="zizmor"):
        linters.zizmor(linters.action_files(copy))


def test_the_schemas_hold() -> None:
    assert linters.schema(linters.action_files(), "actions") == []
    assert linters.schema(linters.workflow_files(), "workflows") == []


def test_the_schema_finds_what_is_planted(copy: Path) -> None:
    key = ('required: false\n    default: "."', "requird: false")
    bad = {
        str(plant(copy, "actions/validate/action.yml", *key)),
        str(plant(copy, "actions/cleanup/action.yml", "      shell: bash\n", "")),
    }
    assert {one.file for one in linters.schema(linters.action_files(copy), "actions")} == bad


def test_a_linter_that_is_given_nothing_is_blind() -> None:
    with pytest.raises(linters.BlindError):
        linters.schema([], "actions")
