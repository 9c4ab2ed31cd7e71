"""Reads ``ruff check --output-format json``."""

from collections.abc import Iterator
from typing import Any

from pipeline.check.findings.reading import (
    UnreadableOutputError,
    as_count,
    as_list,
    as_object,
    as_text,
    bounded,
    load_json,
    path_bytes,
    plain_text,
    repository_path,
)
from pipeline.model.finding import Finding, Severity

SYNTAX_ERROR = "invalid-syntax"  # what ruff says today; older ones give no code at all
_SEVERITIES = {"warning": Severity.WARNING, "info": Severity.INFO}


def read(
    stdout: bytes, stderr: bytes, report: bytes | None, *, tool: str, root: bytes
) -> tuple[Finding, ...]:
    """Return ruff's findings; only a fix that ruff calls safe makes one fixable."""
    diagnostics = load_json(stdout if report is None else report)
    if not isinstance(diagnostics, list):
        raise UnreadableOutputError("ruff's JSON is not a list")
    return bounded(_findings(as_list(diagnostics, "ruff's JSON"), tool, root), tool=tool)


def _findings(diagnostics: list[Any], tool: str, root: bytes) -> Iterator[Finding]:
    for item in diagnostics:
        if not isinstance(item, dict) or not isinstance(item.get("message"), str):
            raise UnreadableOutputError("ruff's JSON holds something that is no diagnostic")
        start = as_object(item.get("location"), "location")
        fix = as_object(item.get("fix"), "fix")
        yield Finding(
            tool=tool,
            code=as_text(item.get("code")) or SYNTAX_ERROR,
            message=plain_text(item["message"]),
            path=repository_path(path_bytes(as_text(item.get("filename"))), root),
            line=as_count(start.get("row")),
            column=as_count(start.get("column")),
            end_line=as_count(as_object(item.get("end_location"), "end_location").get("row")),
            severity=_SEVERITIES.get(as_text(item.get("severity")), Severity.ERROR),
            is_fixable=fix.get("applicability") == "safe",
        )
