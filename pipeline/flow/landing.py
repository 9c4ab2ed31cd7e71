"""Landing: fold checked workstreams into the integration branch, in plan order.

A ref moves only to a tree whose gates are green. Nothing is recorded about a landing before its
ref moved but the state ``merging`` and what was decided about a batch: whether it happened is
seen by looking at the branch, whose merge commits name the work they landed as their second parent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.base.git import Conflict, ConflictKind
from pipeline.check.collisions import collisions
from pipeline.flow.batches import Batches, Decision, RedTree
from pipeline.flow.checking import merged_gate, run, told_of
from pipeline.flow.conflicts import held_to
from pipeline.flow.context import RunContext
from pipeline.flow.landed import landed_work
from pipeline.flow.not_landing import Refusal, conflicting, refuse, turning_red
from pipeline.flow.review import ask_review
from pipeline.flow.risk import why_risky
from pipeline.flow.starting import work_of
from pipeline.land.batch import settle
from pipeline.land.merge import (
    Integration,
    landing_commit,
    merge_work,
)
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.review import Answer, ReviewKind
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import Result, Verdict


@dataclass(frozen=True, slots=True)
class Link:
    """One workstream of a chain of merges: the integration branch after it, and its verdict."""

    record: WorkstreamRecord
    before: Integration
    after: Integration
    verdicts: dict[str, Verdict] = field(default_factory=dict, compare=False)

    @property
    def is_own_tree(self) -> bool:
        """Whether the merge gave the workstream's own tree, whose verdicts hold."""
        return self.after.tree == self.record.tree


class _CannotTellError(Exception):
    """A gate could not run, so its answer is no evidence for a search."""


