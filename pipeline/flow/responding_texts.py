"""What is replied to a comment: what was done, and what comes next; foreign text escaped."""

from pipeline.base.errors import PipelineError
from pipeline.flow.responding_words import MisreadError, Verb
from pipeline.model.review import Option, Review
from pipeline.report.github import escape

_NEXT = {
    Option.APPROVE: "the next run lands it, if the gates of the merged tree are green",
    Option.REJECT: "it is in quarantine; what depends on it cannot land",
    Option.ADJUST: "the next run takes it up anew",
}
_STATES = {Option.APPROVE: "approved", Option.REJECT: "rejected", Option.ADJUST: "adjusted"}


def answered(review: Review, login: str) -> str:
    """The reply to an answer that is stored."""
    answer = review.answer
    if answer is None:
        return "The answer is left for the engine that works on this repository now."
    lines = [f"{escape.code(review.ws_id)} is {_STATES[answer.option]} by {_name(login)}."]
    if answer.message:
        lines += ["", f"> {escape.text(answer.message, 1000)}"]
    added = answer.overlay
    for word, items in (
        ("scope", added.files_scope),
        ("create", added.files_create),
        ("task", added.tasks),
        ("advice", added.advice),
    ):
        lines += [f"- added {word}: {escape.code(item, 300)}" for item in items]
    how = _NEXT[answer.option]
    return "\n".join([*lines, "", f"**Next**: {how} (`/pipeline run`)."])


def dispatched(verb: Verb, ws_id: str, workflow: str, sha: str) -> str:
    """The reply to ``run`` and ``retry``."""
    what = f"{escape.code(ws_id)} is tried again" if verb is Verb.RETRY else "A run is started"
    at = f" on {escape.code(sha[:12])}" if sha else ""
    return (
        f"{what}{at}, by the workflow {escape.code(workflow)}.\n\n"
        "**Next**: what comes of it is told on its pull requests; `/pipeline status` shows it."
    )


def cancelled(count: int, *, is_asked: bool) -> str:
    """The reply to ``cancel``."""
    if is_asked:
        return "The run is asked to stop.\n\n**Next**: `/pipeline run` carries it on."
    if count:
        noun = "workflow run is" if count == 1 else "workflow runs are"
        return f"{count} {noun} cancelled.\n\n**Next**: `/pipeline run` carries on."
    return "There is nothing to cancel: nothing is running."


def refused_person(login: str) -> str:
    """The reply to somebody who may not give commands."""
    return (
        f"{_name(login)} may not give commands here: that takes the right to write to this "
        "repository.\n\n**Next**: ask somebody who has it to write the command."
    )


def problem(error: PipelineError) -> str:
    """The reply where nothing was done."""
    lines = [f"Nothing was done. {escape.text(error.what, 2000)}"]
    if isinstance(error, MisreadError):
        lines += ["", "**Next**: write a new comment whose first line has this form:", ""]
        return "\n".join([*lines, *escape.fence(error.remedy)])
    if error.remedy:
        lines += ["", f"**Next**: {escape.text(error.remedy, 2000)}"]
    return "\n".join(lines)


def _name(login: str) -> str:
    return escape.code(f"@{login}")
