import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.base.errors import BugError, UnfitError
from pipeline.base.locks import OwnedLock, Owner, boot_id, process_started, this_process

HOLD = (
    "import sys; from pathlib import Path\n"
    "from pipeline.base.locks import OwnedLock\n"
    "lock = OwnedLock(Path(sys.argv[1]), command='the holder')\n"
    "lock.acquire()\n"
    "print('held', flush=True)\n"
    "sys.stdin.readline()\n"
)


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def bystander() -> Iterator[Owner]:
    """A live process that holds no lock, and the record it would have written."""
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.readline()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = process_started(process.pid)
        assert started is not None
        yield replace(this_process("other"), pid=process.pid, started=started)
        process.kill()


def write_record(path: Path, owner: Owner) -> None:
    path.with_name(path.name + ".owner").write_text(json.dumps(asdict(owner)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "run.lock"


def test_a_lock_is_free_after_release_and_leaves_no_record(path: Path) -> None:
    with OwnedLock(path, command="first") as first:
        assert first.is_held
        assert str(first.owner()).endswith("(first)")
    assert not first.is_held
    assert first.owner() is None

    with OwnedLock(path) as second:
        assert second.taken_over is None


def test_a_live_owner_is_named_and_not_robbed(path: Path) -> None:
    with holder(path) as process:
        lock = OwnedLock(path)
        with pytest.raises(UnfitError) as caught:
            lock.acquire()

        assert f"process {process.pid} on {socket.gethostname()}" in caught.value.what
        assert "the holder" in caught.value.what
        assert caught.value.remedy
        assert not lock.is_held
        assert lock.owner() is not None


def test_two_objects_of_one_process_exclude_each_other(path: Path) -> None:
    with OwnedLock(path), pytest.raises(UnfitError, match=f"process {os.getpid()}"):
        OwnedLock(path).acquire()


def test_a_killed_owner_is_taken_over(path: Path) -> None:
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()

        with OwnedLock(path) as lock:
            assert lock.taken_over is not None
            assert lock.taken_over.pid == process.pid
            assert lock.owner() == replace(this_process(), since=lock.owner().since)  # type: ignore[union-attr]  # it is held


def test_a_record_of_a_reused_pid_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    with bystander() as other:
        write_record(path, replace(other, started="1"))

        with OwnedLock(path) as lock:
            assert lock.taken_over == replace(other, started="1")


def test_a_live_record_counts_where_the_kernel_lock_does_not_reach(path: Path) -> None:
    path.parent.mkdir()
    with bystander() as other:
        write_record(path, other)

        with pytest.raises(UnfitError, match=f"process {other.pid} "):
            OwnedLock(path).acquire()
    with OwnedLock(path) as lock:
        assert lock.taken_over == other


def test_an_owner_from_before_a_restart_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    write_record(path, replace(this_process(), boot_id="earlier", pid=1))

    with OwnedLock(path) as lock:
        assert lock.taken_over is not None


def test_a_dead_container_on_this_kernel_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    write_record(path, replace(this_process(), host="container", pid=1))

    with OwnedLock(path) as lock:
        assert lock.taken_over is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "\x00"])
def test_an_unreadable_record_holds_nobody_up(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.with_name("run.lock.owner").write_text(text)

    with OwnedLock(path) as lock:
        assert lock.is_held
        assert lock.owner() is not None


def test_a_lock_held_without_a_record_is_refused(path: Path) -> None:
    with holder(path):
        path.with_name("run.lock.owner").unlink()

        with pytest.raises(UnfitError, match="left no record"):
            OwnedLock(path).acquire()


def test_taking_it_twice_is_a_bug(path: Path) -> None:
    with OwnedLock(path) as lock, pytest.raises(BugError):
        lock.acquire()


def test_releasing_twice_is_harmless(path: Path) -> None:
    lock = OwnedLock(path)
    lock.acquire()
    lock.release()
    lock.release()

    assert not lock.is_held


def test_a_child_of_the_owner_does_not_inherit_the_lock(path: Path) -> None:
    child = "import subprocess; subprocess.Popen(['sleep', '60'])\n"
    script = HOLD.replace("print(", f"{child}print(")
    command = [sys.executable, "-c", script, path]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.wait()
        try:
            with OwnedLock(path) as lock:
                assert lock.taken_over is not None
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_path_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()

    with pytest.raises(UnfitError, match=str(tmp_path / "dir")):
        OwnedLock(tmp_path / "dir").acquire()


def test_this_process_is_alive_and_a_waited_for_one_is_not() -> None:
    assert this_process().is_alive
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()

    assert process_started(done.pid) is None
    assert process_started(os.getpid()) == process_started(os.getpid())


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert process_started(process.pid) is None
    process.stdout.close()
    process.wait()


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id() == boot_id() != ""
