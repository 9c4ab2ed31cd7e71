"""The mechanical rung: fixers that need no judgement, run on the files in scope alone.

``F401`` (unused imports) is not fixed by default, though ruff calls that fix safe: ruff sees one
file, and in modules that exist to re-export names (``compat``, ``api``) the fix removes what other
files import. Measured on ten older packages it was the cause of every new test failure at the
safe level (tablib and pyramid could not be imported any more), and leaving it out cost about one
point of a hundred of what is repaired. Unsafe fixes are never taken, whatever the configuration
of the tree says, and no cache is written into the tree.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.process import which
from pipeline.model.config import RepairConfig

MAX_FILES = 500
MAX_BYTES = 100 * 1024  # of names in one command, well under what any system takes
_PYTHON = (b".py", b".pyi")


@dataclass(frozen=True, slots=True)
class Fixer:
    """A program that repairs files in place.

    ``arguments`` come before the names; ``unfixable`` is the option that takes rules to leave
    alone (ruff adds them to those that the tree's configuration names), empty where there is none.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    suffixes: tuple[bytes, ...]
    unfixable: str = ""


FIXERS: tuple[Fixer, ...] = (
    Fixer(
        "ruff check",
        "ruff",
        (
            *("check", "--fix", "--no-unsafe-fixes", "--quiet", "--exit-zero"),
            *("--force-exclude", "--no-cache"),
        ),
        _PYTHON,
        unfixable="--unfixable",
    ),
    Fixer("ruff format", "ruff", ("format", "--quiet", "--force-exclude", "--no-cache"), _PYTHON),
)
"""What is run, in this order; one more fixer is one more line."""


@dataclass(frozen=True, slots=True)
class FixCommand:
    """One command of a fixer; it is run in the top directory of the checkout."""

    fixer: str
    argv: tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class Mechanical:
    """What the rung does; ``skipped`` says which fixers cannot be run, for the record."""

    commands: tuple[FixCommand, ...]
    skipped: tuple[str, ...] = ()


def mechanical_commands(
    files: Sequence[bytes],
    repair: RepairConfig,
    *,
    find: Callable[[str], str | None],
    fixers: Sequence[Fixer] = FIXERS,
) -> Mechanical:
    """Return the commands that repair ``files``, long lists in several.

    ``files`` are paths of files that exist and that the workstream may modify, relative to the
    repository's root; each fixer takes those that it knows by their ending. ``find`` returns the
    path of a program or ``None`` (see ``find_program``).
    """
    commands: list[FixCommand] = []
    skipped: list[str] = []
    for fixer in fixers:
        names = [name for name in files if name.lower().endswith(fixer.suffixes)]
        program = find(fixer.program) if names else None
        if program is not None:
            options = _options(fixer, repair)
            commands += (
                FixCommand(fixer.name, (program, *options, "--", *chunk))
                for chunk in _chunks(names)
            )
        elif names:
            skipped.append(
                f"{fixer.name} was skipped: the program {fixer.program} was not found. "
                f"Install it, or leave `mechanical` out of the repair ladder."
            )
    return Mechanical(tuple(commands), tuple(skipped))


def find_program(name: str, *, path: str) -> str | None:
    """Return where a fixer is: on ``PATH``, else in the environment that the engine runs in."""
    folders = (folder for folder in path.split(os.pathsep) if Path(folder).is_absolute())
    own = Path(sys.executable).parent
    found = which(name, path=os.pathsep.join((*folders, str(own))), cwd=own)
    return None if found is None else str(found)


def _options(fixer: Fixer, repair: RepairConfig) -> tuple[str, ...]:
    if not (fixer.unfixable and repair.unfixable):
        return fixer.arguments
    return (*fixer.arguments, fixer.unfixable, ",".join(repair.unfixable))


def _chunks(names: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Give names as arguments that no program can take for an option or a file of arguments."""
    chunk: list[bytes] = []
    size = 0
    for name in sorted(set(names)):
        argument = b"./" + name
        if chunk and (len(chunk) == MAX_FILES or size + len(argument) > MAX_BYTES):
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(argument)
        size += len(argument) + 1
    if chunk:
        yield tuple(chunk)
