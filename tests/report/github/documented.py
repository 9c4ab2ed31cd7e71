"""The texts that docs/reports.md shows, made from one invented run.

``python tests/report/github/documented.py`` writes them into the document anew.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from github_views import RUN, Told, gate_attempt, make_view

from pipeline.model.check import Check
from pipeline.model.finding import Finding, Severity
from pipeline.model.publication import Publication, PublicationKind
from pipeline.model.record import AttemptState, RunRecord, Step, StepAttempt
from pipeline.model.review import Review, ReviewKind, ReviewState
from pipeline.model.scope import Protected
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.github.checks import workstream_checks
from pipeline.report.github.comments import progress_comments, sticky_comment
from pipeline.report.github.issues import issues
from pipeline.report.github.outputs import output, run_outputs
from pipeline.report.github.pull_requests import workstream_pull_request
from pipeline.report.github.summary import job_summary
from pipeline.report.github.view import RunView, WorkstreamView
from pipeline.report.github.workflow_commands import annotation_commands, fenced
from pipeline.report.sarif import run_findings
from pipeline.store.spending import Total

DOCUMENT = Path(__file__).parents[3] / "docs" / "reports.md"
W = WorkstreamState

_TOOLS = {"loader": "rewrite", "discount": "claude", "prices": "codex"}
_TESTS = {"loader": {"test_loader": "passed"}}
_NICER = {
    RUN: "01jd3v8m2kq5x7w9y0z1a2b3c4",
    "b" * 12: "4c1f0d9a7e25",
    "c" * 12: "a90e67b3d1f8",
    "d" * 12: "5e2b8f41c07d",
}
_PRICES = (
    Finding("pytest", "AssertionError", "expected 90, got 100", b"tests/test_price.py", 14),
    Finding("ruff", "F841", "Local variable `rate` is assigned to but never used",
            b"shop/price.py", 7, 5, severity=Severity.WARNING),
)  # fmt: skip  # one finding in a row
_QUESTION = Review(
    "r", RUN, "discount", 1, ReviewKind.RISK, ReviewState.OPEN,
    "The change is of high risk: it touches what people pay.",
    advice=("No test covers a discount of more than 100 %.",),
)  # fmt: skip  # in few rows


def a_run() -> RunView:
    """A run of four: one landed, one asks, one is quarantined, one waits for that."""
    test = Check("test_loader", ("pytest", "-q", "tests/test_loader.py"))
    told = {
        "loader": Told(
            bundle={
                "title": "Load products lazily",
                "description": "The first page takes four seconds, since every product is loaded.",
                "tasks": ("Load a product when it is asked for", "Keep what was loaded"),
                "openspec_change": "loader-2",
                "ccpm_issue": "142",
                "acceptance_tests": (test,),
                "source": "workstreams/loader.json",
            }
        ),
        "discount": Told(
            W.AWAITING_REVIEW,
            bundle={
                "title": "Add discounts",
                "tasks": ("Take a discount off the price",),
                "depends_on": ("loader",),
                "ccpm_issue": "142",
                "source": "workstreams/discount.json",
            },
            review=_QUESTION,
        ),
        "prices": Told(
            W.QUARANTINED,
            _PRICES,
            "the runtime gate is red: pytest. No rung is left: codex was asked twice.",
            {"title": "Round prices", "tasks": ("Round to cents",), "ccpm_issue": "142",
             "source": "workstreams/prices.json"},
        ),
        "invoice": Told(
            W.BLOCKED,
            reason="prices, which it depends on, ended quarantined.",
            bundle={"title": "Write invoices", "tasks": ("Write an invoice",),
                    "depends_on": ("prices", "loader")},
            record={"commit": "", "tree": ""},
        ),
    }  # fmt: skip  # bundles in few rows
    known = Publication(RUN, "loader", PublicationKind.PULL_REQUEST, "ws", "octo/shop", 201)
    view = make_view(told, state=RunState.PARTIAL, published=(known,))
    run = replace(view.run, gates_run=9, verdicts_reused=1)
    made = tuple(_edited(ws, run) for ws in view.workstreams)
    spent = Total(attempts=4, cost_nusd=412_300_000)
    return replace(view, run=run, workstreams=made, spent=spent)


def _edited(ws: WorkstreamView, run: RunRecord) -> WorkstreamView:
    """The workstream with what was done for it, and what that cost."""
    tool = _TOOLS.get(ws.id, "")
    edit = StepAttempt(
        f"e-{ws.id}", RUN, ws.id, 1, Step.EDIT, 1, AttemptState.SUCCEEDED, tool, duration_s=41.0
    )
    static = gate_attempt(ws.id, Step.STATIC, checks={"ruff": "passed", "mypy": "passed"})
    runtime = gate_attempt(
        ws.id, Step.RUNTIME, checks={"pytest": "passed", **_TESTS.get(ws.id, {})}
    )
    done: tuple[StepAttempt, ...] = (edit, static, runtime)
    if ws.id == "prices":
        why = "the runtime gate is red: pytest. pytest exited with 1."
        red = gate_attempt(ws.id, Step.RUNTIME, "failed", findings=_PRICES, reason=why,
                           checks={"pytest": "failed"})  # fmt: skip  # in two rows
        fix = replace(edit, step=Step.FIX, state=AttemptState.FAILED, duration_s=38.0,
                      reason="codex changed nothing.")  # fmt: skip  # what differs
        done = (edit, static, red, fix, red)
    return WorkstreamView.made(
        ws.record,
        ws.bundle,
        run=run,
        attempts=done if tool else (),
        patch=ws.patch if tool else None,
        reviews=ws.reviews,
        spent=Total(attempts=2, cost_nusd=206_150_000) if tool.startswith("c") else Total(),
        protected=Protected(()),
    )


def texts() -> Mapping[str, str]:
    """Every text by the name that the document gives it."""
    view = a_run()
    loader, prices = view.workstream("loader"), view.workstream("prices")
    runtime = next(one for one in workstream_checks(view, prices) if "runtime" in one.name)
    summary, _, rest = job_summary(view).partition("```mermaid\n")
    graph, _, rest = rest.partition("```\n")
    by_marker = {one.marker: one for one in issues(view)}
    question = by_marker["<!-- git-pipeline:review:discount:v1 -->"]
    outputs = "".join(output(name, value, "pipeline_5f…") for name, value in
                      list(run_outputs(view).items())[:2])  # fmt: skip  # the first two
    made = {
        "pull request": workstream_pull_request(view, loader).body,
        "failed pull request": workstream_pull_request(view, prices).body,
        "check": f"{runtime.title}\n\n{runtime.summary}\n\n{runtime.text}",
        "comment": sticky_comment(view, "discount").body,
        "progress": progress_comments(view)[142].body,
        "issue": question.body,
        "summary": summary.rstrip(),
        "graph": graph.rstrip(),
        "annotations": "\n".join(annotation_commands(run_findings(view))),
        "fence": fenced("::error::a tool printed this", "5f2c…").rstrip(),
        "outputs": outputs.rstrip(),
    }
    for plain, nicer in _NICER.items():
        made = {name: text.replace(plain, nicer) for name, text in made.items()}
    return made


_SHOWN = re.compile(r"(<!-- text: ([a-z ]+) -->\n```(\w+)\n)(.*?)(\n```\n)", re.DOTALL)


def shown(document: str) -> Iterator[tuple[str, str]]:
    """The texts in a document: name and content."""
    for match in _SHOWN.finditer(document):
        yield match[2], match[4]


def renewed(document: str) -> str:
    """The document with its texts as they are now."""
    made = texts()
    return _SHOWN.sub(lambda m: f"{m[1]}{made[m[2]]}{m[5]}", document)


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
