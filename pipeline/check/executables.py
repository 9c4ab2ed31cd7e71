"""Which program a command starts: file, content, packages beside it, and what it says it is."""

import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pipeline.base.process import Command, Ending, program_words, run, shell_argv, which
from pipeline.check.packages import Packages
from pipeline.model import codec

IN_TREE = "in-tree"
VERSION_TIMEOUT_S = 30.0
_VERSION_LIMIT = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Program:
    """A file that is executed; ``sha256`` is empty for one that is part of the tree.

    ``path`` is where it was found (two environments may link to the same interpreter),
    ``packages`` a digest of the names of the Python packages installed beside it: an upgrade
    changes those, though it leaves the script that starts them as it was.
    """

    path: str
    sha256: str = ""
    packages: str = ""


@dataclass(frozen=True, slots=True)
class ExecutableIdentity:
    """What a verdict depends on beside the tree.

    ``is_known`` is false where the program was not found or its version command failed: such a
    verdict holds for this once and is never reused.
    """

    programs: tuple[Program, ...]
    version: str = ""
    is_known: bool = True


class Executables:
    """Finds and hashes programs; remembers, for as long as it lives. Safe between threads.

    ``folder`` is where directories are made in which programs are asked for their versions;
    ``None`` for the system's temporary directory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._contents: dict[tuple[str | int, ...], tuple[str, str]] = {}
        self._packages = Packages()
        self._versions: dict[str, tuple[str, bool]] = {}
        self._version_lock = threading.Lock()

    def identify(
        self,
        command: tuple[str, ...] | str,
        *,
        env: Mapping[str, str],
        version_command: tuple[str, ...] = (),
    ) -> ExecutableIdentity:
        """Return the identity of what a command starts with this environment.

        A path with a slash that is not absolute belongs to the tree: its content is covered by
        it, the interpreter that its first line names is not; ``version_command`` is the way to
        tell one interpreter from another there. A shell string is known by the shell and by
        each of its words that is a program, whether it is started or only spoken of.
        """
        path = env.get("PATH", os.defpath)
        if isinstance(command, str):
            shell = self._program(shell_argv(command)[0], path)
            named = [self._program(word, path) or () for word in program_words(command)]
            programs = tuple(dict.fromkeys(chain(shell or (), *named)))
            is_known = shell is not None
        else:
            found = self._program(command[0] if command else "", path)
            programs, is_known = found or (), found is not None
        version, has_version = self._version(version_command, path, env)
        return ExecutableIdentity(programs, version, is_known and has_version)

    def _program(self, word: str, path: str) -> tuple[Program, ...] | None:
        """Return a program, and the interpreter that its first line names; ``None``: not found."""
        if os.sep in word and not Path(word).is_absolute():
            return (Program(IN_TREE),)
        found = which(word, path=path, cwd=Path(os.sep))
        if found is None:
            return None
        try:
            sha256, interpreter = self._content(found)
            program = Program(str(found), sha256, self._packages.digest(found))
        except OSError:
            return None
        below = self._program(interpreter, path) if interpreter else ()
        return None if below is None else (program, *below[:1])

    def _content(self, found: Path) -> tuple[str, str]:
        """Return the digest of a file, and the interpreter that its first line names."""
        real = Path(os.path.realpath(found))
        stat = real.stat()
        key = (
            str(real), stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns,
        )  # fmt: skip  # one key, one line
        known = self._contents.get(key)
        if known is None:
            with real.open("rb") as file:
                interpreter = _interpreter(file.readline(512))
                file.seek(0)
                known = hashlib.file_digest(file, "sha256").hexdigest(), interpreter
            self._contents[key] = known
        return known

    def _version(
        self, argv: tuple[str, ...], path: str, env: Mapping[str, str]
    ) -> tuple[str, bool]:
        """Return what a version command printed, and whether it could be asked."""
        if not argv:
            return "", True
        programs = self._program(argv[0], path)
        if programs is None:
            return "", False
        if programs[0].path == IN_TREE:
            return IN_TREE, True
        key = codec.digest([argv, programs, env])
        with self._version_lock:
            if key not in self._versions:
                self._versions[key] = _ask(argv, env, self._folder)
            return self._versions[key]


def _ask(argv: tuple[str, ...], env: Mapping[str, str], within: Path | None) -> tuple[str, bool]:
    """Run a version command in an empty directory, where nothing can be taken for a module."""
    with tempfile.TemporaryDirectory(prefix="pipeline-version-", dir=within) as folder:
        outcome = run(
            Command(
                argv,
                cwd=Path(folder),
                env={**env, "HOME": folder, "TMPDIR": folder},
                timeout_s=VERSION_TIMEOUT_S,
                output_limit=_VERSION_LIMIT,
            )
        )
        said = (outcome.stdout_tail + outcome.stderr_tail).replace(os.fsencode(folder), b"")
    is_answer = outcome.ending is Ending.EXITED and outcome.exit_code == 0
    return said.decode("utf-8", "replace").strip(), is_answer


def _interpreter(line: bytes) -> str:
    """Return the program that a script's first line names, seen through ``env``."""
    if not line.startswith(b"#!"):
        return ""
    words = os.fsdecode(line[2:]).split()
    if words and Path(words[0]).name == "env":
        return next((w for w in words[1:] if not w.startswith("-") and "=" not in w), "")
    return words[0] if words else ""
