"""Opening the database: who may, which version, and what becomes of a broken one."""

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from pipeline.base.errors import BugError, PipelineError, UnfitError
from pipeline.base.files import as_unfit, make_directory, sync_directory
from pipeline.store.migrate import APPLICATION_ID, check_version, migrate

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SMALL = 16 * 1024 * 1024
_SUSPECT_SUFFIX = ".suspect"
_SIDE_FILES = ("-wal", "-shm")


class Mode(StrEnum):
    """What a connection may do."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database and what a person should know about the opening."""

    connection: sqlite3.Connection
    notes: tuple[str, ...] = ()


def open_database(path: Path, mode: Mode) -> Opened | None:
    """Open the database at ``path``; ``None`` for a reader where there is none yet.

    Writing needs the run lock. It creates what is missing, applies migrations, and moves a broken
    database aside (``<name>.corrupt-<time>``). Raises ``UnfitError`` for a database that is newer
    than this program, or that the file system does not let us use; nothing is changed then.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise UnfitError(
            f"The SQLite of this Python is {sqlite3.sqlite_version}, older than 3.37.",
            remedy="Use a newer Python.",
        )
    try:
        return _open_reader(path) if mode is Mode.READ else _open_writer(path)
    except sqlite3.Error as error:
        raise database_error(error, path) from error
    except OSError as error:
        raise as_unfit(error, path, "open") from error


def database_error(error: sqlite3.Error, path: Path) -> PipelineError:
    """Say an error of SQLite for people; a broken database is marked for the next writer."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _BROKEN:
        mark_suspect(path)
        return UnfitError(
            f"The database {path} is damaged: {error}.",
            remedy="Run `pipeline run` again: it moves the database aside and starts a new one.",
        )
    if primary == sqlite3.SQLITE_ERROR:  # a statement or a table is not as this code expects
        return BugError(f"The database {path} does not understand us: {error}.")
    why, remedy = {
        sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, then run it again."),
        sqlite3.SQLITE_READONLY: ("it is read-only", "Make it writable, or work in a copy."),
        sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Check the path, its owner and mode."),
        sqlite3.SQLITE_PERM: ("permission denied", "Check who owns it and its mode."),
        sqlite3.SQLITE_IOERR: (
            "the file system reports an error",
            "Check free space, limits and the disk, then run it again.",
        ),
        sqlite3.SQLITE_BUSY: ("another program keeps it locked", "Close that program."),
    }.get(primary or 0, (str(error), "Check the file; this may be a bug of ours."))
    return UnfitError(f"Cannot use the database {path}: {why}.", remedy=remedy)


def mark_suspect(path: Path) -> None:
    """Have the next writer check the whole database before it trusts it."""
    with contextlib.suppress(OSError):
        path.with_name(path.name + _SUSPECT_SUFFIX).touch()


def _connect(path: Path, options: str, timeout: float) -> sqlite3.Connection:
    uri = f"file:{quote(os.fsencode(path))}?{options}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=timeout
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _open_reader(path: Path) -> Opened | None:
    if not path.exists():
        return None
    connection = _connect(path, "mode=ro", timeout=5.0)
    try:
        version = check_version(connection, path)
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        # The directory is read-only: without a log to read, the file alone is the database.
        connection = _connect(path, "mode=ro&immutable=1", timeout=5.0)
        version = check_version(connection, path)
    except PipelineError:
        connection.close()
        raise
    if version == 0:  # somebody is creating it just now
        connection.close()
        return None
    return Opened(connection)


def _open_writer(path: Path) -> Opened:
    make_directory(path.parent)
    notes = _move_aside_if_broken(path)
    connection = _connect(path, "mode=rwc", timeout=10.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: through the disk's own cache
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return Opened(connection, notes)


def _move_aside_if_broken(path: Path) -> tuple[str, ...]:
    """Look before anything is changed; raises ``UnfitError`` for a newer or foreign database."""
    if not path.exists():
        orphans = any(path.with_name(path.name + suffix).exists() for suffix in _SIDE_FILES)
        return (_move_aside(path, "its main file is missing"),) if orphans else ()
    problem = _problem(path)
    suspect = path.with_name(path.name + _SUSPECT_SUFFIX)
    notes = (_move_aside(path, problem),) if problem else ()
    suspect.unlink(missing_ok=True)
    return notes


def _problem(path: Path) -> str:
    """Return what is broken in a database, empty where nothing is."""
    is_suspect = path.with_name(path.name + _SUSPECT_SUFFIX).exists()
    log = path.with_name(path.name + "-wal")
    is_unclean = log.exists() and log.stat().st_size > 0
    # We hold the run lock: without a log nobody writes, and looking need not even make one.
    options = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    connection = _connect(path, options, timeout=10.0)
    try:
        check_version(connection, path)
        if is_suspect:
            return _first_fault(connection, "integrity_check")
        if is_unclean or path.stat().st_size < _SMALL:
            return _first_fault(connection, "quick_check")
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BROKEN:
            return str(error)
        raise
    finally:
        connection.close()
    return ""


def _first_fault(connection: sqlite3.Connection, check: str) -> str:
    (answer,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    return "" if answer == "ok" else str(answer)


def _move_aside(path: Path, problem: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    try:
        for suffix in ("", *_SIDE_FILES):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        sync_directory(path.parent)
    except OSError as error:
        raise as_unfit(error, path, "move aside") from error
    return f"The database {path} was damaged ({problem}); it was moved to {aside}."


__all__ = ["APPLICATION_ID", "Mode", "Opened", "database_error", "mark_suspect", "open_database"]
