import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_bench import make_bench
from own_cases import created, line_five

from pipeline.check.content import LineCount
from pipeline.check.patch_format import PatchText, read_patch, statistics
from pipeline.model.patch import PERMISSIVE, Objection, PatchPolicy, Reason

DEFAULT = PatchPolicy()


def read(data: bytes, policy: PatchPolicy = DEFAULT) -> PatchText:
    text = read_patch(data, policy)
    assert isinstance(text, PatchText), text
    return text


def refusal(data: bytes, policy: PatchPolicy = DEFAULT) -> Objection:
    objections = read_patch(data, policy)
    assert isinstance(objections, tuple), objections
    return objections[0]


def test_a_section_is_read_with_its_hunks() -> None:
    (section,) = read(line_five("new", b"index 1234567..89abcde 100755\n")).sections
    assert section.path == b"src/app.py"
    assert (section.before, section.after) == (0o100755, 0o100755)
    assert (section.old_oid, section.new_oid) == ("1234567", "89abcde")
    (hunk,) = section.hunks
    assert hunk.old == [b"line 4\n", b"line 5\n", b"line 6\n"]
    assert hunk.new == [b"line 4\n", b"new\n", b"line 6\n"]


def test_paths_and_statistics_cover_every_section() -> None:
    text = read(line_five("new") + created("src/n.py", "a\nb\n") + created("e"))
    assert text.paths == {b"src/app.py", b"src/n.py", b"e"}
    assert text.statistics[b"src/app.py"] == LineCount(1, 1)
    assert text.statistics[b"src/n.py"] == LineCount(2, 0)


def test_header_like_lines_inside_a_hunk_are_content() -> None:
    body = "diff --git a/x b/x\n++ b/evil\n-- a/evil\n@@ -1 +1 @@\n\\ No newline at end of file\n"
    data = created("src/n.py", body)
    assert read(data).paths == {b"src/n.py"}
    assert read(data).statistics[b"src/n.py"] == LineCount(5, 0)
    assert statistics(data) == (5, 0)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (b'"a/\\303\\274.py" "b/\\303\\274.py"', "\u00fc.py".encode()),
        ("a/\u00fc.py b/\u00fc.py".encode(), "\u00fc.py".encode()),
        (b'"a/q\\"uo.py" "b/q\\"uo.py"', b'q"uo.py'),
        (b'"a/t\\tb" "b/t\\tb"', b"t\tb"),
        (b'"a/\\\\134.py" "b/\\\\134.py"', b"\\134.py"),
        (b"a/x b/y b/x b/y", b"x b/y"),
        (b"a/a b b/a b", b"a b"),
    ],
)
def test_names_are_unquoted_exactly_once(written: bytes, path: bytes) -> None:
    data = b"diff --git %b\nnew file mode 100644\n" % written
    assert read(data).paths == {path}


@pytest.mark.parametrize(
    "written",
    [
        b"a/x b/y",
        b"a/x  b/x",
        b"a/x",
        b"a/ b/",
        b"x x",
        b"a/x b/x ",
        b'"a/x" "b/x"',
        b'"a/\\303\\274" b/\xc3\xbc',
        b'"a/\\170\\t" "b/\\170\\t"',
        b'"a/\\011" "b/\\011"',
        b'"a/\\x" "b/\\x"',
        b'"a/\\400" "b/\\400"',
        b'"a/\\t" "b/\\t" ',
        b'"a/\\t""b/\\t"',
        b'a/" b/"',
        b"a/\\ b/\\",
        b"a/\t b/\t",
        b"a/x\r b/x\r",
        b"a//x b//x",
        b"a/x/ b/x/",
        b"a/./x b/./x",
        b"a/../x b/../x",
        b"",
    ],
)
def test_names_that_git_would_not_write_are_refused(written: bytes) -> None:
    data = b"diff --git %b\nnew file mode 100644\n" % written
    assert refusal(data).reason in (Reason.FORMAT, Reason.UNSAFE_PATH)


