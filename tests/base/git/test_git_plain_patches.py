"""Whatever is applied without git is what git would make of it, and never what it would refuse."""

import re

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pipeline.base.git import EXECUTABLE, FILE, SYMLINK, PatchRejectedError, TreeEntry
from pipeline.base.git.plain_patches import NotPlainError, plain_edits

HEAD = b"diff --git a/f b/f\n--- a/f\n+++ b/f\n"
TEN = b"".join(b"%d\n" % n for n in range(10))


@pytest.fixture
def make(repo):
    """A tree of files, each a mode and bytes."""

    def tree_of(files: dict[bytes, tuple[int, bytes]]) -> str:
        entries = [
            (path, TreeEntry(mode, repo.objects.write("blob", data)))
            for path, (mode, data) in files.items()
        ]
        return repo.trees.edit(repo.objects.empty_tree, entries)

    return tree_of


def plainly(repo, tree: str, patch: bytes) -> str | None:
    """The tree that a patch makes without git, ``None`` where git has to say it."""
    with repo.scratch() as scratch:
        try:
            made = scratch._desk._apply_plainly(tree, patch)
        except NotPlainError:
            return None
        scratch.promote()
    return made


def by_git(repo, tree: str, patch: bytes) -> str | None:
    with repo.scratch() as scratch:
        try:
            return scratch._desk._apply_by_git(tree, patch, is_exact=True)
        except PatchRejectedError:
            return None


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"\n", b"c\r\n", b"+\n"]), max_size=14)
ENDS = st.sampled_from([b"", b"", b"no line end"])
CONTENTS = st.builds(lambda lines, end: b"".join(lines) + end, LINES, ENDS)
FILES = st.dictionaries(
    st.sampled_from([b"f", b"d/f", b"d/e.py", b"d", b"x-y/z"]),
    st.tuples(st.sampled_from([FILE, FILE, EXECUTABLE]), CONTENTS),
    max_size=3,
).map(lambda files: {p: f for p, f in files.items() if p != b"d" or len(files) == 1})


@st.composite
def spoilt(draw: st.DrawFn, patch: bytes) -> bytes:
    """A patch with a few lines or numbers that are not as they were."""
    lines = patch.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(lines) - 1)) if lines else 0
        kind = draw(st.sampled_from(["drop", "twice", "number", "sign", "swap", "end"]))
        if not lines:
            break
        if kind == "drop":
            del lines[at]
        elif kind == "twice":
            lines.insert(at, lines[at])
        elif kind == "number":
            heads = [n for n, line in enumerate(lines) if line.startswith(b"@@")]
            if heads:
                at = draw(st.sampled_from(heads))
                step = draw(st.sampled_from([-1, 1]))
                spots = list(re.finditer(rb"\d+", lines[at]))
                spot = draw(st.sampled_from(spots))
                number = max(0, int(spot[0]) + step)
                lines[at] = lines[at][: spot.start()] + b"%d" % number + lines[at][spot.end() :]
        elif kind == "sign":
            lines[at] = draw(st.sampled_from([b" ", b"+", b"-", b"\\"])) + lines[at][1:]
        elif kind == "swap":
            lines[at - 1], lines[at] = lines[at], lines[at - 1]
        else:
            lines.append(draw(st.sampled_from([b"\n", b"-- \n", b"@@ -1 +1 @@\n"])))
    return b"".join(lines)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=150,
)
@given(before=FILES, after=FILES, data=st.data())
def test_a_plain_answer_is_that_of_git(repo, make, before, after, data) -> None:
    one, two = make(before), make(after)
    patch = data.draw(spoilt(repo.diff_text(one, two)))
    made = plainly(repo, one, patch)
    event("plain" if made else "for git")
    if made is not None:
        assert made == by_git(repo, one, patch)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=100,
)
@given(data=st.data())
def test_hunks_with_little_context_are_taken_as_git_takes_them(checkout, repo, make, data) -> None:
    one, two = (make({b"f": (FILE, data.draw(CONTENTS))}) for _ in range(2))
    context = data.draw(st.integers(0, 3))
    patch = data.draw(spoilt(checkout.git("diff-tree", "-r", "-p", f"-U{context}", one, two)))
    made = plainly(repo, one, patch)
    event("plain" if made else "for git")
    if made is not None:
        assert made == by_git(repo, one, patch)


