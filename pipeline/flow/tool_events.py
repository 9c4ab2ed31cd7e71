"""What a tool does while it runs, as events: started, still at it, ended one way or another."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pipeline.base.process import Beat, Ending
from pipeline.flow.attempts import Attempt
from pipeline.model.check import ToolProfile
from pipeline.model.edit import ToolReport
from pipeline.model.event import EventDraft, EventType, Level

_ENDINGS = {
    Ending.TIMEOUT.value: (EventType.TOOL_TIMEOUT, "ran out of time"),
    Ending.IDLE.value: (EventType.TOOL_STALLED, "said nothing for too long"),
    Ending.CANCELLED.value: (EventType.TOOL_FINISHED, "was told to stop"),
}


def tool_started(
    attempt: Attempt, timeout_s: float, more: Mapping[str, object] = MappingProxyType({})
) -> Callable[[Beat], None]:
    """Record that a tool starts; returns what records its signs of life."""
    payload = {"tool": attempt.tool, "timeout_s": timeout_s, **more}
    _record(attempt, EventType.TOOL_STARTED, "starts", payload)

    def beat(sign: Beat) -> None:
        seen = {"elapsed_s": round(sign.elapsed_s, 3), "output_bytes": sign.output_bytes}
        _record(attempt, EventType.TOOL_PROGRESS, f"runs for {sign.elapsed_s:.0f} s", seen)

    return beat


def tool_ended(attempt: Attempt, profile: ToolProfile, report: ToolReport) -> None:
    """Record how a tool ended; what it changed is another matter, and another event."""
    if report.ending == Ending.EXITED and report.exit_code in profile.success_exit_codes:
        kind, words = EventType.TOOL_FINISHED, "finished"
    elif report.ending == Ending.EXITED:
        kind, words = EventType.TOOL_FAILED, f"exited with {report.exit_code}"
    else:
        kind, words = _ENDINGS.get(
            report.ending, (EventType.TOOL_FAILED, f"was ended: {report.ending}")
        )
    payload = {
        "tool": attempt.tool,
        "ending": str(report.ending),
        "exit_code": report.exit_code,
        "duration_s": round(report.duration_s, 6),
        "output_bytes": report.output_bytes,
    }
    level = Level.DEBUG if kind is EventType.TOOL_FINISHED else Level.INFO
    _record(attempt, kind, words, payload, level)


def _record(
    attempt: Attempt,
    kind: EventType,
    words: str,
    payload: Mapping[str, object],
    level: Level = Level.DEBUG,
) -> None:
    """Not waited for: the move that follows from the attempt is written after it, and is."""
    attempt.context.ledger.record_soon(
        EventDraft(
            kind,
            f"{attempt.record.ws_id}: {attempt.tool} {words}.",
            level=level,
            run_id=attempt.context.run_id,
            ws_id=attempt.record.ws_id,
            step=attempt.step,
            attempt_id=attempt.id,
            payload=payload,
        )
    )
