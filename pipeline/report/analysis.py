"""What failed and what was done about it: ``error_analysis.json`` and ``fix_patches.json``.

Both carry ``sha256``: the digest of everything else in the file, in its canonical form (sorted
keys, no spaces, UTF-8). They are written whole or not at all.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.base.files import make_directory, write_atomic
from pipeline.model import codec
from pipeline.model.analysis import FixPatch, TaskAnalysis
from pipeline.model.event import EventType
from pipeline.model.finding import Finding
from pipeline.model.patch import Reason
from pipeline.model.record import AttemptState, Step, StepAttempt, WorkstreamRecord
from pipeline.model.states import WorkstreamState
from pipeline.store.layout import Layout
from pipeline.store.records import Records

_GATES = (Step.STATIC, Step.RUNTIME)
_FILE = re.compile(rb"^diff --git ", re.MULTILINE)
_HELD = frozenset(
    {WorkstreamState.FAILED, WorkstreamState.QUARANTINED, WorkstreamState.AWAITING_REVIEW}
)
_PATHS = "SELECT paths FROM patches WHERE run_id = ? AND attempt_id = ? AND id = ?"
_ACTIONS: Mapping[str, str] = {
    "auto_fixable": "run_fixers",
    "needs_agent": "ask_agent",
    "needs_human": "ask_human",
    "infrastructure": "retry",
    "flaky": "stabilise_test",
}


def failed_workstreams(records: Records, run_id: str) -> tuple[str, ...]:
    """Those of a run's workstreams of which something failed or was flaky, in plan order."""
    found = {attempt.ws_id for attempt in records.attempts(run_id, state=AttemptState.FAILED)}
    flaky = records.events(run_id, types={EventType.GATE_FLAKY})
    found |= {event.ws_id for event in flaky if event.ws_id}
    return tuple(ws.ws_id for ws in records.workstreams(run_id) if ws.ws_id in found)


def write_analysis(
    layout: Layout,
    records: Records,
    run_id: str,
    ladder: Mapping[str, str],
    *,
    ws_id: str = "",
) -> None:
    """Write both files of a run, or of one of its workstreams.

    ``ladder`` gives by workstream how far its repair came; its keys are who is told of.
    """
    tasks: list[TaskAnalysis] = []
    patches: list[FixPatch] = []
    for name, state in ladder.items():
        record = records.workstream(run_id, name)
        attempts = [
            attempt
            for attempt in records.attempts(run_id, name, record.generation)
            if attempt.state in (AttemptState.SUCCEEDED, AttemptState.FAILED)
        ]
        tasks.append(analyse(record, attempts, state))
        patches += _patches(records, record, attempts)
    make_directory(layout.error_analysis(run_id, ws_id).parent)
    _write(layout.error_analysis(run_id, ws_id), {"run_id": run_id, "tasks": tasks})
    is_retry = any(task.recommended_action == "retry" for task in tasks)
    _write(
        layout.fix_patches(run_id, ws_id),
        {"run_id": run_id, "patches": patches, "retry_recommended": is_retry},
    )


def analyse(
    record: WorkstreamRecord, attempts: Sequence[StepAttempt], ladder_state: str
) -> TaskAnalysis:
    """The newest failure of a workstream, from its finished attempts, oldest first."""
    # A fixer that found nothing to repair leaves the red gate as the newest failure.
    told = [
        a
        for a in attempts
        if (a.state is AttemptState.FAILED or "classification" in a.details) and not _is_fixer(a)
    ]
    last = told[-1] if told else None
    kind = _class_of(last) if last else "flaky"
    asked = [a.tool for a in attempts if a.step is Step.FIX and not _is_fixer(a)]
    return TaskAnalysis(
        run_id=record.run_id,
        task_id=record.ws_id,
        status=record.state.value,
        error_type=_error_type(last) if last else "flaky",
        classification=kind,
        plugins_run=tuple(dict.fromkeys(_plugins(attempts))),
        issues=_issues(told),
        recommended_action=_action(record, kind, has_asked=bool(asked)),
        fix_agent=asked[-1] if asked else None,
        ladder_state=ladder_state,
        reason=record.reason or (last.reason if last else ""),
    )


