"""Commits: written deterministically, read, and followed along first parents."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import BugError, UnfitError
from pipeline.base.git.errors import MalformedObjectError
from pipeline.base.git.objects import Objects, require_oid

_CRUD = re.compile(r"[\x00-\x1f<>]")
_LONGEST_HISTORY = 1_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who and when: seconds since 1970 and the offset from UTC as git writes it (``+0200``)."""

    name: str
    email: str
    seconds: int
    offset: str = "+0000"

    def line(self) -> str:
        """As git writes it in a commit; what git cannot hold is left out of name and address."""
        name = _CRUD.sub("", self.name).strip(" .,:;\"'\\")
        email = _CRUD.sub("", self.email).strip()
        if not name:
            raise BugError(f"An identity needs a name: {self!r}")
        if not re.fullmatch(r"[+-]\d{4}", self.offset) or self.seconds < 0:
            raise BugError(f"An identity needs a time git can write: {self!r}")
        return f"{name} <{email}> {self.seconds} {self.offset}"


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit as it was read; identities are None where their line is not as git writes it."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Identity | None
    committer: Identity | None
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.lstrip("\n").partition("\n")[0]


def commit_bytes(
    *, tree: str, parents: Sequence[str], message: str, author: Identity, committer: Identity
) -> bytes:
    """The raw commit: the same values give the same bytes. The message is UTF-8."""
    if "\0" in message:
        raise BugError("A commit message cannot hold a NUL.")
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author.line()}", f"committer {committer.line()}"]
    text = "\n".join(lines) + "\n\n" + message.rstrip("\n") + "\n"
    return text.encode("utf-8", "replace")


def write_commit(
    objects: Objects,
    *,
    tree: str,
    parents: Sequence[str],
    message: str,
    author: Identity,
    committer: Identity,
) -> str:
    """Store a commit and return its id; raises BugError for ids that are not full ones."""
    for oid in (tree, *parents):
        require_oid(oid, objects.object_format)
    data = commit_bytes(
        tree=tree, parents=parents, message=message, author=author, committer=committer
    )
    return objects.write("commit", data)


def parse_commit(oid: str, data: bytes) -> CommitInfo:
    """A raw commit's values; raises MalformedObjectError where it names no tree."""
    head, _, body = data.partition(b"\n\n")
    headers: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")  # folded lines of a signature have the key b""
        headers.setdefault(key, []).append(value)
    if len(headers.get(b"tree", ())) != 1:
        raise MalformedObjectError(oid, "it names no tree")
    encoding = headers.get(b"encoding", [b"utf-8"])[0].decode("ascii", "replace")
    return CommitInfo(
        oid=oid,
        tree=headers[b"tree"][0].decode("ascii", "replace"),
        parents=tuple(value.decode("ascii", "replace") for value in headers.get(b"parent", ())),
        author=_identity(headers.get(b"author", [b""])[0], encoding),
        committer=_identity(headers.get(b"committer", [b""])[0], encoding),
        message=_decoded(body, encoding),
    )


def _decoded(text: bytes, encoding: str) -> str:
    try:
        return text.decode(encoding, "replace")
    except LookupError:
        return text.decode("utf-8", "replace")


def _identity(line: bytes, encoding: str) -> Identity | None:
    found = re.fullmatch(rb"(.*?) ?<(.*)> (\d{1,18}) ([+-]\d{4})", line, re.DOTALL)
    if not found:
        return None
    name, email, seconds, offset = found.groups()
    return Identity(
        _decoded(name, encoding), _decoded(email, encoding), int(seconds), offset.decode("ascii")
    )


def read_commit(objects: Objects, oid: str) -> CommitInfo:
    """Read a commit; raises MissingObjectError, or MalformedObjectError for another kind."""
    return parse_commit(oid, objects.read_kind(oid, "commit"))


def shallow_commits(common_dir: Path) -> frozenset[str]:
    """Commits whose parents a shallow clone does not have; empty for a full clone."""
    try:
        return frozenset((common_dir / "shallow").read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()


def first_parents(
    objects: Objects, base: str, tip: str, shallow: frozenset[str]
) -> tuple[CommitInfo, ...]:
    """The commits after ``base`` up to ``tip`` along first parents, oldest first.

    Raises UnfitError where the line from ``tip`` does not come to ``base``.
    """
    line: list[CommitInfo] = []
    at: str | None = tip
    while at is not None and at != base and len(line) < _LONGEST_HISTORY:
        commit = read_commit(objects, at)
        line.append(commit)
        at = commit.parents[0] if commit.parents and at not in shallow else None
    if at != base:
        why = "the clone is shallow" if shallow else "it is not an ancestor by first parents"
        raise UnfitError(
            f"The history of {tip} does not lead to {base}: {why}.",
            remedy="Run `git fetch --unshallow`." if shallow else "",
        )
    return tuple(reversed(line))
