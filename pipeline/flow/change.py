"""One attempt to change a workstream's tree: run the tool, capture, judge, commit or refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pipeline.base.errors import InputError, InterruptedRunError
from pipeline.base.process import Ending
from pipeline.flow.attempts import Attempt, finished
from pipeline.flow.choosing import observe
from pipeline.flow.conflicts import held_to
from pipeline.flow.context import RunContext
from pipeline.flow.driving import drive
from pipeline.flow.judging import Judged, as_findings, judge
from pipeline.model.check import ToolProfile
from pipeline.model.edit import Captured, Feedback, ToolReport
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.finding import Finding
from pipeline.model.patch import Patch, Reason
from pipeline.model.record import Step, StepAttempt, WorkstreamRecord
from pipeline.work.editors import Editor

_EVENT_OF = {
    Reason.SCOPE: EventType.SCOPE_VIOLATION,
    Reason.PROTECTED: EventType.SCOPE_VIOLATION,
    Reason.UNSAFE_PATH: EventType.SCOPE_VIOLATION,
    Reason.CONTROL_PLANE: EventType.CONTROL_PLANE_CHANGED,
}


@dataclass(frozen=True, slots=True)
class Change:
    """What one attempt came to; ``commit`` and ``tree`` are set when it was accepted."""

    attempt: StepAttempt
    message: str
    reason: str = ""
    reason_code: str = ""
    is_accepted: bool = False
    is_fault: bool = False
    commit: str = ""
    tree: str = ""
    patch: Patch | None = None
    text: bytes = b""
    findings: tuple[Finding, ...] = ()
    events: tuple[EventDraft, ...] = ()

    @property
    def patch_id(self) -> str:
        """The patch's content hash, empty where nothing was changed."""
        return self.patch.id if self.patch and self.text else ""

    @property
    def stored_patch(self) -> tuple[Patch, bytes] | None:
        """The patch and its text as the ledger keeps them, ``None`` where nothing was changed."""
        return (self.patch, self.text) if self.patch and self.text else None

    def with_event(self, event: EventDraft) -> "Change":
        """The same change with one event more."""
        return replace(self, events=(*self.events, event))


def make_change(
    context: RunContext,
    record: WorkstreamRecord,
    editor: Editor,
    profile: ToolProfile,
    *,
    step: Step,
    number: int,
    feedback: Feedback | None,
    details: Mapping[str, object] = MappingProxyType({}),
) -> Change:
    """Run an editor on the workstream's tree and decide about what it really changed.

    Raises ``InterruptedRunError`` when the run was told to stop meanwhile; the attempt is then
    stored as crashed and does not count.
    """
    known = {"returns": record.returns, "origin": record.start_commit, **details}
    attempt = Attempt(context, record, step, profile.id, number, known).start()
    origin_tree = context.repo.commit_tree(record.start_commit)
    with context.repo.scratch() as scratch, context.tool_turn(profile):
        try:
            done = drive(attempt, editor, profile, scratch, feedback)
        except InputError as error:
            # One bundle that its tool cannot use must not stop the others.
            return _unusable(attempt, str(error))
        report, captured = done.report, done.captured
        observe(context, profile.id, report)
        if report.ending == Ending.CANCELLED:
            attempt.interrupt(report)
            raise InterruptedRunError(
                "The run was told to stop.", remedy="`pipeline run` carries on."
            )
        judged = judge(
            context,
            held_to(context, record),
            scratch,
            captured,
            origin_tree=origin_tree,
            objections=done.objections,
        )
        reason, code = _why_not(report, captured, judged, profile)
        if code == Reason.EMPTY and step is Step.EDIT and _has_nothing_to_do(report):
            reason = code = ""
        if reason:
            return _refusal(attempt, report, judged, reason, code)
        scratch.promote()
    return _acceptance(context, record, attempt, report, judged)


