"""The editor for programs that change a directory."""

from pathlib import Path

from pipeline.base.errors import BugError, InputError
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.edit import ToolReport
from pipeline.work.editors.leaks import leak_in, leaked
from pipeline.work.editors.protocol import EditRequest, EditResult
from pipeline.work.prompts import feedback_json
from pipeline.work.redaction import secret_values
from pipeline.work.slots import Slot
from pipeline.work.tools import (
    Commandline,
    Value,
    as_argument,
    render,
    run_tool,
    slot_values,
    tool_environment,
)

EXAMPLES: dict[str, Value] = {
    "id": "id",
    "title": "title",
    "tree": "tree",
    "directory": "directory",
    "prompt_file": "prompt.md",
    "feedback_file": "feedback.json",
    "files": ("file",),
}
"""Every name that a template may use, as ``offered`` gives it, for looking at a template early."""


class CommandEditor:
    """Runs ``tool_args.command``, or the profile's, in the slot; standard input is empty."""

    needs_directory = True

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """As the profile says: feedback is a JSON file, ``{feedback_file}``."""
        return profile.takes_feedback

    def edit(self, request: EditRequest) -> EditResult:
        """Run the command; what it changed lies in the slot, an agent's without secret values."""
        report = run_in_slot(request, commandline(request))
        is_agent = request.profile.type is ToolType.AI
        return looked_through(request, report) if is_agent else EditResult(report)


def commandline(request: EditRequest) -> Commandline:
    """The command that the bundle gives in place of the profile's; empty where it gives none."""
    given = request.ws.tool_args.get("command", ())
    if isinstance(given, str):
        return given
    if isinstance(given, list | tuple) and all(isinstance(part, str) for part in given):
        return tuple(given)
    raise InputError(
        f"The workstream {request.ws.id} has a `tool_args.command` that is no command.",
        remedy="Give a string (run by the shell) or a list of strings.",
    )


def run_in_slot(request: EditRequest, command: Commandline, *, stdin: bytes = b"") -> ToolReport:
    """Run a command in the request's slot with prompt and feedback beside the checkout."""
    slot = _slot_of(request)
    values = offered(request, slot)
    return run_tool(
        request.profile,
        render(request.profile, values, command),
        cwd=slot.path,
        env=tool_environment(request.profile, environ=request.environ, own=slot_values(slot)),
        logs=request.logs,
        stdin=stdin,
        cancel=request.cancel,
        on_beat=request.on_beat,
        tag=request.tag,
        timeout_s=request.timeout_s,
    )


def looked_through(request: EditRequest, report: ToolReport) -> EditResult:
    """What lies in the slot, also of a failure, is kept only without a secret value in it."""
    profile, slot = request.profile, _slot_of(request)
    env = tool_environment(profile, environ=request.environ, own=slot_values(slot))
    secrets = secret_values(profile, env)
    leak = leak_in(slot, request.scratch, secrets)
    return EditResult(report, refusal=leaked(leak, secrets) if leak is not None else None)


def _slot_of(request: EditRequest) -> Slot:
    if request.slot is None:
        raise BugError(f"The tool {request.profile.id} was given no directory.")
    return request.slot


def offered(request: EditRequest, slot: Slot) -> dict[str, Value]:
    """What templates may name; writes the files that some of the values point to."""
    ws = request.ws
    feedback = request.feedback if request.profile.takes_feedback else None
    prompt_file = _written(slot.tmp / "prompt.md", request.told.text)
    feedback_file = _written(slot.tmp / "feedback.json", feedback_json(feedback))
    return {
        "id": ws.id,
        "title": ws.title,
        "tree": request.start_tree,
        "directory": str(slot.path),
        "prompt_file": str(prompt_file),
        "feedback_file": str(feedback_file),
        "files": tuple(as_argument(path) for path in literal_files(request, slot)),
    }


def literal_files(request: EditRequest, slot: Slot) -> list[bytes]:
    """The files of the scope that are named literally and exist."""
    named = (path.removeprefix("/").encode() for path in request.ws.files_scope)
    return [path for path in named if path in slot.snapshot.entries]


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
