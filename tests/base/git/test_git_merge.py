import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.git import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Conflict,
    ConflictKind,
    Identity,
    Merge,
    Repository,
    TreeEntry,
)
from pipeline.base.git.trees import ancestors

Files = dict[bytes, tuple[int, bytes]]
TEN = b"".join(b"line %d\n" % n for n in range(10))
NOBODY = Identity("N", "n@example.com", 1_700_000_000)


def tree_of(repo: Repository, files: Files) -> str:
    return repo.trees.edit(
        repo.objects.empty_tree,
        [
            (path, TreeEntry(mode, repo.objects.write("blob", content)))
            for path, (mode, content) in files.items()
        ],
    )


def merged(repo: Repository, base: Files, ours: Files, theirs: Files) -> Merge:
    return repo.merge(*(tree_of(repo, files) for files in (base, ours, theirs)))


def only_conflict(merge: Merge) -> Conflict:
    assert not merge.is_clean
    (conflict,) = merge.conflicts
    return conflict


def edited(line: int, text: bytes, of: bytes = TEN) -> bytes:
    lines = of.splitlines(keepends=True)
    return b"".join([*lines[:line], text, *lines[line + 1 :]])


def test_changes_in_different_files_and_places_are_both_kept(repo) -> None:
    merge = merged(
        repo,
        {b"f": (FILE, TEN), b"gone": (FILE, b"g"), b"same": (FILE, b"s")},
        {b"f": (FILE, edited(0, b"ours\n")), b"gone": (FILE, b"g"), b"same": (EXECUTABLE, b"t")},
        {b"f": (EXECUTABLE, edited(9, b"theirs\n")), b"d/new": (FILE, b"n"), b"same": (FILE, b"s")},
    )
    both = edited(9, b"theirs\n", edited(0, b"ours\n"))
    expected = {b"f": (EXECUTABLE, both), b"d/new": (FILE, b"n"), b"same": (EXECUTABLE, b"t")}
    assert merge == Merge(tree_of(repo, expected), ())


def test_unrelated_changes_start_no_process(repo) -> None:
    trees = [
        tree_of(repo, files)
        for files in (
            {b"f": (FILE, b"1")},
            {b"f": (FILE, b"2")},
            {b"f": (FILE, b"1"), b"g": (FILE, b"3")},
        )
    ]
    before = set(repo._engine.own_objects.glob("??/*"))
    assert repo.merge(*trees).is_clean
    assert set(repo._engine.own_objects.glob("??/*")) == before


def test_lines_that_conflict_come_with_markers(repo) -> None:
    conflict = only_conflict(
        merged(
            repo,
            {b"d/f": (FILE, TEN)},
            {b"d/f": (FILE, edited(4, b"ours\n"))},
            {b"d/f": (FILE, edited(4, b"theirs\n"))},
        )
    )
    assert (conflict.path, conflict.kind) == (b"d/f", ConflictKind.CONTENT)
    assert conflict.text == edited(4, b"<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs\n")


def test_a_file_added_differently_on_both_sides(repo) -> None:
    conflict = only_conflict(merged(repo, {}, {b"f": (FILE, b"1\n")}, {b"f": (FILE, b"2\n")}))
    assert conflict.kind is ConflictKind.ADD_ADD
    assert conflict.text == b"<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n"
    assert conflict.base is None


@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_changed_here_and_removed_there(repo, swapped) -> None:
    sides: list[Files] = [{b"f": (FILE, b"changed\n")}, {}]
    conflict = only_conflict(
        merged(repo, {b"f": (FILE, b"f\n")}, *(sides[::-1] if swapped else sides))
    )
    assert conflict.kind is ConflictKind.MODIFY_DELETE
    assert (conflict.ours is None) == swapped


def test_binary_files_changed_on_both_sides(repo) -> None:
    conflict = only_conflict(
        merged(repo, {b"f": (FILE, b"\0a")}, {b"f": (FILE, b"\0b")}, {b"f": (FILE, b"\0c")})
    )
    assert (conflict.kind, conflict.text) == (ConflictKind.BINARY, None)


def test_a_link_here_and_a_changed_file_there(repo) -> None:
    conflict = only_conflict(
        merged(repo, {b"f": (FILE, b"f")}, {b"f": (SYMLINK, b"x")}, {b"f": (FILE, b"g")})
    )
    assert conflict.kind is ConflictKind.MODE


def test_alike_contents_added_with_different_modes(repo) -> None:
    conflict = only_conflict(merged(repo, {}, {b"f": (FILE, b"f")}, {b"f": (EXECUTABLE, b"f")}))
    assert conflict.kind is ConflictKind.MODE


