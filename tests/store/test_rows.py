"""Guards: the tables, the records and the schemas say the same."""

import dataclasses
import json
import sqlite3
from contextlib import closing
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from pipeline.base.ids import new_id
from pipeline.base.locks import Owner
from pipeline.base.resources import schema_path, schema_root
from pipeline.base.schema import fast_check
from pipeline.model.agent import AgentFailure, AgentOutcome, Usage
from pipeline.model.ci_fix import CiFix, CiFixOutcome
from pipeline.model.codec import decode, encode
from pipeline.model.deployment import Deployment, DeploymentState, DeploymentStep
from pipeline.model.edit import ToolReport
from pipeline.model.event import Event, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch
from pipeline.model.patch_ledger import PatchLedgerEntry, PatchStep
from pipeline.model.publication import PublicationKind
from pipeline.model.publishing import Outcome, PublishedItem, PublishReport, PublishStatus
from pipeline.model.record import RunRecord, Step, StepAttempt, WorkstreamRecord
from pipeline.model.response import Response, ResponseOutcome
from pipeline.model.review import (
    Answer,
    Option,
    Overlay,
    Review,
    ReviewKind,
    ReviewState,
    Tried,
)
from pipeline.model.states import PatchState, RunState, WorkstreamState
from pipeline.model.summary import RunSummary, TimelineEntry, WorkstreamSummary
from pipeline.model.verdict import CheckResult, Result, Verdict
from pipeline.store import rows
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger

ID, OID, SHA, TS = new_id(), "7" * 40, "8" * 64, "2025-03-01T12:00:00.000001Z"
FINDING = Finding("ruff", "E1", "bad", b"\xff.py", 3, is_fixable=True, signature="ruff::E1::bad")
PATCH = Patch(SHA, OID, OID, (b"a", b"\xff"), 1, 2, 3, True, False, None, None)
CHECK = CheckResult("lint", Result.FAILED, SHA, 1, 0.5, (FINDING,))
WORKSTREAM = WorkstreamRecord(ID, "a-1", 0)
REVIEW = Review(
    ID,
    ID,
    "a-1",
    1,
    ReviewKind.LADDER,
    ReviewState.OPEN,
    "What now?",
    findings=(FINDING,),
    attempts=(Tried("edit", 1, "agent", "failed", "it said nothing", ID),),
    patch_ids=(SHA,),
    asked_at=TS,
)

OUTCOME = AgentOutcome(
    Usage("p", "m", 2, 30, 10, 5, 1_200_000, "agent", "s"), AgentFailure.RATE_LIMIT, "Slow down."
)

EXAMPLES: dict[str, list[Any]] = {
    "publication.v1.json": [
        PublishReport(
            ID,
            "octo/shop",
            "https://api.github.com",
            False,
            PublishStatus.PARTIAL,
            (
                PublishedItem(
                    PublicationKind.BRANCH, "ws/plan/a", Outcome.CREATED, "a", commit=OID
                ),
                PublishedItem(PublicationKind.ISSUE, "review:a", Outcome.FAILED, reason="Why."),
            ),
            ("Commit statuses take the place of check runs.",),
        ),
        PublishReport(ID, "o/s", "https://ghe.example/api/v3", True, PublishStatus.COMPLETE),
    ],
    "finding.v1.json": [FINDING, Finding("t", "", "m")],
    "patch.v1.json": [PATCH],
    "patch_ledger_entry.v1.json": [
        PatchLedgerEntry(
            ID, "a", ID, PATCH, TS, PatchState.CREATED, (PatchStep(PatchState.CREATED, 1, TS, "x"),)
        )
    ],
    "event.v1.json": [
        Event(ID, 1, TS, Level.INFO, ID, EventType.RUN_CREATED, "x"),
        Event(ID, 9, TS, Level.ERROR, ID, EventType.MERGED, "x", "a", "merge", ID, {"p": b"\xff"}),
    ],
    "verdict.v1.json": [
        Verdict("static", OID, Result.FAILED, (CHECK,)),
        Verdict("g", "", Result.FAULT),
    ],
    "execution_results.v1.json": [
        ToolReport("patch"),
        ToolReport("x", exit_code=None, is_fault=True),
        ToolReport("y", agent=OUTCOME),
    ],
    "agent_outcome.v1.json": [AgentOutcome(), OUTCOME],
    "run_record.v1.json": [RunRecord(ID, "k", RunState.PENDING, OID, created_at=TS)],
    "workstream_record.v1.json": [WORKSTREAM, dataclasses.replace(WORKSTREAM, tree=OID)],
    "step_attempt.v1.json": [
        StepAttempt(ID, ID, "a", 1, Step.EDIT, 1),
        StepAttempt(ID, ID, "a", 1, Step.FIX, 2, exit_code=1, findings=(FINDING,), started_at=TS),
    ],
    "review.v1.json": [
        REVIEW,
        dataclasses.replace(
            REVIEW,
            state=ReviewState.ADJUSTED,
            answered_at=TS,
            answer=Answer(Option.ADJUST, "go on", "ann", overlay=Overlay(advice=("look",))),
        ),
    ],
    "ci_fix.v1.json": [
        CiFix(CiFixOutcome.NOTHING, "Nothing.", OID),
        CiFix(CiFixOutcome.PARTLY, "x", OID, 7, ID, "a", files=(b"a", b"\xff"), fix_rate=0.5),
    ],
    "response.v1.json": [
        Response(ResponseOutcome.IGNORED),
        Response(ResponseOutcome.DONE, "", True, "run", "a", ID, OID, "o/n", 1, 2, "ann", "u"),
    ],
    "deployment.v1.json": [
        Deployment("live", "1.2", DeploymentState.FAILED, reason="x", commit=OID),
        Deployment(
            "live",
            "1.2",
            DeploymentState.DEPLOYING,
            good="1.1",
            steps=(DeploymentStep("health", "1.2", False, 3, 0.5, "no", "a/b.out"),),
            started_at=TS,
            until=TS,
            owner=Owner("h", "b", 7, "1", TS, "pipeline deploy"),
        ),
    ],
    "run_summary.v1.json": [
        RunSummary(
            ID,
            "k",
            RunState.PARTIAL,
            OID,
            totals={"done": 1},
            errors_by_signature={"t::c::m": 2},
            timeline=(TimelineEntry(TS, None, "running", "x"), TimelineEntry(TS, "a", "", "x")),
            workstreams=(WorkstreamSummary("a", WorkstreamState.DONE),),
        )
    ],
}


