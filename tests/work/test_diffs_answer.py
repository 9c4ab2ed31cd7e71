"""What models print: taken where it has one meaning, else refused with what to print instead."""

import pytest

from pipeline.model.patch import Reason
from pipeline.work.diffs import LARGEST_ANSWER, Diff, Refused, parse_answer

CALC = b"def add(a, b):\n    return a - b\n"
TREE = {
    b"calc.py": CALC,
    b"twice.txt": b"a\nx\nb\na\nx\nb\n",
    b"returns.txt": b"a\r\nb\r\nc\r\n",
    b"cut.txt": b"a\nb\nc",
    b"empty.txt": b"",
    b"picture.png": b"\x89PNG\0\n",
    b"x/name.txt": b"1\n",
    b"a/calc.py": b"other\n",
    b"README.md": b"# T\n\n```\nold\n```\n\nend\n",
}
HUNK = "@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n"
CHANGED = (
    b"diff --git a/calc.py b/calc.py\n--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n"
    b" def add(a, b):\n-    return a - b\n+    return a + b\n"
)


def taken(text: str) -> Diff:
    result = parse_answer(text, TREE.get)
    assert isinstance(result, Diff), result
    return result


def refused(text: str) -> Refused:
    result = parse_answer(text, TREE.get)
    assert isinstance(result, Refused), result.patch
    assert result.message.endswith(".") and result.objection.is_blocking
    return result


def hunks(diff: Diff) -> str:
    return diff.patch.decode().partition("\n@@")[2].partition("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        f"```diff\n--- a/calc.py\n+++ b/calc.py\n{HUNK}```",
        f"Words.\n\n~~~\n--- calc.py\t2024-01-01\n+++ calc.py\n{HUNK}~~~\nMore words.\n",
        f"  ```diff\n  --- a/./calc.py\n  +++ b/./calc.py\n  ```\n\n```diff\n{HUNK}```"[:0]
        + f"--- a/calc.py\n+++ b/calc.py\n{HUNK}\nThis is better because:\n- it adds\n",
        f"```python\nprint(1)\n```\n\n```diff\n--- ./calc.py\n+++ ./calc.py\n{HUNK}```",
        f"````\n```diff\n--- a/calc.py\n+++ b/calc.py\n{HUNK}```\n````",
        f"```\n```diff\n--- a/calc.py\n+++ b/calc.py\n{HUNK}```\n```",
        f'"x"\n```diff\ndiff --git a/calc.py b/calc.py\nindex 1..2 100644\n'
        f'--- "a/calc.py"\n+++ "b/calc.py"\n{HUNK}```',
        "```diff\n--- a/calc.py\n+++ b/calc.py\n@@ def add @@\n-    return a - b\n"
        "+    return a + b\n```\n\n- A point of a list.\n",
        "```patch\n--- a/calc.py\n+++ b/calc.py\n@@ -70,9 +70,1 @@\n-    return a - b\n"
        "+    return a + b\n\n```\n",
        "*** Begin Patch\n*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n"
        "+    return a + b\n*** End of File\n*** End Patch\n",
        "Look:\n\n**`calc.py`**\n```python\n<<<<<<< SEARCH\n    return a - b\n=======\n"
        "    return a + b\n>>>>>>> REPLACE\n```\n",
        "```\ncalc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n"
        ">>>>>>> REPLACE\n```\n",
        f"From 1 Mon\nSubject: x\n\n---\n calc.py | 2 +-\n\ndiff --git a/calc.py b/calc.py\n"
        f"--- a/calc.py\n+++ b/calc.py\n{HUNK}-- \n2.39.5\n\n",
    ],
)
def test_every_form_gives_the_same_diff(text: str) -> None:
    # A short file is all context, wherever the change was said to be.
    assert taken(text).patch == CHANGED
    assert taken(text).paths == (b"calc.py",)


def test_what_was_repaired_is_told() -> None:
    result = taken("```diff\n--- calc.py\n+++ calc.py\n@@ -7,9 +7,9 @@\n" + HUNK[16:] + "```\n")
    told = " ".join(result.repairs)
    for word in ("fence", "`diff --git`", "`a/`", "counts", "belongs at line 1 of calc.py"):
        assert word in told
    assert taken(CHANGED.decode()).repairs == ()


def test_a_file_is_made_and_removed() -> None:
    result = taken(
        "```diff\n--- /dev/null\n+++ b/new/x y.txt\n@@ -0,0 +1,2 @@\n+1\n+2\n"
        "--- a/cut.txt\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-a\n-b\n-c\n```"
    )
    assert result.paths == (b"new/x y.txt", b"cut.txt")
    assert b'+++ "b/new/x y.txt"\n@@ -0,0 +1,2 @@\n+1\n+2\n' in result.patch
    assert b"-c\n\\ No newline at end of file\n" in result.patch


