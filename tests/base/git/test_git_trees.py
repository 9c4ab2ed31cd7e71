import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.errors import BugError
from pipeline.base.git import (
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    MalformedObjectError,
    MissingObjectError,
    PathCollisionError,
    Repository,
    TreeChange,
    TreeEditError,
    TreeEntry,
)
from pipeline.base.git.errors import TreeTooLargeError
from pipeline.base.git.trees import Trees, ancestors, parse_tree

# Names whose order differs between "as bytes" and "as git sorts trees": a, a-, a.b, a/, a0 …
NAMES = st.sampled_from([b"a", b"a-", b"a.b", b"a0", b"ab", b"b", b"B", b"\xff", b"a b", b"\n"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
MODES = st.sampled_from([FILE, FILE, FILE, EXECUTABLE, SYMLINK])
FILES = st.dictionaries(PATHS, st.tuples(MODES, st.sampled_from([b"", b"1\n", b"2\n"])), max_size=9)
SHARED_REPO = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)


def without_collisions(files: dict[bytes, tuple[int, bytes]]) -> dict[bytes, tuple[int, bytes]]:
    return {
        path: value
        for path, value in files.items()
        if not any(above in files for above in ancestors(path))
    }


def entries_of(
    repo: Repository, files: dict[bytes, tuple[int, bytes]]
) -> list[tuple[bytes, TreeEntry | None]]:
    return [
        (path, TreeEntry(mode, repo.objects.write("blob", content)))
        for path, (mode, content) in files.items()
    ]


def ours(repo: Repository, files: dict[bytes, tuple[int, bytes]]) -> str:
    return repo.trees.edit(repo.objects.empty_tree, entries_of(repo, files))


def gits(checkout, repo: Repository, files: dict[bytes, tuple[int, bytes]]) -> str:
    lines = b"".join(
        b"%o %s\t%s\0" % (entry.mode, entry.oid.encode(), path)
        for path, entry in entries_of(repo, files)
        if entry
    )
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": f"{folder}/index"}
        checkout.git("update-index", "-z", "--index-info", stdin=lines, env=env)
        return checkout.git("write-tree", env=env).decode().strip()


@SHARED_REPO
@given(files=FILES.map(without_collisions))
def test_a_tree_built_here_is_the_tree_that_git_builds(checkout, repo, files) -> None:
    assert ours(repo, files) == gits(checkout, repo, files)


@SHARED_REPO
@given(files=FILES.map(without_collisions))
def test_flatten_lists_what_ls_tree_lists(checkout, repo, files) -> None:
    tree = ours(repo, files)
    listed = {}
    for line in checkout.git("ls-tree", "-r", "-z", tree).split(b"\0")[:-1]:
        facts, _, path = line.partition(b"\t")
        mode, _, oid = facts.split(b" ")
        listed[path] = TreeEntry(int(mode, 8), oid.decode())
    assert repo.trees.flatten(tree) == listed
    assert list(repo.trees.flatten(tree)) == sorted(listed)


@SHARED_REPO
@given(one=FILES.map(without_collisions), two=FILES.map(without_collisions))
def test_diff_tells_what_diff_tree_tells_and_edit_makes_it_true(checkout, repo, one, two) -> None:
    before, after = ours(repo, one), ours(repo, two)
    changes = repo.trees.diff(before, after)
    raw = checkout.git("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after)
    assert set(changes) == set(parse_raw(raw))
    assert [change.path for change in changes] == sorted(change.path for change in changes)
    edits = [(change.path, change.after) for change in changes]
    assert repo.trees.edit(before, edits) == after
    assert repo.trees.edit(before, reversed(edits)) == after


def parse_raw(raw: bytes) -> list[TreeChange]:
    fields = raw.split(b"\0")[:-1]
    changes = []
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old, new, _status = facts[1:].split(b" ")
        sides = [
            TreeEntry(int(mode, 8), oid.decode()) if int(mode, 8) else None
            for mode, oid in ((old_mode, old), (new_mode, new))
        ]
        changes.append(TreeChange(path, *sides))
    return changes


@pytest.fixture
def blob(repo: Repository) -> TreeEntry:
    return TreeEntry(FILE, repo.objects.write("blob", b"content\n"))


@pytest.fixture
def tree(repo: Repository) -> str:
    return repo.commit_tree(repo.resolve_commit("HEAD"))


def test_lookup_finds_files_and_directories(repo, tree) -> None:
    assert repo.trees.lookup(tree, b"src/app.py").mode == FILE
    assert repo.trees.lookup(tree, b"src/deep").mode == DIRECTORY
    assert repo.trees.lookup(tree, b"src/none") is None
    assert repo.trees.lookup(tree, b"a.txt/below") is None


def test_names_of_a_directory(repo, tree) -> None:
    assert repo.trees.names(tree, b"") == {b"a.txt", b"src"}
    assert repo.trees.names(tree, b"src") == {b"app.py", b"deep"}
    assert repo.trees.names(tree, b"a.txt") == frozenset()
    assert repo.trees.names(tree, b"no/such") == frozenset()


def test_a_gitlink_can_be_put_without_its_object(repo, tree) -> None:
    link = TreeEntry(GITLINK, "1" * 40)
    edited = repo.trees.edit(tree, [(b"vendor/lib", link)])
    assert repo.trees.flatten(edited)[b"vendor/lib"] == link


def test_removing_the_last_file_removes_its_directories(repo, tree) -> None:
    edited = repo.trees.edit(tree, [(b"src/deep/er/x.py", None)])
    assert repo.trees.lookup(edited, b"src/deep") is None
    everything = [(path, None) for path in repo.trees.flatten(tree)]
    assert repo.trees.edit(tree, everything) == repo.objects.empty_tree
    assert repo.objects.has(repo.objects.empty_tree)


@pytest.mark.parametrize("path", [b"src", b"src/deep", b"a.txt/below", b"src/app.py/x/y"])
def test_a_path_cannot_be_a_file_and_a_directory(repo, tree, blob, path) -> None:
    with pytest.raises(PathCollisionError):
        repo.trees.edit(tree, [(path, blob)])


def test_a_file_may_become_a_directory_and_back_in_one_edit(repo, tree, blob) -> None:
    there = repo.trees.edit(tree, [(b"a.txt/b", blob), (b"a.txt", None)])
    assert repo.trees.lookup(there, b"a.txt/b") == blob
    original = repo.trees.lookup(tree, b"a.txt")
    assert repo.trees.edit(there, [(b"a.txt", original), (b"a.txt/b", None)]) == tree


def test_two_new_paths_that_collide_with_each_other_are_refused(repo, tree, blob) -> None:
    with pytest.raises(PathCollisionError):
        repo.trees.edit(tree, [(b"new", blob), (b"new/er", blob)])


@pytest.mark.parametrize(
    "path",
    [b"", b"/a", b"a//b", b"a/", b".", b"a/../b", b".git/config", b"a/.GIT/x", b"a\0b"],
)
def test_names_that_git_cannot_hold_are_refused(repo, tree, blob, path) -> None:
    with pytest.raises(TreeEditError):
        repo.trees.edit(tree, [(path, blob)])


def test_a_path_too_deep_to_edit_is_refused_and_not_a_crash(repo, tree, blob) -> None:
    with pytest.raises(TreeEditError, match="deep"):
        repo.trees.edit(tree, [(b"/".join([b"d"] * 2000), blob)])


def test_edits_that_make_no_sense_are_refused(repo, tree, blob) -> None:
    with pytest.raises(TreeEditError, match="twice"):
        repo.trees.edit(tree, [(b"x", blob), (b"x", None)])
    for gone in (b"nowhere", b"src", b"src/none", b"new/dir/none"):
        with pytest.raises(TreeEditError, match="removed"):
            repo.trees.edit(tree, [(gone, None)])
    with pytest.raises(TreeEditError, match="mode"):
        repo.trees.edit(tree, [(b"x", TreeEntry(DIRECTORY, tree))])
    with pytest.raises(BugError):
        repo.trees.edit(tree, [(b"x", TreeEntry(FILE, "HEAD"))])


def test_only_subtrees_that_changed_are_written(repo, tree, blob) -> None:
    before = set(repo.objects.loose.ids())
    repo.trees.edit(tree, [(b"src/new.py", blob)])
    assert len(set(repo.objects.loose.ids()) - before) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"100644 a",
        b"100644 a\0short",
        b"x a\0" + b"1" * 20,
        b"100644 \0" + b"1" * 20,
        b"100644 a/b\0" + b"1" * 20,
        (b"100644 a\0" + b"1" * 20) * 2,
    ],
)
def test_malformed_trees_are_told(raw) -> None:
    with pytest.raises(MalformedObjectError):
        parse_tree("0" * 40, raw, 20)


