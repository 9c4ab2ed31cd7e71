"""Real diffs of git, mangled: those with one meaning left come back, the others never go wrong."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.work.diffs import Diff, Refused, parse_answer

_SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Few different lines, so that hunks fit in many places; some look like parts of a diff.
_LINES = st.sampled_from(
    ["a", "b", "", "  x = 1", "- item", "+ plus", "-- sql", "++ y", "@@ z", "\tt", "```", "é", "c;"]
)
_UNIQUE = st.integers(0, 10**9).map(lambda number: f"line {number}")


@st.composite
def contents(draw, lines=_LINES) -> bytes:
    # Empty files are told by git's headers only, which some of the manglings take away.
    text = "\n".join(["first", *draw(st.lists(lines, max_size=30))])
    return (text + draw(st.sampled_from(["\n", ""]))).encode()


@st.composite
def edits(draw, lines=_LINES) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files before and after."""
    names = ["one.txt", "src/two.py", "a/three", "with space.md"]
    before, after = {}, {}
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        kind = draw(st.sampled_from(["update", "update", "update", "create", "delete"]))
        if kind != "create":
            before[name] = draw(contents(lines))
        if kind == "create":
            after[name] = draw(contents(lines))
        elif kind == "update":
            after[name] = _edited(draw, before[name], lines)
    return before, after


def _edited(draw, data: bytes, lines) -> bytes:
    rows = data.decode().split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(1, len(rows)))
        if draw(st.booleans()) and at < len(rows):
            del rows[at]
        else:
            rows.insert(at, draw(lines))
    return "\n".join(rows).encode()


_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def run_git(top: Path, *args: str, data: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", *args], cwd=top, env=_ENVIRONMENT, input=data, check=True, capture_output=True
    )
    return done.stdout


class Bench:
    """A repository without commits: makes diffs between sets of files, and applies them."""

    def __init__(self, top: Path) -> None:
        self.top = top
        run_git(top, "init", "-q")
        (top / ".git/info/attributes").write_text("* -text\n")

    def tree(self, files: dict[str, bytes]) -> str:
        run_git(self.top, "read-tree", "--empty")
        for name, data in files.items():
            oid = run_git(self.top, "hash-object", "-w", "--stdin", data=data).decode().strip()
            run_git(self.top, "update-index", "--add", "--cacheinfo", f"100644,{oid},{name}")
        return run_git(self.top, "write-tree").decode().strip()

    def diff(self, before: dict[str, bytes], after: dict[str, bytes], *args: str) -> str:
        trees = self.tree(before), self.tree(after)
        return run_git(self.top, "diff-tree", "-p", "--no-renames", *args, *trees).decode()

    def applied(self, before: dict[str, bytes], patch: bytes) -> dict[str, bytes]:
        """What git itself makes of a patch."""
        self.tree(before)
        done = subprocess.run(
            ["git", "apply", "--cached", "--whitespace=nowarn", "--verbose", "-"],
            cwd=self.top, env=_ENVIRONMENT, input=patch, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stderr, patch)
        assert b"offset" not in done.stderr and b"fuzz" not in done.stderr
        names = run_git(self.top, "ls-files", "-z").split(b"\0")[:-1]
        return {
            name.decode(): run_git(self.top, "cat-file", "blob", ":" + name.decode())
            for name in names
        }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def parsed(text: str, before: dict[str, bytes]) -> Diff | Refused:
    return parse_answer(text, lambda path: before.get(path.decode()))


def headerless(diff: str) -> str:
    return re.sub(r"^(diff --git|index|new file mode|deleted file mode) .*\n", "", diff, flags=re.M)


def no_prefixes(diff: str) -> str:
    return re.sub(r"^(---|\+\+\+) [ab]/", r"\1 ", headerless(diff), flags=re.M)


def fenced(diff: str) -> str:
    return f"Here is what I changed:\n\n~~~~diff\n{diff}~~~~\n\n- It works now.\n"


def nested(diff: str) -> str:
    return f"`````markdown\nSome words.\n\n~~~~diff\n{diff}~~~~\n`````\n"


def wrong_counts(diff: str) -> str:
    return re.sub(
        r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@.*$", r"@@ -\1,99 +\2,77 @@", diff, flags=re.M
    )


