"""Real repositories in temporary folders, with author, date and configuration pinned."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from pipeline.base.git import Repository

_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A U Thor",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "C O Mitter",
    "GIT_COMMITTER_EMAIL": "committer@example.com",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "LC_ALL": "C",
}


class Checkout:
    """A repository as a person would have it, driven by the real git."""

    def __init__(self, path: Path, object_format: str = "sha1") -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main", f"--object-format={object_format}")

    def git(
        self,
        *args: str | bytes | Path,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> bytes:
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.path,
            env=_ENV | dict(env or {}),
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (args, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def says(self, *args: str | bytes | Path) -> str:
        return self.git(*args).decode().strip()

    def put(self, name: str, content: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "work") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.says("rev-parse", "HEAD")

    def fsck(self) -> None:
        out = self.git("fsck", "--strict", "--no-dangling")
        assert out == b"", out


@pytest.fixture
def new_checkout(tmp_path: Path) -> Callable[..., Checkout]:
    def make(name: str = "repo", object_format: str = "sha1") -> Checkout:
        return Checkout(tmp_path / name, object_format)

    return make


@pytest.fixture
def checkout(new_checkout: Callable[..., Checkout]) -> Checkout:
    made = new_checkout()
    made.put("a.txt", "".join(f"line {n}\n" for n in range(40)))
    made.put("src/app.py", "print('hello')\n")
    made.put("src/deep/er/x.py", "x = 1\n")
    made.commit("first")
    return made


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Path], Repository]]:
    found: list[Repository] = []
    root = tmp_path / "engines"
    root.mkdir()

    def open_at(path: Path) -> Repository:
        found.append(Repository.discover(path, engine_root=root))
        return found[-1]

    yield open_at
    for repo in found:
        repo.close()


@pytest.fixture
def repo(checkout: Checkout, opened: Callable[[Path], Repository]) -> Repository:
    return opened(checkout.path)