def test_other_kinds_and_missing_trees_are_told(repo) -> None:
    with pytest.raises(MalformedObjectError, match="not a tree"):
        repo.trees.flatten(repo.objects.write("blob", b"no tree"))
    with pytest.raises(MissingObjectError):
        repo.trees.flatten("1" * 40)


def test_modes_of_old_trees_survive_an_edit_elsewhere(checkout, repo, blob) -> None:
    raw = b"100664 old\0" + bytes.fromhex(blob.oid)
    tree = checkout.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
    edited = repo.trees.edit(tree.decode().strip(), [(b"new", blob)])
    assert repo.trees.entries(edited)[b"old"].mode == 0o100664


def test_trees_of_sha256_repositories(new_checkout, opened) -> None:
    checkout = new_checkout("two", "sha256")
    checkout.put("d/f", "x\n")
    checkout.commit()
    repo = opened(checkout.path)
    files = {b"d/f": (FILE, b"y\n"), b"d.c": (EXECUTABLE, b"z\n")}
    tree = ours(repo, files)
    assert tree == gits(checkout, repo, files)
    assert len(tree) == 64
    checkout.fsck()


def test_the_path_helper_names_every_directory_above() -> None:
    assert list(ancestors(b"a/b/c")) == [b"a", b"a/b"]
    assert list(ancestors(b"a")) == []


def test_a_tree_that_a_few_objects_make_endless_is_not_unfolded(repo: Repository) -> None:
    tree = repo.trees.write({b"f": TreeEntry(FILE, repo.objects.write("blob", b"x\n"))})
    for _ in range(30):  # ten to the power of thirty files
        tree = repo.trees.write({b"%d" % n: TreeEntry(DIRECTORY, tree) for n in range(10)})
    trees = Trees(repo.objects, most_entries=1000)

    with pytest.raises(TreeTooLargeError, match=tree):
        trees.flatten(tree)
    with pytest.raises(TreeTooLargeError, match="1000"):
        trees.diff(repo.objects.empty_tree, tree)
    assert trees.lookup(tree, b"/".join([b"7"] * 30 + [b"f"])) is not None
    assert trees.diff(tree, tree) == ()
