"""Slots: directories that tools work in, pooled, restored exactly, and thrown away in doubt."""

import contextlib
import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.files import as_unfit
from pipeline.base.git import Repository
from pipeline.model.config import Config
from pipeline.work.borrowed_git import Author, Head, IndexWriter, write_git
from pipeline.work.checkout import Checkout
from pipeline.work.removal import SlotError, Trash, empty_directory, remove_by_way_of
from pipeline.work.snapshot import Snapshot, load_snapshot, save_snapshot
from pipeline.work.walk import OPEN_DIRECTORY

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_NUMBERS = 10_000
_UNKNOWN = 1 << 30  # files to change in a place of which nothing is known
_FEW = 16  # files that are changed sooner than a new place is made
_NEAR = 4  # a place is near where less than this part of its files differs
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """A directory that holds exactly ``tree``'s files and is the taker's until given back.

    ``path`` is the checkout, a tool's working directory; ``home`` and ``tmp`` are empty
    directories of its own. ``snapshot`` is what the checkout held before any tool started.
    ``links`` are names that the engine put there (set-up directories) with their targets.
    """

    number: int
    path: Path
    home: Path
    tmp: Path
    tree: str
    snapshot: Snapshot
    has_git: bool
    head: Head
    author: Author
    owner: str = ""
    links: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def directory(self) -> Path:
        """The slot's directory, which holds the checkout and the engine's own files."""
        return self.path.parent


@dataclass(slots=True)
class _Place:
    """A slot directory of this process, free or taken; ``lock`` is held as long as it exists."""

    number: int
    directory: Path
    lock: int
    checkout: Checkout
    index: IndexWriter
    uses: int = 0
    is_taken: bool = False


