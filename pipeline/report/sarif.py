"""A run's findings as SARIF 2.1.0 (OASIS, sarif-v2.1.0-os), within GitHub's limits for uploads."""

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from pipeline import __version__
from pipeline.base.files import sha256
from pipeline.model.finding import Finding, Severity
from pipeline.report.github import escape
from pipeline.report.github.annotations import relative_path
from pipeline.report.github.limits import SARIF_BYTES, SARIF_RESULTS_KEPT
from pipeline.report.github.view import RunView
from pipeline.report.github.words import worst_first

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_MESSAGE = 4000
_NAME = 200
_MOST = 2**31 - 1


def run_findings(view: RunView, ws_id: str = "") -> tuple[Finding, ...]:
    """What is wrong with the workstreams of a run, or with one of them."""
    return tuple(
        finding for ws in view.workstreams if ws_id in ("", ws.id) for finding in ws.findings
    )


def sarif_log(
    findings: Iterable[Finding], *, category: str = "git-pipeline", limit: int = SARIF_RESULTS_KEPT
) -> dict[str, Any]:
    """Findings as a log of one run, the worst first; what has no place or no room is counted.

    ``category`` tells apart what is uploaded for one commit (``automationDetails.id``).
    """
    ordered = worst_first(findings)
    placed = [one for one in ordered if relative_path(one.path) is not None]
    shown = placed[: max(limit, 0)]
    rules = list(dict.fromkeys(map(rule_id, shown)))
    index = {rule: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    return {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules)},
                "automationDetails": {"id": f"{category}/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(ordered, placed, shown)],
                "results": [_result(one, index, seen) for one in shown],
            }
        ],
    }


def dump_sarif(log: dict[str, Any]) -> bytes:
    """A log as the file's content."""
    return json.dumps(log, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace") + b"\n"


def pack_sarif(findings: Sequence[Finding], *, category: str = "git-pipeline") -> str:
    """Findings as GitHub's API takes them, gzip and base64, as many as fit into an upload.

    Equal findings give equal bytes.
    """
    limit = SARIF_RESULTS_KEPT
    while True:
        log = sarif_log(findings, category=category, limit=limit)
        packed = gzip.compress(dump_sarif(log), mtime=0)
        if len(packed) <= SARIF_BYTES or not limit:
            return base64.b64encode(packed).decode("ascii")
        limit //= 2


def rule_id(finding: Finding) -> str:
    """The rule of a finding: ``ruff/F401``."""
    return escape.plain("/".join(filter(None, (finding.tool, finding.code))))[:_NAME] or "finding"


def fingerprint(finding: Finding, occurrence: int) -> str:
    """What stays the same when lines move: rule, path, signature, and which of equal ones it is."""
    said = finding.signature or finding.message
    parts = (rule_id(finding), finding.path or b"", said, str(occurrence))
    data = b"\0".join(
        part if isinstance(part, bytes) else part.encode("utf-8", "backslashreplace")
        for part in parts
    )
    return sha256(data)


def _driver(rules: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "git-pipeline",
        "semanticVersion": __version__,
        "rules": [{"id": rule, "name": rule, "shortDescription": {"text": rule}} for rule in rules],
    }


def _invocation(
    ordered: Sequence[Finding], placed: Sequence[Finding], shown: Sequence[Finding]
) -> dict[str, Any]:
    notes = [
        (len(ordered) - len(placed), "no place in the repository"),
        (len(placed) - len(shown), "no room in this file"),
    ]
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": "note", "message": {"text": _lacking(number, what)}}
            for number, what in notes
            if number
        ],
    }


def _lacking(number: int, what: str) -> str:
    return f"1 finding has {what}." if number == 1 else f"{number} findings have {what}."


def _result(finding: Finding, index: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    rule = rule_id(finding)
    first = fingerprint(finding, 0)
    occurrence = seen[first]
    seen[first] += 1
    path = relative_path(finding.path) or ""
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": escape.plain(finding.message, _MESSAGE) or rule},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
                    "region": _region(finding),
                }
            }
        ],
        "partialFingerprints": {"gitPipeline/v1": fingerprint(finding, occurrence)},
    }


def _region(finding: Finding) -> dict[str, int]:
    start = min(max(finding.line, 1), _MOST)
    end = min(max(finding.end_line, start), _MOST)
    region = {"startLine": start, "endLine": end}
    if 0 < finding.column <= _MOST:
        region["startColumn"] = finding.column
    return region
