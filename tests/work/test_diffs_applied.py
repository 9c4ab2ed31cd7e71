"""The engine takes every diff that is made of an answer, exactly where it says."""

import pytest

from pipeline.base.git import FILE, TreeEntry
from pipeline.work.diffs import Diff, parse_answer

FILES = {
    b"calc.py": b"def add(a, b):\n    return a - b\n",
    b"returns.txt": b"a\r\nb\r\nc\r\n",
    b"returns-cut.txt": b"a\r\nb\r\nc",
    b"cut.txt": b"a\nb\nc",
    b"empty.txt": b"",
    b"with space \xc3\xbc.txt": b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
    b"latin.txt": b"caf\xe9\nb\n",
}


def hunk(name: str, body: str) -> str:
    return f"```diff\n--- a/{name}\n+++ b/{name}\n@@\n{body}```\n"


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (hunk("calc.py", "-    return a - b\n+    return a + b\n"),
         {b"calc.py": b"def add(a, b):\n    return a + b\n"}),
        (hunk("returns.txt", " a\n-b\n+B\n+BB\n"), {b"returns.txt": b"a\r\nB\r\nBB\r\nc\r\n"}),
        (hunk("returns-cut.txt", " b\n-c\n+C\n"), {b"returns-cut.txt": b"a\r\nb\r\nC"}),
        (hunk("returns-cut.txt", " c\n+d\n"), {b"returns-cut.txt": b"a\r\nb\r\nc\r\nd"}),
        (hunk("cut.txt", " a\n-b\n"), {b"cut.txt": b"a\nc"}),
        (hunk("cut.txt", " b\n-c\n"), {b"cut.txt": b"a\nb\n"}),
        (hunk("cut.txt", "-c\n\\ No newline at end of file\n+c\n"), {b"cut.txt": b"a\nb\nc\n"}),
        (hunk("cut.txt", "-a\n-b\n-c\n+x\n"), {b"cut.txt": b"x"}),
        ("--- a/empty.txt\n+++ b/empty.txt\n@@ -0,0 +1 @@\n+1\n", {b"empty.txt": b"1\n"}),
        ("diff --git a/empty.txt b/empty.txt\ndeleted file mode 100644\n", {b"empty.txt": None}),
        ("diff --git a/new b/new\nnew file mode 100644\nindex 0..0\n", {b"new": b""}),
        ("--- /dev/null\n+++ b/a/b/new \N{SNOWMAN}\n@@ -0,0 +1 @@\n+1\n"
         "\\ No newline at end of file\n",
         {"a/b/new \N{SNOWMAN}".encode(): b"1"}),
        ("--- a/cut.txt\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-a\n-b\n-c\n", {b"cut.txt": None}),
        (hunk("with space \xfc.txt", " 1\n-2\n+two\n 3\n@@\n 10\n-11\n 12\n"),
         {b"with space \xc3\xbc.txt": b"1\ntwo\n3\n4\n5\n6\n7\n8\n9\n10\n12\n"}),
        (hunk("latin.txt", " caf\udce9\n-b\n+B\n"), {b"latin.txt": b"caf\xe9\nB\n"}),
        ("*** Begin Patch\n*** Update File: calc.py\n*** Move to: lib/sum.py\n@@ def add(a, b):\n"
         "-    return a - b\n+    return a + b\n*** End Patch\n",
         {b"calc.py": None, b"lib/sum.py": b"def add(a, b):\n    return a + b\n"}),
        ("cut.txt\n<<<<<<< SEARCH\nb\nc\n=======\nb\nd\n>>>>>>> REPLACE\n",
         {b"cut.txt": b"a\nb\nd"}),
        ("new.txt\n<<<<<<< SEARCH\n=======\nb\n>>>>>>> REPLACE\n", {b"new.txt": b"b\n"}),
    ],
)  # fmt: skip
def test_the_engine_makes_of_it_what_was_meant(project, answer: str, wanted) -> None:
    with project.repo.scratch() as scratch:
        entries = [
            (name, TreeEntry(FILE, scratch.objects.write("blob", data)))
            for name, data in FILES.items()
        ]
        start = scratch.trees.edit(project.tree, entries)
        diff = parse_answer(answer, FILES.get)
        assert isinstance(diff, Diff), diff
        applied = scratch.apply_patch(start, diff.patch)
        made = {
            change.path: scratch.objects.read(change.after.oid)[1] if change.after else None
            for change in applied.changes
        }
    assert made == wanted
    assert set(diff.paths) == set(wanted)


@pytest.mark.parametrize(
    "answer",
    [
        "*** Begin Patch\n*** Delete File: tools/deploy.sh\n*** End Patch\n",
        "--- a/tools/deploy.sh\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-#!/bin/sh\n-echo deploy\n",
        hunk("tools/deploy.sh", " #!/bin/sh\n-echo deploy\n+echo later\n"),
    ],
)
def test_a_program_is_removed_or_stays_one(project, answer: str) -> None:
    with project.repo.scratch() as scratch:

        def read(path: bytes) -> bytes | None:
            entry = scratch.trees.lookup(project.tree, path)
            return scratch.objects.read(entry.oid)[1] if entry else None

        diff = parse_answer(answer, read)
        assert isinstance(diff, Diff), diff
        (change,) = scratch.apply_patch(project.tree, diff.patch).changes
    assert change.after is None or change.after.mode == change.before.mode == 0o100755
