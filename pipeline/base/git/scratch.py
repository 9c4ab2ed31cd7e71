"""A place to judge content that is not trusted: its objects reach the repository only on demand."""

import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

from pipeline.base.git.borrowing import BorrowingObjects
from pipeline.base.git.differ import Differ
from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import MissingObjectError
from pipeline.base.git.loose import LooseObjects
from pipeline.base.git.objects import Objects
from pipeline.base.git.patches import Applied, PatchDesk
from pipeline.base.git.trees import GITLINK, Trees, parse_tree


class ScratchRooms:
    """The directories that scratches work in, one for each that is open, used again when empty.

    Making and removing one costs more than a small change does in it, and a git that makes
    patches lives on in each. Safe for use by many threads.
    """

    def __init__(self, engine: Engine, borrowed: Path) -> None:
        self.engine = engine
        self._borrowed = borrowed
        self._lock = threading.Lock()
        self._free: list[Room] = []
        self._is_closed = False

    def take(self) -> "Room":
        """An empty room, the taker's until it is given back."""
        with self._lock:
            if self._free:
                return self._free.pop()
        return Room(self.engine, self._borrowed)

    def give_back(self, room: "Room") -> None:
        """Empty a room; one that resists is removed."""
        is_empty = room.empty()
        with self._lock:
            if is_empty and not self._is_closed:
                self._free.append(room)
                return
        room.close()

    def close(self) -> None:
        """Remove the rooms that nobody has; the others go when they are given back."""
        with self._lock:
            self._is_closed = True
            rooms, self._free = self._free, []
        for room in rooms:
            room.close()


class Room:
    """A directory for objects and one for indexes, with a git that makes patches from both."""

    def __init__(self, engine: Engine, borrowed: Path) -> None:
        self.path = engine.temporary("scratch")
        self.borrowed = borrowed
        self.objects = self.path / "objects"
        self.indexes = self.path / "indexes"
        for folder in (self.objects, self.indexes):
            folder.mkdir()
        self.differ = Differ(engine, self.objects, borrowed)

    def empty(self) -> bool:
        """Remove everything below the two directories; false where that cannot be done."""
        try:
            for top in (self.objects, self.indexes):
                for entry in os.scandir(top):
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path)
                    else:
                        os.unlink(entry.path)  # noqa: PTH108 - it is no Path
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Remove everything."""
        self.differ.close()
        shutil.rmtree(self.path, ignore_errors=True)


class Scratch:
    """An object directory of its own that borrows the repository's; empty on leaving the block."""

    def __init__(self, rooms: ScratchRooms, repository: Objects, trees: Trees) -> None:
        self._is_open = True
        self._rooms = rooms
        self._room = room = rooms.take()
        self._repository = repository
        self.objects = BorrowingObjects(rooms.engine, room.objects, repository)
        self.trees = Trees(self.objects, trees)
        self._desk = PatchDesk(rooms.engine, self.objects, self.trees, room.indexes, room.borrowed)

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def apply_patch(self, tree: str, patch: bytes, *, exact: bool = True) -> Applied:
        """Apply a patch to a tree of the repository or the scratch; PatchRejectedError if not.

        No process for a plain patch; else two, three for the first one on a tree.
        """
        return self._desk.apply(tree, patch, is_exact=exact)

    def diff_text(self, before: str, after: str) -> bytes:
        """As `Repository.diff_text`, for trees that may live here."""
        return self._room.differ.text(before, after)

    def read_blob(self, oid: str, limit: int | None = None) -> bytes:
        """A file's bytes; raises ObjectTooLargeError for more than ``limit`` of them."""
        return self.objects.read_kind(oid, "blob", limit)

    def blob_size(self, oid: str) -> int:
        """A file's size in bytes, found without reading it."""
        return self.objects.size(oid)

    def promote(self, oids: Iterable[str] | None = None) -> tuple[str, ...]:
        """Copy objects into the repository, with all that they refer to; everything without ids.

        Each is checked against its id on the way. They are durable after the repository's next
        flush. Returns the ids that were copied; what the repository holds already is not.
        """
        copied = self._reachable(self.objects.loose.ids() if oids is None else oids)
        for oid in copied:
            self._repository.loose.adopt(oid, self.objects.loose.read_raw(oid))
        return copied

    def close(self) -> None:
        """Remove everything in it; it is not to be used any more. Safe to call twice."""
        if self._is_open:
            self._is_open = False
            self._rooms.give_back(self._room)

    def _reachable(self, oids: Iterable[str]) -> tuple[str, ...]:
        """The scratch's objects reached from ids, those referred to before those that refer.

        So whatever moment ends the copying, an object in the repository has what it refers to;
        and one that is there already need not be looked into.
        """
        here = set(self.objects.loose.ids())
        order: dict[str, None] = {}
        pending = [(oid, False) for oid in oids]
        while pending:
            oid, is_done = pending.pop()
            if is_done:
                order[oid] = None
            elif oid in here and oid not in order:
                pending.append((oid, True))
                pending.extend((below, False) for below in _referred(self.objects.loose, oid))
            elif oid not in here and not self._repository.has(oid):
                raise MissingObjectError(oid)
        return tuple(order)


def _referred(loose: LooseObjects, oid: str) -> list[str]:
    kind, data = loose.read(oid)
    if kind == "tree":
        entries = parse_tree(oid, data, len(oid) // 2).values()
        return [entry.oid for entry in entries if entry.mode != GITLINK]
    if kind == "commit":
        head = data.partition(b"\n\n")[0].split(b"\n")
        links = [line.split(b" ") for line in head if line.startswith((b"tree ", b"parent "))]
        return [oid.decode("ascii") for _, oid in links]
    return []
