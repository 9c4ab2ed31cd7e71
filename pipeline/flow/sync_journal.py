"""What a verified journal says of commits: which it names, and which have to be there."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.base.git import Repository
from pipeline.store.journal import JournalError, RunJournal, read

_OF_WORKSTREAM = ("start_commit", "commit", "checked_start", "checked_commit", "landing_commit")


@dataclass(frozen=True, slots=True)
class Named:
    """The commits that a journal names.

    ``commits`` are all of them, ``by_workstream`` those of each workstream, ``accepted`` the one
    of each that its state ref should hold; ``landed`` are the places of the integration, from
    the ``base`` on. Without those that are ``needed`` nobody can carry the run on.
    """

    run_id: str
    base: str
    commits: frozenset[str]
    by_workstream: Mapping[str, frozenset[str]]
    accepted: Mapping[str, str]
    landed: frozenset[str]
    needed: frozenset[str]

    @classmethod
    def of(cls, journal: RunJournal) -> "Named":
        """Collect them from the rows of a journal that was read."""
        (run,) = journal.rows["runs"]
        own: dict[str, set[str]] = {}
        accepted = {}
        for row in journal.rows["workstreams"]:
            own[row["ws_id"]] = {row[column] for column in _OF_WORKSTREAM}
            accepted[row["ws_id"]] = row["commit"]
        for row in journal.rows["step_attempts"]:
            details = row["details"] or {}
            own.setdefault(row["ws_id"], set()).update(
                value
                for name in ("commit", "origin")
                if isinstance(value := details.get(name), str)
            )
        landings = {row["landing_commit"] for row in journal.rows["workstreams"]}
        landed = frozenset({run["integration_commit"], run["base_commit"], *landings} - {""})
        by_workstream = {ws_id: frozenset(found - {""}) for ws_id, found in own.items()}
        done = (r["landing_commit"] for r in journal.rows["workstreams"] if r["state"] == "done")
        needed = {run["base_commit"], run["integration_commit"], *accepted.values(), *done} - {""}
        return cls(
            run["run_id"],
            run["base_commit"],
            landed.union(*by_workstream.values()),
            by_workstream,
            accepted,
            landed,
            frozenset(needed),
        )

    def allows(self, rest: str, oid: str) -> bool:
        """Whether a live ref of the run (``state/<run>/<ws>``) may be at a commit."""
        kind, _, name = rest.partition("/")
        if kind == "state":
            return oid in self.by_workstream.get(name.partition("/")[2], frozenset())
        return kind == "journal" or (kind == "run" and oid in self.landed)


def known_value(repo: Repository, named: Named, rest: str, held: str) -> str:
    """Where a live ref is as far as its journal knows; empty where it knows nothing of it.

    An engine that died between the two left the ref ahead.
    """
    if named.allows(rest, held):
        return held
    if not rest.startswith("run/"):
        return named.accepted.get(rest.rpartition("/")[2], "")
    line = [commit.oid for commit in repo.first_parents(named.base, held)]
    return next((oid for oid in reversed(line) if oid in named.landed), "")


def missing_commit(repo: Repository, named: Named) -> str:
    """A commit that the run cannot be carried on without and that is not here; empty for none."""
    return next((oid for oid in sorted(named.needed) if not repo.objects.has(oid)), "")


def goes_to(repo: Repository, head: str) -> str:
    """How far a journal goes, for people."""
    try:
        return f"event {read(repo, head).last_event} ({head[:12]})"
    except JournalError:
        return head[:12]
