"""Out of quarantine: a patch released to a person to work on, or dropped for good.

A release never lands anything: the workstream stays as it ended, and what policy refused stays
refused. It writes the patch to a file, or commits it on top of the commit it was made for and
gives that commit a branch of its own. Only where the frozen plan has nothing against the change
(any more) does the patch's life go on, from ``quarantined`` to ``validated``, and it leaves the
quarantine; otherwise it has merely been copied and is still there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.base.files import write_atomic
from pipeline.base.git import (
    Applied,
    Identity,
    PatchRejectedError,
    RefMovedError,
    RefUpdate,
    Repository,
    Scratch,
    is_ref_name,
)
from pipeline.flow.again import judge_again, origin_commit
from pipeline.flow.answered import adjusted
from pipeline.flow.quarantine import Kept, commits_named, files_of
from pipeline.model.event import EventDraft, EventType
from pipeline.model.finding import Severity
from pipeline.model.patch import Objection, Reason
from pipeline.model.record import StepAttempt
from pipeline.model.states import PATCH_MOVES, PatchState
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.records import Records
from pipeline.store.reviews import reviews


@dataclass(frozen=True, slots=True)
class Released:
    """Where a patch went, and what the frozen plan has against it."""

    kept: Kept
    to: str
    commit: str = ""
    objections: tuple[Objection, ...] = ()

    @property
    def validates(self) -> bool:
        """Whether nothing speaks against it."""
        return not any(objection.is_blocking for objection in self.objections)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A patch on its base tree; ``applied`` is ``None`` where git does not take it."""

    applied: Applied | None
    objections: tuple[Objection, ...]


