"""Runs the commands of a document, in order, in a repository made for it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from doc_blocks import ROOT, Block, Command, commands
from projects import IDENTITY

from pipeline.flow.demo import make_demo

if TYPE_CHECKING:
    from fakehub.starting import Fake

LANGUAGES = frozenset({"sh", "console"})

FILES = {
    "README.md": "# App\n",
    "src/app.py": '"""The app."""\n\nfrom src.loader import load\n\n\n'
    'def main() -> str:\n    """Say what was loaded."""\n    return load("a")\n',
    "src/loader.py": '"""Loads things."""\n\n\n'
    'def load(name: str) -> str:\n    """Load by name."""\n    return f"loaded {name}"\n',
    "docs/guide.md": "# Guide\n",
    "deploy/settings.ini": "[app]\n",
}
"""What every document's repository holds to begin with, committed on ``main``."""

_RUN = re.compile(r"\b[0-7][0-9a-hjkmnp-tv-z]{25}\b")
_NEWEST = '$(ls "$TOP/.pipeline/runs" | tail -n 1)'
"""What the id of a run in a document's command stands for."""

_VARYING = (
    (_RUN, "<run>"),
    (re.compile(r"\b[0-9a-f]{7,64}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "<day>"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "<time>"),
    (re.compile(r"\b\d+\.\d s\b|\b\d+ s\b"), "<seconds>"),
    (re.compile(r"\b\d+ jobs\b|\b\d+ at once\b"), "<jobs>"),
    (re.compile(r"\s+"), " "),
)


class DocumentError(AssertionError):
    """A document promises what does not happen."""


def plain(line: str) -> str:
    """A line of output without what differs from run to run."""
    for pattern, word in _VARYING:
        line = pattern.sub(word, line)
    return line.strip()


HUB = "https://github.com/octo/shop"
"""The reader's own repository on GitHub; in tests it is that of a fake one."""


def begin(top: Path, kind: str = "") -> None:
    """Make the repository that a document's commands run in; ``demo`` is the demo's.

    ``github`` is an empty folder, whose document makes the repository and pushes it; with ``hub``
    that has been done, and there has been a run.
    """
    if kind == "github":
        top.mkdir(parents=True)
        return
    if kind == "demo":
        make_demo(top)
        return
    top.mkdir(parents=True)
    for path, content in FILES.items():
        write(top, path, content)
    (top / "examples").symlink_to(ROOT / "examples")
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", *FILES),
        ("commit", "--quiet", "--message", "Begin"),
    ):
        subprocess.run(["git", *arguments], cwd=top, env=environment(top), check=True)
    (top / ".git" / "info" / "exclude").write_text("/examples\n")


def write(top: Path, path: str, content: str) -> None:
    target = top / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")


def environment(top: Path) -> dict[str, str]:
    """The tests' own surroundings, with our command first on the path."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    cache = top.parent / "cache"
    return {**os.environ, **IDENTITY, "PATH": path, "XDG_CACHE_HOME": str(cache), "TERM": "dumb"}


def run_block(block: Block, top: Path, hub: "Fake | None" = None) -> None:
    """Run a block's commands in one shell; raises ``DocumentError`` where one disappoints.

    With ``hub``, the reader's repository is there, and the reader's token is in the environment.
    """
    todo = commands(block)
    expected = [0] * (len(todo) - 1) + [int(block.notes.get("exits", "0"))]
    typed = [_RUN.sub(_NEWEST, one.text) for one in todo]
    online = {}
    if hub is not None:
        typed = [text.replace(HUB, hub.git_url.removesuffix(".git")) for text in typed]
        online = reader_of(hub)
    script = "".join(f"{text}\nprintf '\\n@@%d\\n' $?\n" for text in typed)
    if block.language == "sh":
        script = f"set -eu\n{typed[0]}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=top,
        env={**environment(top), "TOP": str(top), **online},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    if block.language == "sh":
        if done.returncode != expected[-1]:
            raise DocumentError(f"{block.place}: exit code {done.returncode}\n{done.stdout}")
        return
    parts = re.split(r"\n@@(\d+)\n", done.stdout)
    for number, (command, code) in enumerate(zip(todo, expected, strict=True)):
        output, actual = parts[2 * number], int(parts[2 * number + 1])
        if actual != code:
            raise DocumentError(f"{block.place}: `{command.text}` exited with {actual}\n{output}")
        for line in missing(command, output.splitlines()):
            raise DocumentError(
                f"{block.place}: `{command.text}` does not print {line!r}\n{output}"
            )


PUSHED = Block(
    "doc_runner.py",
    1,
    "console",
    f"""\
$ git remote add origin {HUB}.git
$ git push --quiet --set-upstream origin main
$ pipeline init
$ pipeline run --quiet
""",
    {},
)
"""What a reader has done before the commands of a document about ``hub``."""


def reader_of(hub: "Fake") -> dict[str, str]:
    """What a reader with a token has in the environment, and as git's credentials."""
    return {
        "GITHUB_TOKEN": hub.token,
        "GITHUB_API_URL": hub.api_url,
        "GITHUB_SERVER_URL": hub.url,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{hub.url}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {hub.token}",
    }


def missing(command: Command, output: Iterable[str]) -> list[str]:
    """The lines that a document shows and the command does not print; ``...`` stands for any."""
    printed = {plain(line) for line in output}
    return [
        line
        for line in command.shown
        if line.strip() not in ("", "...") and plain(line) not in printed
    ]
