"""Finding secret values in what a tool wrote, before any of it is stored."""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator

from pipeline.base.git import Scratch
from pipeline.model.patch import Objection, Reason
from pipeline.work.checkout import Descent, differing_paths
from pipeline.work.redaction import redact
from pipeline.work.slots import Slot
from pipeline.work.walk import OPEN_DIRECTORY, Signature, walk

_LARGEST = 16 * 1024 * 1024  # bytes; the default limits let no larger file into a change


def leak_in(slot: Slot, scratch: Scratch, secrets: Iterable[str]) -> bytes | None:
    """The first path in a slot that was given one of the values, in its name or its content.

    Looks at what differs from the slot's tree, where a value that stood there before is no leak.
    Follows no link and opens plain files only.
    """
    wanted = tuple(secret.encode("utf-8", "surrogateescape") for secret in secrets if secret)
    if not wanted:
        return None
    try:
        root = os.open(slot.path, OPEN_DIRECTORY)
    except OSError:
        return None  # what it left cannot be captured either
    try:
        for path, content in _written(slot, root):
            found = [value for value in wanted if value in path or value in content]
            before = slot.snapshot.entries.get(path)
            known = scratch.objects.read(before.oid)[1] if found and before else b""
            if any(value not in known for value in found):
                return path
        return None
    finally:
        os.close(root)


def leaked(path: bytes | None, secrets: Iterable[str] = ()) -> Objection:
    """The objection to a leak: at a path, whose name may hold the value, or in the answer."""
    where = "The file" if path is not None else "The answer"
    message = f"{where} holds a secret value of the agent's surroundings: nothing of it is kept."
    return Objection(Reason.SECRET, message, redact(path, secrets) if path is not None else None)


def _written(slot: Slot, root: int) -> Iterator[tuple[bytes, bytes]]:
    """Every path that differs from the slot's tree, with what it holds as far as it is read."""
    walked = walk(root, skip=(b".git",), known=slot.snapshot.directories)
    descent = Descent(root)
    try:
        for path in sorted(differing_paths(slot.snapshot.signatures, walked.files)):
            content = b""
            with contextlib.suppress(OSError):
                content = _content(descent, path, walked.files[path])
            yield path, content
    finally:
        descent.close()


def _content(descent: Descent, path: bytes, seen: Signature) -> bytes:
    if stat.S_ISLNK(seen[0]):
        return descent.read_link(path)
    if not stat.S_ISREG(seen[0]):
        return b""
    return descent.read(path, seen, _LARGEST) or b""
