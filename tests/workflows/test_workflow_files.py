"""The project's workflows keep their own rules: pins, rights, inputs that exist, no injection."""

import re
from typing import Any

import pytest
from workflows.workflow_files import (
    EXPRESSION,
    FOLDER,
    NAMES,
    PINS,
    ROOT,
    action,
    call_inputs,
    jobs,
    parse,
    rights,
    steps,
    text_of,
    workflow,
)

REUSABLE = [
    "cleanup.yml",
    "fix-ci.yml",
    "notify.yml",
    "pipeline.yml",
    "review.yml",
    "zero-touch.yml",
]


def test_all_that_is_promised_is_there() -> None:
    assert sorted([*REUSABLE, "ci.yml", "release.yml"]) == NAMES
    for name in REUSABLE:
        assert "workflow_call" in workflow(name)["on"], name


@pytest.mark.parametrize("name", NAMES)
def test_rights_begin_at_nothing_and_every_job_ends(name: str) -> None:
    document = workflow(name)
    assert document["permissions"] == {}
    assert "cancel-in-progress" in document["concurrency"]
    for job_name, job in jobs(document):
        assert "permissions" in job, job_name
        assert "timeout-minutes" in job or "uses" in job, job_name
        assert job.get("secrets") is None, "secrets are taken from the environment, not passed on"
        if "secrets." in str(job):
            assert "environment" in job, job_name


@pytest.mark.parametrize("name", NAMES)
def test_everything_foreign_is_pinned_to_the_commits_that_were_chosen(name: str) -> None:
    used = re.findall(r"(?<!\w)uses: (\S+)(?: # (\S+))?", text_of(name))
    for what, version in used:
        if what.startswith("$/"):
            assert (ROOT / what[2:]).exists(), what
            continue
        where, _, commit = what.partition("@")
        assert PINS.get(where) == commit, what
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), f"{what} has no version beside it"


