"""Check runs: one for each report, its annotations sent in slices, never twice."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.land.github import sent
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import InvalidError
from pipeline.land.github.sent import ANNOTATIONS, Sent, require_size
from pipeline.model.codec import digest
from pipeline.model.publication import Annotation, CheckReport, Conclusion
from pipeline.model.publishing import Outcome

_MARK = "git-pipeline:"


def publish_check(hub: GitHub, report: CheckReport) -> Sent:
    """Create a report's check run, or what is missing of it.

    The same report is known by its digest (``external_id``), so that it is made once; a report
    that says something else is a new check run of the same name, of which GitHub shows the
    newest: annotations cannot be taken back. Raises ``GitHubError``.
    """
    _require(report)
    identity = external_id(report)
    found = _find(hub, report, identity)
    outcome = Outcome.UNCHANGED
    if found is None:
        outcome = Outcome.CREATED
        found = hub.create(
            "check-runs",
            {
                "name": report.name,
                "head_sha": report.head_sha,
                "external_id": identity,
                "status": "completed",
                "conclusion": report.conclusion.value,
                **_times(report),
                "output": _output(report, report.annotations[:ANNOTATIONS]),
            },
            look=lambda: _find(hub, report, identity),
        )
        there = min(len(report.annotations), ANNOTATIONS)
    else:
        there = _annotated(found)
    while there < len(report.annotations):
        there = _append(hub, report, sent.number(found, "id"), there)
        outcome = Outcome.UPDATED if outcome is Outcome.UNCHANGED else outcome
    return sent.of(found, outcome, key="id", state=report.conclusion.value)


def external_id(report: CheckReport) -> str:
    """What a check run is known by: a digest of all it says, not of the job it was sent from."""
    said = [
        report.name,
        report.head_sha,
        report.conclusion.value,
        report.title,
        report.summary,
        report.text,
        *(_annotation(one) for one in report.annotations),
    ]
    return _MARK + digest(said)[:40]


def _append(hub: GitHub, report: CheckReport, number: int, there: int) -> int:
    """Send the next slice after ``there`` annotations; an update appends. Returns how many then.

    A lost answer is looked for: a slice that came twice could not be taken back.
    """
    slice_ = report.annotations[there : there + ANNOTATIONS]
    after = there + len(slice_)

    def look() -> Mapping[str, Any] | None:
        now = hub.request("GET", f"check-runs/{number}")
        return now if isinstance(now, dict) and _annotated(now) >= after else None

    hub.once("PATCH", f"check-runs/{number}", {"output": _output(report, slice_)}, look=look)
    return after


def _find(hub: GitHub, report: CheckReport, identity: str) -> Mapping[str, Any] | None:
    listed = hub.pages(
        f"commits/{report.head_sha}/check-runs",
        {"check_name": report.name, "filter": "all"},
        key="check_runs",
    )
    same = [one for one in listed if one.get("external_id") == identity]
    return max(same, key=lambda one: sent.number(one, "id"), default=None)


def _output(report: CheckReport, annotations: Sequence[Annotation]) -> dict[str, Any]:
    output: dict[str, Any] = {"title": report.title, "summary": report.summary}
    if report.text:
        output["text"] = report.text
    if annotations:
        output["annotations"] = [_annotation(one) for one in annotations]
    return output


def _annotation(one: Annotation) -> dict[str, Any]:
    said: dict[str, Any] = {
        "path": one.path,
        "start_line": one.start_line,
        "end_line": one.end_line,
        "annotation_level": one.level.value,
        "message": one.message,
    }
    if one.title:
        said["title"] = one.title
    if one.start_column and one.start_line == one.end_line:
        said |= {"start_column": one.start_column, "end_column": one.end_column}
    return said


def _times(report: CheckReport) -> dict[str, str]:
    """When it began and ended, to the second (GitHub takes ``YYYY-MM-DDTHH:MM:SSZ``)."""
    given = {"started_at": report.started_at, "completed_at": report.completed_at}
    said = {name: f"{value[:19]}Z" for name, value in given.items() if len(value) > 19}
    if report.details_url:
        said["details_url"] = report.details_url
    return said


def _annotated(found: Mapping[str, Any]) -> int:
    output = found.get("output")
    return sent.number(output, "annotations_count") if isinstance(output, dict) else 0


def _require(report: CheckReport) -> None:
    if not isinstance(report.conclusion, Conclusion):
        raise InvalidError(f"A check run may not end as {report.conclusion}.")
    require_size("A check run's summary", report.summary, sent.CHECK_TEXT)
    require_size("A check run's text", report.text, sent.CHECK_TEXT)
    for one in report.annotations:
        require_size("An annotation's message", one.message, sent.MESSAGE)
