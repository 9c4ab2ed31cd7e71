"""The refs of runs as they lie in one place: here, or below a prefix on a remote."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.base.errors import InputError
from pipeline.base.git import Repository
from pipeline.store.layout import REF_ROOT

PREFIXES = (REF_ROOT, "refs/heads/pipeline")
"""Where runs may lie on a remote; the second is for servers that take only branches and tags."""

SCRATCH = "doctor"
"""Below each prefix: where `pipeline doctor --remote` tries things."""

MAX_REFS = 50_000
_RUN = r"[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}"
_WS = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_OF_RUN = re.compile(rf"(?P<kind>journal|archive|run)/(?P<run>{_RUN})")
_OF_WORKSTREAM = re.compile(rf"state/(?P<run>{_RUN})/(?P<ws>{_WS})")
_VISIBLE = re.compile(_RUN)
_LONGEST_ID = 64
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class RunRefs:
    """One run's refs in one place: object ids by the rest of the name (``journal/<run>``)."""

    run_id: str
    prefix: str
    refs: Mapping[str, str] = field(default_factory=dict)

    @property
    def archive(self) -> str:
        """The commit that holds a finished run; empty where it is not folded."""
        return self.refs.get(f"archive/{self.run_id}", "")

    @property
    def head(self) -> str:
        """The newest commit of the journal, empty where there is none."""
        return self.archive or self.refs.get(f"journal/{self.run_id}", "")

    @property
    def folded(self) -> Mapping[str, str]:
        """The one ref of a finished run, or none."""
        return {f"archive/{self.run_id}": self.archive} if self.archive else {}

    @property
    def live(self) -> Mapping[str, str]:
        """The refs that are gone once the run is folded."""
        return {rest: oid for rest, oid in self.refs.items() if rest != f"archive/{self.run_id}"}

    def name(self, rest: str) -> str:
        """A ref's full name in this place."""
        return f"{self.prefix}/{rest}"


@dataclass(frozen=True, slots=True)
class Place:
    """What lies below one prefix: runs by id, and full names of what is nothing of ours."""

    prefix: str
    runs: Mapping[str, RunRefs]
    odd: tuple[str, ...] = ()

    def run(self, run_id: str) -> RunRefs:
        """A run's refs, none where it is not there."""
        return self.runs.get(run_id, RunRefs(run_id, self.prefix))


def look_at(refs: Mapping[str, str], prefix: str) -> Place:
    """Sort the refs (by full name) below a prefix; raises InputError for too many."""
    below = {
        name.removeprefix(f"{prefix}/"): oid
        for name, oid in refs.items()
        if name.startswith(f"{prefix}/")
    }
    if len(below) > MAX_REFS:
        raise InputError(
            f"There are {len(below)} refs below {prefix}, more than the {MAX_REFS} that are read.",
            remedy="Remove old ones with `pipeline cleanup --remote`.",
        )
    found: dict[str, dict[str, str]] = {}
    odd = []
    for rest, oid in sorted(below.items()):
        run_id = run_of(rest)
        if run_id:
            found.setdefault(run_id, {})[rest] = oid
        elif not rest.startswith(f"{SCRATCH}/") and (
            prefix == REF_ROOT or not _VISIBLE.fullmatch(rest)
        ):
            odd.append(f"{prefix}/{rest}")
    runs = {run_id: RunRefs(run_id, prefix, own) for run_id, own in found.items()}
    return Place(prefix, runs, tuple(odd))


def look_here(repo: Repository) -> Place:
    """The runs of this repository; refs of other kinds are nobody's business here."""
    here = look_at(repo.refs.list(REF_ROOT), REF_ROOT)
    return Place(here.prefix, here.runs)


def run_of(rest: str) -> str:
    """The run whose ref this is, by the name below the prefix; empty for a name of no kind."""
    if found := _OF_RUN.fullmatch(rest):
        return found["run"]
    found = _OF_WORKSTREAM.fullmatch(rest)
    if found is None or len(found["ws"]) > _LONGEST_ID or found["ws"].endswith(".lock"):
        return ""
    return found["run"]


def made_at(run_id: str) -> float:
    """When a run was made, in seconds since 1970, as its id tells (ULID)."""
    millis = 0
    for letter in run_id[:10]:
        millis = millis * 32 + _LETTERS.index(letter)
    return millis / 1000


def choose(names: Iterable[str], known: Iterable[str]) -> frozenset[str] | None:
    """The runs that ids or unique beginnings name; ``None`` for all where there is no name.

    Raises InputError for one that names none, or more than one.
    """
    runs, chosen = sorted(set(known)), set()
    for name in names:
        wanted = name.strip().lower()
        found = [run_id for run_id in runs if wanted and run_id.startswith(wanted)]
        if len(found) != 1:
            what = "More than one run begins" if found else "Neither here nor there a run begins"
            raise InputError(f"{what} with {name!r}.", remedy="`pipeline runs` lists them.")
        chosen.add(found[0])
    return frozenset(chosen) or None
