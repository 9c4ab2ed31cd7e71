"""Patches, held against the trees they name, and accepted ones against scope and policy."""

from collections.abc import Iterator

from pipeline.base.errors import PipelineError
from pipeline.base.files import sha256
from pipeline.base.git import GitError, TreeChange
from pipeline.flow.again import judge_again, origin_commit
from pipeline.flow.verify_case import Case, Tally, short
from pipeline.flow.verify_sides import bundle_at, is_known_start
from pipeline.model.event import EventType
from pipeline.model.patch import Patch
from pipeline.model.patch_ledger import PatchRecord
from pipeline.model.record import AttemptState, StepAttempt, WorkstreamRecord


def check_patches(case: Case, tally: Tally) -> None:
    """Each text has its digest, and leads from the base tree to the result tree and back."""
    attempts = {attempt.attempt_id: attempt for attempt in case.attempts}
    records = case.records.patches(case.run.run_id)
    for record in records:
        attempt = attempts.get(record.attempt_id)
        what = f"Patch {short(record.patch.id)} of {record.ws_id}"
        if tally.expect(attempt is not None, f"{what} belongs to no attempt.") and attempt:
            tally.expect(
                attempt.patch_id in ("", record.patch.id),
                f"{what} is not the one that its attempt names, {short(attempt.patch_id)}.",
            )
            _check_patch(case, tally, record, is_accepted=_is_accepted(attempt))
    known = {(record.ws_id, record.patch.id) for record in records}
    for ws in case.workstreams:
        if ws.patch_id and (ws.ws_id, ws.patch_id) in known:
            tally.count += 1
        elif ws.patch_id and not _is_taken_over(case, ws):
            tally.expect(
                False, f"{ws.ws_id} names the patch {short(ws.patch_id)}, which is not stored."
            )


def check_policy(case: Case, tally: Tally) -> None:
    """The judge, asked again about all that each accepted change came to, has no objection."""
    plan = case.plan
    if plan is None:
        tally.disagree("Without its plan, nothing can be held against scope and policy.")
        return
    objects = case.repo.objects
    for ws, attempt in _accepted(case):
        start = origin_commit(ws, attempt)
        origin = case.tree_of(start)
        bundle = bundle_at(case, attempt, start)
        if bundle is None or not origin or not is_known_start(case, ws, start):
            tally.disagree(f"{ws.ws_id} has no bundle or no start to hold it against.")
            continue
        objections = judge_again(
            case.repo,
            plan,
            bundle,
            case.witness.changes(origin, attempt.result_tree),
            origin_tree=origin,
            read=lambda oid: objects.read_kind(oid, "blob"),
            size=objects.size,
        )
        blocking = [o.message for o in objections if o.is_blocking]
        tally.expect(
            not blocking,
            f"{ws.ws_id}: what {attempt.step} attempt {attempt.number} changed would be refused: "
            f"{blocking[0] if blocking else ''}",
        )


def _check_patch(case: Case, tally: Tally, record: PatchRecord, *, is_accepted: bool) -> None:
    patch = record.patch
    what = f"Patch {short(patch.id)} of {record.ws_id}"
    try:
        text = case.records.patch_text(case.run.run_id, patch.id)
    except PipelineError as error:
        tally.expect(False, f"The text of {what[0].lower()}{what[1:]} is not sound: {error.what}")
        return
    tally.expect(sha256(text) == patch.id, f"{what} does not have the digest that is its id.")
    tally.expect(len(text) == patch.size, f"{what} has {len(text)} bytes, not {patch.size}.")
    for flag in ("format_ok", "scope_ok", "constraints_ok") if is_accepted else ():
        tally.expect(
            getattr(patch, flag) is True, f"{what} was accepted, but its flag {flag} is not set."
        )
    try:
        result = case.witness.tree_after(patch.base_tree, text)
    except GitError as error:
        if is_accepted:
            tally.expect(False, f"{what} does not apply to {short(patch.base_tree)}: {error.what}")
        else:
            case.notes.append(f"{what} was refused, and git does not apply it either.")
        return
    if tally.expect(
        result == patch.result_tree,
        f"{what} makes the tree {short(result)}, not the recorded {short(patch.result_tree)}.",
    ):
        _check_difference(case, tally, patch, text, what)


def _check_difference(case: Case, tally: Tally, patch: Patch, text: bytes, what: str) -> None:
    """The two trees give back the text, the paths and the numbers that are recorded."""
    base, result = patch.base_tree, patch.result_tree
    tally.expect(
        case.witness.diff(base, result) == text,
        f"{what} is not the difference of its trees {short(base)} and {short(result)}.",
    )
    changes: tuple[TreeChange, ...] = case.witness.changes(base, result)
    tally.expect(
        tuple(change.path for change in changes) == tuple(sorted(patch.paths)),
        f"{what} changes other paths than are recorded.",
    )
    counted = case.witness.line_counts(base, result)
    tally.expect(
        counted == (patch.added, patch.removed),
        f"{what} adds {counted[0]} lines and removes {counted[1]}; "
        f"recorded are {patch.added} and {patch.removed}.",
    )


def _accepted(case: Case) -> Iterator[tuple[WorkstreamRecord, StepAttempt]]:
    by_id = {ws.ws_id: ws for ws in case.workstreams}
    for attempt in case.attempts:
        if _is_accepted(attempt) and attempt.ws_id in by_id:
            yield by_id[attempt.ws_id], attempt


def _is_accepted(attempt: StepAttempt) -> bool:
    return attempt.state is AttemptState.SUCCEEDED and "commit" in attempt.details


def _is_taken_over(case: Case, ws: WorkstreamRecord) -> bool:
    """Whether a workstream began with work of another run, where its patches are stored."""
    created = [
        event
        for event in case.events
        if event.type is EventType.WORKSTREAM_CREATED and event.ws_id == ws.ws_id
    ]
    if not case.run.taken_from or not created or created[0].payload.get("state") != "checked":
        return False
    case.notes.append(
        f"The work of {ws.ws_id} was taken over; its patches are verified with "
        f"`pipeline verify {case.run.taken_from}`."
    )
    return True
