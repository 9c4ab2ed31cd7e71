"""Where a workstream starts: the base with its dependency closure merged in plan order."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.base.git import Conflict, Identity, Repository


@dataclass(frozen=True, slots=True)
class Work:
    """A checked workstream, as far as merging needs it.

    ``start_tree`` is where its work began, ``tree`` and ``commit`` what came of it; ``needs``
    are the ids of its whole dependency closure.
    """

    ws_id: str
    start_tree: str
    tree: str
    commit: str
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """A commit and its tree, or the workstream whose work could not be merged and why."""

    commit: str = ""
    tree: str = ""
    conflicting: str = ""
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether all dependencies could be merged."""
        return not self.conflicting


def starting_point(
    repo: Repository,
    base_commit: str,
    closure: Sequence[Work],
    *,
    ws_id: str,
    identity: Identity,
) -> StartingPoint:
    """The start of ``ws_id``, given its dependency closure in plan order.

    It depends on the base and the closure alone. Where one dependency's commit is that merge
    already, no new commit is made.
    """
    tree = repo.commit_tree(base_commit)
    if not closure:
        return StartingPoint(base_commit, tree)
    for work in closure:
        merge = repo.merge(work.start_tree, tree, work.tree)
        if merge.tree is None:
            return StartingPoint(conflicting=work.ws_id, conflicts=merge.conflicts)
        tree = merge.tree
    heads = _heads(closure)
    if len(heads) == 1 and heads[0].tree == tree:
        return StartingPoint(heads[0].commit, tree)
    commit = repo.commit(
        tree=tree,
        parents=tuple(work.commit for work in heads),
        message=f"Merge the dependencies of {ws_id}\n\n"
        + "".join(f"- {work.ws_id}\n" for work in closure),
        author=identity,
        committer=identity,
    )
    return StartingPoint(commit, tree)


def _heads(closure: Sequence[Work]) -> tuple[Work, ...]:
    """The works that no other work of the closure is built on."""
    inner = frozenset[str]().union(*(work.needs for work in closure))
    return tuple(work for work in closure if work.ws_id not in inner)
