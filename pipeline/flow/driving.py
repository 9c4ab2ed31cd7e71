"""Run an editor for one attempt, and see what it really did: in its slot and around it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from pipeline.base.git import Scratch
from pipeline.check.validate import check_text
from pipeline.flow.attempts import Attempt
from pipeline.flow.billing import admitted, billed
from pipeline.flow.choosing import AUTO
from pipeline.flow.context import NO_SETUP
from pipeline.flow.judging import effective_policy
from pipeline.flow.kept import keep
from pipeline.flow.prompting import remember, tell
from pipeline.flow.requests import asked
from pipeline.flow.tool_events import tool_ended, tool_started
from pipeline.model.agent import Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, Feedback, ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.work.borrowed_git import Head
from pipeline.work.capture import capture
from pipeline.work.editors import Editor, EditRequest, EditResult
from pipeline.work.setup import SetupDirs, is_sealed
from pipeline.work.slots import Slot


@dataclass(frozen=True, slots=True)
class Driven:
    """A tool's report, what changed in its tree, and what was seen outside of it."""

    report: ToolReport
    captured: Captured
    objections: tuple[Objection, ...]


def drive(
    attempt: Attempt,
    editor: Editor,
    profile: ToolProfile,
    scratch: Scratch,
    feedback: Feedback | None,
    *,
    told: Prompt | None = None,
) -> Driven:
    """Run the editor within the budget; raises InputError where the bundle does not fit it.

    ``told`` is the prompt where it is not that of the step.
    """
    context, record = attempt.context, attempt.record
    ws = context.workstream(record.ws_id)
    # What a bundle says to its own tool is not meant for one that is asked in its place.
    is_meant = told is None and ws.tool in (profile.id, AUTO)
    if told is None:
        part = int(attempt.details.get("part", 1))
        told = tell(context, record, profile, attempt.step, feedback, part=part)
    remember(attempt, profile, told)
    request = EditRequest(
        ws=ws if is_meant else replace(ws, tool_args={}),
        profile=profile,
        start_tree=record.tree,
        scratch=scratch,
        told=told,
        files=context.plan.files,
        feedback=feedback,
        logs=context.log_prefix(ws.id, attempt.id),
        cancel=context.cancel,
        environ=context.environment,
        timeout_s=context.time_limit(ws, attempt.step, profile.timeout_s),
        tag=context.process_tag(ws.id),
    )
    setup = context.set_up(record.tree) if editor.needs_directory else NO_SETUP
    taking = _slot(attempt, setup) if editor.needs_directory else nullcontext(None)
    with admitted(attempt, profile, told) as bill, taking as slot:
        result, found = _run(attempt, editor, replace(request, slot=slot), setup)
        report = billed(result.report, profile, bill)
        captured = _captured(attempt, result, slot, scratch)
        if slot and context.keeps_worktrees:
            keep(context, slot, ws.id)
    if result.patch:
        found += check_text(
            result.patch,
            captured.changes,
            start_tree=record.tree,
            scratch=scratch,
            policy=effective_policy(context.config.policy, ws),
        )
    return Driven(report, captured, tuple(found))


def _slot(attempt: Attempt, setup: SetupDirs) -> AbstractContextManager[Slot]:
    context, record = attempt.context, attempt.record
    return context.slots.take(
        record.tree,
        with_git=True,
        owner=f"{context.run_id}/{record.ws_id}",
        head=Head(record.ws_id, record.commit),
        links=setup.links,
    )


def _run(
    attempt: Attempt, editor: Editor, request: EditRequest, setup: SetupDirs
) -> tuple[EditResult, list[Objection]]:
    """Run the editor between two looks at what is not its own."""
    found: list[Objection] = []
    control_plane = attempt.context.control_plane
    if request.slot is None:
        result = editor.edit(request)
    else:
        mark = control_plane.before()
        beat = tool_started(attempt, request.timeout_s or 0, asked(attempt, request))
        request = replace(request, on_beat=beat)
        result = editor.edit(request)
        tool_ended(attempt, request.profile, result.report)
        found += control_plane.after(mark)
        if not is_sealed(setup):
            found.append(Objection(Reason.CONTROL_PLANE, "a set-up directory was changed"))
    found += [
        Objection(Reason.STRAY_PROCESS, f"the tool left a process behind: {name}")
        for name in result.report.left_behind
    ]
    if result.refusal:
        found.append(result.refusal)
    return result, found


def _captured(
    attempt: Attempt, result: EditResult, slot: Slot | None, scratch: Scratch
) -> Captured:
    """What changed: as the editor says where it made the tree itself, else what the slot holds."""
    if result.captured and not result.refusal:
        return result.captured
    if slot and not result.refusal:
        return capture(slot, scratch, attempt.context.config.capture)
    return Captured(attempt.record.tree, attempt.record.tree, ())
