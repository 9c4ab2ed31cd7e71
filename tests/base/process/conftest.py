"""Programs to run, and a look at whether processes are alive."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from pipeline.base.process import Command, Outcome
from pipeline.base.process.forkserver import ForkServer
from pipeline.base.process.portable import run_portable
from pipeline.base.process.supervised import run_supervised

Run = Callable[..., Outcome]

# Two forks and a session of its own, nothing kept: no terminal, no environment, no open stream.
DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(sys.argv[1], "w") as file:
            file.write(f"{os.getpid()}\\n")
        if "keep" not in sys.argv:
            null = os.open(os.devnull, os.O_RDWR)
            [os.dup2(null, fd) for fd in (0, 1, 2)]
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
import time
while not (os.path.exists(sys.argv[1]) and open(sys.argv[1]).read().endswith("\\n")):
    time.sleep(0.005)
"""


@pytest.fixture
def env() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath)}


@pytest.fixture(params=["supervised", "portable"])
def run_it(request: pytest.FixtureRequest, env: dict[str, str], tmp_path: Path) -> Run:
    """Both ways to run a program: ``run_it(script_or_argv, cancel=…, on_beat=…, **limits)``."""
    way = run_supervised if request.param == "supervised" else run_portable
    return _runner(way, env, tmp_path)


@pytest.fixture
def run_here(env: dict[str, str], tmp_path: Path) -> Run:
    """The Linux way only."""
    return _runner(run_supervised, env, tmp_path)


@pytest.fixture
def server() -> Iterator[ForkServer]:
    """A fork server that a test may do anything to."""
    own = ForkServer()
    yield own
    own.close()


def _runner(way: Run, env: dict[str, str], tmp_path: Path) -> Run:
    def start(program: str | tuple[str, ...], **settings: object) -> Outcome:
        argv = ("sh", "-c", program) if isinstance(program, str) else program
        given = {
            name: settings.pop(name)
            for name in ("cancel", "on_beat", "beat_s", "server")
            if name in settings
        }
        values = {"cwd": tmp_path, "env": env, "timeout_s": 60.0, **settings}
        return way(Command(argv, **values), **given)

    return start


@pytest.fixture
def python() -> Callable[..., tuple[str, ...]]:
    """An argument list for a small Python program."""

    def argv(source: str, *arguments: object) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", source, *map(str, arguments))

    return argv


@pytest.fixture
def daemon(python: Callable[..., tuple[str, ...]]) -> Callable[..., tuple[str, ...]]:
    """An argument list that leaves a detached process and its number in a file."""

    def argv(pid_file: Path, *words: str) -> tuple[str, ...]:
        return python(DAEMON, pid_file, *words)

    return argv


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return _is_alive


@pytest.fixture
def are_gone() -> Callable[[Iterable[int]], bool]:
    """Wait until processes are gone; False when some are still there after many seconds."""

    def wait(pids: Iterable[int]) -> bool:
        waiting = list(pids)
        until = time.monotonic() + 20
        while any(map(_is_alive, waiting)) and time.monotonic() < until:
            time.sleep(0.01)
        return not any(map(_is_alive, waiting))

    return wait


@pytest.fixture
def content_of() -> Callable[[Path], str]:
    """Wait until a file has a whole line, return it."""

    def wait(path: Path) -> str:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if path.exists() and (content := path.read_text()).endswith("\n"):
                return content
            time.sleep(0.005)
        raise AssertionError(f"nothing came to {path}")

    return wait


def _is_alive(pid: int) -> bool:
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return content.rpartition(b")")[2].split()[0] not in (b"Z", b"X")