def carriage_returns(diff: str) -> str:
    return diff.replace("\n", "\r\n")


def blank_context(diff: str) -> str:
    return re.sub(r"^ $", "", diff, flags=re.M)


# Each leaves only one meaning, whatever the lines are.
SAFE = [
    lambda diff: diff,
    fenced,
    nested,
    headerless,
    lambda diff: fenced(headerless(diff)),
    lambda diff: fenced(blank_context(diff)),
    lambda diff: fenced(carriage_returns(diff)),
    lambda diff: carriage_returns(fenced(diff)),
]
# These leave one if no line is there twice.
NEED_UNIQUE_LINES = [
    lambda diff: fenced(no_prefixes(diff)),
    lambda diff: fenced(wrong_counts(diff)),
    lambda diff: fenced(re.sub(r"^@@ .*$", "@@", diff, flags=re.M)),
    lambda diff: fenced(re.sub(r"^@@ .*$", "@@ ... @@", diff, flags=re.M)),
    lambda diff: fenced(re.sub(r"^@@ -\d+(.*)$", r"@@ -7\1", diff, flags=re.M)),
]


def judge(bench: Bench, before, after, text: str) -> Diff | Refused:
    """An answer never makes anything but what was wanted."""
    result = parsed(text, before)
    if isinstance(result, Diff):
        assert bench.applied(before, result.patch) == after
    return result


@_SETTINGS
@given(edit=edits(), mangle=st.sampled_from(SAFE))
def test_what_has_one_meaning_is_repaired(bench, edit, mangle) -> None:
    before, after = edit
    diff = bench.diff(before, after)
    result = judge(bench, before, after, mangle(diff))
    assert isinstance(result, Diff) or not diff, result


@_SETTINGS
@given(edit=edits(_UNIQUE), mangle=st.sampled_from(NEED_UNIQUE_LINES))
def test_where_lines_are_unique_numbers_are_not_needed(bench, edit, mangle) -> None:
    before, after = edit
    names = {*before, *after}
    diff = bench.diff(before, after)
    if diff:
        result = judge(bench, before, after, mangle(diff))
        # Without prefixes `a/three` may be two files; new ones need their header.
        is_doubtful = "a/three" in names or names - set(before)
        assert isinstance(result, Diff) or is_doubtful, result


@_SETTINGS
@given(
    edit=edits(st.sampled_from(["a", "b"])),
    mangle=st.sampled_from(NEED_UNIQUE_LINES[1:]),
    context=st.sampled_from([1, 2, 3]),
)
def test_among_lines_that_are_there_twice_nothing_is_guessed(bench, edit, mangle, context) -> None:
    before, after = edit
    judge(bench, before, after, mangle(bench.diff(before, after, f"--unified={context}")))


@_SETTINGS
@given(edit=edits(), data=st.data())
def test_a_cut_answer_is_never_taken_in_part(bench, edit, data) -> None:
    before, after = edit
    diff = bench.diff(before, after)
    text = data.draw(st.sampled_from([fenced(diff), fenced(headerless(diff))]))
    end = text.rfind("~~~~")
    cut = data.draw(st.integers(0, max(end, 0)))
    assert isinstance(parsed(text[:cut], before), Refused)


@_SETTINGS
@given(edit=edits(), data=st.data())
def test_a_line_that_is_lost_or_changed_never_gives_something_else(bench, edit, data) -> None:
    before, after = edit
    rows = bench.diff(before, after).split("\n")
    context = [n for n, row in enumerate(rows) if re.match(r"[ -][^\s@+\\-]", row)]
    if context:
        at = data.draw(st.sampled_from(context))
        rows[at] = data.draw(st.sampled_from([rows[at][:1] + "~" + rows[at][1:], rows[at][1:]]))
        mangle = data.draw(st.sampled_from([fenced, lambda diff: fenced(wrong_counts(diff))]))
        judge(bench, before, after, mangle("\n".join(rows)))


@_SETTINGS
@given(text=st.text(alphabet="@-+ \n*`~<>=/ab1,\\\r", max_size=400))
def test_noise_is_refused_or_is_a_diff_that_applies(bench, text) -> None:
    before = {"a": b"a\nb\n", "b": b"1\n"}
    result = parsed(text, before)
    if isinstance(result, Diff):
        bench.applied(before, result.patch)
