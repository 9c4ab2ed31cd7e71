"""The witness tells what plain git says, and leaves the repository as it is."""

import os

import pytest

from pipeline.base.git import GitError, TreeEntry
from pipeline.base.git.witness import Witness

CHANGE = b"--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"


@pytest.fixture
def witness(repo):
    with Witness(repo) as asked:
        yield asked


def commit(checkout, files):
    """A commit with these files among others."""
    for name, content in files.items():
        checkout.put(os.fsdecode(name), content)
    return checkout.commit()


def objects_of(checkout):
    return sorted(path.name for path in (checkout.path / ".git/objects").rglob("*"))


def test_commits_with_trees_and_parents(checkout, witness):
    first = commit(checkout, {"a.txt": b"one\n"})
    second = commit(checkout, {"a.txt": b"two\n"})
    tree = checkout.git("rev-parse", "HEAD^{tree}").decode().strip()
    blob = checkout.git("rev-parse", "HEAD:a.txt").decode().strip()
    found = witness.commits([second, first, second, "1" * len(first), blob, tree, ""])
    assert set(found) == {first, second}
    assert (found[second].tree, found[second].parents) == (tree, (first,))
    assert witness.commits([]) == {}


def test_ancestry_and_first_parents(checkout, witness):
    commits = [commit(checkout, {"a.txt": b"%d\n" % number}) for number in range(4)]
    assert witness.is_ancestor(commits[0], commits[3])
    assert not witness.is_ancestor(commits[3], commits[0])
    assert not witness.is_ancestor("1" * len(commits[0]), commits[0])
    line = witness.first_parents(commits[0], commits[3], 10)
    assert [commit.oid for commit in line] == commits[1:]
    assert [c.oid for c in witness.first_parents(commits[0], commits[3], 1)] == commits[3:]


def test_patch_to_tree_and_back(checkout, repo, witness):
    before = repo.commit_tree(commit(checkout, {"a.txt": b"one\n", b"caf\xe9": b"x"}))
    after = repo.commit_tree(commit(checkout, {"a.txt": b"two\n", b"caf\xe9": b"x"}))
    text = repo.diff_text(before, after)
    there = objects_of(checkout)
    assert witness.tree_after(before, text) == after
    assert witness.diff(before, after) == text
    assert witness.line_counts(before, after) == (1, 1)
    (change,) = witness.changes(before, after)
    assert (change.path, change.before.mode) == (b"a.txt", 0o100644)
    assert objects_of(checkout) == there


def test_trees_that_only_the_witness_has_can_be_asked_about(checkout, repo, witness):
    before = repo.commit_tree(commit(checkout, {"a.txt": b"one\n"}))
    there = objects_of(checkout)
    after = witness.tree_after(before, CHANGE)
    assert b"+two" in witness.diff(before, after)
    assert witness.tree_after(after, witness.diff(after, before)) == before
    assert objects_of(checkout) == there


def test_patch_that_does_not_apply(checkout, repo, witness):
    tree = repo.commit_tree(commit(checkout, {"a.txt": b"other\n"}))
    with pytest.raises(GitError, match="apply"):
        witness.tree_after(tree, CHANGE)


def test_created_deleted_and_binary_files(checkout, repo, witness):
    before = repo.commit_tree(commit(checkout, {"gone": b"1\n2\n", "bin": b"\0a"}))
    checkout.git("rm", "-q", "gone")
    after = repo.commit_tree(commit(checkout, {"new": b"1\n", "bin": b"\0b"}))
    changes = {change.path: change for change in witness.changes(before, after)}
    assert changes[b"gone"].after is None
    assert changes[b"new"].before is None
    assert isinstance(changes[b"bin"].after, TreeEntry)
    assert witness.line_counts(before, after) == (1, 2)
    assert witness.tree_after(before, witness.diff(before, after)) == after


def test_merge_and_conflict(checkout, repo, witness):
    lines = [b"%d\n" % number for number in range(20)]

    def tree(*changed: int) -> str:
        content = b"".join(b"x\n" if n in changed else line for n, line in enumerate(lines))
        return repo.commit_tree(commit(checkout, {"a.txt": content}))

    base, one, two, both = tree(), tree(2), tree(15), tree(2, 15)
    assert witness.merged_tree(base, one, two) == both
    other = repo.commit_tree(commit(checkout, {"a.txt": b"y\n"}))
    assert witness.merged_tree(base, one, other) is None


def test_attributes_and_settings_of_the_repository_play_no_part(checkout, repo, witness):
    checkout.git("config", "merge.ours.driver", "true")
    attributes = {".gitattributes": b"* merge=ours -diff\n"}
    trees = [
        repo.commit_tree(commit(checkout, {**attributes, "a.txt": content}))
        for content in (b"1\n", b"2\n", b"3\n")
    ]
    assert witness.merged_tree(*trees) is None
    assert b"+2" in witness.diff(trees[0], trees[1])


def test_objects_are_hashed_anew(checkout, witness):
    base = commit(checkout, {"a.txt": b"one\n"})
    tip = commit(checkout, {"a.txt": b"two\n", "b.txt": b"three\n"})
    assert witness.unsound_objects(base, [tip]) == (4, ())
    assert witness.unsound_objects(base, []) == (0, ())
    oids = [
        checkout.git("rev-parse", f"HEAD:{name}").decode().strip() for name in ("a.txt", "b.txt")
    ]
    one, two = (checkout.path / ".git/objects" / oid[:2] / oid[2:] for oid in oids)
    one.chmod(0o644)
    one.write_bytes(two.read_bytes())
    assert witness.unsound_objects(base, [tip])[1] == (oids[0],)
    one.unlink()
    with pytest.raises(GitError):
        witness.unsound_objects(base, [tip])