class Lander:
    """Lands workstreams of one run; used by one thread."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._ref = context.layout.run_ref(context.run_id)
        self._branch = context.layout.run_branch(context.run_id)
        base = context.plan.base_commit
        tip = context.branches.value(self._ref) or base
        self._tip = Integration(tip, context.repo.commit_tree(tip))
        self._landed = landed_work(context, base, tip)
        self._batches = Batches(context)

    @property
    def batch_limit(self) -> int:
        """How many workstreams the next call wants at once."""
        return self._batches.size

    def land(self, records: Sequence[WorkstreamRecord]) -> tuple[WorkstreamRecord, ...]:
        """Decide about checked workstreams, given in plan order; returns those that moved.

        It stops early where the scheduler has to see first what became of some: dependents of
        what did not land are blocked, what is sent back lands before those behind it, and who
        comes into the next batch depends on who is through.
        """
        found = [record for record in records if record.commit in self._landed]
        if found:
            return tuple(map(self._confirm, found))
        asked = self._ask_about_risk(records)
        if asked:
            return asked
        decision = self._batches.take_open()
        if decision is not None:
            return self._take_up(decision, records)
        moved: list[WorkstreamRecord] = []
        waiting = list(records)
        while waiting:
            self._context.stop_if_cancelled()
            chain, conflicts = self._chain(self._together(waiting))
            decided = self._settle(chain) if chain else (self._conflict(waiting[0], conflicts),)
            moved += decided
            gone = {record.ws_id for record in decided}
            waiting = [record for record in waiting if record.ws_id not in gone]
            if any(record.state is not WorkstreamState.DONE for record in decided):
                break
        return tuple(moved)

    def _together(self, waiting: Sequence[WorkstreamRecord]) -> Sequence[WorkstreamRecord]:
        """What is merged and gated next; what a person approved is gated by itself."""
        approved = [self._context.answered.approval(record) is not None for record in waiting]
        if approved[0]:
            return waiting[:1]
        size = min(self._batches.size, approved.index(True) if True in approved else len(waiting))
        return waiting[:size]

    def _ask_about_risk(self, records: Sequence[WorkstreamRecord]) -> tuple[WorkstreamRecord, ...]:
        """Ask a person about what is too risky to land unseen, where that is configured."""
        asked = []
        for record in records:
            why = why_risky(self._context, record)
            if why:  # also where an engine died between the two moves
                merging = self._begin(Link(record, self._tip, self._tip)).record
                asked.append(ask_review(self._context, merging, ReviewKind.RISK, why))
        return tuple(asked)

    def _take_up(
        self, decision: Decision, records: Sequence[WorkstreamRecord]
    ) -> tuple[WorkstreamRecord, ...]:
        """Do what an engine that died had decided about a batch and not done."""
        chain, _ = self._chain([r for r in records if r.ws_id in decision.landed])
        culprit = next((r for r in records if r.ws_id == decision.culprit), None)
        return self._carry_out(chain, culprit, decision.red)

    def _chain(
        self, waiting: Sequence[WorkstreamRecord]
    ) -> tuple[list[Link], tuple[Conflict, ...]]:
        """Merge one after the other, up to the first conflict; that one is decided on its own."""
        chain: list[Link] = []
        tip = self._tip
        for record in waiting:
            work = work_of(self._context, record.ws_id, record.start_commit, record.commit)
            candidate = merge_work(self._context.repo, tip, work)
            conflicts = candidate.conflicts or self._twins(tip, candidate.tree)
            if conflicts:
                return chain, () if chain else conflicts
            commit = landing_commit(
                self._context.repo,
                tip,
                work,
                candidate.tree,
                title=self._context.workstream(record.ws_id).title,
                identity=self._context.author(),
                trailers=_trailers(self._context.answered.approval(record)),
            )
            after = Integration(commit, candidate.tree)
            chain.append(Link(record, tip, after))
            tip = after
        return chain, ()

    def _twins(self, tip: Integration, tree: str) -> tuple[Conflict, ...]:
        """Names that each workstream may make, but that together are one on some file systems."""
        if self._context.config.policy.allow_unsafe_names:
            return ()
        trees = self._context.repo.trees
        changes = {change.path: change for change in trees.diff(tip.tree, tree)}
        twins = collisions(tuple(changes.values()), lambda folder: trees.names(tip.tree, folder))
        return tuple(
            Conflict(path, ConflictKind.NAME, None, None, changes[path].after)
            for path in sorted(twins)
        )

    def _settle(self, chain: list[Link]) -> tuple[WorkstreamRecord, ...]:
        """Gate a chain; land its green part and decide about the first that turned it red."""
        try:
            batch = settle([(ln, ln) for ln in chain], lambda link: self._is_green(chain, link))
        except _CannotTellError:
            # A gate that could not run says nothing about any of them: ask about the first only.
            if len(chain) > 1:
                return self._settle(chain[:1])
            return (self._red(chain[0].record, RedTree.of(*chain[0].verdicts.values())),)
        culprit = batch.culprit.record if batch.culprit else None
        red = RedTree.of(*batch.culprit.verdicts.values()) if batch.culprit else None
        green = [link for link, _ in batch.landed]
        self._batches.decide([link.record.ws_id for link in green], culprit, red)
        return self._carry_out(green, culprit, red)

    def _carry_out(
        self, green: Sequence[Link], culprit: WorkstreamRecord | None, red: RedTree | None
    ) -> tuple[WorkstreamRecord, ...]:
        """Land the green part of a batch, then refuse who turned it red."""
        moved = [self._finish(link) for link in self._advance(green)]
        if culprit is not None and red is not None:
            moved.append(self._red(culprit, red))
        return tuple(moved)

    def _is_green(self, chain: Sequence[Link], link: Link) -> bool:
        position = chain.index(link)
        approval = self._context.answered.approval(link.record)
        if position == 0 and link.is_own_tree and approval is None:
            return True
        gate = merged_gate(
            self._context, [held_to(self._context, ln.record) for ln in chain[: position + 1]]
        )
        verdict = run(self._context, gate, link.record, link.after.tree, link.after.commit)
        link.verdicts[gate.name] = verdict
        if approval is not None and approval.waives_gates:
            return True
        if verdict.result not in (Result.PASSED, Result.FAILED):
            raise _CannotTellError
        return verdict.is_green

    def _advance(self, links: Sequence[Link]) -> list[Link]:
        """Move the integration branch over the links, in one step."""
        if not links:
            return []
        merging = [self._begin(link) for link in links]
        self._tip = links[-1].after
        self._context.branches.move(self._ref, self._branch, self._tip.commit)
        return merging

    def _begin(self, link: Link) -> Link:
        record = link.record
        if record.state is WorkstreamState.CHECKED:
            record = self._context.ledger.move(
                self._context.run_id,
                record.ws_id,
                WorkstreamState.CHECKED,
                WorkstreamState.MERGING,
                f"{record.ws_id} lands on {link.before.commit[:12]}.",
                payload={"onto": link.before.commit},
                events=(
                    EventDraft(
                        EventType.MERGE_STARTED,
                        f"{record.ws_id} is merged.",
                        Level.DEBUG,
                        step=Step.MERGE,
                        payload={"onto": link.before.commit, "commit": record.commit},
                    ),
                ),
            )
        return Link(record, link.before, link.after, link.verdicts)

    def _finish(self, link: Link) -> WorkstreamRecord:
        how = "the merged tree is green" if link.verdicts else "gated together with those behind it"
        is_red = any(not verdict.is_green for verdict in link.verdicts.values())
        if is_red:
            how = "a person waived its gates, which are not green"
        elif link.is_own_tree:
            how = "its own verdicts hold"
        said = "not green, and landed all the same" if is_red else "green"
        told = [
            told_of(verdict, Step.MERGE, "", f"{link.record.ws_id}: the merged tree is {said}.")
            for verdict in link.verdicts.values()
        ]
        return self._done(link.record, link.after.commit, how, told)

    def _confirm(self, record: WorkstreamRecord) -> WorkstreamRecord:
        """What was found on the branch has landed: say so."""
        return self._done(record, self._landed[record.commit], "found on the branch")

    def _done(
        self, record: WorkstreamRecord, commit: str, how: str, told: Sequence[EventDraft] = ()
    ) -> WorkstreamRecord:
        ledger, run_id = self._context.ledger, self._context.run_id
        approval = self._context.answered.approval(record)
        merged = EventDraft(
            EventType.MERGED,
            f"{record.ws_id} landed as {commit[:12]}; {how}.",
            step=Step.MERGE,
            payload={
                "commit": commit,
                "how": how,
                "gates_waived_by": approval.by if approval and approval.waives_gates else None,
            },
        )
        committed = EventDraft(
            EventType.PATCH_COMMITTED,
            f"Patch {record.patch_id[:12]} is on the integration branch.",
            Level.DEBUG,
            step=Step.MERGE,
            payload={"patch_id": record.patch_id},
        )
        return ledger.move(
            run_id,
            record.ws_id,
            WorkstreamState.MERGING,
            WorkstreamState.DONE,
            f"{record.ws_id} landed.",
            changes={"landing_commit": commit, **_as_checked(record)},
            events=(*told, merged, *((committed,) if record.patch_id else ())),
        )

    def _conflict(
        self, record: WorkstreamRecord, conflicts: tuple[Conflict, ...]
    ) -> WorkstreamRecord:
        return self._refuse(record, conflicting(self._context, record, self._tip, conflicts))

    def _red(self, record: WorkstreamRecord, red: RedTree) -> WorkstreamRecord:
        return self._refuse(record, turning_red(record, red))

    def _refuse(self, record: WorkstreamRecord, refusal: Refusal) -> WorkstreamRecord:
        if record.state is WorkstreamState.CHECKED:
            record = self._begin(Link(record, self._tip, self._tip)).record
        return refuse(self._context, record, refusal, self._tip)


def _trailers(approval: Answer | None) -> dict[str, str]:
    """What a landing commit says of a person's part in it."""
    if approval is None:
        return {}
    who = approval.by or "a person"
    waived = {"Pipeline-Gates-Waived-By": who} if approval.waives_gates else {}
    return {"Pipeline-Approved-By": who, **waived}


def _as_checked(record: WorkstreamRecord) -> dict[str, str]:
    """What landed by a person's word alone is what its dependents start from."""
    if record.checked_commit:
        return {}
    return {"checked_commit": record.commit, "checked_start": record.start_commit}
