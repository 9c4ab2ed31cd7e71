import hashlib
from collections.abc import Iterable
from dataclasses import replace

import pytest

from pipeline.base.git import TreeChange, TreeEntry
from pipeline.check.content import LineCount
from pipeline.check.policy import judge_changes
from pipeline.model.patch import PERMISSIVE, Objection, PatchPolicy, Reason
from pipeline.model.scope import Protected, Scope

DEFAULT = PatchPolicy()
FILE, EXECUTABLE, LINK, GITLINK = 0o100644, 0o100755, 0o120000, 0o160000


class Blobs:
    """Blobs by id, and which were read."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.was_read: list[str] = []

    def entry(self, content: bytes | None, mode: int = FILE) -> TreeEntry | None:
        if content is None:
            return None
        oid = hashlib.sha1(content).hexdigest()
        self.data[oid] = content
        return TreeEntry(mode, oid)

    def read(self, oid: str) -> bytes:
        self.was_read.append(oid)
        return self.data[oid]

    def size(self, oid: str) -> int:
        return len(self.data[oid])


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


def judge(
    blobs: Blobs,
    changes: Iterable[TreeChange],
    *,
    policy: PatchPolicy = DEFAULT,
    scope: Scope | None = None,
    protected: tuple[str, ...] = (),
    existing: dict[bytes, tuple[bytes, ...]] | None = None,
    statistics: dict[bytes, LineCount] | None = None,
) -> tuple[Objection, ...]:
    return judge_changes(
        tuple(changes),
        read=blobs.read,
        size=blobs.size,
        siblings=lambda folder: (existing or {}).get(folder, ()),
        scope=scope or Scope(("src/**",), ("src/**",)),
        protected=Protected(protected),
        policy=policy,
        statistics=statistics,
    )


def reasons(objections: Iterable[Objection]) -> list[Reason]:
    return [objection.reason for objection in objections]


def test_scope_tells_creation_from_modification_and_deletion(blobs: Blobs) -> None:
    scope = Scope(("old/**",), ("new/**",))
    a, b = blobs.entry(b"a\n"), blobs.entry(b"b\n")
    allowed = [
        TreeChange(b"old/m", a, b),
        TreeChange(b"old/d", a, None),
        TreeChange(b"new/c", None, a),
    ]
    assert judge(blobs, allowed, scope=scope) == ()
    refused = [
        TreeChange(b"new/m", a, b),
        TreeChange(b"new/d", a, None),
        TreeChange(b"old/c", None, a),
    ]
    found = judge(blobs, refused, scope=scope)
    assert [(o.reason, o.path) for o in found] == [
        (Reason.SCOPE, b"new/d"),
        (Reason.SCOPE, b"new/m"),
        (Reason.SCOPE, b"old/c"),
    ]


def test_every_objection_is_told_in_the_order_of_paths(blobs: Blobs) -> None:
    bad = blobs.entry("x\u200b\n".encode())
    changes = [
        TreeChange(b"src/z", None, bad),
        TreeChange(b"out/-x", None, blobs.entry(b"a\n", EXECUTABLE)),
        TreeChange(b"src/b*", None, bad),
    ]
    found = judge(blobs, changes)
    assert [o.path for o in found] == [b"out/-x"] * 3 + [b"src/b*"] * 2 + [b"src/z"]
    assert reasons(found) == [
        Reason.SCOPE,
        Reason.UNSAFE_PATH,
        Reason.MODE,
        Reason.UNSAFE_PATH,
        Reason.CONTENT,
        Reason.CONTENT,
    ]


def test_protected_names_need_a_literal_path(blobs: Blobs) -> None:
    changes = [TreeChange(b"src/conftest.py", None, blobs.entry(b"a\n"))]
    assert reasons(judge(blobs, changes, protected=("conftest.py",))) == [Reason.PROTECTED]
    literal = Scope((), ("src/conftest.py",))
    assert judge(blobs, changes, protected=("conftest.py",), scope=literal) == ()
    other = Scope(("src/**",), ("src/**", "conftest.py"))
    assert judge(blobs, changes, protected=("conftest.py",), scope=other)


@pytest.mark.parametrize("path", [b"src/.Git/x", b"src/git~1", b"src/.git\xe2\x80\x8c/x"])
def test_dot_git_is_refused_whatever_is_allowed(blobs: Blobs, path: bytes) -> None:
    literal = Scope(("**",), ("**",))
    for change in (
        TreeChange(path, None, blobs.entry(b"a\n")),
        TreeChange(path, blobs.entry(b"a\n"), blobs.entry(b"b\n")),
        TreeChange(path, blobs.entry(b"a\n"), None),
    ):
        found = judge(blobs, [change], policy=PERMISSIVE, scope=literal)
        assert Reason.UNSAFE_PATH in reasons(found)


def test_a_bad_name_may_be_edited_but_not_made(blobs: Blobs) -> None:
    a, b = blobs.entry(b"a\n"), blobs.entry(b"b\n")
    assert judge(blobs, [TreeChange(b"src/[id].tsx", a, b)]) == ()
    assert judge(blobs, [TreeChange(b"src/[id].tsx", a, None)]) == ()
    assert reasons(judge(blobs, [TreeChange(b"src/[id].tsx", None, a)])) == [Reason.UNSAFE_PATH]
    assert judge(blobs, [TreeChange(b"src/[id].tsx", None, a)], policy=PERMISSIVE) == ()


def test_modes(blobs: Blobs) -> None:
    a, run = blobs.entry(b"a\n"), blobs.entry(b"a\n", EXECUTABLE)
    link, sub = blobs.entry(b"b", LINK), blobs.entry(b"s", GITLINK)
    lenient = replace(DEFAULT, allow_mode_change=True)
    links = replace(DEFAULT, allow_symlinks=True)

    def of(before: TreeEntry | None, after: TreeEntry | None, policy: PatchPolicy) -> list[Reason]:
        return reasons(judge(blobs, [TreeChange(b"src/x", before, after)], policy=policy))

    for before, after in ((a, run), (run, a), (None, run)):
        assert of(before, after, DEFAULT) == [Reason.MODE]
        assert of(before, after, lenient) == []
    for before, after in ((None, link), (a, link), (link, a)):
        assert of(before, after, DEFAULT) == [Reason.SPECIAL_FILE]
        assert of(before, after, links) == []
    for before, after in ((None, sub), (sub, None), (sub, a), (a, sub)):
        assert of(before, after, PERMISSIVE) == [Reason.SPECIAL_FILE]
    assert of(None, blobs.entry(b"a\n", 0o100664), PERMISSIVE) == [Reason.MODE]
    assert of(link, None, DEFAULT) == []
    assert of(run, blobs.entry(b"b\n", EXECUTABLE), DEFAULT) == []


def test_what_only_moves_keeps_its_mode_and_text(blobs: Blobs) -> None:
    entry = blobs.entry(b"#!/bin/sh\n\x0c\n", EXECUTABLE)
    move = [TreeChange(b"src/a", entry, None), TreeChange(b"src/b", None, entry)]
    assert judge(blobs, move) == ()
    assert judge(blobs, move[1:])
    image = blobs.entry(b"\0\1")
    assert (
        judge(blobs, [TreeChange(b"src/a", image, None), TreeChange(b"src/b", None, image)]) == ()
    )
    other = blobs.entry(b"#!/bin/sh\n\x0c", EXECUTABLE)
    assert judge(blobs, [move[0], TreeChange(b"src/b", None, other)])


def test_only_added_lines_are_judged(blobs: Blobs) -> None:
    before = blobs.entry("\u202ea\n\x1b\nb\n".encode())
    after = blobs.entry("\x1b\n\u202ea\nc\n".encode())
    assert judge(blobs, [TreeChange(b"src/x", before, after)]) == ()
    twice = blobs.entry("\u202ea\n\u202ea\nb\n".encode())
    found = judge(blobs, [TreeChange(b"src/x", before, twice)])
    assert reasons(found) == [Reason.CONTENT]
    assert "line 2" in found[0].message


def test_carriage_returns_stay_where_they_were(blobs: Blobs) -> None:
    dos, more = blobs.entry(b"a\r\nb\r\n"), blobs.entry(b"a\r\nc\r\n")
    unix, mixed = blobs.entry(b"a\nb\n"), blobs.entry(b"a\nb\r\n")
    strict = replace(DEFAULT, allow_crlf=False)

    def of(before: TreeEntry | None, after: TreeEntry | None, policy: PatchPolicy) -> list[Reason]:
        return reasons(judge(blobs, [TreeChange(b"src/x", before, after)], policy=policy))

    assert of(dos, more, DEFAULT) == []
    assert of(None, dos, DEFAULT) == []
    assert of(dos, unix, DEFAULT) == []
    assert of(unix, mixed, DEFAULT) == [Reason.CONTENT]
    assert of(unix, mixed, PERMISSIVE) == []
    assert of(dos, more, strict) == [Reason.CONTENT]


def test_binary_needs_permission(blobs: Blobs) -> None:
    for content in (b"a\0b", b"caf\xe9\n"):
        change = TreeChange(b"src/x", None, blobs.entry(content))
        assert reasons(judge(blobs, [change])) == [Reason.BINARY]
        assert judge(blobs, [change], policy=replace(DEFAULT, allow_binary=True)) == ()
        assert judge(blobs, [TreeChange(b"src/x", change.after, None)]) == ()


def test_a_secret_is_found_in_what_is_allowed_to_be_binary(blobs: Blobs) -> None:
    content = b"\0\nkey = ghp_" + b"a1B2" * 9
    change = TreeChange(b"src/x", None, blobs.entry(content))
    found = judge(blobs, [change], policy=replace(DEFAULT, allow_binary=True))
    assert reasons(found) == [Reason.SECRET]
    assert b"a1B2a1B2" not in found[0].message.encode()
    everything = replace(DEFAULT, allow_binary=True, allow_secrets=True)
    assert judge(blobs, [change], policy=everything) == ()


def test_too_large_a_file_is_not_even_read(blobs: Blobs) -> None:
    change = TreeChange(b"src/x", None, blobs.entry(b"x" * 100))
    found = judge(blobs, [change], policy=replace(DEFAULT, max_file_bytes=99))
    assert reasons(found) == [Reason.SIZE]
    assert blobs.was_read == []
    assert judge(blobs, [change], policy=replace(DEFAULT, max_file_bytes=100)) == ()


def test_limits_on_files_and_lines_are_inclusive(blobs: Blobs) -> None:
    before, after = blobs.entry(b"a\nb\nc\n"), blobs.entry(b"a\nx\nc\nd\n")
    change = [TreeChange(b"src/x", before, after)]
    assert judge(blobs, change, policy=replace(DEFAULT, max_lines_changed=3)) == ()
    found = judge(blobs, change, policy=replace(DEFAULT, max_lines_changed=2))
    assert reasons(found) == [Reason.SIZE]
    two = [*change, TreeChange(b"src/y", before, None)]
    assert judge(blobs, two, policy=replace(DEFAULT, max_files_changed=2)) == ()
    few = judge(blobs, two, policy=replace(DEFAULT, max_files_changed=1))
    assert reasons(few) == [Reason.SIZE]


def test_a_patchs_own_counts_are_taken_where_given(blobs: Blobs) -> None:
    change = [TreeChange(b"src/x", None, blobs.entry(b"a\n"))]
    policy = replace(DEFAULT, max_lines_changed=5)
    assert judge(blobs, change, policy=policy, statistics={b"src/x": LineCount(3, 2)}) == ()
    assert judge(blobs, change, policy=policy, statistics={b"src/x": LineCount(3, 3)})


def test_many_objections_to_one_file_are_one_for_each_kind(blobs: Blobs) -> None:
    content = "".join(f"{n}\u200b\n" for n in range(500)).encode()
    found = judge(blobs, [TreeChange(b"src/x", None, blobs.entry(content))])
    assert len(found) == 1
    assert "lines 1, 2, 3 and 497 more" in found[0].message


def test_a_name_that_collides_is_refused(blobs: Blobs) -> None:
    change = [TreeChange(b"src/App.py", None, blobs.entry(b"a\n"))]
    existing = {b"": (b"src",), b"src": (b"app.py",)}
    found = judge(blobs, change, existing=existing)
    assert reasons(found) == [Reason.UNSAFE_PATH]
    assert "src/app.py" in found[0].message
    assert judge(blobs, change, existing=existing, policy=PERMISSIVE) == ()
