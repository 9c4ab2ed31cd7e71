import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.git import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    GitError,
    Identity,
    MissingObjectError,
    PatchRejectedError,
    TreeEntry,
)
from pipeline.base.git.trees import ancestors


@pytest.fixture
def tree(repo) -> str:
    return repo.commit_tree(repo.resolve_commit("HEAD"))


@pytest.fixture
def scratch(repo):
    with repo.scratch() as opened:
        yield opened


def patch_of(checkout, path: str, content: str) -> bytes:
    checkout.put(path, content)
    checkout.git("add", "-N", path)
    return checkout.git("diff", "HEAD", "--", path)


def test_a_patch_gives_a_tree_and_says_what_changed(checkout, scratch, tree) -> None:
    patch = patch_of(checkout, "src/app.py", "print('changed')\n")
    applied = scratch.apply_patch(tree, patch)
    (change,) = applied.changes
    assert change.path == b"src/app.py"
    assert scratch.read_blob(change.after.oid) == b"print('changed')\n"
    assert scratch.blob_size(change.after.oid) == 17
    assert scratch.trees.lookup(applied.tree, b"src/app.py") == change.after


def test_nothing_reaches_the_repository_until_promoted(checkout, repo, scratch, tree) -> None:
    patch = patch_of(checkout, "new/file", "new\n")
    before = set(repo.objects.loose.ids())
    applied = scratch.apply_patch(tree, patch)
    blob = applied.changes[0].after.oid
    own = scratch.objects.write("blob", b"only looked at")
    assert set(repo.objects.loose.ids()) == before
    assert not repo.objects.has(applied.tree)
    promoted = scratch.promote([applied.tree])
    assert set(promoted) == set(repo.objects.loose.ids()) - before
    assert blob in promoted
    assert promoted[-1] == applied.tree  # what refers comes after what it refers to
    assert repo.objects.loose.flush() == len(promoted)
    assert repo.trees.lookup(applied.tree, b"new/file").oid == blob
    assert own not in promoted
    assert scratch.promote()[-1]
    assert repo.objects.read(own) == ("blob", b"only looked at")
    checkout.fsck()


def test_a_commit_is_promoted_with_all_it_refers_to(checkout, repo, scratch, tree) -> None:
    who = Identity("N", "n@example.com", 1_700_000_000)
    blob = scratch.objects.write("blob", b"x")
    made = scratch.trees.edit(
        tree, [(b"d/e/f", TreeEntry(FILE, blob)), (b"lib", TreeEntry(GITLINK, "1" * 40))]
    )
    from pipeline.base.git.history import write_commit

    commit = write_commit(
        scratch.objects, tree=made, parents=[], message="m", author=who, committer=who
    )
    scratch.promote([commit])
    assert repo.trees.lookup(repo.commit_tree(commit), b"d/e/f").oid == blob
    checkout.git("update-ref", "refs/keep/it", commit)
    checkout.fsck()


def test_what_is_nowhere_cannot_be_promoted(scratch) -> None:
    with pytest.raises(MissingObjectError):
        scratch.promote(["1" * 40])


def test_nothing_of_a_scratch_is_left_for_the_next(repo, tree) -> None:
    with repo.scratch() as scratch:
        blob = scratch.objects.write("blob", b"x")
        made = scratch.trees.edit(tree, [(b"x", TreeEntry(FILE, blob))])
        patch = scratch.diff_text(tree, made)
        scratch.apply_patch(made, creating("y"))
        path = scratch.objects.loose.path
    assert [file for file in path.parent.rglob("*") if file.is_file()] == []
    with repo.scratch() as other:
        assert other.objects.loose.path == path
        assert not other.objects.has(blob)
        with pytest.raises(MissingObjectError):
            other.trees.entries(made)
        with pytest.raises(GitError):
            other.diff_text(tree, made)
        assert other.apply_patch(tree, patch).tree == made
        assert other.diff_text(tree, made) == patch


