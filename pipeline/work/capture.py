"""Finding out what a tool really changed, from the bytes that lie in its slot."""

import os
import stat
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from pipeline.base.git import EXECUTABLE, FILE, SYMLINK, Scratch, TreeEntry
from pipeline.model.config import CaptureConfig
from pipeline.model.edit import Captured
from pipeline.model.patch import Objection, Reason
from pipeline.work.checkout import Descent, blob_id, differing_paths
from pipeline.work.discard import Discard
from pipeline.work.names import takes_for_git
from pipeline.work.own_git import judge_own_git
from pipeline.work.slots import Slot
from pipeline.work.snapshot import Snapshot
from pipeline.work.walk import OPEN_DIRECTORY, Signature, Walked, walk

_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def capture(slot: Slot, scratch: Scratch, config: CaptureConfig) -> Captured:
    """What differs in a slot from the tree it was given with; blobs and tree go to the scratch.

    To be called when no process of the tool is alive. Nothing is followed, no file is opened
    that is not a plain one with a single name, and none larger than the configuration allows.
    Paths that have an objection are not in the tree. What a tool did to the slot's own ``.git`` is
    among the objections, most of it as a flag that blocks nothing.
    """
    try:
        root = os.open(slot.path, OPEN_DIRECTORY)
    except OSError as problem:
        message = f"The directory it worked in cannot be read any more ({problem.strerror})."
        return Captured(slot.tree, "", (), objections=(Objection(Reason.SPECIAL_FILE, message),))
    try:
        return _Capture(slot, scratch, config, root).run()
    finally:
        os.close(root)


@dataclass(slots=True)
class _Findings:
    changes: dict[bytes, TreeEntry | None] = field(default_factory=dict)
    dropped: list[bytes] = field(default_factory=list)
    objections: list[Objection] = field(default_factory=list)

    def object_to(self, reason: Reason, path: bytes | None, message: str) -> None:
        self.objections.append(Objection(reason, message, path))


