"""Pushes a run's branches by compare-and-swap; what others put there is never overwritten."""

from collections.abc import Mapping, Set

from pipeline.base.git import Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.base.git.remotes import RefOutcome, RefUpdate, RemoteError
from pipeline.flow.publishing_told import Told
from pipeline.land.github.history import ENGINE, is_made_by_engine
from pipeline.land.github.sent import Sent
from pipeline.model.config import Config
from pipeline.model.publication import PublicationKind
from pipeline.model.publishing import Outcome
from pipeline.report.github.view import RunView
from pipeline.store.records import Records

DELETED = "deleted"
_BRANCH = PublicationKind.BRANCH


def push_branches(
    repo: Repository, records: Records, config: Config, view: RunView, told: Told
) -> frozenset[str]:
    """Push every branch that a run has something on; returns the full names that are there.

    A branch moves from the value that was last published, or from one that an engine once gave
    it, or forward: anything else there is somebody's, and is left alone and told.
    """
    remote, ours = config.publish.remote, {ENGINE, config.run.author_email}
    wanted = branches_of(view)
    owners = {ws.record.branch: ws.id for ws in view.workstreams}
    is_seen = True
    try:
        found = repo.remotes.refs(remote, *wanted) if wanted else {}
    except RemoteError as error:
        if not told.hub.is_dry:
            _fail_all(told, wanted, owners, str(error))
            return frozenset()
        told.degrade(f"The remote cannot be looked at, so it is taken for empty: {error.what}")
        found = {}
        is_seen = False
    updates, there = [], set()
    for ref, commit in wanted.items():
        ws_id, name, now = owners.get(ref, ""), _short(ref), found.get(ref, "")
        if now == commit:
            there.add(ref)
            told.add(_BRANCH, name, _sent(Outcome.UNCHANGED), ws_id=ws_id, commit=commit)
        elif not now and is_seen and _was_pushed(told, name, ws_id, commit):
            reason = "Somebody deleted it; nothing new is on it."
            left = Sent(Outcome.LEFT_ALONE, state=DELETED, reason=reason)
            told.add(_BRANCH, name, left, ws_id=ws_id, commit=commit)
        elif now and not (
            (now in _known(records, told, ref, ws_id) and not _is_persons(repo, now, ours))
            or is_ancestor(repo, now, commit)
            or is_made_by_engine(told.hub, view.run.base_commit, now)
        ):
            reason = (
                f"Somebody put {now[:12]} on {name}, which is left as it is. If a run elsewhere "
                "did, `pipeline sync --rebuild` makes it known; else rename the workstream, or the "
                "branch there."
            )
            told.fail(_BRANCH, name, reason, ws_id=ws_id, commit=commit)
        else:
            updates.append(RefUpdate(ref, commit, now))
    return frozenset(there | _push(repo, remote, updates, owners, told))


def _was_pushed(told: Told, name: str, ws_id: str, commit: str) -> bool:
    """Whether this very commit was on GitHub: after a merge, branches are often deleted."""
    stored = told.stored(_BRANCH, ws_id, name)
    return stored is not None and stored.commit == commit


def is_deleted(told: Told, name: str, ws_id: str) -> bool:
    """Whether a branch is left as somebody deleted it; what belongs to it is over, too."""
    stored = told.stored(_BRANCH, ws_id, name)
    return stored is not None and stored.state == DELETED


def branches_of(view: RunView) -> Mapping[str, str]:
    """The branches (full names) that are worth pushing, with their commits."""
    wanted = {ws.record.branch: ws.record.commit for ws in view.workstreams if ws.has_commit}
    run = view.run
    if run.integration_branch and run.integration_commit not in ("", run.base_commit):
        wanted[run.integration_branch] = run.integration_commit
    return wanted


def _push(
    repo: Repository,
    remote: str,
    updates: list[RefUpdate],
    owners: Mapping[str, str],
    told: Told,
) -> set[str]:
    if told.hub.is_dry:
        for update in updates:
            told.hub.tell(f"PUSH {remote} {update.new}:{update.ref} (now {update.expected or '-'})")
        outcomes: tuple[RefOutcome, ...] = tuple(RefOutcome(one.ref, "ok") for one in updates)
    else:
        try:
            # One branch that is refused is no reason to hold back the others.
            outcomes = repo.remotes.push(remote, updates, is_atomic=False)
        except RemoteError as error:
            _fail_all(told, {one.ref: one.new for one in updates}, owners, str(error))
            return set()
    there = set()
    for update, outcome in zip(updates, outcomes, strict=True):
        ws_id, name = owners.get(update.ref, ""), _short(update.ref)
        if outcome.is_there:
            there.add(update.ref)
            came = Outcome.UPDATED if update.expected else Outcome.CREATED
            told.add(_BRANCH, name, _sent(came), ws_id=ws_id, commit=update.new)
        else:
            reason = f"The push of {name} was not taken ({outcome.state}): {outcome.reason}"
            told.fail(_BRANCH, name, reason, ws_id=ws_id, commit=update.new)
    return there


def _known(records: Records, told: Told, ref: str, ws_id: str) -> frozenset[str]:
    """What the engine itself put on a branch, here or on GitHub."""
    stored = told.stored(_BRANCH, ws_id, _short(ref))
    return records.branch_values(ref) | {stored.commit if stored else ""}


def _is_persons(repo: Repository, commit: str, ours: Set[str]) -> bool:
    """Whether a commit can be seen not to be an engine's: records may come from anywhere."""
    if not repo.objects.has(commit):
        return False
    found = repo.read_commit(commit)
    return any(who is None or who.email not in ours for who in (found.author, found.committer))


def _fail_all(
    told: Told, wanted: Mapping[str, str], owners: Mapping[str, str], reason: str
) -> None:
    for ref, commit in wanted.items():
        told.fail(_BRANCH, _short(ref), reason, ws_id=owners.get(ref, ""), commit=commit)


def _sent(outcome: Outcome) -> Sent:
    return Sent(outcome, state="pushed")


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")