@dataclass(frozen=True, slots=True)
class IdleSlot:
    """A slot that nobody has: what another slot's tool must leave alone."""

    number: int
    directory: Path
    uses: int
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a taker asked for."""

    tree: str
    with_git: bool
    owner: str
    head: Head
    links: tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class _State:
    places: list[_Place] = field(default_factory=list)
    is_closed: bool = False


class SlotPool:
    """The slots of one process, at most ``limit`` at once; a context manager.

    ``root`` holds ``slot-N`` directories, shared with other processes by a lock in each. A
    thread that holds a slot and takes another one needs a limit of twice the threads.
    """

    def __init__(
        self, repo: Repository, root: Path, *, limit: int, config: Config | None = None
    ) -> None:
        self._repo = repo
        self._root = root
        self._limit = max(1, limit)
        run = (config or Config()).run
        self._author = Author(run.author_name, run.author_email)
        self._state = _State()
        self._changed = threading.Condition()

    def __enter__(self) -> "SlotPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def take(
        self,
        tree: str,
        *,
        with_git: bool = False,
        owner: str = "",
        head: Head | None = None,
        links: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Iterator[Slot]:
        """A slot with exactly ``tree``, waited for where all are taken.

        ``with_git`` gives it a ``.git`` of its own at ``head``. ``links`` are put at the top of
        the checkout (name, target). Raises UnfitError when no slot can be made.
        """
        place, slot = self._prepare(_Wish(tree, with_git, owner, head or Head(), links))
        try:
            yield slot
        finally:
            self._give_back(place)

    def reset(self, slot: Slot) -> Slot:
        """Bring a slot that its taker still has back to its tree; the slot as it is then.

        Raises SlotError or OSError when that fails; the slot is then of no more use.
        """
        with self._changed:
            place = next(one for one in self._state.places if one.number == slot.number)
        _empty_private(place.directory, git=True)
        wish = _Wish(slot.tree, slot.has_git, slot.owner, slot.head, slot.links)
        return self._fill(place, wish)

    def keep(self, slot: Slot, name: str) -> Path:
        """Put a slot's checkout aside as ``kept/<name>``, in place of one that is there.

        The slot's next taker gets a new directory. Raises SlotError or OSError.
        """
        with self._changed:
            place = next(one for one in self._state.places if one.number == slot.number)
        target = self._root / "kept" / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_by_way_of(place.directory, target)
        place.checkout.snapshot = None
        slot.path.rename(target)
        return target

    def drop_kept(self, name: str) -> None:
        """Remove what was put aside under this name, if there is anything; for one thread."""
        target = self._root / "kept" / name
        if target.parent.is_dir():
            remove_by_way_of(self._root, target)

    def idle(self) -> tuple[IdleSlot, ...]:
        """The slots of this process that nobody has at the moment."""
        with self._changed:
            free = [place for place in self._state.places if not place.is_taken]
        return tuple(
            IdleSlot(place.number, place.directory, place.uses, _known_files(place))
            for place in free
        )

    def close(self) -> None:
        """Keep what is known of the free slots for the next process, and let go of all."""
        with self._changed:
            self._state.is_closed = True
            places, self._state.places = self._state.places, []
        for place in places:
            if not place.is_taken and place.checkout.snapshot is not None:
                with contextlib.suppress(OSError):
                    save_snapshot(place.directory / "snapshot", place.checkout.snapshot)
            os.close(place.lock)

    def _prepare(self, wish: _Wish) -> tuple[_Place, Slot]:
        """Claim a place and bring it to the tree; one that resists is given up for another."""
        for left in reversed(range(_TRIES)):
            place = self._claim(wish.tree)
            try:
                return place, self._fill(place, wish)
            except SlotError:
                self._retire(place)
                if not left:
                    raise
            except OSError as problem:
                is_full = problem.errno in _FULL
                (self._release if is_full else self._retire)(place)
                if is_full or not left:
                    raise as_unfit(problem, place.directory) from problem
            except BaseException:
                self._release(place)
                raise
        raise AssertionError

    def _fill(self, place: _Place, wish: _Wish) -> Slot:
        _write_owner(place.lock, wish.owner)
        snapshot = place.checkout.bring_to(wish.tree)
        _empty_private(place.directory)
        slot = Slot(
            number=place.number,
            path=place.directory / "tree",
            home=place.directory / "home",
            tmp=place.directory / "tmp",
            tree=wish.tree,
            snapshot=snapshot,
            has_git=wish.with_git,
            head=wish.head,
            author=self._author,
            owner=wish.owner,
            links=wish.links,
        )
        for name, target in wish.links:
            (slot.path / os.fsdecode(name)).symlink_to(os.fsdecode(target))
        if wish.with_git:
            write_git(
                slot.path,
                head=wish.head,
                author=self._author,
                objects=self._repo.common_dir / "objects",
                object_format=self._repo.object_format,
                index=place.index.index(slot.path, snapshot),
                excluded=tuple(f"/{os.fsdecode(name)}" for name, _ in wish.links),
            )
        return slot

    def _claim(self, tree: str) -> _Place:
        """The free place that is nearest to the tree, or a new one; waits for one."""
        with self._changed:
            while True:
                if self._state.is_closed:
                    raise UnfitError("The pool of slots is closed.")
                place, is_near = self._nearest(tree)
                if not is_near and len(self._state.places) < self._limit:
                    place = self._open()
                    self._state.places.append(place)
                if place is not None:
                    break
                self._changed.wait()
            place.is_taken = True
            place.uses += 1
            return place

    def _nearest(self, tree: str) -> tuple[_Place | None, bool]:
        """A free place with few files to change, and whether a new one would cost more.

        Landing goes away from the base, step by step, where the workstreams stay: with one place
        for both, each would undo the other's steps.
        """
        best, fewest = None, _UNKNOWN + 1
        free = [place for place in self._state.places if not place.is_taken]
        for place in sorted(free, key=lambda one: one.uses, reverse=True):
            files = self._distance(place, tree)
            if files < fewest:
                best, fewest = place, files
            if files <= _FEW:
                break
        is_near = best is not None and fewest <= max(_FEW, _known_files(best) // _NEAR)
        return best, is_near

    def _distance(self, place: _Place, tree: str) -> int:
        known = place.checkout.snapshot
        return len(self._repo.trees.diff(known.tree, tree)) if known else _UNKNOWN

    def _open(self) -> _Place:
        """Lock the first slot directory that no process has, and make it if it is not there."""
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            return self._open_first()
        except OSError as problem:
            raise as_unfit(problem, self._root) from problem

    def _open_first(self) -> _Place:
        if self._root.stat().st_uid != os.getuid():
            raise UnfitError(
                f"{self._root} belongs to another user.", remedy="Set `paths.worktrees`."
            )
        taken = {place.number for place in self._state.places}
        for number in range(_NUMBERS):
            directory = self._root / f"slot-{number}"
            if number in taken or (directory / "broken").exists():
                continue
            lock = _lock(directory)
            if lock is not None:
                return self._place(number, directory, lock)
        raise UnfitError(f"No slot can be made in {self._root}.", remedy="Remove old slots there.")

    def _place(self, number: int, directory: Path, lock: int) -> _Place:
        """A place; what the last process knew of it holds only if it ended in order."""
        checkout = Checkout(directory, self._repo)
        saved = directory / "snapshot"
        checkout.snapshot = load_snapshot(saved)
        saved.unlink(missing_ok=True)
        if checkout.snapshot and not self._repo.objects.has(checkout.snapshot.tree):
            checkout.snapshot = None
        return _Place(number, directory, lock, checkout, IndexWriter(self._repo.object_format))

    def _give_back(self, place: _Place) -> None:
        """Free a place; its checkout is restored when it is taken again, by what is found then."""
        try:
            _empty_private(place.directory, git=True)
        except (SlotError, OSError):
            self._retire(place)
        else:
            self._release(place)

    def _release(self, place: _Place) -> None:
        with self._changed:
            place.is_taken = False
            self._changed.notify()

    def _retire(self, place: _Place) -> None:
        """Give a place up for good: a process of this run may still have its hands in it."""
        with contextlib.suppress(OSError):
            (place.directory / "broken").touch()
        with self._changed:
            with contextlib.suppress(ValueError):
                self._state.places.remove(place)
                os.close(place.lock)
            self._changed.notify()


def _known_files(place: _Place) -> int:
    return len(place.checkout.snapshot.signatures) if place.checkout.snapshot else 0


def _lock(directory: Path) -> int | None:
    """The locked owner file of a slot directory, or None when another process has it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(directory / "lock", flags, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _write_owner(lock: int, owner: str) -> None:
    text = json.dumps({"owner": owner, "pid": os.getpid(), "since": int(time.time())})
    os.ftruncate(lock, 0)
    os.pwrite(lock, text.encode() + b"\n", 0)


def _empty_private(directory: Path, *, git: bool = False) -> None:
    """Empty ``home`` and ``tmp``; with ``git``, remove the checkout's ``.git`` too."""
    slot = os.open(directory, OPEN_DIRECTORY)
    try:
        trash = Trash(slot)
        try:
            empty_directory(slot, trash, b"home")
            empty_directory(slot, trash, b"tmp")
            if git:
                _remove_git(slot, trash)
        finally:
            trash.close()
    finally:
        os.close(slot)


def _remove_git(slot: int, trash: Trash) -> None:
    try:
        root = os.open(b"tree", OPEN_DIRECTORY, dir_fd=slot)
    except OSError:
        return  # taking the slot again makes the directory anew
    try:
        trash.remove(root, b".git")
    finally:
        os.close(root)
