"""The rows of a journal, held against their schemas and against each other."""

import json
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pipeline.base.files import sha256
from pipeline.base.schema import fast_check, violations
from pipeline.model.codec import DecodeError, decode
from pipeline.model.plan import Plan
from pipeline.model.publication import Publication
from pipeline.model.record import ErrorRecord
from pipeline.model.verdict import CheckResult
from pipeline.store.journal.format import (
    ERRORS,
    EVENTS,
    PUBLICATIONS,
    RUN,
    VERDICTS,
    WORKSTREAMS,
    kind_of,
    slice_of,
    ws_of,
)
from pipeline.store.journal.lines import (
    COLUMNS,
    CorruptLineError,
    Row,
    check_key,
    check_logs,
    check_scalars,
    parse_line,
)
from pipeline.store.layout import Layout

_HOLDS: Mapping[bytes, frozenset[str]] = {
    RUN: frozenset({"runs"}),
    ERRORS: frozenset({"errors"}),
    PUBLICATIONS: frozenset({"publications"}),
    EVENTS: frozenset({"events"}),
    VERDICTS: frozenset({"verdicts"}),
    WORKSTREAMS: frozenset({"workstreams", "step_attempts", "patches", "reviews"}),
}
_SCHEMAS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "runs": ("run_record.v1.json", ("plan_digest",)),
    "workstreams": ("workstream_record.v1.json", ()),
    "step_attempts": ("step_attempt.v1.json", ()),
    "events": ("event.v1.json", ()),
    "patches": ("patch.v1.json", ("run_id", "ws_id", "attempt_id", "created_at")),
    "reviews": ("review.v1.json", ()),
}
"""Which schema a table's rows have, and the columns that are beside it."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "step_attempts": ("attempt_id",),
    "patches": ("ws_id", "attempt_id", "id"),
    "reviews": ("review_id",),
    "errors": ("code", "signature"),
    "events": ("id",),
    "publications": ("ws_id", "kind", "name", "repository"),
}


_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_BRANCH = re.compile(rf"refs/heads/{_PART}/{_PART}(?:/{_PART})?")


class RunRows:
    """Collects the rows of one run; every method raises ``CorruptLineError``."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self._seen: dict[str, set[tuple[Any, ...]]] = {table: set() for table in COLUMNS}

    def by_table(self) -> Mapping[str, tuple[Row, ...]]:
        """All rows; of verdicts with the same digest the last."""
        newest = {row["digest"]: row for row in self._rows["verdicts"]}
        found = {table: tuple(rows) for table, rows in self._rows.items()}
        verdicts = [row for row in self._rows["verdicts"] if newest[row["digest"]] is row]
        return found | {"verdicts": tuple(verdicts)}

    def take(self, path: bytes, data: bytes) -> None:
        """Check and add the rows of one file."""
        kind = kind_of(path) or b""
        holds = _HOLDS[kind]
        for number, line in enumerate(data.splitlines(keepends=True)):
            table, row = parse_line(line)
            if table not in holds:
                raise CorruptLineError(f"{path.decode()} holds a row of {table}")
            self._check(table, row)
            if kind == EVENTS and row["seq"] != slice_of(path).first + number:
                raise CorruptLineError(f"event {row['seq']!r} is out of its place in {path!r}")
            if kind == WORKSTREAMS and row["ws_id"] != ws_of(path):
                raise CorruptLineError(f"{path.decode()} tells of another workstream")
            self._rows[table].append(row)

    def require_whole(self, plan: bytes | None, texts: Collection[str]) -> None:
        """Hold the rows against each other, the plan and the patches that are there."""
        if len(self._rows["runs"]) != 1:
            raise CorruptLineError("it does not tell of one run")
        names = [row["ws_id"] for row in self._rows["workstreams"]]
        seqs = [row["seq"] for row in self._rows["workstreams"]]
        if len(set(names)) != len(names) or len(set(seqs)) != len(seqs):
            raise CorruptLineError("it tells of a workstream twice")
        for table in ("step_attempts", "patches", "reviews"):
            odd = {row["ws_id"] for row in self._rows[table]} - set(names)
            if odd:
                raise CorruptLineError(f"{table} tells of {min(odd)!r}, which is no workstream")
        lacking = {row["id"] for row in self._rows["patches"]} - set(texts)
        if lacking:
            raise CorruptLineError(f"the text of patch {min(lacking)[:12]} is missing")
        opened = [r["ws_id"] for r in self._rows["reviews"] if r["state"] == "open"]
        if len(set(opened)) != len(opened):
            raise CorruptLineError("a workstream has two open reviews")
        self._check_plan(plan, names)

    def _check(self, table: str, row: Row) -> None:
        check_scalars(row)
        _CHECKS.get(table, _check_by_schema)(table, row)
        if row["run_id"] != self._run_id:
            raise CorruptLineError(f"a row of {table} belongs to another run")
        key = tuple(row[column] for column in _KEYS.get(table, ()))
        if key and key in self._seen[table]:
            raise CorruptLineError(f"{table} tells of {key[-1]!r} twice")
        self._seen[table].add(key)

    def _check_plan(self, plan: bytes | None, names: list[str]) -> None:
        digest = self._rows["runs"][0]["plan_digest"]
        if (plan is None) != (digest is None):
            raise CorruptLineError("the run and its plan do not belong together")
        if plan is None:
            self._check_branches({}, "")
            return
        if sha256(plan) != digest:
            raise CorruptLineError("the plan does not have the digest that the run names")
        try:
            value = json.loads(plan)
            found = decode(Plan, value)
        except (ValueError, RecursionError, TypeError) as error:
            raise CorruptLineError(f"the plan cannot be read: {str(error)[:120]}") from None
        if {ws.id for ws in found.workstreams} != set(names):
            raise CorruptLineError("the plan has other workstreams than the run")
        paths = found.config.paths
        layout = Layout(Path(), Path(), paths.ws_prefix, paths.run_prefix)
        own = {ws.id: layout.ws_branch(ws.openspec_change, ws.id) for ws in found.workstreams}
        self._check_branches(own, layout.run_branch(self._run_id))

    def _check_branches(self, own: Mapping[str, str], integration: str) -> None:
        """Branches are moved and pushed to: they may only be those that the plan gives its run."""
        named = [(row["branch"], own.get(row["ws_id"], "")) for row in self._rows["workstreams"]]
        named.append((self._rows["runs"][0]["integration_branch"], integration))
        for found, wanted in named:
            if found not in ("", wanted) or (found and not _BRANCH.fullmatch(found)):
                raise CorruptLineError(f"{found[:80]!r} is no branch of this run")


