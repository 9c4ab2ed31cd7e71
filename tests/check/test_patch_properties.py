"""Random edits are accepted as what they are; random damage never reaches what is not granted."""

from collections.abc import Iterator, Mapping

import pytest
from hostile_bench import Bench, make_bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.git import Repository, TreeEntry
from pipeline.check.content import LineCount
from pipeline.check.patch_format import PatchText, read_patch, statistics
from pipeline.check.patch_hunks import Hunk, apply_hunks
from pipeline.check.validate import Validation, check_text, validate_patch
from pipeline.model.patch import PERMISSIVE, PatchPolicy
from pipeline.model.scope import Protected, Scope

Files = Mapping[bytes, tuple[int, bytes]]

FILE, EXECUTABLE, LINK = 0o100644, 0o100755, 0o120000
PATHS = [
    b"src/a",
    b"src/b c",
    "src/\u00fc".encode(),
    b'src/quo"te',
    b"src/tab\tname",
    b"src/back\\slash",
    b"src/\xff",
    b"src/d/e",
    b"src/d/f",
    b"src/x b/src/x",
    b"out/a",
    b"a",
]
LINES = [
    b"a",
    b"b",
    b"",
    b"c\r",
    b"-- a/src/a",
    b"++ b/out/a",
    b"@@ -1 +1 @@",
    b"diff --git a/out/a b/out/a",
    b"\\ No newline at end of file",
    b"\x0c",
    b"caf\xe9",
    b"n\0l",
]
PROFILE = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def contents() -> st.SearchStrategy[bytes]:
    lines = st.lists(st.sampled_from(LINES), max_size=12)
    return st.tuples(lines, st.booleans()).map(
        lambda drawn: b"\n".join(drawn[0]) + (b"\n" if drawn[0] and drawn[1] else b"")
    )


def entries() -> st.SearchStrategy[tuple[int, bytes]]:
    links = st.sampled_from([b"a", b"d/e", b"x y"]).map(lambda target: (LINK, target))
    return st.tuples(st.sampled_from([FILE, FILE, FILE, EXECUTABLE]), contents()) | links


def trees() -> st.SearchStrategy[Files]:
    return st.dictionaries(st.sampled_from(PATHS), entries(), max_size=7)


