"""Branches that keep git from making those of a run: it stores names as files and directories."""

from collections.abc import Iterable, Iterator

from pipeline.base.errors import InputError
from pipeline.base.git import Repository
from pipeline.model.plan import Plan
from pipeline.store.layout import Layout

_HEADS = "refs/heads/"


def refuse_branches_in_the_way(repo: Repository, layout: Layout, plan: Plan) -> None:
    """Raise ``InputError`` that names branches above or below one that the run would make."""
    ours = {layout.ws_branch(ws.openspec_change, ws.id) for ws in plan.workstreams}
    ours.add(layout.run_branch("run"))
    roots = {ref.removeprefix(_HEADS).split("/")[0] for ref in ours}
    present = repo.refs.list(*(_HEADS + root for root in sorted(roots)))
    found = in_the_way(ours, present)
    if not found:
        return
    some = ", ".join(f"`{name}`" for name in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    verb = "is" if len(found) == 1 else "are"
    raise InputError(
        f"The user's branch {some}{more} {verb} in the way: git cannot keep a branch called `x` "
        "beside one called `x/y`, and this run makes such branches.",
        remedy=f"Rename it (`git branch -m {found[0]} old-{found[0].replace('/', '-')}`), or set "
        "`paths.ws_prefix` or `paths.run_prefix` in pipeline.yaml.",
    )


def in_the_way(ours: Iterable[str], present: Iterable[str]) -> list[str]:
    """The present branches (short names) that stand above or below one of ours."""
    wanted, present = set(ours), list(present)
    above = {parent for ref in wanted for parent in _parents(ref)}
    found = {ref for ref in present if ref in above or not wanted.isdisjoint(_parents(ref))}
    return sorted(ref.removeprefix(_HEADS) for ref in found)


def _parents(ref: str) -> Iterator[str]:
    """``refs/heads/a`` and ``refs/heads/a/b`` for ``refs/heads/a/b/c``."""
    parts = ref.split("/")
    return ("/".join(parts[:length]) for length in range(3, len(parts)))
