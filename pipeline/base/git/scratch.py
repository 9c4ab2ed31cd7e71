"""A place to judge content that is not trusted: its objects reach the repository only on demand."""

import shutil
from collections.abc import Iterable

from pipeline.base.git.borrowing import BorrowingObjects
from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import MissingObjectError
from pipeline.base.git.loose import LooseObjects
from pipeline.base.git.objects import Objects
from pipeline.base.git.patches import Applied, PatchDesk, diff_text
from pipeline.base.git.trees import GITLINK, Trees, parse_tree


class Scratch:
    """An object directory of its own that borrows the repository's; gone on leaving the block."""

    def __init__(self, engine: Engine, repository: Objects, trees: Trees) -> None:
        self._engine = engine
        self._repository = repository
        self._path = engine.temporary("scratch")
        for name in ("objects", "indexes"):
            (self._path / name).mkdir()
        borrowed = repository.loose.path
        self.objects = BorrowingObjects(engine, self._path / "objects", repository)
        self.trees = Trees(self.objects, trees)
        self._desk = PatchDesk(engine, self.objects, self.trees, self._path / "indexes", borrowed)

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def apply_patch(self, tree: str, patch: bytes, *, exact: bool = True) -> Applied:
        """Apply a patch to a tree of the repository or the scratch; PatchRejectedError if not.

        Two processes at most, three for the first patch on a tree.
        """
        return self._desk.apply(tree, patch, is_exact=exact)

    def diff_text(self, before: str, after: str) -> bytes:
        """As `Repository.diff_text`, for trees that may live here."""
        borrowed = self._repository.loose.path
        return diff_text(self._engine, self.objects, before, after, borrowed)

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
        """Remove the directory."""
        shutil.rmtree(self._path, ignore_errors=True)

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
