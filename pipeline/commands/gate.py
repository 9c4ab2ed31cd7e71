"""``pipeline gate``: one configured gate on the tree of a commit, as in a run."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.files import write_atomic
from pipeline.base.git import Repository
from pipeline.commands import reading, step_file
from pipeline.commands.signals import StopOnSignal
from pipeline.flow.gating import GateReport, gate_names, judge_commit, prepare_gate, sentence
from pipeline.model.finding import Finding
from pipeline.model.verdict import Result, Verdict

GITHUB = "github"
_SHOWN = 200
_COLOURS = {Result.PASSED: "green", Result.FAILED: "red"}
_EXITS = {Result.PASSED: ExitCode.OK, Result.FAILED: ExitCode.NOT_PASSED}


@click.command(
    "gate",
    epilog=reading.examples(
        "pipeline gate static",
        "pipeline gate runtime --commit main~1",
        "pipeline gate static --format json | jq .verdict.result",
        "pipeline gate static --format github --sarif findings.sarif",
    ),
)
@click.argument("name", metavar="NAME")
@click.option(
    "--commit", "rev", default="HEAD", show_default=True, metavar="REV", help="What is judged."
)
@click.option("--sarif", default="", metavar="FILE", help="Also write the findings there.")
@click.option(
    "--format",
    "form",
    type=click.Choice([reading.TEXT, reading.JSON, GITHUB]),
    default=reading.TEXT,
    help="Text for people (the default), stable JSON, or text with what GitHub's runner reads.",
)
@reading.repo_option
def command(*, name: str, rev: str, sarif: str, form: str, repo: Path) -> int:
    """Run the configured gate NAME on a fresh checkout of a commit, as a run does.

    `static`, `runtime`, or another that pipeline.yaml names. Uncommitted changes are not judged;
    answers that are known for the same tree, tools and set-up are reused. Exits 0 when it is
    green, 1 when it is red, 3 when it could not run or could not tell.

    `--format github` adds annotations, the outputs `verdict` and `sarif`, and a job summary.
    """
    with Repository.discover(repo) as repository:
        prepared = prepare_gate(repository, os.environ, rev)
        reading.require_known("gate", name, gate_names(prepared.config))
        with StopOnSignal() as stop:
            report = judge_commit(prepared, name, should_stop=stop.reason)
    if sarif:
        _write_sarif(Path(sarif), name, report.verdict.findings)
    if form == reading.JSON:
        reading.print_json(report)
    else:
        reading.print_lines(list(_text(report)))
    if form == GITHUB:
        _tell_github(report, sarif)
    return _EXITS.get(report.verdict.result, ExitCode.UNFIT)


def _write_sarif(path: Path, name: str, findings: Sequence[Finding]) -> None:
    from pipeline.report.sarif import dump_sarif, sarif_log

    log = sarif_log(findings, category=f"git-pipeline/{name}")
    write_atomic(path.absolute(), dump_sarif(log))


def _tell_github(report: GateReport, sarif: str) -> None:
    from pipeline.report.github.gate_summary import gate_summary
    from pipeline.report.github.outputs import as_outputs
    from pipeline.report.github.workflow_commands import annotation_commands

    verdict = report.verdict
    reading.print_lines(annotation_commands(verdict.findings))
    told = as_outputs({"verdict": verdict.result.value, "sarif": sarif})
    step_file.append("GITHUB_OUTPUT", told.text)
    step_file.append("GITHUB_STEP_SUMMARY", gate_summary(verdict, report.commit, sentence(verdict)))


def _text(report: GateReport) -> Iterator[str]:
    verdict = report.verdict
    found = verdict.findings
    for finding in found[:_SHOWN]:
        yield _finding(finding)
    if len(found) > _SHOWN:
        yield f"and {len(found) - _SHOWN} more; `--format json` has them all"
    if verdict.checks:
        yield from ["", *_checks(verdict), ""] if found else [*_checks(verdict), ""]
    yield f"{report.commit[:12]}: {console.safe(sentence(verdict))}"


def _finding(finding: Finding) -> str:
    place = "" if finding.path is None else console.safe(finding.path)
    numbers = [str(number) for number in (finding.line, finding.column) if number]
    where = ":".join([place, *numbers]) if place else "-"
    code = console.safe(f"{finding.tool} {finding.code}".strip(), 80)
    return f"{where}: {finding.severity.value}: {console.safe(finding.message, 300)} [{code}]"


def _checks(verdict: Verdict) -> list[str]:
    rows = [
        (
            console.safe(check.check, 60),
            Cell(check.result.value, _COLOURS.get(check.result, "yellow")),
            "known" if check.is_reused else console.duration(check.duration_s),
            len(check.findings),
            console.safe(check.reason, 160),
        )
        for check in verdict.checks
    ]
    return console.columns(["check", "result", "took", "findings", "why"], rows, reading.paint())
