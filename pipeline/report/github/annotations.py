"""Findings at their places, the worst first, as many as there is room for."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.model.finding import Finding, Severity
from pipeline.model.publication import Annotation, AnnotationLevel
from pipeline.report.github import escape
from pipeline.report.github.limits import ANNOTATION_MESSAGE, ANNOTATION_TITLE
from pipeline.report.github.words import worst_first

LEVELS = {
    Severity.ERROR: AnnotationLevel.FAILURE,
    Severity.WARNING: AnnotationLevel.WARNING,
    Severity.INFO: AnnotationLevel.NOTICE,
}
_MOST_LINES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Annotated:
    """Annotations, and how many findings have none: no place, or no room."""

    annotations: tuple[Annotation, ...]
    left_out: int


def annotate(findings: Iterable[Finding], limit: int) -> Annotated:
    """At most ``limit`` annotations, the worst findings first; each finding once."""
    ordered = worst_first(findings)
    possible = (one for one in map(annotation, ordered) if one is not None)
    shown = tuple(one for one, _ in zip(possible, range(max(limit, 0)), strict=False))
    return Annotated(shown, len(ordered) - len(shown))


def annotation(finding: Finding) -> Annotation | None:
    """A finding as an annotation; ``None`` where it has no place that GitHub could show."""
    path = relative_path(finding.path)
    if path is None:
        return None
    start = min(max(finding.line, 1), _MOST_LINES)
    end = min(max(finding.end_line, start), _MOST_LINES)
    column = finding.column if start == end and 0 < finding.column <= _MOST_LINES else 0
    return Annotation(
        path=path,
        start_line=start,
        end_line=end,
        level=LEVELS[finding.severity],
        title=escape.plain(f"{finding.tool} {finding.code}".strip(), None)[:ANNOTATION_TITLE],
        message=escape.plain(finding.message, ANNOTATION_MESSAGE) or "(no message)",
        start_column=column,
        end_column=column,
    )


def relative_path(path: bytes | None) -> str | None:
    """A path from the repository's root as text; ``None`` where it is none, or not UTF-8."""
    if not path:
        return None
    try:
        name = path.decode("utf-8")
    except UnicodeDecodeError:
        return None
    parts = name.split("/")
    is_inside = not any(part in ("", ".", "..") for part in parts)
    return name if is_inside and name.isprintable() else None
