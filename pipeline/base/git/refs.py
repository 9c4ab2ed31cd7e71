"""Refs of the repository: read, listed, and moved by compare-and-swap, all or none at a time."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import BugError
from pipeline.base.git.errors import (
    GitError,
    RefInTheWayError,
    RefLockedError,
    RefMovedError,
    RefUpdateError,
)
from pipeline.base.git.invoke import LOCK_WAIT_MS, base_environment, run_git
from pipeline.base.git.objects import require_oid
from pipeline.base.git.ref_names import is_below, is_ref_name, require_ref_name
from pipeline.base.git.ref_writer import RefWriter

_LONGEST_HELD_S = 2.0
_LINE = "--format=%(objectname) %(refname)"


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One ref's move: ``old`` None means that it must not exist, ``new`` None that it goes away.

    There is no move without an expected value. Where both are the same the value is only checked.
    """

    name: str
    new: str | None
    old: str | None


class Refs:
    """The refs in the common directory of a repository and all its worktrees.

    ``before_update`` runs before a transaction is sent (the repository flushes its objects there,
    so that no ref ever names an object that a power cut could take). ``lock_wait_ms`` is how long
    a ref that another process has locked is waited for.
    """

    def __init__(
        self, common_dir: Path, object_format: str, before_update: Callable[[], None]
    ) -> None:
        self._common_dir = common_dir
        self._object_format = object_format
        self._before_update = before_update
        self._writer = RefWriter(common_dir)
        self.lock_wait_ms = LOCK_WAIT_MS
        self._zero = "0" * {"sha1": 40, "sha256": 64}[object_format]

    def close(self) -> None:
        """End the git that moves refs; moving one again starts another."""
        self._writer.close()

    def read(self, name: str) -> str | None:
        """The object id at a full ref name; None where there is no such ref, nor can be."""
        return self.list(name).get(name) if is_ref_name(name) else None

    def list(self, *prefixes: str) -> dict[str, str]:
        """Refs at or below the prefixes (``refs/heads/ws``), by name; all without a prefix."""
        patterns = [require_ref_name(prefix.rstrip("/")) for prefix in prefixes]
        done = self._git("for-each-ref", _LINE, *patterns)
        found = {}
        for line in done.decode("utf-8", "surrogateescape").splitlines():
            oid, _, name = line.partition(" ")
            if not patterns or any(is_below(name, pattern) for pattern in patterns):
                found[name] = oid
        return found

    def update(self, updates: Iterable[RefUpdate], *, message: str = "git-pipeline") -> None:
        """Move refs, all or none; ``message`` goes into the reflogs.

        Raises RefMovedError where a ref is not where it was expected, RefInTheWayError where a
        name collides with another's directory, RefLockedError where another process held a lock
        for too long; then nothing was changed. A concurrent reader may see some moves before
        others, so readers that need one moment follow one ref.
        """
        wanted = tuple(updates)
        if not wanted:
            return
        script = self._script(wanted)
        self._before_update()
        words = " ".join(message.replace("\0", " ").split()) or "git-pipeline"
        try:
            self._writer.run(script, message=words, wait_ms=self.lock_wait_ms)
        except GitError as failure:
            raise self._explain(wanted, failure) from failure

    def heal_locks(self, prefix: str) -> tuple[Path, ...]:
        """Remove lock files below ``prefix`` that a killed git left; returns those removed.

        Only for a caller that holds the lock making it the one writer below that prefix: no lock
        there can belong to a living process. Other refs' locks are never touched.
        """
        return _remove(self._locks(prefix))

    def heal_shared_locks(self, *prefixes: str, since: float) -> tuple[Path, ...]:
        """Remove what a killed git of ours left below prefixes where others move refs, too.

        ``since`` is when the dead engine began (Unix seconds). A lock that is older is not its;
        a living git's is gone after some milliseconds, so what stays is nobody's.
        """
        found = [path for prefix in prefixes for path in self._locks(prefix)]
        seen = {path: made for path in found if (made := _made(path)) and made[0] >= since}
        if not seen:
            return ()
        time.sleep(_LONGEST_HELD_S)
        return _remove(path for path, made in seen.items() if _made(path) == made)

    def _locks(self, prefix: str) -> Iterator[Path]:
        root = self._common_dir / require_ref_name(prefix.rstrip("/"))
        for path in (root.with_name(root.name + ".lock"), *root.rglob("*.lock")):
            if path.is_file() and not path.is_symlink():
                yield path

    def _git(self, *args: str) -> bytes:
        env = base_environment() | {"GIT_DIR": str(self._common_dir)}
        return run_git(args, cwd=self._common_dir, env=env).out

    def _script(self, updates: Sequence[RefUpdate]) -> bytes:
        """The commands for ``update-ref --stdin -z``, each ended by NUL."""
        lines: list[bytes] = []
        names = set()
        for update in updates:
            name = require_ref_name(update.name)
            if name in names:
                raise BugError(f"The ref {name} is named twice in one transaction.")
            names.add(name)
            lines.extend(part.encode("utf-8", "surrogateescape") for part in self._command(update))
        return b"\0".join([*lines, b""])

    def _command(self, update: RefUpdate) -> tuple[str, ...]:
        old, new = self._value(update.old), self._value(update.new)
        if new == old:
            if new == self._zero:
                raise BugError(f"The ref {update.name} would be removed without a known value.")
            return f"verify {update.name}", old
        if new == self._zero:
            return f"delete {update.name}", old
        return f"update {update.name}", new, old

    def _value(self, oid: str | None) -> str:
        return self._zero if oid is None else require_oid(oid, self._object_format)

    def _explain(self, updates: Sequence[RefUpdate], failure: GitError) -> RefUpdateError:
        """Why a transaction failed, found by looking; git's words are only the last resort."""
        present = self.list()
        for update in updates:
            expected = None if update.old == self._zero else update.old
            if present.get(update.name) != expected:
                return RefMovedError(update.name, expected, present.get(update.name))
        for update in updates:
            for name in present:
                is_other = name != update.name and update.new is not None
                if is_other and (is_below(name, update.name) or is_below(update.name, name)):
                    return RefInTheWayError(update.name, name)
        said = failure.err.decode("utf-8", "backslashreplace").strip()
        if ".lock'" in said:
            return RefLockedError(said)
        return RefUpdateError(f"The refs were not moved: {said}")


def _made(path: Path) -> tuple[float, int] | None:
    """When a file was written and which one it is; None where it is gone."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_mtime, found.st_ino


def _remove(paths: Iterable[Path]) -> tuple[Path, ...]:
    removed = tuple(paths)
    for path in removed:
        path.unlink(missing_ok=True)
    return removed
