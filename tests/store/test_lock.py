import signal
import subprocess
import sys

import pytest

from pipeline.base.errors import BugError, UnfitError
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock, live_owner

HOLD = (
    "import sys; from pathlib import Path\n"
    "from pipeline.store.layout import Layout\n"
    "from pipeline.store.lock import RunLock\n"
    "top = Path(sys.argv[1])\n"
    "RunLock(Layout(top, top / '.git'), command='pipeline run').acquire()\n"
    "print('held', flush=True); sys.stdin.readline()\n"
)


def hold(layout: Layout) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, layout.top],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_engine_is_told_who_holds_the_repository(layout: Layout) -> None:
    with hold(layout) as process:
        with pytest.raises(UnfitError, match=rf"process {process.pid} .*\(pipeline run\)"):
            RunLock(layout).acquire()
        assert (owner := live_owner(layout)) is not None
        assert owner.pid == process.pid
        process.kill()


def test_after_a_kill_nobody_holds_it(layout: Layout) -> None:
    with hold(layout) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()

        assert live_owner(layout) is None
        with RunLock(layout) as lock:
            assert lock.taken_over is not None
            assert lock.taken_over.pid == process.pid


def test_looking_for_an_owner_creates_nothing(layout: Layout) -> None:
    assert live_owner(layout) is None
    assert not layout.state_dir.exists()


def test_there_is_no_ledger_without_the_lock(layout: Layout) -> None:
    with pytest.raises(BugError, match="lock"):
        Ledger(layout, RunLock(layout))


def test_the_lock_of_another_repository_is_not_enough(layout: Layout) -> None:
    other = Layout(layout.top.parent / "other", layout.common_dir)
    with RunLock(other) as lock, pytest.raises(BugError, match="lock"):
        Ledger(layout, lock)


def test_two_writers_exclude_each_other(layout: Layout, ledger: Ledger) -> None:
    assert ledger.lock.is_held
    with pytest.raises(UnfitError, match="a test"):
        RunLock(layout).acquire()
