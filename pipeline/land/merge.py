"""Folding one checked workstream into the integration branch, in the object database."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.base.git import Conflict, Identity, Repository
from pipeline.land.start import Work


@dataclass(frozen=True, slots=True)
class Integration:
    """The tip of an integration branch."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the integration branch would be with one workstream more, or why it cannot be."""

    ws_id: str
    tree: str = ""
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether the merge has no conflict."""
        return not self.conflicts


def merge_work(repo: Repository, integration: Integration, work: Work) -> Candidate:
    """Three-way merge of start tree, integration tree and own tree; nothing moves."""
    merge = repo.merge(work.start_tree, integration.tree, work.tree)
    if merge.tree is None:
        return Candidate(work.ws_id, conflicts=merge.conflicts)
    return Candidate(work.ws_id, tree=merge.tree)


def landing_commit(
    repo: Repository,
    integration: Integration,
    work: Work,
    tree: str,
    *,
    title: str,
    identity: Identity,
    trailers: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The merge commit that lands ``work``; its first parent is the integration branch."""
    return repo.commit(
        tree=tree,
        parents=(integration.commit, work.commit),
        message=f"Land {work.ws_id}{': ' + title if title else ''}\n\n"
        f"Pipeline-Workstream: {work.ws_id}\n"
        + "".join(f"{name}: {' '.join(text.split())}\n" for name, text in trailers.items()),
        author=identity,
        committer=identity,
    )


def conflict_text(conflicts: tuple[Conflict, ...]) -> bytes:
    """Conflicts as an agent or a person reads them: the path, the kind, the marked-up text."""
    parts = []
    for conflict in conflicts:
        parts.append(b"=== " + conflict.path + b" (" + conflict.kind.encode() + b")\n")
        if conflict.text:
            parts.append(conflict.text)
    return b"".join(parts)


def conflict_sentence(conflicts: tuple[Conflict, ...]) -> str:
    """The conflicting paths, the first five by name."""
    names = [c.path.decode("utf-8", "backslashreplace") for c in conflicts]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
