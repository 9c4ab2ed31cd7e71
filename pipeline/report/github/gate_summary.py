"""What one gate said about a commit, as a part of a job's summary."""

from collections.abc import Iterator

from pipeline.model.finding import Finding
from pipeline.model.verdict import CheckResult, Verdict
from pipeline.report.github import escape

_SHOWN = 50
_LONGEST = 300


def gate_summary(verdict: Verdict, commit: str, sentence: str) -> str:
    """Markdown: the answer, a table of the checks, the first findings and how many more."""
    return "".join(f"{line}\n" for line in _lines(verdict, commit, sentence))


def _lines(verdict: Verdict, commit: str, sentence: str) -> Iterator[str]:
    yield f"### {escape.text(sentence, _LONGEST)}"
    yield ""
    yield f"Commit {escape.code(commit[:12])}"
    if verdict.checks:
        yield from ("", "| check | answer | findings | why |", "| --- | --- | ---: | --- |")
        yield from map(_row, verdict.checks)
    found = verdict.findings
    if found:
        yield ""
        yield from map(_item, found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"\n… and {len(found) - _SHOWN:,} more."
    yield ""


def _row(check: CheckResult) -> str:
    why = escape.text(check.reason, _LONGEST)
    known = " (known)" if check.is_reused else ""
    name = escape.code(check.check, 80)
    return f"| {name} | {check.result.value}{known} | {len(check.findings)} | {why} |"


def _item(finding: Finding) -> str:
    place = escape.code(finding.path or b"", 200)
    line = f" line {finding.line}" if place and finding.line else ""
    code = escape.text(f"{finding.tool} {finding.code}".strip(), 80)
    return f"- {place}{line}: {escape.text(finding.message, _LONGEST)} ({code})".replace("- :", "-")
