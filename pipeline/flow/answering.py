"""Answering a review: what an answer may say, and what it leads to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.base import clock
from pipeline.base.errors import InputError
from pipeline.flow.answered import adjusted
from pipeline.flow.context import RunContext
from pipeline.model.check import Check
from pipeline.model.codec import DecodeError, decode, encode
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.plan import Plan
from pipeline.model.record import WorkstreamRecord
from pipeline.model.review import Answer, Option, Overlay, Review, ReviewKind
from pipeline.model.workstream import Workstream
from pipeline.planning.bundle_rules import check_bundle
from pipeline.planning.plan_rules import check_plan
from pipeline.planning.problem import PlanError, Problem, errors_of, json_path
from pipeline.store.errors import StaleStateError
from pipeline.store.inbox import Request
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records
from pipeline.store.reviews import answer_review, review, reviews

_SHORTEST_PREFIX = 4
REQUEST = "answer_review"
"""The kind of request that carries an answer to whoever holds the repository."""


def find_review(records: Records, name: str, run_id: str | None = None) -> Review:
    """The review that ``name`` means: a workstream's, or one whose id begins so.

    An open one comes before what was answered, a newer one before an older. Raises
    ``InputError``.
    """
    wanted = name.strip()
    is_long = len(wanted) >= _SHORTEST_PREFIX
    found = [
        one
        for one in reviews(records, run_id)
        if one.ws_id == wanted or (is_long and one.review_id.startswith(wanted.lower()))
    ]
    still = [one for one in found if one.is_open]
    if len(still) > 1:
        ids = " or ".join(one.review_id for one in still)
        raise InputError(f"More than one open review goes by {wanted!r}.", remedy=f"Say {ids}.")
    if not found:
        remedy = "`pipeline review list --all` shows what there is."
        raise InputError(f"There is no review {wanted!r} here.", remedy=remedy)
    return (still or found)[-1]


def acceptance_checks(commands: Sequence[str]) -> tuple[Check, ...]:
    """Commands of a person as checks, run by the shell."""
    return tuple(Check(f"review: {command}", command) for command in commands)


def require_possible(records: Records, asked: Review, answer: Answer, top: Path) -> None:
    """Raise ``InputError`` where a review cannot be answered like this.

    What an adjustment makes of the bundle is held to the same rules as bundles in files, with
    all others of the plan.
    """
    if not asked.is_open:
        raise InputError(
            f"The review of {asked.ws_id} was answered already: {asked.state.value}.",
            remedy="`pipeline review list` shows what is open.",
        )
    if answer.option not in asked.options:
        words = " or ".join(option.value for option in asked.options)
        raise InputError(
            f"There is nothing of {asked.ws_id} to {answer.option.value}: {asked.summary}",
            remedy=f"Answer with {words}.",
        )
    if answer.option is Option.ADJUST:
        _require_something_new(asked, answer)
        plan = records.plan(asked.run_id)
        before = _bundles(records, plan, asked.run_id)
        after = tuple(answer.overlay.over(ws) if ws.id == asked.ws_id else ws for ws in before)
        known = set(_problems(before, plan, asked.ws_id, top))
        found = [p for p in _problems(after, plan, asked.ws_id, top) if p not in known]
        if errors_of(found):
            raise PlanError(found)


def _require_something_new(asked: Review, answer: Answer) -> None:
    """An adjustment that adds nothing would use the question up; after a budget, time is enough."""
    if answer.overlay == Overlay() and not answer.message and asked.kind is not ReviewKind.BUDGET:
        raise InputError(
            f"Nothing was given that {asked.ws_id} should do otherwise.",
            remedy="Add --advice, --task, --add-scope, --add-create or --acceptance "
            "(see `pipeline review adjust --help`).",
        )


def give_answer(ledger: Ledger, asked: Review, answer: Answer) -> WorkstreamRecord:
    """Store an answer with the move that it leads to; raises ``StaleStateError`` if too late."""
    record = ledger.workstream(asked.run_id, asked.ws_id)
    changes: dict[str, object] = {"reason": "", "reason_code": ""}
    events: tuple[EventDraft, ...] = ()
    if answer.option is Option.ADJUST:
        changes["returns"] = 0
    if answer.option is Option.REJECT:
        reason = answer.message or f"a person rejected it: {asked.summary}"
        changes = {"reason": reason, "reason_code": "rejected"}
        events = _kept(record, reason)
    return answer_review(ledger, asked, answer, at=clock.now(), changes=changes, events=events)


def as_request(asked: Review, answer: Answer) -> Request:
    """An answer for whoever holds the repository."""
    arguments = {"review_id": asked.review_id, "answer": encode(answer)}
    return Request(REQUEST, asked.run_id, arguments)


def hear(context: RunContext, request: Request) -> None:
    """Take up an answer that came while the run is live; one that does not fit is counted."""
    ledger = context.ledger
    try:
        answer = decode(Answer, request.arguments.get("answer"))
        asked = review(ledger, str(request.arguments.get("review_id")))
        require_possible(ledger, asked, answer, context.repo.top or Path())
        give_answer(ledger, asked, answer)
    except (DecodeError, InputError, StaleStateError) as error:
        arguments = {"request": request.id}
        signature = f"review::{type(error).__name__}"
        ledger.record_error("review", signature, str(error), arguments, run_id=context.run_id)
        return
    if asked.run_id == context.run_id:
        context.answered.hear(review(ledger, asked.review_id))


def _kept(record: WorkstreamRecord, reason: str) -> tuple[EventDraft, ...]:
    if not record.patch_id:
        return ()
    return (
        EventDraft(
            EventType.PATCH_QUARANTINED,
            f"Patch {record.patch_id[:12]} is kept in quarantine: {reason}",
            level=Level.WARNING,
            payload={"patch_id": record.patch_id, "reason": reason},
        ),
    )


def _bundles(records: Records, plan: Plan, run_id: str) -> tuple[Workstream, ...]:
    """All bundles of a run as they are now, with what was added to them."""
    answered = reviews(records, run_id)
    return tuple(adjusted(ws, [r for r in answered if r.ws_id == ws.id]) for ws in plan.workstreams)


def _problems(
    bundles: tuple[Workstream, ...], plan: Plan, ws_id: str, top: Path
) -> Iterator[Problem]:
    """What is wrong with one bundle, and between all; places are those within the answer."""
    for ws in bundles:
        if ws.id == ws_id:
            for place, what, right in check_bundle(ws, plan.config, str(top.resolve())):
                yield Problem(ws.source or ws.id, json_path(place), what, right)
    for problem in check_plan(bundles, plan.config):
        yield replace(problem, line=None)