class _Capture:
    """One capture: the walk, the comparison, the reading of what differs."""

    def __init__(self, slot: Slot, scratch: Scratch, config: CaptureConfig, root: int) -> None:
        self._snapshot: Snapshot = slot.snapshot
        self._slot = slot
        self._scratch = scratch
        self._config = config
        self._root = root
        self._found = _Findings()
        self._discard = Discard(config.discard)

    def run(self) -> Captured:
        walked = self._walk()
        if not walked.is_complete:
            message = f"There are more than {self._config.max_files} new files and directories."
            self._found.object_to(Reason.SIZE, None, message)
            return self._captured(tree="")
        self._judge_directories(walked)
        self._check_links(walked)
        descent = Descent(self._root)
        try:
            for path in sorted(self._suspects(walked)):
                self._look_at(descent, path, walked.files[path])
        finally:
            descent.close()
        self._find_missing(walked)
        return self._captured(tree=self._tree())

    def _walk(self) -> Walked:
        skip = (b".git",) if self._slot.has_git else ()
        snapshot = self._snapshot
        return walk(
            self._root,
            skip=skip,
            known=snapshot.directories,
            max_entries=self._config.max_files + len(snapshot.entries) + len(snapshot.directories),
        )

    def _suspects(self, walked: Walked) -> Iterable[bytes]:
        """The paths to read: those that differ, and those that could have kept a signature."""
        if self._config.mode == "full":
            return walked.files.keys()
        differing = differing_paths(self._snapshot.signatures, walked.files)
        return differing | (self._snapshot.doubtful & walked.files.keys())

    def _look_at(self, descent: Descent, path: bytes, seen: Signature) -> None:
        before = self._snapshot.entries.get(path)
        if before is None and self._discard.covers(path):
            self._found.dropped.append(path)
            return
        problem = self._problem(path, seen)
        if problem and problem[0] is Reason.SIZE and self._is_unchanged(descent, path, seen):
            return
        if problem is not None:
            self._found.object_to(problem[0], path, problem[1])
            return
        try:
            entry = self._read(descent, path, seen, before)
        except OSError as failure:
            message = f"It cannot be read ({failure.strerror})."
            self._found.object_to(Reason.SPECIAL_FILE, path, message)
            return
        if entry is None:
            message = "It changed while it was read: something still writes there."
            self._found.object_to(Reason.STRAY_PROCESS, path, message)
        elif entry != before:
            self._found.changes[path] = entry

    def _problem(self, path: bytes, seen: Signature) -> tuple[Reason, str] | None:
        """Why a path is not even read, if there is a reason."""
        mode, links, _, _, size, _, _ = seen
        is_link = stat.S_ISLNK(mode)
        if path not in self._snapshot.entries and takes_for_git(path.rpartition(b"/")[2]):
            return Reason.UNSAFE_PATH, "Its name is one that some file system takes for .git."
        if not stat.S_ISREG(mode) and not is_link:
            return Reason.SPECIAL_FILE, f"It is a {_kind(mode)}, not a file."
        if not is_link and mode & _SPECIAL_BITS:
            return Reason.SPECIAL_FILE, "It has a setuid, setgid or sticky bit."
        if links != 1:
            return Reason.SPECIAL_FILE, f"It is a hard link: {links} names share its content."
        if size > self._config.max_file_bytes:
            limit = self._config.max_file_bytes
            return Reason.SIZE, f"It has {size} bytes, more than the limit of {limit}."
        return None

    def _is_unchanged(self, descent: Descent, path: bytes, seen: Signature) -> bool:
        """Whether a file that is too large to be stored is what it was; read in pieces."""
        before = self._snapshot.entries.get(path)
        if before is None or (before.mode == EXECUTABLE) != bool(seen[0] & stat.S_IXUSR):
            return False
        try:
            return descent.blob_id(path, seen, self._scratch.objects.object_format) == before.oid
        except OSError:
            return False

    def _read(
        self, descent: Descent, path: bytes, seen: Signature, before: TreeEntry | None
    ) -> TreeEntry | None:
        """The entry that a file or link comes to, stored where it is new; None if it changes."""
        if stat.S_ISLNK(seen[0]):
            data: bytes | None = descent.read_link(path)
            mode = SYMLINK
        else:
            data = descent.read(path, seen, self._config.max_file_bytes)
            mode = EXECUTABLE if seen[0] & stat.S_IXUSR else FILE
        if data is None:
            return None
        oid = blob_id(self._scratch.objects.object_format, data)
        if before is None or before.oid != oid:
            self._scratch.objects.write("blob", data)
        return TreeEntry(mode, oid)

    def _find_missing(self, walked: Walked) -> None:
        """Tracked paths that are gone; of those below what could not be entered nothing is said."""
        unknown = {*walked.unreadable, *walked.too_deep, *walked.mount_points}
        for path in self._snapshot.signatures.keys() - walked.files.keys():
            if not any(path.startswith(directory + b"/") for directory in unknown):
                self._found.changes[path] = None

    def _judge_directories(self, walked: Walked) -> None:
        own = stat.S_IMODE(os.fstat(self._root).st_mode) & stat.S_ISGID
        lists = (
            (walked.repositories, Reason.UNSAFE_PATH, "It is a repository inside the repository."),
            (walked.unreadable, Reason.SPECIAL_FILE, "The directory cannot be read."),
            (walked.too_deep, Reason.UNSAFE_PATH, "Directories are nested too deeply."),
            (walked.mount_points, Reason.SPECIAL_FILE, "It is a mount point."),
        )
        for paths, reason, message in lists:
            for path in paths:
                if not self._discard.covers(path + b"/"):
                    self._found.object_to(reason, path, message)
        for path, mode in walked.directories.items():
            if mode & _SPECIAL_BITS & ~own and not self._discard.covers(path + b"/"):
                message = "The directory has a setuid, setgid or sticky bit."
                self._found.object_to(Reason.SPECIAL_FILE, path, message)

    def _check_links(self, walked: Walked) -> None:
        """Names that the engine put there are no change, as long as they are what they were."""
        for name, target in self._slot.links:
            seen = walked.files.pop(name, None)
            is_same = seen is not None and stat.S_ISLNK(seen[0])
            if not is_same or os.readlink(name, dir_fd=self._root) != target:
                message = "The link to a set-up directory was removed or replaced."
                self._found.object_to(Reason.SPECIAL_FILE, name, message)

    def _tree(self) -> str:
        """The start tree with the changes; gitlinks that have files in them cannot be edited."""
        changes = self._found.changes
        links = self._snapshot.gitlinks
        for path in [path for path in changes if links and _inside(path, links)]:
            del changes[path]
            self._found.object_to(Reason.SPECIAL_FILE, path, "It lies inside a submodule.")
        if not changes:
            return self._slot.tree
        return self._scratch.trees.edit(self._slot.tree, changes.items())

    def _captured(self, tree: str) -> Captured:
        start = self._slot.tree
        changes = self._scratch.trees.diff(start, tree) if tree else ()
        found = (*self._found.objections, *judge_own_git(self._slot))
        objections = sorted(found, key=lambda one: (one.path or b"", one.message))
        dropped = tuple(sorted(self._found.dropped))
        return Captured(start, tree, changes, dropped, tuple(objections))


def _inside(path: bytes, links: Container[bytes]) -> bool:
    parts = path.split(b"/")
    return any(b"/".join(parts[:length]) in links for length in range(1, len(parts)))


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISFIFO, "named pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISBLK, "block device"),
        (stat.S_ISCHR, "character device"),
    )
    return next((name for is_kind, name in kinds if is_kind(mode)), "special file")
