"""What the READMEs of the actions say is so, and docs/actions.md names them all."""

import re

import pytest
import yaml
from action_files import NAMES, ROOT, TOOL, example, load, readme, tables

OVERVIEW = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")


def rights_of(text: str) -> set[str]:
    """Rights as they are spelled in a text: `contents: write`."""
    return set(re.findall(r"`([a-z-]+: (?:read|write))`", text))


def jobs_of(name: str) -> dict[str, dict[str, object]]:
    jobs: dict[str, dict[str, object]] = yaml.safe_load(example(name))["jobs"]
    return jobs


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_are_those_of_the_action(name: str) -> None:
    assert tables(load(name)) in readme(name), f"action.yml of {name} has other inputs or outputs"


@pytest.mark.parametrize("name", NAMES)
def test_the_rights_are_those_of_the_example(name: str) -> None:
    said = rights_of(readme(name).partition("\n## Rights\n")[2].partition("\n## ")[0])
    asked = {
        f"{right}: {level}"
        for job in jobs_of(name).values()
        for right, level in job["permissions"].items()
    }
    assert said <= asked
    assert asked - said <= {"contents: read"}


@pytest.mark.parametrize("name", NAMES)
def test_the_example_uses_the_action_with_inputs_that_it_has(name: str) -> None:
    used = set()
    for job in jobs_of(name).values():
        for step in job["steps"]:
            path = re.match(rf"{TOOL}/actions/([a-z-]+)@", step.get("uses", ""))
            if path:
                used.add(path[1])
                assert set(step.get("with", {})) <= set(load(path[1]).inputs)
                needed = {k for k, one in load(path[1]).inputs.items() if one["required"]}
                assert needed <= set(step.get("with", {}))
    assert name in used


@pytest.mark.parametrize("name", NAMES)
def test_a_job_of_an_example_that_may_write_runs_no_code_of_the_repository(name: str) -> None:
    """Deploying is the exception: it runs the commands that it is given."""
    runs_code = {"run", "static-gate", "runtime-gate", "fix-ci"}
    for job in jobs_of(name).values():
        used = {step.get("uses", "").partition("@")[0].rpartition("/")[2] for step in job["steps"]}
        if used & runs_code:
            assert "write" not in job["permissions"].values()


@pytest.mark.parametrize("name", NAMES)
def test_the_overview_has_every_action_with_its_rights(name: str) -> None:
    (row,) = re.findall(rf"^\| \[{name}\]\(\.\./actions/{name}/README\.md\) \|.*$", OVERVIEW, re.M)
    said = rights_of(readme(name).partition("\n## Rights\n")[2].partition("\n## ")[0])
    assert rights_of(row) == said
