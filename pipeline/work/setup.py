"""Set-up directories: made once for the files they depend on, lent to slots by a link."""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.files import write_atomic
from pipeline.base.git import Repository
from pipeline.base.locks import process_started
from pipeline.base.process import CancelToken, program_words, shell_argv, which
from pipeline.model.check import ToolProfile
from pipeline.model.config import SetupStep
from pipeline.model.edit import ToolReport
from pipeline.work.seal import seal_of
from pipeline.work.slots import SlotPool
from pipeline.work.tools import has_succeeded, run_tool, slot_values, tool_environment

_UNFINISHED = ".new"


class SetupFailedError(UnfitError):
    """A set-up step did not end well, or did not make what it promises."""


@dataclass(frozen=True, slots=True)
class SetupDirs:
    """Directories that slots are given: ``links`` as `SlotPool.take` wants them.

    ``digest`` is part of a verdict's key; it is empty where there is no set-up. ``seal`` is what
    ``made`` was like when it was lent (see `is_sealed`).
    """

    digest: str = ""
    links: tuple[tuple[bytes, bytes], ...] = ()
    made: Path | None = None
    seal: str = ""


def setup_digest(
    steps: Sequence[SetupStep], tree: str, repo: Repository, environ: Mapping[str, str]
) -> str:
    """What the directories depend on: commands, the declared files' content, programs, platform.

    A program is known by where it is, its size and its time of change: reading each one for
    every checkout would cost more than making the directories once too often.
    """
    if not steps:
        return ""
    path = tool_environment(ToolProfile("setup"), environ=environ, own={})["PATH"]
    files = {}
    for step in steps:
        for name in step.files:
            entry = repo.trees.lookup(tree, os.fsencode(name))
            files[name] = entry.oid if entry else None
    commands = [(step.name, step.command, step.files, step.directories) for step in steps]
    programs = [_programs(step.command, path) for step in steps]
    facts = (platform.system(), platform.machine(), sys.implementation.cache_tag, path)
    text = json.dumps([commands, files, programs, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _programs(command: Sequence[str] | str, path: str) -> list[tuple[str, str, int, int]]:
    """The programs that a command's words name: found where, which file, its size and time."""
    words = program_words(command)
    if isinstance(command, str):
        words = (shell_argv(command)[0], *words)
    programs = []
    for word in words:
        found = which(word, path=path, cwd=Path(os.sep))
        if found is not None:
            with contextlib.suppress(FileNotFoundError):  # gone just now
                stat = found.stat()
                real = os.path.realpath(found)
                programs.append((str(found), real, stat.st_size, stat.st_mtime_ns))
    return programs


def prepare_setup(
    steps: Sequence[SetupStep],
    tree: str,
    *,
    repo: Repository,
    pool: SlotPool,
    cache_root: Path,
    logs: Path,
    environ: Mapping[str, str],
    cancel: CancelToken | None = None,
    tag: str = "",
) -> SetupDirs:
    """The set-up directories for a tree, made in a slot when the cache does not have them.

    They are links to a directory from which the owner's permission to write was taken: a guard
    against accidents, not against a tool that takes it back. Directories lie at the top of the
    checkout, and no tracked file lies there. Raises InputError for others, SetupFailedError when
    a step fails.
    """
    digest = setup_digest(steps, tree, repo, environ)
    if not digest:
        return SetupDirs()
    names = _names(steps, tree, repo)
    made = cache_root / digest[:32]
    if made.is_dir() and not _has_kept_its_seal(made):
        # Somebody wrote there: it is put aside, and made anew.
        made.rename(made.with_name(f"{made.name}-{time.time_ns()}.{os.getpid()}{_UNFINISHED}"))
    if not made.is_dir():
        _make(
            steps,
            tree,
            names,
            made,
            pool=pool,
            logs=logs,
            environ=environ,
            cancel=cancel,
            tag=tag,
        )
    links = tuple((os.fsencode(name), os.fsencode(made / name)) for name in names)
    return SetupDirs(digest, links, made, _seal_file(made).read_text(encoding="ascii"))


def is_sealed(setup: SetupDirs) -> bool:
    """Whether set-up directories are as they were when lent; true where there are none."""
    if setup.made is None:
        return True
    try:
        return seal_of(setup.made) == setup.seal
    except OSError:
        return False


def _seal_file(made: Path) -> Path:
    return made.with_name(f"{made.name}.seal")


def _has_kept_its_seal(made: Path) -> bool:
    try:
        return seal_of(made) == _seal_file(made).read_text(encoding="ascii")
    except OSError:
        return False


def _names(steps: Sequence[SetupStep], tree: str, repo: Repository) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip("/") for step in steps for name in step.directories))
    for name in names:
        if not name or "/" in name or name in (".", "..") or name.lower() == ".git":
            raise InputError(
                f"The set-up directory {name!r} is not a name at the top of the checkout.",
                remedy="Give plain names, as in `directories: [.venv]`.",
            )
        if repo.trees.lookup(tree, os.fsencode(name)) is not None:
            raise InputError(
                f"The set-up directory {name!r} is tracked in the repository.",
                remedy="Let the set-up step make another directory.",
            )
    return names