@pytest.mark.parametrize("mode", [SYMLINK, GITLINK])
def test_links_are_never_merged_as_text(repo, mode) -> None:
    trees = [
        repo.trees.edit(repo.objects.empty_tree, [(b"link", TreeEntry(mode, oid * 40))])
        for oid in "123"
    ]
    conflict = only_conflict(repo.merge(*trees))
    assert (conflict.kind, conflict.text) == (ConflictKind.CONTENT, None)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_file_here_and_a_directory_there(repo, swapped) -> None:
    sides: list[Files] = [
        {b"x": (FILE, b"x"), b"d": (FILE, b"f")},
        {b"x": (FILE, b"x"), b"d/f": (FILE, b"f")},
    ]
    conflict = only_conflict(
        merged(repo, {b"x": (FILE, b"x")}, *(sides[::-1] if swapped else sides))
    )
    assert (conflict.path, conflict.kind) == (b"d", ConflictKind.DIRECTORY_FILE)


def test_a_directory_emptied_on_both_sides_may_become_a_file(repo) -> None:
    base: Files = {b"d/1": (FILE, b"1"), b"d/2": (FILE, b"2")}
    merge = merged(repo, base, {b"d/1": (FILE, b"1")}, {b"d": (FILE, b"now a file")})
    assert merge.tree == tree_of(repo, {b"d": (FILE, b"now a file")})


def test_many_conflicting_paths_take_one_git(repo) -> None:
    base = {b"d%d/f" % n: (FILE, TEN) for n in range(30)}
    ours = {path: (FILE, edited(n % 10, b"ours\n")) for n, path in enumerate(base)}
    theirs = {path: (FILE, edited(3, b"theirs\n")) for path in base}
    merge = merged(repo, base, ours, theirs)
    near = {path for n, path in enumerate(base) if n % 10 in (2, 3, 4)}
    assert {conflict.path for conflict in merge.conflicts} == near


# -- the same as git's own merge, for anything ---------------------------------------------------
# Git 2.39 looks for renames whatever its configuration says (merge.renames is heeded from 2.50),
# so each file of the comparison starts with lines that no other file has: nothing looks renamed.

NAMES = st.sampled_from([b"a", b"b", b"c", b"a.b"])
PATHS = st.lists(NAMES, min_size=1, max_size=2).map(b"/".join)
CONTENTS = st.one_of(
    st.sampled_from([b"", b"x\n", b"x", b"\0bin", b"\0other", b"crlf\r\n"]),
    st.lists(st.sampled_from([b"1\n", b"2\n", b"3\n", b"\n", b"{\n", b"}\n"]), max_size=12).map(
        b"".join
    ),
)
SIDES = st.dictionaries(
    PATHS, st.tuples(st.sampled_from([FILE, FILE, FILE, EXECUTABLE, SYMLINK]), CONTENTS), max_size=5
)


@st.composite
def three_sides(draw: st.DrawFn) -> tuple[Files, Files, Files]:
    base = _valid(draw(SIDES))
    return base, _valid(_mutated(draw, base)), _valid(_mutated(draw, base))


def _mutated(draw: st.DrawFn, base: Files) -> Files:
    files = dict(base)
    for path in draw(st.lists(st.sampled_from(sorted(base)), max_size=3) if base else st.just([])):
        files.pop(path, None)
    files.update(draw(SIDES))
    return files


def _valid(files: Files) -> Files:
    return {
        path: (mode, _own_content(path, mode, content))
        for path, (mode, content) in files.items()
        if not any(above in files for above in ancestors(path))
    }


def _own_content(path: bytes, mode: int, content: bytes) -> bytes:
    if mode == SYMLINK:
        return path + b" " + content.replace(b"\0", b"0")
    if not content:
        return b""
    tag = path.replace(b"/", b"_")
    return b"".join(b"%s %d\n" % (tag, n) for n in range(40)) + content


def gits_merge(checkout, repo: Repository, trees: list[str]) -> tuple[bool, str]:
    def commit(tree: str, *parents: str) -> str:
        return repo.commit(tree=tree, parents=parents, message="m", author=NOBODY, committer=NOBODY)

    root = commit(trees[0])
    sides = [commit(tree, root) for tree in trees[1:]]
    done = subprocess.run(
        ["git", "merge-tree", "--write-tree", "-z", *sides],
        cwd=checkout.path,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0, done.stdout.split(b"\0")[0].decode().strip()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=120,
)
@given(sides=three_sides())
def test_the_result_is_that_of_gits_own_merge_without_renames(checkout, repo, sides) -> None:
    trees = [tree_of(repo, files) for files in sides]
    merge = repo.merge(*trees)
    is_clean, tree = gits_merge(checkout, repo, trees)
    assert merge.is_clean == is_clean
    assert bool(merge.conflicts) != is_clean
    if is_clean:
        assert merge.tree == tree
    assert repo.merge(*trees) == merge


def test_merging_works_in_sha256_repositories(new_checkout, opened) -> None:
    checkout = new_checkout("two", "sha256")
    checkout.commit()
    repo = opened(checkout.path)
    merge = merged(
        repo,
        {b"f": (FILE, TEN)},
        {b"f": (FILE, edited(0, b"ours\n"))},
        {b"f": (FILE, edited(9, b"theirs\n"))},
    )
    assert merge.tree == tree_of(repo, {b"f": (FILE, edited(9, b"theirs\n", edited(0, b"ours\n")))})
    checkout.fsck()