SCHEMAS = sorted(e.name for e in schema_root().iterdir() if e.name.endswith(".json"))


def registry() -> Registry[Any]:
    loaded = [(name, json.loads(schema_path(name).read_bytes())) for name in SCHEMAS]
    return Registry[Any]().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in loaded
    )


def violations(name: str, value: Any) -> list[str]:
    schema = json.loads(schema_path(name).read_bytes())
    validator = jsonschema.Draft202012Validator(schema, registry=registry())
    return [error.message for error in validator.iter_errors(value)]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_is_written_keeps_to_its_schema_and_comes_back(name: str) -> None:
    for example in EXAMPLES[name]:
        value = json.loads(json.dumps(encode(example)))

        assert violations(name, value) == []
        assert fast_check(name)(value)
        assert encode(decode(type(example), value)) == value


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_schema_and_record_have_the_same_fields(name: str) -> None:
    schema = json.loads(schema_path(name).read_bytes())
    fields = {f.name for f in dataclasses.fields(EXAMPLES[name][0])}

    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= fields <= set(schema["properties"])
    assert set(schema["properties"]) == fields | (
        # The summary's form leaves room for what a later engine may add.
        {"schema", "reason", "publications"} if name == "run_summary.v1.json" else set()
    )


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_schema_refuses_what_is_not_of_its_form(name: str) -> None:
    good = json.loads(json.dumps(encode(EXAMPLES[name][0])))
    required = json.loads(schema_path(name).read_bytes())["required"]

    assert violations(name, {**good, "surprise": 1})
    assert violations(name, {**good, required[0]: []})
    assert violations(name, {k: v for k, v in good.items() if k != required[0]})


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_sound_and_described(name: str) -> None:
    schema = json.loads(schema_path(name).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)

    assert schema["$id"] == name
    for field, rule in schema.get("properties", {}).items():
        assert rule.get("description") or "$ref" in rule, f"{name}: {field}"


def test_enumerations_are_those_of_the_code() -> None:
    properties = json.loads(schema_path("event.v1.json").read_bytes())["properties"]

    assert properties["type"]["enum"] == [t.value for t in EventType]
    assert properties["level"]["enum"] == [level.value for level in Level]
    for name, states in {
        "run_record.v1.json": RunState,
        "workstream_record.v1.json": WorkstreamState,
        "patch_ledger_entry.v1.json": PatchState,
    }.items():
        found = json.loads(schema_path(name).read_bytes())["properties"]["state"]["enum"]
        assert found == [state.value for state in states]


@pytest.mark.parametrize(
    ("table", "extra"),
    [
        (rows.RUNS, {"plan_digest"}),
        (rows.WORKSTREAMS, set()),
        (rows.ATTEMPTS, set()),
        (rows.EVENTS, set()),
        (rows.ERRORS, set()),
        (rows.PATCHES, {"run_id", "ws_id", "attempt_id", "created_at"}),
    ],
)
def test_tables_have_the_columns_of_their_records(
    ledger: Ledger, layout: Layout, table: rows.Table[Any], extra: set[str]
) -> None:
    assert ledger.notes == ()
    with closing(sqlite3.connect(layout.database)) as raw:
        found = {row[1] for row in raw.execute(f"PRAGMA table_info({table.name})")}

    assert found == set(table.columns) | extra