def test_scratches_that_are_open_together_are_apart(repo) -> None:
    with repo.scratch() as one, repo.scratch() as two:
        blob = one.objects.write("blob", b"x")
        assert not two.objects.has(blob)
        one.close()
        one.close()
        with repo.scratch() as three, repo.scratch() as four:
            paths = {opened.objects.loose.path for opened in (two, three, four)}
            assert len(paths) == 3


def test_the_scratch_is_gone_with_its_repository(checkout, opened) -> None:
    repo = opened(checkout.path)
    scratch = repo.scratch()
    path = scratch.objects.loose.path
    with repo.scratch():
        pass
    repo.close()
    scratch.close()
    assert not path.exists()


def creating(path: str) -> bytes:
    lines = (f"diff --git a/{path} b/{path}", "new file mode 100644", "--- /dev/null")
    return "\n".join((*lines, f"+++ b/{path}", "@@ -0,0 +1 @@", "+a", "")).encode()


def editing(path: str, hunk: str) -> bytes:
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{hunk}".encode()


@pytest.mark.parametrize(
    "patch",
    [
        b"",
        b"no patch at all\n",
        editing("none", "@@ -1 +1 @@\n-a\n+b\n"),
        editing("a.txt", "@@ -1 +1,2 @@\n"),
        editing("a.txt", "@@ -1 +1 @@\n-not there\n+b\n"),
        creating("a.txt"),
        creating("../x"),
        creating("src/../../x"),
        creating(".git/config"),
        creating(".GIT/config"),
        creating(".g\u200cit/config"),
        creating("git~1/config"),
        creating("a.txt/below"),
    ],
)
def test_patches_that_git_refuses(scratch, tree, patch) -> None:
    with pytest.raises(PatchRejectedError, match="refuses"):
        scratch.apply_patch(tree, patch)


@pytest.mark.parametrize("size", ["x", "-5", "+5", " 5", "5 6", "9" * 30])
def test_a_binary_hunk_without_a_plain_size_is_refused(scratch, tree, size) -> None:
    head = "diff --git a/b b/b\nnew file mode 100644\nGIT binary patch\n"
    with pytest.raises(PatchRejectedError, match="plain size"):
        scratch.apply_patch(tree, f"{head}literal {size}\nIcmZ\n\n".encode())


def test_a_hunk_has_to_apply_where_it_says(scratch, tree) -> None:
    body = b" line 20\n-line 21\n+changed\n line 22\n"
    head = b"diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n"
    there = head + b"@@ -21,3 +21,3 @@\n" + body
    elsewhere = head + b"@@ -18,3 +18,3 @@\n" + body
    exact = scratch.apply_patch(tree, there)
    with pytest.raises(PatchRejectedError, match="another place: Hunk #1 succeeded at 21"):
        scratch.apply_patch(tree, elsewhere)
    assert scratch.apply_patch(tree, elsewhere, exact=False) == exact


def test_a_patch_that_changes_nothing_is_refused(scratch, tree) -> None:
    patch = (
        b"diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n"
        b"@@ -1,2 +1,2 @@\n-line 0\n+line 0\n line 1\n"
    )
    with pytest.raises(PatchRejectedError, match="changes nothing"):
        scratch.apply_patch(tree, patch)


def test_a_small_patch_cannot_grow_into_a_large_file(repo, scratch, tree) -> None:
    bomb = scratch.trees.edit(
        tree, [(b"bomb", TreeEntry(FILE, scratch.objects.write("blob", b"\0" * 30_000_000)))]
    )
    patch = scratch.diff_text(tree, bomb)
    assert len(patch) < 1_000_000
    with pytest.raises(PatchRejectedError, match="30000000 bytes"):
        scratch.apply_patch(tree, patch)


def test_a_delta_cannot_grow_into_a_large_file(scratch, tree) -> None:
    seed = os.urandom(60_000)
    small = scratch.trees.edit(tree, [(b"f", TreeEntry(FILE, scratch.objects.write("blob", seed)))])
    large = scratch.trees.edit(
        tree, [(b"f", TreeEntry(FILE, scratch.objects.write("blob", seed * 500)))]
    )
    patch = scratch.diff_text(small, large)
    assert b"\ndelta " in patch
    assert len(patch) < 1_000_000
    with pytest.raises(PatchRejectedError, match=r"3\d{7} bytes"):
        scratch.apply_patch(small, patch)