def release_to_file(ledger: Ledger, repo: Repository, kept: Kept, path: Path) -> Released:
    """Write the patch to a new file; raises ``InputError`` where there is one already."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already.", remedy="Name a file that does not exist.")
    if not path.parent.is_dir():
        raise InputError(f"There is no directory {path.parent}.", remedy="Make it first.")
    with _judged(ledger, repo, kept) as (_, judged):
        write_atomic(path, ledger.patch_text(kept.run_id, kept.patch.id))
        released = Released(kept, str(path), objections=judged.objections)
    return _recorded(ledger, released)


def release_to_branch(
    ledger: Ledger, repo: Repository, layout: Layout, kept: Kept, name: str
) -> Released:
    """Commit the patch on the commit it was made for, and give that a new branch.

    To release it to the same branch again changes nothing. Raises ``InputError`` where the name
    is taken or kept for the engine, git does not apply the patch, or a name in it is not safe to
    check out.
    """
    ref = _branch(layout, name)
    with _judged(ledger, repo, kept) as (scratch, judged):
        if judged.applied is None:
            raise InputError(
                f"Patch {kept.patch.id[:12]} does not apply: {judged.objections[0].message}",
                remedy="Release it to a file with --output.",
            )
        unsafe = [o for o in judged.objections if o.is_blocking and o.reason is Reason.UNSAFE_PATH]
        if unsafe:
            raise InputError(
                f"Patch {kept.patch.id[:12]} is not safe to check out: {unsafe[0].message}",
                remedy="Release it to a file with --output.",
            )
        scratch.promote()
        commit = _commit(ledger, repo, kept, judged.applied.tree)
        repo.objects.flush()
        try:
            repo.refs.update([RefUpdate(ref, commit, None)], message="git-pipeline: release")
        except RefMovedError:
            if repo.refs.read(ref) != commit:
                raise InputError(
                    f"There is a branch {name} already.", remedy="Name another with --branch."
                ) from None
        released = Released(kept, ref, commit, judged.objections)
    return _recorded(ledger, released)


def drop(ledger: Ledger, layout: Layout, kept: Kept) -> tuple[Path, ...]:
    """Say that a patch is not wanted, then remove its files; returns those removed.

    The text stays in the database, so that the run can still be verified.
    """
    if kept.state is not PatchState.DROPPED:
        if PatchState.DROPPED not in PATCH_MOVES[kept.state]:
            raise InputError(f"Patch {kept.patch.id[:12]} is {kept.state} and cannot be dropped.")
        ledger.record(
            EventDraft(
                EventType.PATCH_DROPPED,
                f"Patch {kept.patch.id[:12]} is dropped: nobody wants it.",
                run_id=kept.run_id,
                ws_id=kept.ws_id,
                attempt_id=kept.attempt_id,
                payload={"patch_id": kept.patch.id},
            )
        )
    removed = []
    for path in files_of(layout, kept):
        if path.is_file() and not path.is_symlink():
            path.unlink()
            removed.append(path)
    return tuple(removed)


def default_branch(kept: Kept) -> str:
    """The name of the branch that a patch is released to unless another is named."""
    return f"quarantine/{kept.ws_id}-{kept.patch.id[:12]}"


def _branch(layout: Layout, name: str) -> str:
    short = name.removeprefix("refs/heads/")
    ref = f"refs/heads/{short}"
    if not is_ref_name(ref):
        raise InputError(f"{name!r} cannot be the name of a branch.", remedy="See --help.")
    if short.split("/")[0] in (layout.ws_prefix, layout.run_prefix):
        raise InputError(
            f"Branches below {short.split('/')[0]}/ are the engine's.",
            remedy="Name another with --branch.",
        )
    return ref


@contextmanager
def _judged(records: Records, repo: Repository, kept: Kept) -> Iterator[tuple[Scratch, _Judged]]:
    """The patch on its base tree, in a scratch, and what the frozen plan has against it."""
    text = records.patch_text(kept.run_id, kept.patch.id)
    with repo.scratch() as scratch:
        try:
            applied = scratch.apply_patch(kept.patch.base_tree, text)
        except PatchRejectedError as error:
            yield scratch, _Judged(None, (Objection(Reason.FORMAT, error.what),))
            return
        made = _maker(records, kept)
        ws = records.workstream(kept.run_id, kept.ws_id)
        origin = repo.commit_tree(origin_commit(ws, made))
        plan = records.plan(kept.run_id)
        answered = [
            r for r in reviews(records, kept.run_id, kept.ws_id) if r.generation < made.generation
        ]
        bundle = adjusted(plan.workstream(kept.ws_id), answered)
        again = judge_again(
            repo,
            plan,
            bundle,
            scratch.trees.diff(origin, applied.tree),
            origin_tree=origin,
            read=scratch.read_blob,
            size=scratch.blob_size,
        )
        yield scratch, _Judged(applied, (*again, *_of_old(made, again)))


def _maker(records: Records, kept: Kept) -> StepAttempt:
    """The attempt that made the patch."""
    attempts = records.attempts(kept.run_id, kept.ws_id)
    return next(attempt for attempt in attempts if attempt.attempt_id == kept.attempt_id)


def _of_old(made: StepAttempt, again: Sequence[Objection]) -> tuple[Objection, ...]:
    """What was objected to when it was made and cannot be seen in its trees.

    A tool that changed the user's repository, say: its patch is not to be trusted afterwards.
    """
    known = {objection.message for objection in again}
    return tuple(
        Objection(Reason(finding.code), finding.message, finding.path)
        for finding in made.findings
        if finding.tool == "policy"
        and finding.severity is Severity.ERROR
        and finding.message not in known
    )


def _commit(records: Records, repo: Repository, kept: Kept, tree: str) -> str:
    """The patch as a commit; the same patch gives the same commit every time."""
    ws = records.workstream(kept.run_id, kept.ws_id)
    parent = _commit_of_tree(repo, commits_named(records, ws), kept.patch.base_tree)
    made = repo.read_commit(parent).committer
    identity = Identity("git-pipeline", "git-pipeline@localhost", made.seconds if made else 0)
    reason = " ".join(kept.reason.split())
    return repo.commit(
        tree=tree,
        parents=(parent,),
        message=f"Release {kept.ws_id} from quarantine\n\n{reason}\n\n"
        f"Pipeline-Workstream: {kept.ws_id}\nPipeline-Patch: {kept.patch.id}\n",
        author=identity,
        committer=identity,
    )


def _commit_of_tree(repo: Repository, commits: tuple[str, ...], tree: str) -> str:
    for commit in commits:
        if repo.objects.has(commit) and repo.commit_tree(commit) == tree:
            return commit
    raise InputError(
        f"The commit that the patch was made for, with the tree {tree[:12]}, is not here any more.",
        remedy="Release it to a file with --output.",
    )


def _recorded(ledger: Ledger, released: Released) -> Released:
    kept = released.kept
    where = released.to.removeprefix("refs/heads/")
    against = [o.message for o in released.objections if o.is_blocking]
    events = [
        (
            EventType.PATCH_RELEASED,
            f"Patch {kept.patch.id[:12]} was released to {where}; it does not land.",
            {"to": released.to, "commit": released.commit, "objections": against},
        )
    ]
    if released.validates and kept.is_kept:
        events.append(
            (
                EventType.PATCH_VALIDATED,
                f"Patch {kept.patch.id[:12]} is within scope and policy; it leaves the quarantine.",
                {},
            )
        )
    ledger.record(
        *(
            EventDraft(
                kind,
                message,
                run_id=kept.run_id,
                ws_id=kept.ws_id,
                attempt_id=kept.attempt_id,
                payload={"patch_id": kept.patch.id, **payload},
            )
            for kind, message, payload in events
        )
    )
    return released
