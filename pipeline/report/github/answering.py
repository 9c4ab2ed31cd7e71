"""How people answer what a workstream asks: by a comment, or on the command line."""

from pipeline.model.review import Option
from pipeline.model.states import WorkstreamState
from pipeline.report.github import escape
from pipeline.report.github.view import WorkstreamView
from pipeline.report.markdown import table

_LEADS_TO = {
    Option.APPROVE: "it lands, if the gates of the merged tree are green",
    Option.REJECT: "it is given up, into the quarantine",
    Option.ADJUST: "it begins anew, with your advice",
}


def how_to_answer(ws: WorkstreamView) -> list[str]:
    """A table of answers: the comment, the command, what it leads to."""
    rows = _rows(ws)
    if not rows:
        return []
    return [
        "### How to answer",
        "",
        *table(["comment here", "or type", "then"], rows),
        "",
        "A command is the first line of a new comment, by somebody who may write here.",
    ]


def _rows(ws: WorkstreamView) -> list[list[str]]:
    review = ws.open_review
    if review is not None:
        advice = {Option.ADJUST: " your advice"}
        flags = {Option.ADJUST: " --advice 'your advice'"}
        return [
            [
                escape.code(f"/pipeline {option} {ws.id}{advice.get(option, '')}"),
                escape.code(f"pipeline review {option} {ws.id}{flags.get(option, '')}"),
                _LEADS_TO[option],
            ]
            for option in review.options
        ]
    if ws.state in (WorkstreamState.QUARANTINED, WorkstreamState.FAILED):
        show = f"pipeline quarantine show {ws.record.patch_id[:12]}" if ws.record.patch_id else ""
        return [
            [
                escape.code(f"/pipeline retry {ws.id}"),
                "`pipeline run`",
                "it is tried again in a new run",
            ],
            *([["", escape.code(show), "shows the patch and the reason"]] if show else []),
        ]
    return []
