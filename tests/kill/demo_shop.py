"""The demo's repository in a place of its own: the real command started, killed and watched."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

OPTIONS = ("run", "--reproducible", "--quiet", "--jobs", "2", "--repo", ".")
PROGRAM = Path(sys.executable).with_name("pipeline")
PATIENCE_S = 60.0
Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Done:
    """How a command ended; ``code`` is negative for the signal that ended it."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shop:
    """A copy of a repository with a home, a cache and a temporary directory of its own."""

    root: Path
    mode: str = "each"

    @classmethod
    def copy(cls, origin: Path, root: Path, mode: str = "each") -> "Shop":
        shutil.copytree(origin, root / "repo", symlinks=True)
        for name in ("home", "cache", "tmp"):
            (root / name).mkdir()
        return cls(root, mode)

    @property
    def top(self) -> Path:
        return self.root / "repo"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.root / "home"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "TMPDIR": str(self.root / "tmp"),
        }

    def start(self, *arguments: str) -> Process:
        """Start ``pipeline`` in a session of its own; the default is to run."""
        return subprocess.Popen(
            [PROGRAM, *(arguments or (*OPTIONS, "--landing", self.mode))],
            cwd=self.top,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Process]:
        """A started command that does not outlive the block."""
        with self.start(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str) -> Done:
        """Run ``pipeline`` to its end."""
        with self.running(*arguments) as process:
            return finish(process)

    def events(self) -> int:
        """How many events the newest run has told of so far."""
        files = sorted(self.top.glob(".pipeline/runs/*/events.jsonl"))
        return files[-1].read_bytes().count(b"\n") if files else 0

    def wait_for_events(self, process: Process, count: int) -> None:
        """Wait until so many events were told, or the command has ended."""
        wait_until(lambda: self.events() >= count or process.poll() is not None)

    def processes(self) -> list[str]:
        """Every living process that has to do with this place, whatever it is called."""
        mark = os.fsencode(self.root)
        places = (place for place in Path("/proc").iterdir() if place.name.isdigit())
        return [text for place in places if (text := _about(place, mark))]

    def fingerprint(self) -> dict[str, str]:
        """What is the person's: checkout, HEAD, index, configuration, hooks, other refs, home."""
        found = {}
        git = self.top / ".git"
        private = {self.top / ".pipeline", git / "objects", git / "refs", git / "logs"}
        for place in (self.top, self.root / "home"):
            for folder, names, files in os.walk(place):
                names[:] = [name for name in names if Path(folder, name) not in private]
                for name in files:
                    path = Path(folder, name)
                    found[str(path.relative_to(self.root))] = _digest(path)
        for path in (git / "refs").rglob("*"):
            name = str(path.relative_to(git))
            if path.is_file() and not name.startswith(OURS):
                found[name] = _digest(path)
        # One line in it keeps the engine's own directory out of git's sight.
        found.pop("repo/.git/info/exclude", None)
        return found


OURS = ("refs/pipeline/", "refs/heads/ws/", "refs/heads/pipeline/")


def finish(process: Process) -> Done:
    """Wait for a command's end."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Done(process.returncode, out.decode(), err.decode())


def kill(process: Process, *, with_all_below: bool = False) -> list[psutil.Process]:
    """``kill -9`` a command; returns the processes that it had below it at that moment.

    ``with_all_below`` kills these as well, all at once: what a machine that loses power does, or
    one that runs out of memory.
    """
    below = []
    if with_all_below:
        process.send_signal(signal.SIGSTOP)
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
    for one in below if with_all_below else ():
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    return below


def still_alive(processes: list[psutil.Process]) -> list[str]:
    """Those of some processes that go on; numbers that others were given since do not count."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
    return found


def wait_until(is_so: Callable[[], object], *, patience_s: float = PATIENCE_S) -> bool:
    """Look again and again; whether it came true in time."""
    until = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def _about(place: Path, mark: bytes) -> str:
    """A process in words, where what it was started with or where it stands mentions ``mark``."""
    try:
        said = (place / "cmdline").read_bytes()
        around = (place / "environ").read_bytes()
        state = (place / "stat").read_bytes().rpartition(b")")[2][1:2]
        cwd = bytes((place / "cwd").readlink())
    except OSError:
        return ""
    if state == b"Z" or place.name == str(os.getpid()):
        return ""
    if mark in said or mark in around or cwd.startswith(mark):
        return f"{place.name} {said.replace(bytes(1), b' ').decode(errors='replace')[:120]}"
    return ""


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    return f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