class Desk:
    """A repository with trees made of files, and the user's own git to compare them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.repository = Repository.discover(bench.top)

    def tree(self, files: Files) -> str:
        objects = self.repository.objects
        empty = self.bench.git("mktree").decode().strip()
        return self.repository.trees.edit(
            empty,
            [
                (path, TreeEntry(mode, objects.write("blob", data)))
                for path, (mode, data) in files.items()
            ],
        )

    def difference(self, before: str, after: str) -> bytes:
        return self.bench.git("diff-tree", "-r", "-p", "--binary", "--no-renames", before, after)

    def validate(
        self, start_tree: str, patch: bytes, *, scope: Scope, policy: PatchPolicy
    ) -> Validation:
        with self.repository.scratch() as scratch:
            return validate_patch(
                patch,
                start_tree=start_tree,
                scratch=scratch,
                scope=scope,
                protected=Protected(("secret.py",)),
                policy=policy,
            )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(make_bench(tmp_path_factory.mktemp("desk")))
    with desk.repository:
        yield desk


@PROFILE
@given(before=trees(), after=trees())
def test_what_git_writes_is_accepted_and_makes_the_same_tree(
    desk: Desk, before: Files, after: Files
) -> None:
    start, end = desk.tree(before), desk.tree(after)
    patch = desk.difference(start, end)
    if start == end:
        assert patch == b""
        return
    everything = Scope(("**",), ("**",))
    validation = desk.validate(start, patch, scope=everything, policy=PERMISSIVE)
    assert validation.objections == ()
    assert validation.patch.result_tree == end
    assert validation.patch.format_ok
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert set(validation.patch.paths) == changed
    assert statistics(patch) == (validation.patch.added, validation.patch.removed)


@PROFILE
@given(before=trees(), after=trees())
def test_a_patch_for_another_effect_is_told_apart(desk: Desk, before: Files, after: Files) -> None:
    start, end = desk.tree(before), desk.tree(after)
    patch = desk.difference(start, end)
    with desk.repository.scratch() as scratch:
        changes = scratch.trees.diff(start, end)
        found = check_text(patch, changes[1:], start_tree=start, scratch=scratch, policy=PERMISSIVE)
    assert bool(found) == bool(changes or not patch)


HEADERS = [
    b"old mode 100644\n",
    b"new mode 100755\n",
    b"new file mode 120000\n",
    b"new file mode 100644\n",
    b"deleted file mode 100644\n",
    b"rename from src/a\n",
    b"rename to out/a\n",
    b"copy from out/a\n",
    b"similarity index 100%\n",
    b"--- a/out/a\n",
    b"+++ b/out/a\n",
    b"--- /dev/null\n",
    b"diff --git a/out/a b/out/a\n",
    b"diff --git a/src/a b/out/a\n",
    b"index 1111111..2222222 120000\n",
    b"@@ -1 +1 @@\n",
    b"@@ -0,0 +1 @@\n",
    b"-a\n",
    b"+evil\n",
    b" a\n",
    b"\\ No newline at end of file\n",
    b"GIT binary patch\n",
]
SWAPS = [
    (b"src/", b"out/"),
    (b"src/", b""),
    (b"src/", b"src/../out/"),
    (b"a/src", b"a/./src"),
    (b"100644", b"100755"),
    (b"100644", b"120000"),
    (b"/dev/null", b"a/out/a"),
    (b"\n", b"\r\n"),
]


@st.composite
def damage(draw: st.DrawFn, patch: bytes) -> bytes:
    """The patch with one to three accidents, or attacks."""
    for _ in range(draw(st.integers(1, 3))):
        lines = patch.splitlines(keepends=True) or [b"\n"]
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["flip", "drop", "again", "swap", "insert", "move", "replace"]))
        if kind == "flip":
            place = draw(st.integers(0, max(len(patch) - 1, 0)))
            patch = patch[:place] + bytes([draw(st.integers(0, 255))]) + patch[place + 1 :]
            continue
        if kind == "swap":
            old, new = draw(st.sampled_from(SWAPS))
            patch = patch.replace(old, new, draw(st.sampled_from([1, 2, 3, -1])))
            continue
        if kind == "drop":
            del lines[at]
        elif kind == "again":
            lines.insert(at, lines[at])
        elif kind == "insert":
            lines.insert(at, draw(st.sampled_from(HEADERS)))
        elif kind == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        else:
            lines[at] = draw(st.sampled_from(HEADERS))
        patch = b"".join(lines)
    return patch


@settings(PROFILE, max_examples=120)
@given(data=st.data(), before=trees(), after=trees(), is_lenient=st.booleans())
def test_a_damaged_patch_never_reaches_out_of_scope(
    desk: Desk, data: st.DataObject, before: Files, after: Files, is_lenient: bool
) -> None:
    before = {**before, b"out/a": (FILE, b"a\n"), b"src/a": (FILE, b"a\nb\na\nb\n")}
    after = {**after, b"out/a": before[b"out/a"]}
    start = desk.tree(before)
    patch = data.draw(damage(desk.difference(start, desk.tree(after))))
    policy = PERMISSIVE if is_lenient else PatchPolicy()
    scope = Scope(("src/**",), ("src/**",))
    validation = desk.validate(start, patch, scope=scope, policy=policy)
    if not validation.is_accepted:
        return
    text = read_patch(patch, policy)
    assert isinstance(text, PatchText)
    assert text.paths == {change.path for change in validation.changes}
    for change in validation.changes:
        assert change.path.startswith(b"src/")
        assert change.after is None or change.after.mode in (FILE, EXECUTABLE, LINK)
        if not is_lenient and change.after is not None:
            assert change.after.mode in (FILE, change.before.mode if change.before else FILE)


@given(st.lists(st.sampled_from(LINES), max_size=8), st.data())
def test_hunks_that_are_applied_can_be_taken_back(lines: list[bytes], data: st.DataObject) -> None:
    old = [line + b"\n" for line in lines]
    at = data.draw(st.integers(0, len(old)))
    count = data.draw(st.integers(0, len(old) - at))
    removed = old[at : at + count]
    added = [line + b"\n" for line in data.draw(st.lists(st.sampled_from(LINES), max_size=4))]
    forth = Hunk(at, at, tuple([b"-" + line for line in removed] + [b"+" + line for line in added]))
    back = Hunk(at, at, tuple([b"-" + line for line in added] + [b"+" + line for line in removed]))
    made = apply_hunks(b"".join(old), [forth])
    assert made is not None
    assert apply_hunks(made, [back]) == b"".join(old)


@given(st.binary(max_size=300) | st.lists(st.sampled_from(HEADERS), max_size=12).map(b"".join))
def test_anything_at_all_can_be_read_or_refused(data: bytes) -> None:
    for policy in (PatchPolicy(), PERMISSIVE):
        read = read_patch(data, policy)
        if isinstance(read, PatchText):
            assert read.paths
            assert sum(read.statistics.values(), LineCount()) == LineCount(*statistics(data))
        else:
            assert read