@pytest.mark.parametrize("name", NAMES)
def test_checkouts_leave_no_credential_behind(name: str) -> None:
    for job, step in steps(workflow(name)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, (name, job)


@pytest.mark.parametrize("name", NAMES)
def test_no_expression_is_pasted_into_a_script(name: str) -> None:
    for job, step in steps(workflow(name)):
        assert not EXPRESSION.search(step.get("run", "")), (name, job, step["name"])


@pytest.mark.parametrize("name", NAMES)
def test_inputs_and_outputs_that_are_used_exist(name: str) -> None:
    assert wrong(workflow(name), text_of(name)) == []


def wrong(document: dict[str, Any], text: str) -> list[str]:
    """What a workflow names although nothing declares it."""
    found = [f"input {name}" for name in undeclared(document, text)]
    outputs = {name: set(job.get("outputs", {})) for name, job in jobs(document)}
    for job_name, job in jobs(document):
        known: dict[str, set[str] | None] = {}
        for step in job.get("steps", ()):
            found += unknown_inputs(step)
            if "id" in step:
                known[step["id"]] = outputs_of(step)
        for step_id, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
            if step_id not in known:
                found.append(f"{job_name}: no step {step_id}")
            elif known[step_id] is not None and output not in known[step_id]:
                found.append(f"{job_name}: {step_id} has no output {output}")
        for needed, output in re.findall(r"needs\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
            if needed not in job["needs"] or output not in outputs[needed]:
                found.append(f"{job_name}: {needed} has no output {output}")
        if job.get("uses", "").startswith("$/"):
            declared = call_inputs(job["uses"].rpartition("/")[2])
            found += [
                f"{job_name}: no input {key}" for key in set(job.get("with", {})) - set(declared)
            ]
    return found


def undeclared(document: dict[str, Any], text: str) -> set[str]:
    declared: set[str] = set()
    for event in ("workflow_call", "workflow_dispatch"):
        declared |= set(((document["on"].get(event) or {}).get("inputs")) or {})
    return set(re.findall(r"inputs\.([\w-]+)", text)) - declared


def unknown_inputs(step: dict[str, Any]) -> list[str]:
    uses = step.get("uses", "")
    if not uses.startswith("$/actions/"):
        return []
    declared = action(uses.rpartition("/")[2]).get("inputs", {})
    given = set(step.get("with", {}))
    required = {key for key, value in declared.items() if value.get("required")}
    return [f"{uses}: no input {key}" for key in given - set(declared)] + [
        f"{uses}: needs {key}" for key in required - given
    ]


def outputs_of(step: dict[str, Any]) -> set[str] | None:
    """The outputs of a step of ours; None for a foreign action."""
    uses = step.get("uses", "")
    if uses.startswith("$/"):
        return set(action(uses.rpartition("/")[2]).get("outputs", {}))
    return None if uses else set(re.findall(r'echo "([\w-]+)=', step["run"]))


def test_the_check_of_names_can_fail() -> None:
    text = text_of("pipeline.yml").replace("only: ${{ inputs.only }}", "onyl: ${{ inputs.onyl }}")
    text = text.replace("steps.run.outputs.status", "steps.run.outputs.state")
    found = wrong(parse(text), text)
    assert {"input onyl", "$/actions/run: no input onyl", "run: run has no output state"} <= set(
        found
    )


@pytest.mark.parametrize(
    ("name", "job"), [("pipeline.yml", "run"), ("fix-ci.yml", "fix"), ("zero-touch.yml", "look")]
)
def test_where_foreign_code_runs_nothing_may_be_written_and_no_secret_is_named(
    name: str, job: str
) -> None:
    found = workflow(name)["jobs"][job]
    assert "write" not in found["permissions"].values()
    assert "secrets." not in str(found) and "environment" not in found


@pytest.mark.parametrize("name", ["pipeline.yml", "fix-ci.yml"])
def test_where_is_written_no_foreign_code_is_checked_out_or_run(name: str) -> None:
    publish = workflow(name)["jobs"]["publish"]
    taken = [
        step for step in publish["steps"] if step.get("uses", "").startswith("actions/checkout@")
    ]
    refs = [step["with"]["ref"] for step in taken]
    assert refs == ["${{ github.event.repository.default_branch }}"]
    used = {step["uses"].partition("@")[0] for step in publish["steps"] if "uses" in step}
    assert "$/actions/run" not in used and "$/actions/fix-ci" not in used
    (got,) = (
        s for s in publish["steps"] if s.get("uses", "").startswith("actions/download-artifact@")
    )
    assert got["with"]["path"].startswith("${{ runner.temp }}/")
    assert got["with"]["name"] and got["with"]["digest-mismatch"] == "error"


def test_every_nox_session_is_run_by_ci() -> None:
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = set(re.findall(r"^@nox\.session.*\ndef (\w+)", source, re.MULTILINE))
    named = re.findall(r"noxfile\.py -s ([a-z ]+)", text_of("ci.yml"))
    assert sessions == {name for line in named for name in line.split()}


def test_no_trigger_runs_with_rights_on_what_a_stranger_sent() -> None:
    for name in NAMES:
        on = workflow(name)["on"]
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(on), name
        if "pull_request" in on:
            triggered = workflow(name)
            assert all(
                set((job["permissions"] or {}).values()) <= {"read"} or "head.repo.id" in job["if"]
                for _, job in jobs(triggered)
            )


def test_a_called_workflow_asks_for_no_more_than_its_caller_grants() -> None:
    for name in NAMES:
        for job_name, job in jobs(workflow(name)):
            if job.get("uses", "").startswith("$/"):
                called = rights(workflow(job["uses"].rpartition("/")[2]))
                assert called == (job["permissions"] or {}), (name, job_name)


@pytest.mark.parametrize("name", NAMES)
def test_every_right_says_why(name: str) -> None:
    lines = [
        line
        for line in text_of(name).splitlines()
        if re.match(r" +(?!permission-)[a-z-]+: (read|write)", line)
    ]
    assert all(" # " in line for line in lines), lines


def test_the_documents_tell_each_workflow_with_its_triggers_and_rights() -> None:
    text = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
    for path in FOLDER.glob("*.yml"):
        section = text.partition(f"\n## `{path.stem}`\n")[2].partition("\n## ")[0]
        assert section, f"docs/workflows.md has no section `{path.stem}`"
        for trigger in workflow(path.name)["on"]:
            assert f"`{trigger}`" in section, (path.name, trigger)
        told = dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|", section, re.MULTILINE))
        for job_name, job in jobs(workflow(path.name)):
            wanted = {f"{scope}: {right}" for scope, right in (job["permissions"] or {}).items()}
            assert set(re.findall(r"[\w-]+: (?:read|write)", told[job_name])) == wanted, job_name