def test_a_new_file_may_have_its_own_name_on_both_sides() -> None:
    result = taken("```diff\n--- a/new.py\n+++ b/new.py\n@@ -0,0 +1 @@\n+1\n```\n")
    assert b"new file mode 100644\n--- /dev/null\n+++ b/new.py\n" in result.patch


def test_a_move_becomes_a_deletion_and_a_creation() -> None:
    result = taken(
        "*** Begin Patch\n*** Update File: calc.py\n*** Move to: sum.py\n@@\n-    return a - b\n"
        "+    return a + b\n*** End Patch"
    )
    assert result.paths == (b"calc.py", b"sum.py")
    assert b"-    return a - b\n" in result.patch and b"+    return a + b\n" in result.patch


def test_lines_get_their_carriage_returns_back() -> None:
    result = taken("--- a/returns.txt\n+++ b/returns.txt\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n")
    assert hunks(result) == " a\r\n-b\r\n+B\r\n c\r\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("-c\n+C\n", "-c\n\\ No newline at end of file\n+C\n\\ No newline at end of file\n"),
        ("-c\n+C\n\\ No newline at end of file\n", None),
        ("-c\n\\ No newline at end of file\n+C\n", "-c\n\\ No newline at end of file\n+C\n"),
        (" c\n+d\n", "-c\n\\ No newline at end of file\n+c\n+d\n\\ No newline at end of file\n"),
        ("-c\n", "-c\n\\ No newline at end of file\n"),
    ],
)
def test_the_end_of_a_file_without_newline(body: str, wanted: str | None) -> None:
    text = f"```diff\n--- a/cut.txt\n+++ b/cut.txt\n@@ @@\n a\n b\n{body}```\n"
    if wanted is None:
        assert "newline" in refused(text).message
    else:
        assert hunks(taken(text)) == f" a\n b\n{wanted}"


def test_a_number_that_was_counted_tells_places_apart() -> None:
    body = " a\n-x\n+y\n b\n"
    start = "--- a/twice.txt\n+++ b/twice.txt\n"
    assert "-4,3 +4,3" not in taken(f"{start}@@ -4,3 +4,3 @@\n{body}").repairs
    assert b" b\n a\n-x\n+y\n b\n" in taken(f"{start}@@ -4,3 +4,3 @@\n{body}").patch
    for header in ("@@ -4,3 +9,3 @@", "@@", "@@ -3,3 +3,3 @@", "@@ -4,7 +4,7 @@"):
        assert "lines 1 and 4" in refused(f"```diff\n{start}{header}\n{body}```\n").message


