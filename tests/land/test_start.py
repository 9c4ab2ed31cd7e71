"""A workstream starts from the base with its dependency closure merged, whoever finished first."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.base.git import FILE, Identity, Repository, TreeEntry
from pipeline.land.merge import (
    Integration,
    conflict_sentence,
    conflict_text,
    landing_commit,
    merge_work,
)
from pipeline.land.start import Work, starting_point

NOBODY = Identity("Nobody", "nobody@localhost", 1_700_000_000)


@pytest.fixture
def repo(tmp_path: Path):
    subprocess.run(
        ["git", "init", "--quiet", "--initial-branch=main", tmp_path], check=True, env=os.environ
    )
    with Repository.discover(tmp_path) as repository:
        yield repository


def tree_of(repo: Repository, files: dict[str, str]) -> str:
    empty = repo.objects.write("tree", b"")
    changes = [
        (path.encode(), TreeEntry(FILE, repo.objects.write("blob", text.encode())))
        for path, text in files.items()
    ]
    return repo.trees.edit(empty, changes)


def commit(repo: Repository, tree: str, *parents: str) -> str:
    return repo.commit(tree=tree, parents=parents, message="x\n", author=NOBODY, committer=NOBODY)


def work(repo: Repository, ws_id: str, base: str, files: dict[str, str], *needs: str) -> Work:
    tree = tree_of(repo, files)
    return Work(ws_id, repo.commit_tree(base), tree, commit(repo, tree, base), frozenset(needs))


def start(repo: Repository, base: str, *closure: Work):
    return starting_point(repo, base, closure, ws_id="next", identity=NOBODY)


FILES = {"a": "1\n2\n3\n", "b": "b\n"}


@pytest.fixture
def base(repo: Repository) -> str:
    return commit(repo, tree_of(repo, FILES))


def test_without_dependencies_the_base_itself_is_the_start(repo, base):
    point = start(repo, base)
    assert (point.commit, point.is_clean) == (base, True)


def test_one_dependency_is_started_from_without_a_new_commit(repo, base):
    one = work(repo, "one", base, FILES | {"b": "B\n"})
    assert start(repo, base, one).commit == one.commit


def test_end_of_a_chain_is_the_start(repo, base):
    one = work(repo, "one", base, FILES | {"b": "B\n"})
    two = work(repo, "two", one.commit, FILES | {"b": "B\n", "c": "c\n"}, "one")
    assert start(repo, base, one, two).commit == two.commit


def test_two_dependencies_are_merged_with_both_as_parents(repo, base):
    one = work(repo, "one", base, FILES | {"b": "B\n"})
    two = work(repo, "two", base, FILES | {"c": "c\n"})
    point = start(repo, base, one, two)
    assert point.tree == tree_of(repo, FILES | {"b": "B\n", "c": "c\n"})
    assert repo.read_commit(point.commit).parents == (one.commit, two.commit)
    assert start(repo, base, one, two).commit == point.commit


def test_dependencies_that_conflict_are_named(repo, base):
    one = work(repo, "one", base, FILES | {"b": "one\n"})
    two = work(repo, "two", base, FILES | {"b": "two\n"})
    point = start(repo, base, one, two)
    assert not point.is_clean
    assert point.conflicting == "two"
    assert conflict_sentence(point.conflicts) == "b"


def test_landing_is_a_three_way_merge_from_the_start(repo, base):
    """What the integration branch has beyond the start stays; the work's own lines come in."""
    done = work(repo, "one", base, FILES | {"a": "1\n2\n3\n4\n"})
    tip = Integration(commit(repo, tree_of(repo, FILES | {"a": "0\n1\n2\n3\n"}), base), "")
    tip = Integration(tip.commit, repo.commit_tree(tip.commit))
    candidate = merge_work(repo, tip, done)
    assert candidate.is_clean
    assert candidate.tree == tree_of(repo, FILES | {"a": "0\n1\n2\n3\n4\n"})
    landed = landing_commit(repo, tip, done, candidate.tree, title="Do it", identity=NOBODY)
    info = repo.read_commit(landed)
    assert info.parents == (tip.commit, done.commit)
    assert info.subject == "Land one: Do it"


def test_conflict_is_told_with_both_sides(repo, base):
    done = work(repo, "one", base, FILES | {"b": "mine\n"})
    tip = Integration(base, tree_of(repo, FILES | {"b": "theirs\n"}))
    candidate = merge_work(repo, tip, done)
    assert not candidate.is_clean
    text = conflict_text(candidate.conflicts)
    assert b"mine" in text
    assert b"theirs" in text
    assert text.startswith(b"=== b (content)")


def test_many_conflicts_are_named_five_and_counted(repo, base):
    names = {f"f{i}": "x\n" for i in range(7)}
    done = work(repo, "one", base, FILES | names)
    tip = Integration(base, tree_of(repo, FILES | dict.fromkeys(names, "y\n")))
    sentence = conflict_sentence(merge_work(repo, tip, done).conflicts)
    assert sentence == "f0, f1, f2, f3, f4 and 2 more"