def _make(
    steps: Sequence[SetupStep],
    tree: str,
    names: tuple[str, ...],
    made: Path,
    *,
    pool: SlotPool,
    logs: Path,
    environ: Mapping[str, str],
    cancel: CancelToken | None,
    tag: str,
) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(made.parent)
    unfinished = made.with_name(f"{made.name}.{os.getpid()}{_UNFINISHED}")
    unfinished.mkdir()
    try:
        with pool.take(tree, owner="setup") as slot:
            for number, step in enumerate(steps):
                profile = ToolProfile(f"setup:{step.name}", timeout_s=step.timeout_s)
                report = run_tool(
                    profile,
                    step.command,
                    cwd=slot.path,
                    env=tool_environment(profile, environ=environ, own=slot_values(slot)),
                    logs=logs.with_name(f"{logs.name}-{number}"),
                    cancel=cancel,
                    tag=tag,
                )
                if not has_succeeded(profile, report):
                    raise SetupFailedError(
                        f"The set-up step {step.name!r} failed: {_why(report)}.",
                        remedy=f"See {report.stderr_log}.",
                    )
            for name in names:
                _move(slot.path / name, unfinished / name, steps)
        _publish(unfinished, made)
    finally:
        _remove(unfinished)


def _why(report: ToolReport) -> str:
    said = report.summary.rstrip(".")
    return f"exit code {report.exit_code}; {said}".rstrip("; ") if report.exit_code else said


def _publish(unfinished: Path, made: Path) -> None:
    try:
        unfinished.rename(made)
        write_atomic(_seal_file(made), seal_of(made).encode())
    except OSError:  # another process was faster; both made the same
        if not made.is_dir():
            raise


def _remove_left(folder: Path) -> None:
    """Remove what processes that died, or this one in an earlier try, had not finished."""
    for path in folder.glob(f"*{_UNFINISHED}"):
        pid = path.name.removesuffix(_UNFINISHED).rpartition(".")[2]
        if pid == str(os.getpid()) or process_started(int(pid)) is None:
            _remove(path)


def _move(source: Path, target: Path, steps: Sequence[SetupStep]) -> None:
    if source.is_symlink() or not source.is_dir():
        raise SetupFailedError(
            f"The set-up made no directory {source.name!r}.",
            remedy=f"Check the steps {', '.join(step.name for step in steps)}.",
        )
    shutil.move(source, target)
    for folder, _, files in os.walk(target):
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o555)
        Path(folder).chmod(Path(folder).stat().st_mode & 0o7555)


def _remove(path: Path) -> None:
    if not path.exists():
        return
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o700)
    shutil.rmtree(path)
