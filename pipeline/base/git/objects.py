"""The object database: read through one long-lived git, written by ourselves, durable on flush."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pipeline.base.errors import BugError, UnfitError
from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import (
    MalformedObjectError,
    MissingObjectError,
    ObjectTooLargeError,
)
from pipeline.base.git.invoke import converse
from pipeline.base.git.loose import LooseObjects, object_id
from pipeline.base.process import Conversation, ConversationEnded

T = TypeVar("T")
_Take = Callable[[Conversation, str, int], T]
_HEX_LENGTH = {"sha1": 40, "sha256": 64}
_IDS = {name: re.compile(rf"[0-9a-f]{{{length}}}") for name, length in _HEX_LENGTH.items()}
CHUNK = 1 << 20
_CACHE_BYTES = 64 << 20
_CACHED_BLOB = 64 << 10
_REMEMBERED = 200_000  # ids, about 20 MiB


def require_oid(oid: str, object_format: str) -> str:
    """``oid`` itself if it is a full object id of this format; BugError otherwise."""
    if not _IDS[object_format].fullmatch(oid):
        raise BugError(f"Not a full {object_format} object id: {oid!r}")
    return oid


class Objects:
    """Objects of one repository; safe for use by many threads.

    ``empty_tree`` is the id of the tree without entries (not necessarily stored), ``zero`` the id
    that stands for "no object" in git's interfaces.
    """

    def __init__(self, engine: Engine, objects_dir: Path, *, is_durable: bool = True) -> None:
        self.object_format = engine.object_format
        self.empty_tree = object_id(engine.object_format, "tree", b"")
        self.zero = "0" * _HEX_LENGTH[engine.object_format]
        self.loose = LooseObjects(objects_dir, engine.object_format, is_durable=is_durable)
        self._engine = engine
        self._lock = threading.RLock()
        self._reader: Conversation | None = None
        self._cache: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._cached_bytes = 0
        self._present: set[str] = set()

    def read(self, oid: str, limit: int | None = None) -> tuple[str, bytes]:
        """Kind and data of an object.

        Raises MissingObjectError, and ObjectTooLargeError for one of more than ``limit`` bytes,
        of which nothing is then read.
        """
        require_oid(oid, self.object_format)
        with self._lock:
            found = self._cache.get(oid)
            if found is not None:
                self._cache.move_to_end(oid)
                _check_limit(oid, len(found[1]), limit)
                return found
            if limit is not None:
                _check_limit(oid, self.size(oid), limit)
            found = self._ask("contents", oid, _read_whole)
            self._remember(oid, found)
        return found

    def read_kind(self, oid: str, kind: str, limit: int | None = None) -> bytes:
        """The data of an object that has to be of ``kind``; MalformedObjectError otherwise."""
        found, data = self.read(oid, limit)
        if found != kind:
            raise MalformedObjectError(oid, f"it is a {found}, not a {kind}")
        return data

    def info(self, oid: str) -> tuple[str, int]:
        """Kind and size in bytes of an object, without reading it."""
        require_oid(oid, self.object_format)
        return self._ask("info", oid, _no_body)

    def size(self, oid: str) -> int:
        """Size of an object in bytes."""
        return self.info(oid)[1]

    def has(self, oid: str) -> bool:
        """Whether the object can be read; what was there once is taken to be there still."""
        if oid == self.empty_tree or oid in self._present or oid in self._cache:
            return True
        try:
            self.info(oid)
        except MissingObjectError:
            return False
        if len(self._present) >= _REMEMBERED:
            self._present.clear()
        self._present.add(oid)
        return True

    def stream(self, oid: str, sink: Callable[[bytes], object]) -> int:
        """Give an object's data to ``sink`` in pieces of at most 1 MiB; returns its size.

        Other readers wait while a large one is read, so ``sink`` must not read from these
        objects. Its exception ends the reading git, which the next read starts anew.
        """
        require_oid(oid, self.object_format)
        with self._lock:
            known = self._cache.get(oid)
        if known is not None:
            sink(known[1])
            return len(known[1])
        small: list[bytes] = []

        def pass_on(reader: Conversation, kind: str, size: int) -> tuple[str, int]:
            if size <= _CACHED_BLOB:
                found = _read_whole(reader, kind, size)
                self._remember(oid, found)
                small.append(found[1])
                return kind, size
            left = size
            while left:
                piece = reader.read_exactly(min(left, CHUNK))
                left -= len(piece)
                sink(piece)
            reader.read_exactly(1)
            return kind, size

        size = self._ask("contents", oid, pass_on, tries=1)[1]
        for data in small:
            sink(data)
        return size

    def write(self, kind: str, data: bytes) -> str:
        """Store an object and return its id; durable after the next `flush`."""
        return self.loose.write(kind, data)

    def flush(self) -> None:
        """Make every object written so far survive a power cut."""
        self.loose.flush()

    def close(self) -> None:
        """End the reading git; reading again starts another."""
        with self._lock:
            reader, self._reader = self._reader, None
            if reader is not None:
                reader.close()

    def _ask(self, verb: str, oid: str, take: _Take[T], tries: int = 2) -> T:
        """Ask the reading git for one object; a reader that died is replaced once."""
        with self._lock:
            try:
                answer = self._ask_once(verb, oid, take)
            except ConversationEnded:
                self.close()
                if tries == 1:
                    raise
                return self._ask(verb, oid, take, tries - 1)
            except BaseException:
                self.close()  # the answer was not read to its end
                raise
        if answer is None:
            raise MissingObjectError(oid)
        return answer

    def _ask_once(self, verb: str, oid: str, take: _Take[T]) -> T | None:
        if self._reader is None:
            env = self._engine.environment(self.loose.path)
            args = ("cat-file", "--batch-command")
            self._reader = converse(args, cwd=self._engine.git_dir, env=env)
        reader = self._reader
        reader.write(f"{verb} {oid}\n".encode("ascii"))
        words = reader.readline().decode("ascii", "replace").split()
        if words[1:] == ["missing"]:
            return None
        if len(words) != 3 or words[0] != oid:
            raise UnfitError(
                f"git cat-file did not answer for {oid}.",
                remedy="Run `git fsck` to look for damaged objects.",
            )
        return take(reader, words[1], int(words[2]))

    def _remember(self, oid: str, found: tuple[str, bytes]) -> None:
        if len(found[1]) > _CACHED_BLOB:
            return
        self._cache[oid] = found
        self._cached_bytes += len(found[1])
        while self._cached_bytes > _CACHE_BYTES:
            self._cached_bytes -= len(self._cache.popitem(last=False)[1][1])


def _read_whole(reader: Conversation, kind: str, size: int) -> tuple[str, bytes]:
    data = reader.read_exactly(size)
    reader.read_exactly(1)
    return kind, data


def _no_body(_reader: Conversation, kind: str, size: int) -> tuple[str, int]:
    return kind, size


def _check_limit(oid: str, size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise ObjectTooLargeError(oid, size, limit)
