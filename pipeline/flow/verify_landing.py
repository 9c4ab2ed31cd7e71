"""Commits and landings, held against git's own history and git's own merges."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pipeline.base.git.witness import CommitFacts
from pipeline.flow.verify_case import Case, Tally, commit_of, short
from pipeline.flow.verify_verdicts import Greens
from pipeline.model.event import EventType
from pipeline.model.record import WorkstreamRecord
from pipeline.model.states import WorkstreamState

_BEYOND = 50  # how many commits more than landings are looked at


def check_commits(case: Case, tally: Tally) -> None:
    """Every commit that the records name is there, with its tree, and descends from its start."""
    base = case.run.base_commit
    if not tally.expect(base in case.commits, f"The base commit {short(base)} is missing."):
        return
    for ws in case.workstreams:
        _check_workstream(case, tally, ws)
    for attempt in case.attempts:
        commit = commit_of(attempt)
        if commit:
            what = f"{attempt.ws_id}: the commit {short(commit)} of attempt {attempt.number}"
            if tally.expect(commit in case.commits, f"{what} is missing."):
                tally.expect(
                    case.tree_of(commit) == attempt.result_tree,
                    f"{what} has the tree {short(case.tree_of(commit))}, not the recorded "
                    f"{short(attempt.result_tree)}.",
                )


def check_objects(case: Case, tally: Tally) -> None:
    """Git computes the id of every object that is new since the base."""
    named = {ws.commit for ws in case.workstreams} | {ws.checked_commit for ws in case.workstreams}
    named |= {case.run.integration_commit, *(commit_of(a) for a in case.attempts)}
    tips = sorted((named & case.commits.keys()) - {case.run.base_commit})
    count, unsound = case.witness.unsound_objects(case.run.base_commit, tips)
    tally.count += count
    for oid in unsound:
        tally.disagree(f"The object {oid} does not hold what its id says.")


def check_landing(case: Case, tally: Tally) -> None:
    """The integration branch: done workstreams and no others, in plan order, merged as git does."""
    done = [ws for ws in case.workstreams if ws.state is WorkstreamState.DONE]
    base, tip = case.run.base_commit, _tip(case, done)
    if base not in case.commits or (tip != base and tip not in case.commits):
        tally.expect(False, f"The integration commit {short(tip)} or its base is missing.")
        return
    links = case.witness.first_parents(base, tip, len(done) + _BEYOND) if tip != base else ()
    by_commit = {ws.commit: ws for ws in done}
    before = case.witness.commits([base])[base]
    landed: list[WorkstreamRecord] = []
    greens = Greens.of(case)
    for link in links:
        ws = _check_link(tally, link, before, by_commit)
        if ws is not None:
            _check_merge(case, tally, ws, link, before)
            _check_record(case, tally, ws, link)
            landed.append(ws)
        before = link
    _check_order(case, tally, done, landed)
    greens.check(case, tally, [(ws, _link_of(ws, links)) for ws in landed])


def _check_workstream(case: Case, tally: Tally, ws: WorkstreamRecord) -> None:
    base = case.run.base_commit
    for word, commit in (
        ("start commit", ws.start_commit),
        ("commit", ws.commit),
        ("checked start", ws.checked_start),
        ("checked commit", ws.checked_commit),
        ("landing commit", ws.landing_commit),
    ):
        if commit:
            tally.expect(
                commit in case.commits, f"{ws.ws_id}: its {word} {short(commit)} is missing."
            )
    if ws.commit in case.commits:
        tree = case.tree_of(ws.commit)
        tally.expect(
            tree == ws.tree,
            f"{ws.ws_id}: its commit {short(ws.commit)} has the tree {short(tree)}, not the "
            f"recorded {short(ws.tree)}.",
        )
    for older, newer in (
        (base, ws.start_commit),
        (ws.start_commit, ws.commit),
        (base, ws.checked_start),
        (ws.checked_start, ws.checked_commit),
    ):
        if older in case.commits and newer in case.commits:
            tally.expect(
                case.witness.is_ancestor(older, newer),
                f"{ws.ws_id}: {short(newer)} does not descend from {short(older)}.",
            )


def _tip(case: Case, done: Sequence[WorkstreamRecord]) -> str:
    """The last integration commit that the records name."""
    if case.has_ended and case.run.integration_commit:
        return case.run.integration_commit
    landings = [ws.landing_commit for ws in done if ws.landing_commit]
    return landings[-1] if landings else case.run.base_commit


def _check_link(
    tally: Tally,
    link: CommitFacts,
    before: CommitFacts,
    by_commit: Mapping[str, WorkstreamRecord],
) -> WorkstreamRecord | None:
    what = f"The integration commit {short(link.oid)}"
    tally.expect(link.parents[:1] == (before.oid,), f"{what} does not follow {short(before.oid)}.")
    if not tally.expect(
        len(link.parents) == 2, f"{what} is no merge: somebody put it there, it lands nothing."
    ):
        return None
    ws = by_commit.get(link.parents[1])
    tally.expect(
        ws is not None,
        f"{what} merges {short(link.parents[1])}, which is the work of no workstream that is done.",
    )
    return ws


def _check_merge(
    case: Case, tally: Tally, ws: WorkstreamRecord, link: CommitFacts, before: CommitFacts
) -> None:
    start, own = case.tree_of(ws.start_commit), case.tree_of(ws.commit)
    if not start or not own:
        return
    merged = case.witness.merged_tree(start, before.tree, own)
    tally.expect(
        merged == link.tree,
        f"{ws.ws_id} landed as the tree {short(link.tree)}, but git merges it to "
        f"{short(merged) if merged else 'a conflict'}.",
    )


def _check_record(case: Case, tally: Tally, ws: WorkstreamRecord, link: CommitFacts) -> None:
    tally.expect(
        ws.landing_commit == link.oid,
        f"{ws.ws_id} is recorded as landed by {short(ws.landing_commit)}, the branch holds it in "
        f"{short(link.oid)}.",
    )
    told = [
        event.payload.get("commit")
        for event in case.events
        if event.type is EventType.MERGED and event.ws_id == ws.ws_id
    ]
    tally.expect(
        link.oid in told, f"{ws.ws_id}: no event tells of its landing as {short(link.oid)}."
    )


def _check_order(
    case: Case, tally: Tally, done: Sequence[WorkstreamRecord], landed: Sequence[WorkstreamRecord]
) -> None:
    # What waited for a person, or for such, is appended.
    for one, two in pairwise([ws for ws in landed if ws.ws_id not in case.late]):
        tally.expect(
            one.seq < two.seq,
            f"{two.ws_id} landed after {one.ws_id}, but comes before it in the plan.",
        )
    names = [ws.ws_id for ws in landed]
    for ws in done:
        tally.expect(
            names.count(ws.ws_id) == 1,
            f"{ws.ws_id} is done, but is on the integration branch {names.count(ws.ws_id)} times.",
        )


def _link_of(ws: WorkstreamRecord, links: Sequence[CommitFacts]) -> CommitFacts:
    return next(link for link in links if link.parents[1:] == (ws.commit,))