def _why_not(
    report: ToolReport, captured: Captured, judged: Judged, profile: ToolProfile
) -> tuple[str, str]:
    """Why a change is refused, as a sentence and a code; both empty when it is not."""
    if judged.blocking:
        first = judged.blocking[0]
        more = len(judged.blocking) - 1
        return first.message + (f" (and {more} more objections)" if more else ""), first.reason
    if report.agent and report.agent.failure:
        said = report.agent.message or report.summary
        words = report.agent.failure.value.replace("_", " ")
        return f"{report.tool} failed: {words}. {said}".rstrip(), report.agent.failure.value
    if report.is_fault:
        return f"{report.tool} could not run: {report.summary}", "infrastructure"
    if report.ending != Ending.EXITED:
        return f"{report.tool} was ended: {report.ending}. {report.summary}".rstrip(), report.ending
    if report.exit_code not in profile.success_exit_codes:
        return f"{report.tool} exited with {report.exit_code}. {report.summary}".rstrip(), "exit"
    if not captured.changes:
        return f"{report.tool} changed nothing.", Reason.EMPTY
    return "", ""


def _has_nothing_to_do(report: ToolReport) -> bool:
    """Whether an agent said explicitly that the task is done already: the gates then decide."""
    return report.agent is not None and report.agent.has_nothing_to_do


def _unusable(attempt: Attempt, reason: str) -> Change:
    stored = attempt.finish(is_good=False, reason=reason, details={"code": "input"})
    message = f"{attempt.record.ws_id}: {attempt.step} attempt {attempt.number}: {reason}"
    return Change(
        stored,
        message,
        reason=reason,
        reason_code="input",
        is_fault=True,
        events=(finished(stored, message),),
    )


def _refusal(
    attempt: Attempt, report: ToolReport, judged: Judged, reason: str, code: str
) -> Change:
    findings = as_findings(judged.objections)
    has_change = judged.has_change
    stored = attempt.finish(
        is_good=False,
        reason=reason,
        report=report,
        result_tree=judged.patch.result_tree,
        patch_id=judged.patch.id if has_change else "",
        findings=findings,
        details={"code": str(code)},
    )
    message = f"{attempt.record.ws_id}: {attempt.step} attempt {attempt.number}: {reason}"
    objected = [
        EventDraft(
            _EVENT_OF.get(o.reason, EventType.POLICY_VIOLATION),
            f"{attempt.record.ws_id}: {o.message}",
            level=Level.WARNING,
            step=attempt.step,
            attempt_id=attempt.id,
            payload={"reason": o.reason.value, "path": o.path, "is_blocking": o.is_blocking},
        )
        for o in judged.objections
    ]
    created = EventDraft(
        EventType.PATCH_CREATED,
        f"Patch {judged.patch.id[:12]} was captured.",
        Level.DEBUG,
        step=attempt.step,
        attempt_id=attempt.id,
        payload={"patch_id": judged.patch.id},
    )
    return Change(
        stored,
        message,
        reason=reason,
        reason_code=str(code),
        is_fault=report.is_fault,
        patch=judged.patch,
        text=judged.text if has_change else b"",
        findings=findings,
        events=(*((created,) if has_change else ()), *objected, finished(stored, message)),
    )


def _acceptance(
    context: RunContext,
    record: WorkstreamRecord,
    attempt: Attempt,
    report: ToolReport,
    judged: Judged,
) -> Change:
    patch = judged.patch
    commit = context.commit_work(record, patch.result_tree, attempt.step, attempt.tool)
    stored = attempt.finish(
        is_good=True,
        report=report,
        result_tree=patch.result_tree,
        patch_id=patch.id if judged.has_change else "",
        findings=as_findings(judged.objections),
        details={"commit": commit},
    )
    message = (
        f"{record.ws_id}: {attempt.tool} changed {len(patch.paths)} "
        f"file{'s' if len(patch.paths) != 1 else ''} (+{patch.added} -{patch.removed})."
        if judged.has_change
        else f"{record.ws_id}: {attempt.tool} says that there is nothing to do."
    )
    life = [
        EventDraft(
            kind,
            f"Patch {patch.id[:12]} {word}.",
            Level.DEBUG,
            step=attempt.step,
            attempt_id=attempt.id,
            payload={"patch_id": patch.id},
        )
        for kind, word in (
            (EventType.PATCH_CREATED, "was captured"),
            (EventType.PATCH_VALIDATED, "is within scope and policy"),
            (EventType.PATCH_APPLIED, f"is committed to {record.ws_id}"),
        )
        if judged.has_change
    ]
    return Change(
        stored,
        message,
        is_accepted=True,
        commit=commit,
        tree=patch.result_tree,
        patch=patch,
        text=judged.text,
        findings=stored.findings,
        events=(*life, finished(stored, message)),
    )