def _check_by_schema(table: str, row: Row) -> None:
    schema, beside = _SCHEMAS[table]
    _require_valid(table, schema, {k: v for k, v in row.items() if k not in beside})
    for column in beside:
        if not isinstance(row[column], str | None):
            raise CorruptLineError(f"{column} of {table} is no text")
    check_logs(table, row)


def _require_valid(table: str, schema: str, value: object) -> None:
    if fast_check(schema)(value):
        return
    wrong = next(violations(schema, value), None)
    place = ".".join(map(str, wrong.path)) if wrong else ""
    said = f" at {place[:60]}: {wrong.message[:120]}" if wrong else ""
    raise CorruptLineError(f"a row of {table} is not as {schema} wants it{said}")


def _check_verdict(table: str, row: Row) -> None:
    content = row["content"]
    whole = {"gate": "", "tree": "", "result": row["result"], "checks": [content]}
    _require_valid(table, "verdict.v1.json", whole)
    if row["result"] not in ("passed", "failed") or content["result"] != row["result"]:
        raise CorruptLineError("a verdict is neither passed nor failed")
    if not all(isinstance(row[column], str) for column in ("digest", "created_at")):
        raise CorruptLineError("a verdict has no digest or time")
    if sha256(check_key(row)) != row["digest"] or content["key"] != row["digest"]:
        raise CorruptLineError("a verdict has another key than its digest says")
    check_logs(table, row)
    _decoded(CheckResult, table, content)


def _check_error(table: str, row: Row) -> None:
    _decoded(ErrorRecord, table, row)


def _check_publication(table: str, row: Row) -> None:
    _decoded(Publication, table, row)


def _decoded(cls: type[Any], table: str, value: object) -> None:
    try:
        decode(cls, value)
    except DecodeError as error:
        raise CorruptLineError(f"a row of {table} is not readable: {error}") from None


_CHECKS: Mapping[str, Callable[[str, Row], None]] = {
    "verdicts": _check_verdict,
    "errors": _check_error,
    "publications": _check_publication,
}


def packed(data: bytes) -> bytes:
    """Bytes as the database keeps them."""
    return zlib.compress(data, 1)