def test_links_gitlinks_and_modes_are_reported_as_they_are(repo, scratch, tree) -> None:
    blob = repo.objects.write("blob", b"/etc/passwd")
    wanted = repo.trees.edit(
        tree,
        [
            (b"link", TreeEntry(SYMLINK, blob)),
            (b"lib", TreeEntry(GITLINK, "1" * 40)),
            (b"run", TreeEntry(EXECUTABLE, blob)),
        ],
    )
    applied = scratch.apply_patch(tree, repo.diff_text(tree, wanted))
    assert {change.path: change.after.mode for change in applied.changes} == {
        b"link": SYMLINK,
        b"lib": GITLINK,
        b"run": EXECUTABLE,
    }


def test_many_patches_on_one_tree_read_it_once(checkout, repo, scratch, tree) -> None:
    patches = [patch_of(checkout, "a name for git", f"{n}\n") for n in range(3)]
    first = scratch.apply_patch(tree, patches[0])
    kept = repo._engine.indexes / tree
    assert [path.name for path in repo._engine.indexes.iterdir()] == [tree]
    kept.write_bytes(kept.read_bytes())
    stamp = kept.stat().st_ino
    for patch in patches:
        scratch.apply_patch(tree, patch)
    assert kept.stat().st_ino == stamp
    assert scratch.apply_patch(tree, patches[0]) == first
    with repo.scratch() as other:
        assert other.apply_patch(tree, patches[0]) == first


def test_a_patch_applies_to_a_tree_of_the_scratch_itself(checkout, repo, scratch, tree) -> None:
    one = scratch.apply_patch(tree, patch_of(checkout, "new1", "1\n"))
    two = scratch.apply_patch(one.tree, patch_of(checkout, "new2", "2\n"))
    assert set(scratch.trees.flatten(two.tree)) >= {b"new1", b"new2"}
    for name, error in (("new3", MissingObjectError), ("new 3", GitError)):
        with repo.scratch() as other, pytest.raises(error):
            other.apply_patch(one.tree, patch_of(checkout, name, "3\n"))


# -- a difference applied is the other tree, whatever the trees ----------------------------------

NAMES = st.sampled_from([b"a", b"b", b"a b", b"\xff\xfe", b'q"uote', b"tab\t", b"-dash", b"a.b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
CONTENTS = st.one_of(
    st.sampled_from(
        [b"", b"x", b"x\n", b"a\r\nb\r\n", b"\0\1\2", b"--- a/x\n+++ b/y\n@@ -1 +1 @@\n"]
    ),
    st.lists(st.sampled_from([b"1\n", b"2\n", b" \n", b"\n", b"+\n", b"-\n"]), max_size=20).map(
        b"".join
    ),
    st.binary(max_size=40),
)
SIDES = st.dictionaries(
    PATHS, st.tuples(st.sampled_from([FILE, FILE, EXECUTABLE, SYMLINK]), CONTENTS), max_size=6
).map(
    lambda files: {
        path: (mode, content.replace(b"\0", b"0") or b"x" if mode == SYMLINK else content)
        for path, (mode, content) in files.items()
        if not any(above in files for above in ancestors(path))
    }
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=80,
)
@given(one=SIDES, two=SIDES)
def test_a_difference_applied_gives_the_other_tree(repo, one, two) -> None:
    before, after = (
        repo.trees.edit(
            repo.objects.empty_tree,
            [
                (path, TreeEntry(mode, repo.objects.write("blob", content)))
                for path, (mode, content) in files.items()
            ],
        )
        for files in (one, two)
    )
    patch = repo.diff_text(before, after)
    with repo.scratch() as scratch:
        if before == after:
            assert patch == b""
            return
        assert scratch.apply_patch(before, patch).tree == after
