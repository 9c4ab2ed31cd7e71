"""The seam for agents: a prompt goes in, a changed directory or a diff comes out."""

from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.work.editors.command import commandline, run_in_slot
from pipeline.work.editors.patch import apply_to
from pipeline.work.editors.protocol import EditRequest, EditResult
from pipeline.work.tools import has_succeeded

_MODES = ("directory", "diff")
_DIFF_LIMIT = 4 * 1024 * 1024  # half of what a log keeps, so a diff in a log is never cut


class AgentEditor:
    """Runs an agent's command line in a slot.

    The prompt is ``{prompt_file}`` and standard input. ``tool_args.mode`` says what comes out:
    ``directory`` (the default, what lies in the slot afterwards) or ``diff`` (standard output is
    one unified diff and nothing else; what lies in the slot is thrown away).
    """

    needs_directory = True

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """As the profile says: feedback is part of the prompt."""
        return profile.takes_feedback

    def edit(self, request: EditRequest) -> EditResult:
        """Run the agent and, in ``diff`` mode, apply what it printed to the start tree."""
        mode = request.ws.tool_args.get("mode", "directory")
        if mode not in _MODES:
            raise InputError(
                f"The workstream {request.ws.id} has `tool_args.mode` {mode!r}.",
                remedy=f"Give one of: {', '.join(_MODES)}.",
            )
        told = request.told.text.encode("utf-8", "backslashreplace")
        report = run_in_slot(request, commandline(request), stdin=told)
        if mode == "directory" or not has_succeeded(request.profile, report):
            return EditResult(report)
        return _applied(request, report, Path(report.stdout_log))


def _applied(request: EditRequest, report: ToolReport, printed: Path) -> EditResult:
    if printed.stat().st_size > _DIFF_LIMIT:
        message = f"The agent printed more than {_DIFF_LIMIT} bytes."
        return EditResult(report, refusal=Objection(Reason.SIZE, message))
    diff = printed.read_bytes()
    if not diff.strip():
        return EditResult(report, captured=Captured(request.start_tree, request.start_tree, ()))
    change = apply_to(request.scratch, request.start_tree, diff)
    if isinstance(change, Objection):
        return EditResult(report, refusal=change)
    return EditResult(report, captured=change, patch=diff)