def test_a_name_with_a_space_may_end_in_gits_tab() -> None:
    plain = created("a b").replace(b"+++ b/a b", b"+++ b/a b\t")
    assert read(plain).paths == {b"a b"}
    refusal(created("ab").replace(b"+++ b/ab", b"+++ b/ab\t"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ((b"@@ -4,3 +4,3 @@", b"@@ -4,4 +4,3 @@"), 9),
        ((b"@@ -4,3 +4,3 @@", b"@@ -4,2 +4,3 @@"), 8),
        ((b"@@ -4,3 +4,3 @@", b"@@ -0,3 +4,3 @@"), 4),
        ((b"@@ -4,3 +4,3 @@", b"@@ -04,3 +4,3 @@"), 4),
        ((b"@@ -4,3 +4,3 @@", b"@@ -4,3 +4,3 @"), 4),
        ((b"@@ -4,3 +4,3 @@", b"@@ -4,3 +5,3 @@"), 4),
        ((b" line 4\n", b"*line 4\n"), 5),
        ((b"--- a/src", b"--- b/src"), 2),
        ((b"+++ b/src/app.py", b"+++ /dev/null"), 3),
    ],
)
def test_an_error_names_its_line(change: tuple[bytes, bytes], line: int) -> None:
    objection = refusal(line_five("new").replace(*change))
    assert objection.reason is Reason.FORMAT
    assert f"line {line}:" in objection.message


@pytest.mark.parametrize("header", [b"@@ -5,2 +5,2 @@\n", b"@@ -1,2 +1,2 @@\n"])
def test_hunks_that_overlap_or_go_back_are_refused_unread(header: bytes) -> None:
    data = line_five("new") + header + b" one\n-two\n+three\n"
    assert "overlaps" in refusal(data).message
    assert read(line_five("new") + b"@@ -7,2 +7,2 @@\n one\n-two\n+three\n")


@pytest.mark.parametrize(
    "header",
    [
        b"rename from x\nrename to src/app.py\n",
        b"copy from x\ncopy to src/app.py\n",
        b"similarity index 90%\n",
        b"dissimilarity index 90%\n",
    ],
)
def test_renames_and_copies_are_refused_with_advice(header: bytes) -> None:
    message = refusal(line_five("new", header)).message
    assert "--no-renames" in message
    assert "deletions and creations" in message


def test_limits_come_before_reading() -> None:
    tight = replace(DEFAULT, max_patch_bytes=10)
    assert refusal(b"not even a patch", tight).reason is Reason.SIZE
    few = replace(DEFAULT, max_files_changed=1)
    assert refusal(b"diff --git \n" * 3, few).reason is Reason.SIZE
    assert refusal(b"").reason is Reason.EMPTY


def test_a_type_change_is_two_sections_where_links_are_allowed() -> None:
    gone = b"diff --git a/l b/l\ndeleted file mode 120000\n--- a/l\n+++ /dev/null\n"
    gone += b"@@ -1 +0,0 @@\n-x\n\\ No newline at end of file\n"
    both = gone + created("l")
    assert len(read(both, PERMISSIVE).sections) == 2
    assert refusal(both).reason is Reason.FORMAT
    refusal(created("l") + gone, PERMISSIVE)
    refusal(gone + created("m") + created("l"), PERMISSIVE)
    refusal(gone + created("l") + gone, PERMISSIVE)
    refusal(created("l") + created("l"), PERMISSIVE)


def test_a_heading_may_hold_anything_only_where_text_may() -> None:
    data = line_five("new").replace(b"@@\n", b"@@ f(\x0c)\n")
    assert refusal(data).reason is Reason.FORMAT
    assert read(data, PERMISSIVE)


def test_statistics_are_gits(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.put("src/app.py", "one\n" * 3)
    bench.put("src/n.py", "-- a\n++ b\n")
    bench.put("src/util.py", "u1\nu2")
    patch = bench.difference()
    (tmp_path / "p").write_bytes(patch)
    said = subprocess.run(
        ["git", "apply", "--numstat", tmp_path / "p"], capture_output=True, check=True
    ).stdout.split()
    assert statistics(patch) == (
        sum(int(n) for n in said[0::3]),
        sum(int(n) for n in said[1::3]),
    )
    total = sum(read(patch).statistics.values(), LineCount())
    assert (total.added, total.removed) == statistics(patch)
