"""The seam for agents without an adapter: a prompt goes in, a directory or a diff comes out."""

from dataclasses import replace
from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.model.agent import AgentOutcome, Mode
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.work.editors.command import commandline, looked_through, run_in_slot
from pipeline.work.editors.protocol import EditRequest, EditResult
from pipeline.work.tools import has_succeeded

# What bundles may say in `tool_args.mode`; the shorter names are older.
_MODES = {
    "directory": Mode.PROMPT,
    "diff": Mode.PATCH_APPLY_VALIDATE,
    **{mode.value: mode for mode in Mode},
}
_ANSWER_LIMIT = 4 * 1024 * 1024  # half of what a log keeps, so an answer in a log is never cut
_STORED = 4000  # characters of an answer that are kept with the attempt


class AgentEditor:
    """Runs an agent's command line in a slot.

    The prompt is ``{prompt_file}`` and standard input, the answer what it prints.
    ``tool_args.mode``, or the profile's ``agent.mode``, says what counts: the directory as it
    lies there afterwards (``prompt``, ``directory``), the diff in the answer
    (``patch_apply_validate``, ``diff``) or the answer alone (``patch_review``).
    """

    needs_directory = True

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """As the profile says: feedback is part of the prompt."""
        return profile.takes_feedback

    def edit(self, request: EditRequest) -> EditResult:
        """Run the agent and take what the mode says."""
        mode = _mode(request)
        told = request.told.text.encode("utf-8", "backslashreplace")
        report = run_in_slot(request, commandline(request), stdin=told)
        if not has_succeeded(request.profile, report):
            return looked_through(request, _with_failure(report))
        answer = _answer(report)
        if answer is None:
            return _too_long(request, report, mode)
        return _taken(request, report, mode, answer)


def _taken(request: EditRequest, report: ToolReport, mode: Mode, answer: str) -> EditResult:
    from pipeline.work.agents.signatures import nothing_to_do

    is_done = nothing_to_do(answer)
    if is_done or mode is Mode.PATCH_REVIEW:
        outcome = AgentOutcome(answer=answer[-_STORED:], has_nothing_to_do=is_done)
        report = replace(report, agent=outcome)
    if mode is Mode.PROMPT:
        return looked_through(request, report)
    if is_done or mode is Mode.PATCH_REVIEW or not answer.strip():
        unchanged = Captured(request.start_tree, request.start_tree, ())
        return EditResult(report, captured=unchanged)
    from pipeline.work.editors.answered import apply_answer

    return apply_answer(request, report, answer)


def _mode(request: EditRequest) -> Mode:
    given = request.ws.tool_args.get("mode", request.profile.agent.mode)
    mode = _MODES.get(given) if isinstance(given, str) else None
    if mode is None:
        raise InputError(
            f"The workstream {request.ws.id} has `tool_args.mode` {given!r}.",
            remedy=f"Give one of: {', '.join(_MODES)}.",
        )
    return mode


def _answer(report: ToolReport) -> str | None:
    """What it printed, bytes that are no text kept; ``None`` where that is too much."""
    printed = Path(report.stdout_log)
    if printed.stat().st_size > _ANSWER_LIMIT:
        return None
    return printed.read_bytes().decode("utf-8", "surrogateescape")


def _too_long(request: EditRequest, report: ToolReport, mode: Mode) -> EditResult:
    """Too much to be an answer; where the directory counts it was no answer anyway."""
    if mode is Mode.PROMPT:
        return looked_through(request, report)
    message = f"The agent printed more than {_ANSWER_LIMIT} bytes. Print a smaller diff."
    return EditResult(report, refusal=Objection(Reason.SIZE, message))


def _with_failure(report: ToolReport) -> ToolReport:
    """The report with what its errors say, where that is one of the known things."""
    from pipeline.work.agents.signatures import failure_in

    log = Path(report.stderr_log)
    if not report.stderr_log or not log.is_file():
        return report
    failure = failure_in(log.read_bytes()[-_STORED:].decode("utf-8", "replace"))
    if failure is None:
        return report
    return replace(report, agent=AgentOutcome(failure=failure, message=report.summary))
