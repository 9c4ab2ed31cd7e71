"""The refs of a run: the authority that only the engine moves, and the branches people see."""

import threading
from collections import defaultdict

from pipeline.base.git import RefMovedError, RefUpdate, RefUpdateError, Repository
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.ledger import Ledger


class Branches:
    """Moves a run's refs by compare-and-swap from the engine's last value.

    A visible branch that somebody else moved, or that some worktree has checked out, or whose
    name is locked or taken, is left alone and reported once; the authority under
    ``refs/pipeline/`` always moves.
    """

    def __init__(self, repo: Repository, layout: Layout, ledger: Ledger, run_id: str) -> None:
        self._repo = repo
        self._layout = layout
        self._ledger = ledger
        self._run_id = run_id
        self._lock = threading.Lock()
        self._foreign: set[str] = set()
        self._values = repo.refs.list(
            "refs/pipeline",
            f"refs/heads/{layout.ws_prefix}",
            f"refs/heads/{layout.run_prefix}",
        )
        self._made: defaultdict[str, set[str]] = defaultdict(set)
        for name, oid in self._values.items():
            if name.startswith(f"{REF_ROOT}/"):
                self._made[_subject(name)].add(oid)

    def value(self, name: str) -> str | None:
        """Where a ref of ours was last seen."""
        return self._values.get(name)

    def move(self, authority: str, branch: str, commit: str, *, ws_id: str | None = None) -> None:
        """Move an authority ref, and its visible branch where that is still ours."""
        with self._lock:
            updates = [RefUpdate(authority, commit, self._values.get(authority))]
            if branch and self._is_ours(branch, authority, ws_id):
                updates.append(RefUpdate(branch, commit, self._values.get(branch)))
            try:
                self._repo.refs.update(updates, message="git-pipeline")
            except RefUpdateError as error:
                if len(updates) == 1 or getattr(error, "name", branch) != branch:
                    raise
                # Alone, the authority tells whether the branch was what stood in the way.
                updates = updates[:1]
                self._repo.refs.update(updates, message="git-pipeline")
                self._leave_alone(branch, ws_id, _why(error))
            self._values.update({update.name: commit for update in updates})
            self._made[_subject(authority)].add(commit)

    def _is_ours(self, branch: str, authority: str, ws_id: str | None) -> bool:
        if branch in self._foreign:
            return False
        current = self._values.get(branch)
        if current is None:
            return True
        # Both move in one transaction, before the ledger says so: what an engine that died in
        # between had made is seen by its authority, also where another run comes next.
        is_made = current in self._made[_subject(authority)]
        if not is_made and current not in self._ledger.branch_values(branch):
            self._leave_alone(branch, ws_id, "it holds commits that are not the engine's")
            return False
        if branch in self._repo.held_branches():
            self._leave_alone(branch, ws_id, "a worktree has it checked out")
            return False
        return True

    def _leave_alone(self, branch: str, ws_id: str | None, why: str) -> None:
        self._foreign.add(branch)
        self._ledger.record(
            EventDraft(
                EventType.BRANCH_LEFT_ALONE,
                f"{branch.removeprefix('refs/heads/')} is left where it is: {why}.",
                level=Level.WARNING,
                run_id=self._run_id,
                ws_id=ws_id,
                payload={"branch": branch, "why": why},
            )
        )


def _why(error: RefUpdateError) -> str:
    if isinstance(error, RefMovedError):
        return "somebody moved it"
    return error.what.strip().splitlines()[0].rstrip(".")


def _subject(authority: str) -> str:
    """Whose authority a ref is: a workstream's, whatever the run, or a run's."""
    return authority.rpartition("/")[2]
