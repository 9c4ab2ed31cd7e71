"""Whether the surroundings are fit for a run, each finding with its remedy."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.base.console import count
from pipeline.base.errors import PipelineError
from pipeline.base.git import Repository
from pipeline.base.git.invoke import require_git
from pipeline.model.config import Config
from pipeline.store.database import Mode, mark_suspect, open_database
from pipeline.store.layout import Layout
from pipeline.store.lock import live_owner

_GIB = 1024**3
_SCARCE = 1 * _GIB
_TOO_LITTLE = 100 * 1024**2


class Fitness(StrEnum):
    """How a checkup went: ``BAD`` keeps a run from going well, ``NOTE`` is worth knowing."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Checkup:
    """One thing that was looked at; ``remedy`` is the next step where it is not well."""

    name: str
    fitness: Fitness
    message: str
    remedy: str = ""


def _ok(name: str, message: str) -> Checkup:
    return Checkup(name, Fitness.OK, message)


def _note(name: str, message: str, remedy: str = "") -> Checkup:
    return Checkup(name, Fitness.NOTE, message, remedy)


def _bad(name: str, message: str, remedy: str = "") -> Checkup:
    return Checkup(name, Fitness.BAD, message, remedy)


def complaint(name: str, error: PipelineError) -> Checkup:
    """A problem that was raised, as a checkup."""
    return _bad(name, error.what, error.remedy)


def check_programs() -> Iterator[Checkup]:
    """Git and SQLite; the rest of Python's needs is settled by the installation."""
    try:
        yield _ok("git", f"git {'.'.join(map(str, require_git()))}")
    except PipelineError as error:
        yield complaint("git", error)
    if sqlite3.sqlite_version_info < (3, 37, 0):
        message = f"SQLite {sqlite3.sqlite_version} is older than 3.37."
        yield _bad("sqlite", message, "Use a newer Python.")
    else:
        yield _ok("sqlite", f"SQLite {sqlite3.sqlite_version}")


def check_repository(repository: Repository) -> Iterator[Checkup]:
    """Whether there is a commit to start from, and what kind of checkout this is."""
    try:
        head = repository.resolve_commit("HEAD")
    except PipelineError as error:
        yield complaint("repository", error)
        return
    yield _ok("repository", f"{repository.top} at {head[:12]} ({repository.object_format})")
    if repository.git_dir != repository.common_dir:
        yield _note("checkout", "This is a linked worktree; state is kept in the main checkout.")
    if repository.is_shallow:
        yield _note(
            "history",
            "The clone is shallow: a run works, an older base may be missing.",
            "`git fetch --unshallow` gets the rest.",
        )
    if changed := repository.changed_paths():
        yield _note(
            "changes",
            f"{count(len(changed), 'tracked file')} differ from HEAD; a run starts from a commit.",
            "Commit what a run is to see.",
        )


def check_branches(repository: Repository, layout: Layout) -> Iterator[Checkup]:
    """Whether a user's branch is where ours need to be."""
    heads = repository.refs.list("refs/heads")
    taken = [p for p in (layout.ws_prefix, layout.run_prefix) if f"refs/heads/{p}" in heads]
    for prefix in taken:
        option = "ws_prefix" if prefix == layout.ws_prefix else "run_prefix"
        yield _bad(
            "branches",
            f"A branch is called {prefix}, so that no branch {prefix}/… can be made.",
            f"Rename it with `git branch -m {prefix} {prefix}-old`, "
            f"or set paths.{option} in pipeline.yaml.",
        )
    if not taken:
        yield _ok("branches", f"{layout.ws_prefix}/… and {layout.run_prefix}/… are free")


def check_disk(layout: Layout) -> Iterator[Checkup]:
    """Room where state and slots are kept, and whether it can be written there."""
    for name, path in (("state", layout.state_dir), ("slots", layout.slots)):
        place = _existing(path)
        if not os.access(place, os.W_OK):
            yield _bad(name, f"{place} is not writable.", "Check its owner, mode and file system.")
            continue
        yield judge_room(name, path, shutil.disk_usage(place).free)
    if layout.slots.is_dir():
        held = sum(1 for entry in layout.slots.iterdir() if entry.is_dir())
        yield _ok("pool", f"{count(held, 'directory', 'directories')} in {layout.slots}")


def judge_room(name: str, path: Path, free: int) -> Checkup:
    """Whether ``free`` bytes are enough to work in ``path``."""
    message = f"{free / _GIB:.1f} GiB free for {path}"
    if free < _TOO_LITTLE:
        return _bad(name, message, "Free some space.")
    if free < _SCARCE:
        return _note(name, message, "That may not last for a run with many jobs.")
    return _ok(name, message)


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def check_database(layout: Layout) -> Iterator[Checkup]:
    """Whether the database opens, has a version we know, and is whole."""
    try:
        yield _database(layout.database)
    except PipelineError as error:
        yield complaint("database", error)
    asides = sorted(layout.state_dir.glob(f"{layout.database.name}.corrupt-*"))
    if asides:
        yield _note("database", f"A damaged database was moved aside: {asides[-1]}.")


def _database(path: Path) -> Checkup:
    opened = open_database(path, Mode.READ)
    if opened is None:
        return _ok("database", "none yet: nothing has run here")
    with contextlib.closing(opened.connection) as connection:
        faults = _faults(connection)
    if not faults:
        return _ok("database", f"{path} is whole")
    mark_suspect(path)  # a writer looks so closely only where it has a reason
    return _bad(
        "database",
        f"{path} is damaged: {faults[0]}",
        "The next `pipeline run` moves it aside and starts a new one.",
    )


def _faults(connection: sqlite3.Connection) -> list[str]:
    try:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in said if line != "ok"]


def check_lock(layout: Layout) -> Iterator[Checkup]:
    """Who works on the repository now."""
    owner = live_owner(layout)
    if owner is None:
        yield _ok("lock", "nobody works on this repository")
    else:
        yield _note("lock", f"held by {owner}", "Another `pipeline run` has to wait for it.")


def check_tools(config: Config, used: Collection[str], top: Path, path: str) -> Iterator[Checkup]:
    """Whether the programs of checks and tools are there.

    ``used`` are the tools that bundles name; a missing one that nobody uses is no concern.
    ``path`` is searched as ``PATH`` is.
    """
    needed: dict[str, list[str]] = {}
    for gate in config.gates.values():
        for check in gate.checks:
            _need(needed, check.command, f"check {check.name}")
    for tool in config.tools.values():
        if tool.id in used:
            _need(needed, tool.command, f"tool {tool.id}")
    for program, users in sorted(needed.items()):
        found = shutil.which(str(top / program) if "/" in program else program, path=path)
        if found:
            yield _ok("tools", f"{program}: {found}")
        else:
            yield _bad(
                "tools",
                f"{program} is missing ({', '.join(dict.fromkeys(users))}).",
                f"Install {program}, or name another program in pipeline.yaml.",
            )


def _need(needed: dict[str, list[str]], command: tuple[str, ...] | str, user: str) -> None:
    # What a shell string starts is the shell's business; a template is filled in by the step.
    program = ("sh" if os.name != "nt" else "pwsh") if isinstance(command, str) else command[:1]
    name = program if isinstance(program, str) else "".join(program)
    if command and name and "{" not in name:
        needed.setdefault(name, []).append(user)
