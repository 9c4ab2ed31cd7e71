"""A refused command: what it said, its exit code, and that nothing has changed."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("pipeline")
"""The console script, for what depends on the process: its streams, limits and variables."""


@dataclass
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


def everything(top: Path) -> dict[str, str]:
    """Every file, link and directory below ``top`` with its mode and content, git's own too."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in (*folders, *files):
            path = os.path.join(folder, name)  # noqa: PTH118 - bytes
            status = os.lstat(path)
            if os.path.islink(path):  # noqa: PTH114 - bytes
                content = os.readlink(path)  # noqa: PTH115 - bytes
            elif os.path.isfile(path):  # noqa: PTH113 - bytes
                with open(path, "rb") as file:  # noqa: PTH123 - bytes
                    content = hashlib.file_digest(file, "sha256").digest()
            else:
                content = b""
            found[os.fsdecode(path)] = f"{status.st_mode:o} {content.hex()}"
    return found


def environment(**changes: str | None) -> dict[str, str]:
    """This process's variables with some set, and those that are ``None`` left out."""
    merged: Mapping[str, str | None] = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def script(
    *arguments: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    around: tuple[str, ...] = (),
    timeout: float = 60,
) -> Said:
    """Run the console script, ``around`` it a program that starts it."""
    done = subprocess.run(
        [*around, SCRIPT, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Said(
        done.returncode,
        done.stdout.decode("utf-8", "backslashreplace"),
        done.stderr.decode("utf-8", "backslashreplace"),
    )


def assert_helps(said: Said, code: int, *words: str) -> None:
    """It ended with ``code`` and said on standard error what is wrong, in these words."""
    assert said.code == code, (said.code, said.out, said.err)
    for word in words:
        assert word in said.err, (word, said.err)
    assert "Traceback" not in said.err, said.err
    assert "bug in git-pipeline" not in said.err, said.err