def test_numbers_that_were_wrong_once_are_not_believed_again() -> None:
    tree = {b"f": b"one\ntwo\nx\nthree\nx\n"}
    start = "--- a/f\n+++ b/f\n"
    second = "@@ -3 +3 @@\n-x\n+y\n"
    right = parse_answer(f"{start}@@ -1 +1 @@\n-one\n+1\n{second}", tree.get)
    assert isinstance(right, Diff) and b" two\n-x\n+y\n" in right.patch
    wrong = parse_answer(f"{start}@@ -2 +2 @@\n-one\n+1\n{second}", tree.get)
    assert isinstance(wrong, Refused) and "lines 3 and 5" in wrong.message


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("I would change the operator.", Reason.FORMAT, "no diff"),
        ("", Reason.FORMAT, "no diff"),
        (f"```diff\n--- a/calc.py\n+++ b/calc.py\n{HUNK}", Reason.FORMAT, "not closed"),
        (f"--- a/calc.py\n+++ b/calc.py\n{HUNK[:40]}", Reason.FORMAT, "cut off"),
        ("*** Begin Patch\n*** Delete File: calc.py\n", Reason.FORMAT, r"End Patch"),
        ("calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n", Reason.FORMAT, "not whole"),
        (f"```diff\n{HUNK}```", Reason.FORMAT, "line 2 belongs to no file"),
        (f"--- a/none.py\n+++ b/none.py\n{HUNK}", Reason.FORMAT, "no file none.py"),
        (f"--- a/calc.py\n+++ b/sum.py\n{HUNK}", Reason.FORMAT, "two files"),
        (f"--- a/cut.txt\n+++ b/cut.txt\n{HUNK}", Reason.FORMAT, "'def add(a, b):' is not in"),
        (
            "--- a/cut.txt\n+++ b/cut.txt\n@@ -1,2 +1,2 @@\n a\n-c\n+d\n",
            Reason.FORMAT,
            "do not stand together",
        ),
        (f"--- /etc/passwd\n+++ /etc/passwd\n{HUNK}", Reason.UNSAFE_PATH, "absolute"),
        (f"--- a/../x\n+++ b/../x\n{HUNK}", Reason.UNSAFE_PATH, r"`..`"),
        (
            "*** Begin Patch\n*** Add File: ../x\n+1\n*** End Patch",
            Reason.UNSAFE_PATH,
            "relative",
        ),
        (
            "```diff\ndiff --git a/calc.py b/sum.py\nsimilarity index 100%\nrename from calc.py\n"
            "rename to sum.py\n```",
            Reason.FORMAT,
            "renames",
        ),
        (
            "```diff\ndiff --git a/calc.py b/calc.py\nold mode 100644\nnew mode 100755\n```",
            Reason.MODE,
            "mode",
        ),
        (
            "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+x\n",
            Reason.SPECIAL_FILE,
            "symbolic link",
        ),
        (
            "diff --git a/p b/p\nindex 1..2\nGIT binary patch\nliteral 1\nIc$\n",
            Reason.BINARY,
            "binary",
        ),
        ("--- a/picture.png\n+++ b/picture.png\n@@ -1 +1 @@\n-x\n+y\n", Reason.BINARY, "binary"),
        (f"```diff\ndiff --cc calc.py\n--- a/calc.py\n+++ b/calc.py\n@@{HUNK}```", None, "merge"),
        (
            "--- /dev/null\n+++ b/calc.py\n@@ -0,0 +1 @@\n+1\n",
            Reason.FORMAT,
            "there already",
        ),
        ("--- a/calc.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-def add(a, b):\n", None, "not all of"),
        ("--- a/calc.py\n+++ b/calc.py\n@@ -1,0 +2 @@\n+x\n", None, "shows no line"),
        ("--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n def add(a, b):\n", None, "no line that"),
        (
            "```diff\n--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\ndef add(a, b):\n"
            "-    return a - b\n+    return a + b\n```",
            None,
            "begins with none of",
        ),
        (
            "```diff\n--- a/README.md\n+++ b/README.md\n@@\n```\n-old\n+new\n```\n \n```\n",
            None,
            "",
        ),
        (
            f"```diff\n--- calc.py\n+++ calc.py\n{HUNK}--- /dev/null\n+++ b/n.py\n"
            "@@ -0,0 +1 @@\n+1\n```",
            None,
            "may mean",
        ),
        (f"```diff\n--- a/calc.py\n+++ a/calc.py\n{HUNK}```", None, "may mean"),
        ("```diff\n--- a/calc.py\n+++ b/calc.py\n@@\n-    return a - b\n+    return a - b\n```",
         Reason.EMPTY, "changes nothing"),
        (
            f"```diff\n--- a/calc.py\n+++ b/calc.py\n{HUNK}```\nor\n```diff\n--- a/calc.py\n"
            f"+++ b/calc.py\n{HUNK.replace('a + b', 'b + a')}```",
            None,
            "another hunk",
        ),
        (f"--- a/calc.py\n+++ b/calc.py\n{HUNK}\n+ a list that could be lines\n", None, ""),
        ("\ud800", None, "Unicode"),
        ("--- a/x\ud800\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", None, "Unicode"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(text: str, reason: Reason | None, said: str) -> None:
    result = refused(text)
    assert said in result.message
    assert reason in (None, result.reason)


def test_two_blocks_for_one_file_become_one_diff() -> None:
    block = "cut.txt\n<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"
    result = taken(block.format("a", "A") + block.format("c", "C"))
    assert result.paths == (b"cut.txt",)
    assert hunks(result).startswith("-a\n+A\n b\n-c\n")


def test_a_new_file_s_name_stands_right_above_its_block() -> None:
    block = "<<<<<<< SEARCH\n=======\n1\n>>>>>>> REPLACE\n"
    assert taken(f"new.py\n```python\n{block}```\n").paths == (b"new.py",)
    assert "names no file" in refused(f"new.py\n\nThis makes it:\n{block}").message
    assert "names no file" in refused(f"new.py\n{block}{block}").message


def test_an_answer_that_is_too_long_is_refused_unread() -> None:
    assert refused("-" * (LARGEST_ANSWER + 1)).reason is Reason.SIZE


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "@@ -1,1 +1,1 @@\n-a\n+b\n",
        "--- a/twice.txt\n+++ b/twice.txt\n@@\n a\n-x\n",
        "```diff\n",
        "```\n@@\n",
        "~",
        "`",
        " ",
        "@",
        "@@ -1,9",
        "\n",
        "-\n",
        "<<<<<<< SEARCH\n",
        "x.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        "*** Begin Patch\n",
        "*** Begin Patch\n*** Update File: twice.txt\n@@\n-a\n+c\n*** End Patch\n",
        "diff --git a/x b/x\n",
        "diff --git ",
        "NOTHING ",
    ],
)
def test_hostile_answers_take_no_more_than_their_length(unit: str) -> None:
    tree = {**TREE, b"same.txt": b"-\n" * 100_000, b"x.py": b"a\n" * 100_000}
    start = "" if unit[0] in "`~*<d" else "```diff\n--- a/same.txt\n+++ b/same.txt\n@@\n"
    text = start + unit * ((LARGEST_ANSWER - 100) // len(unit))
    assert isinstance(parse_answer(text + "\n`x", tree.get), Refused)