def _action(record: WorkstreamRecord, kind: str, *, has_asked: bool) -> str:
    if record.state not in _HELD:
        return "stabilise_test" if kind == "flaky" else "none"
    if kind == "needs_agent" and has_asked:
        return "ask_human"
    return _ACTIONS.get(kind, "ask_human")


def _class_of(attempt: StepAttempt) -> str:
    """The class that is stored; landing stores none, and tells faults by their code."""
    is_fault = attempt.details.get("code") == "infrastructure"
    return str(
        attempt.details.get("classification", "infrastructure" if is_fault else "needs_agent")
    )


def _is_fixer(attempt: StepAttempt) -> bool:
    return bool(attempt.details.get("is_fixer"))


def _error_type(attempt: StepAttempt) -> str:
    if attempt.step in _GATES:
        result = attempt.details.get("result", attempt.state.value)
        return f"{attempt.step}_{'flaky' if result == 'passed' else result}"
    return str(attempt.details.get("code") or attempt.ending or attempt.state)


def _plugins(attempts: Iterable[StepAttempt]) -> Iterator[str]:
    for attempt in attempts:
        if attempt.step in _GATES:
            yield from attempt.details.get("checks", {})
        elif attempt.step is not Step.MERGE:
            yield attempt.tool


def _issues(failed: Sequence[StepAttempt]) -> tuple[Finding, ...]:
    """What the newest failure that reported anything reported."""
    return next((a.findings for a in reversed(failed) if a.findings), ())


def _patches(
    records: Records, record: WorkstreamRecord, attempts: Sequence[StepAttempt]
) -> Iterator[FixPatch]:
    green = {
        a.start_tree
        for a in attempts
        if a.step is Step.RUNTIME and a.state is AttemptState.SUCCEEDED
    }
    for attempt in attempts:
        if attempt.step is not Step.FIX or not attempt.patch_id:
            continue
        is_applied = attempt.state is AttemptState.SUCCEEDED
        has_secret = any(f.code == Reason.SECRET for f in attempt.findings)
        text = records.patch_text(record.run_id, attempt.patch_id)
        for path, diff in _by_file(text, _paths(records, attempt)):
            yield FixPatch(
                task_id=record.ws_id,
                attempt_id=attempt.attempt_id,
                patch_id=attempt.patch_id,
                file=path,
                diff=b"" if has_secret else diff,
                applied=is_applied,
                validated=is_applied and attempt.result_tree in green,
            )


def _paths(records: Records, attempt: StepAttempt) -> tuple[bytes, ...]:
    """The paths of an attempt's patch; a run's other patches are not read for it."""
    found = records.query(_PATHS, (attempt.run_id, attempt.attempt_id, attempt.patch_id))
    return tuple(codec.decode_bytes(path) for path in json.loads(found[0][0])) if found else ()


def _by_file(text: bytes, paths: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The parts of a patch, one for each file, in the order in which it names them.

    No line of a hunk begins as a part does, and binary data holds no space.
    """
    starts = [match.start() for match in _FILE.finditer(text)]
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    if len(parts) == len(paths):
        yield from zip(paths, parts, strict=True)
    else:
        yield from ((_named(part), part) for part in parts)


def _named(part: bytes) -> bytes:
    """The path in a part's first line, ``diff --git a/… b/…`` with the same name twice."""
    names = part.split(b"\n", 1)[0].removeprefix(b"diff --git ")
    return names[: len(names) // 2].removeprefix(b"a/")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = codec.dumps({**content, "sha256": codec.digest(content)}, indent=2) + "\n"
    write_atomic(path, text.encode("utf-8", "backslashreplace"))
