"""Removing old archives and branches from a remote, each from a value that the engine made.

A branch that anybody else moved, that a newer run uses or whose pull request may be open stays.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.base.git import Repository
from pipeline.base.git.ancestry import is_ancestor
from pipeline.base.git.remotes import RefUpdate
from pipeline.flow.cleanup_old import CleanupRequest, OldRuns, Removal, age_of
from pipeline.flow.sync import SyncRequest, sync
from pipeline.flow.sync_refs import PREFIXES, Place, look_at, look_here, made_at
from pipeline.model.config import Config
from pipeline.model.publication import PublicationKind
from pipeline.store.layout import Layout
from pipeline.store.publications import publications
from pipeline.store.records import Records

_MAIN = ("refs/heads/main", "refs/heads/master", "refs/heads/develop")
_CLOSED = frozenset({"closed", "merged"})


def clean_remote(
    repo: Repository, layout: Layout, config: Config, request: CleanupRequest
) -> list[Removal]:
    """Remove what is old from a remote; every thing that was looked at, with its reason."""
    refs = repo.remotes.refs(request.remote)
    places = [look_at(refs, prefix) for prefix in PREFIXES]
    _learn(repo, layout, config, request, places)
    with Records(layout) as records:
        known = _Known(repo, records, OldRuns.of(records, request, config), refs)
        found = [*known.archives(places), *known.branches()]
    kept = [removal for removal, _ in found if removal.why_kept]
    old = [(removal, oid) for removal, oid in found if not removal.why_kept]
    if request.is_dry:
        return [*(removal for removal, _ in old), *kept]
    updates = [RefUpdate(removal.name, "", oid) for removal, oid in old]
    told = repo.remotes.push(request.remote, updates, is_atomic=False)
    for (removal, _), outcome in zip(old, told, strict=True):
        why = "" if outcome.is_there else outcome.reason or outcome.state
        kept.append(replace(removal, why_kept=why))
    return kept


def _learn(
    repo: Repository,
    layout: Layout,
    config: Config,
    request: CleanupRequest,
    places: Sequence[Place],
) -> None:
    """Fetch and verify the records of old runs that are not known here: a fresh clone knows none.

    Their age is told by their ids first, so that nothing else is fetched.
    """
    with Records(layout) as records:
        known = {run.run_id for run in records.runs()}
    limit = request.now - age_of(request, config)
    wanted = {
        run_id
        for place in places
        for run_id, run in place.runs.items()
        if run.head and run_id not in known and made_at(run_id) < limit
    }
    if wanted:
        asked = SyncRequest(
            request.remote, tuple(sorted(wanted)), sends=False, receives=True, rebuilds=True
        )
        sync(repo, layout, config, asked)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the records say of the refs that a remote has (``refs``, by full name)."""

    repo: Repository
    records: Records
    old: OldRuns
    refs: Mapping[str, str]

    def archives(self, places: Iterable[Place]) -> Iterator[tuple[Removal, str]]:
        """Archives of old runs, with their values."""
        here = look_here(self.repo)
        awaited = self._awaited()
        for place in places:
            for run_id, run in place.runs.items():
                if run_id not in self.old.runs or not run.archive:
                    continue
                why = "" if run_id not in awaited else f"{awaited[run_id]} is still needed"
                if not is_ancestor(self.repo, run.archive, here.run(run_id).head):
                    why = "it is not the archive that is known here"
                name = run.name(f"archive/{run_id}")
                yield Removal("remote_archive", name, self.old.reason(run_id), why), run.archive

    def branches(self) -> Iterator[tuple[Removal, str]]:
        """Branches that only old runs made, with their values."""
        for branch, run_ids in self._made().items():
            value = self.refs.get(branch)
            if value is None or not run_ids <= self.old.runs.keys():
                continue
            why = self._why_kept(branch, value, run_ids)
            yield Removal("remote_branch", branch, self.old.reason(max(run_ids)), why), value

    def _awaited(self) -> dict[str, str]:
        """Runs whose record has to stay as long as a branch with an open pull request does.

        Without it nobody could tell any more that the branch is the engine's.
        """
        found = {}
        for branch, run_ids in self._made().items():
            value = self.refs.get(branch)
            if value is None or not self._open_pull(value, run_ids):
                continue
            if self._why_kept(branch, value, run_ids):
                found.update(dict.fromkeys(run_ids, branch))
        return found

    def _made(self) -> dict[str, set[str]]:
        """The visible branches that runs ever made, each with all runs that did."""
        found: dict[str, set[str]] = {}
        for branch, run_id in self.records.query(
            "SELECT branch, run_id FROM workstreams WHERE branch <> '' UNION "
            "SELECT integration_branch, run_id FROM runs WHERE integration_branch <> ''"
        ):
            found.setdefault(branch, set()).add(run_id)
        return dict(sorted(found.items()))

    def _why_kept(self, branch: str, value: str, run_ids: Iterable[str]) -> str:
        if value not in self.records.branch_values(branch):
            return "somebody moved it: it is at no commit that a run made for it"
        if any(is_ancestor(self.repo, value, self.refs.get(main, "")) for main in _MAIN):
            return ""
        number = self._open_pull(value, run_ids)
        return f"its pull request #{number} was open when it was last seen" if number else ""

    def _open_pull(self, value: str, run_ids: Iterable[str]) -> int:
        """The number of a pull request for a value that was open when last seen, else 0."""
        for run_id in sorted(run_ids):
            for one in publications(self.records, run_id):
                is_its = one.kind is PublicationKind.PULL_REQUEST and one.commit == value
                if is_its and one.state not in _CLOSED:
                    return one.number
        return 0
