"""Which commits lead to which: how far two are apart, and which nothing leads to any more."""

from collections.abc import Iterable

from pipeline.base.git.repository import Repository


def ahead_behind(repo: Repository, mine: str, theirs: str) -> tuple[int, int]:
    """How many commits ``mine`` has that ``theirs`` has not, and the other way round."""
    done = repo.shared_git("rev-list", "--left-right", "--count", f"{mine}...{theirs}", "--")
    ahead, behind = done.out.split()
    return int(ahead), int(behind)


def is_ancestor(repo: Repository, older: str, newer: str) -> bool:
    """Whether ``newer`` is ``older`` or descends from it; False where one is not there."""
    if not older or not newer:
        return False
    if older == newer:
        return True
    if not (repo.objects.has(older) and repo.objects.has(newer)):
        return False
    return repo.shared_git("merge-base", "--is-ancestor", older, newer, ok=(0, 1)).code == 0


def unreachable_tips(repo: Repository, commits: Iterable[str]) -> tuple[str, ...]:
    """Of these commits, those that no ref leads to and none of the others does; sorted.

    Commits that are not in the repository (any more) are left out.
    """
    there = [oid for oid in dict.fromkeys(commits) if repo.objects.has(oid)]
    if not there:
        return ()
    named = "".join(f"{oid}\n" for oid in there).encode()
    done = repo.shared_git("rev-list", "--stdin", "--not", "--all", stdin=named)
    lost = done.out.decode("ascii").split()
    if len(lost) < 2:
        return tuple(lost)
    return tuple(sorted(repo.shared_git("merge-base", "--independent", *lost).out.decode().split()))
