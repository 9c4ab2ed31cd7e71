"""The journal in git makes the database again, equal to the lost one, in any clone."""

from pathlib import Path

import pytest
from journal_dumps import dump
from small_run import Small, git, go, make_repository

from pipeline.base.git import Repository
from pipeline.flow.holding import hold
from pipeline.store.journal import read, rebuild


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    top = tmp_path_factory.mktemp("journal") / "made"
    make_repository(top)
    return Small(top, go(top))


def clone(small: Small, to: Path) -> Small:
    """Another clone that has fetched our refs and nothing else of ours."""
    git(to.parent, "clone", "--quiet", str(small.top), str(to))
    git(to, "fetch", "--quiet", "origin", "+refs/pipeline/*:refs/pipeline/*")
    return Small(to, small.run_id)


def rebuild_all(small: Small) -> tuple[str, ...]:
    with Repository.discover(small.top) as repo:
        heads = repo.refs.list("refs/pipeline/journal", "refs/pipeline/archive")
        journals = [read(repo, commit) for commit in heads.values()]
        with hold(small.layout, "a test") as ledger:
            return rebuild(ledger, repo, small.layout, journals)


def test_database_is_rebuilt_equal_in_another_clone(made, tmp_path):
    other = clone(made, tmp_path / "other")
    assert rebuild_all(other) == (made.run_id,)
    assert dump(other.top) == dump(made.top)
    ours, theirs = made.layout, other.layout
    assert (
        theirs.events_file(made.run_id).read_bytes() == ours.events_file(made.run_id).read_bytes()
    )
    assert rebuild_all(other) == ()
