"""Loose objects that borrow a repository's: read from their own files first, then from there."""

from collections.abc import Callable
from pathlib import Path

from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import MissingObjectError, ObjectTooLargeError
from pipeline.base.git.objects import CHUNK, Objects, require_oid


class BorrowingObjects(Objects):
    """Objects of a directory that only holds loose ones, in front of a repository's.

    A git of its own to read them would cost as much as all other work on a small change.
    """

    def __init__(self, engine: Engine, objects_dir: Path, lender: Objects) -> None:
        super().__init__(engine, objects_dir, is_durable=False)
        self._lender = lender

    def read(self, oid: str, limit: int | None = None) -> tuple[str, bytes]:
        """As ``Objects.read``."""
        require_oid(oid, self.object_format)
        try:
            size = self.loose.info(oid)[1]
        except MissingObjectError:
            return self._lender.read(oid, limit)
        if limit is not None and size > limit:
            raise ObjectTooLargeError(oid, size, limit)
        return self.loose.read(oid)

    def info(self, oid: str) -> tuple[str, int]:
        """As ``Objects.info``."""
        require_oid(oid, self.object_format)
        try:
            return self.loose.info(oid)
        except MissingObjectError:
            return self._lender.info(oid)

    def has(self, oid: str) -> bool:
        """As ``Objects.has``."""
        return self.loose.has(oid) or self._lender.has(oid)

    def stream(self, oid: str, sink: Callable[[bytes], object]) -> int:
        """As ``Objects.stream``."""
        require_oid(oid, self.object_format)
        if not self.loose.has(oid):
            return self._lender.stream(oid, sink)
        data = self.loose.read(oid)[1]
        for at in range(0, len(data), CHUNK):
            sink(data[at : at + CHUNK])
        return len(data)