def test_what_a_diff_says_is_plain(repo, make) -> None:
    one = make({b"f": (FILE, TEN), b"gone": (FILE, b"x\n"), b"d/run.sh": (EXECUTABLE, b"1\n2")})
    two = make(
        {
            b"f": (FILE, TEN.replace(b"4\n", b"four\n").replace(b"9\n", b"9")),
            b"d/run.sh": (EXECUTABLE, b"1\n2\n3"),
            b"new/file": (FILE, b"new\n"),
            b"new/tool": (EXECUTABLE, b"new"),
        }
    )
    assert plainly(repo, one, repo.diff_text(one, two)) == two
    assert plainly(repo, two, repo.diff_text(two, one)) == one


@pytest.mark.parametrize(
    "patch",
    [
        b"",
        b"words before\n" + HEAD + b"@@ -1 +1 @@\n-0\n+x\n",
        HEAD + b"@@ -1,2 +1,2 @@\n-0\n+x\n 1\nwords after\n",
        HEAD + b"@@ -1,2 +1,2 @@\n-0\n+x\n 2\n",
        HEAD + b"@@ -2,2 +2,2 @@\n-0\n+x\n 1\n",
        HEAD + b"@@ -2,2 +1,2 @@\n-1\n+x\n 2\n",
        HEAD + b"@@ -3,2 +3,2 @@\n-2\n+x\n 3\n@@ -1,2 +1,2 @@\n-0\n+x\n 1\n",
        HEAD + b"@@ -3,2 +3,2 @@\n-2\n+x\n 3\n@@ -4,2 +4,2 @@\n-3\n+x\n 4\n",
        HEAD + b"@@ -3 +3 @@\n-2\n+x\n",
        HEAD + b"@@ -1,0 +2 @@\n+x\n",
        HEAD + b"@@ -0,0 +1 @@\n+x\n",
        HEAD + b"@@ -10 +9,0 @@\n-9\n",
        HEAD
        + b"@@ -1,10 +5,0 @@\n"
        + re.sub(rb"^", b"-", TEN.rstrip(), flags=re.MULTILINE)
        + b"\n",
        HEAD.replace(b"/f", b"/one") + b"@@ -1,0 +2 @@\n+x\n",
        HEAD + b"@@ -1,2 +1,2 @@\n 0\n 1\n",
        HEAD + b"@@ -1,2 +1,2 @@\n-0\n+x\n 1",
        HEAD + b"@@ -01,2 +1,2 @@\n-0\n+x\n 1\n",
        HEAD + b"@@ -10 +10,2 @@\n-9\n\\ No newline at end of file\n+x\n+y\n",
        HEAD + b"old mode 100644\nnew mode 100755\n",
        HEAD.replace(b"---", b"index 1234567..1234567 100755\n---") + b"@@ -10 +10 @@\n-9\n+x\n",
        HEAD.replace(b"---", b"index 1234567..1234567 120000\n---") + b"@@ -10 +10 @@\n-9\n+x\n",
        HEAD.replace(b"b/f", b"b/g") + b"@@ -10 +10 @@\n-9\n+x\n",
        HEAD.replace(b"/f", b"/link") + b"@@ -1 +1 @@\n-0\n+x\n",
        HEAD.replace(b"/f", b"/none") + b"@@ -1 +1 @@\n-0\n+x\n",
        HEAD + b"@@ -10 +10 @@\n-9\n+x\n" + HEAD + b"@@ -10 +10 @@\n-x\n+y\n",
        b"diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n",
        b"diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n"
        b"@@ -1,3 +0,0 @@\n-0\n-1\n-2\n",
        *(
            b"diff --git a/%b b/%b\nnew file mode 100644\n--- /dev/null\n+++ b/%b\n"
            b"@@ -0,0 +1 @@\n+x\n" % (name, name, name)
            for name in (b".git", b"d/../x", b"a//b", b"/x", b"git~1", b"a.", b".x", b"f/below")
        ),
    ],
)
def test_what_is_left_to_git(repo, make, patch) -> None:
    tree = make({b"f": (FILE, TEN), b"one": (FILE, b"0\n"), b"link": (SYMLINK, b"0\n")})
    assert plainly(repo, tree, patch) is None


def test_a_large_patch_is_left_to_git(repo) -> None:
    with pytest.raises(NotPlainError):
        plain_edits(b"x" * (5 << 20), lambda _: None, lambda _: b"")
