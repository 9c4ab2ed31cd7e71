"""What the store says and keeps when the file system refuses."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.store.layout import Layout

HERE = Path(__file__).parent
PYTHON = shlex.quote(sys.executable)


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script where it may mount file systems of its own."""
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-euc", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def can_mount(folder: Path) -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return in_namespace(f"mount -t tmpfs none {shlex.quote(str(folder))}").returncode == 0


@pytest.fixture
def mount_point(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted"
    folder.mkdir()
    if not can_mount(folder):
        pytest.skip("this system lets nobody mount a file system in a namespace")
    return folder


@pytest.mark.parametrize("size", ["240k", "600k", "1500k"])
def test_a_full_disk_is_said_and_what_was_acknowledged_is_kept(
    tmp_path: Path, mount_point: Path, size: str
) -> None:
    top, said = shlex.quote(str(mount_point)), shlex.quote(str(tmp_path / "said"))
    done = in_namespace(
        f"mount -t tmpfs -o size={size} none {top}\n"
        f"mkdir {top}/.git\n"
        f"{PYTHON} {HERE}/moving.py {top} 4 > {said}\n"
        f"mount -o remount,size=64m {top}\n"
        f"{PYTHON} {HERE}/chains.py {top} {said}\n"
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "checked\n"
    errors = [line for line in (tmp_path / "said").read_text().splitlines() if "error" in line]
    assert len(errors) == 4
    assert all("state.db: the disk is full. Free some space" in line for line in errors)


def test_a_limit_of_file_size_is_said_and_what_was_acknowledged_is_kept(
    tmp_path: Path, layout: Layout
) -> None:
    limited = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    with (tmp_path / "said").open("wb") as said:
        subprocess.run(
            [sys.executable, "-c", limited, HERE / "moving.py", layout.top, "4"],
            stdout=said,
            check=True,
            timeout=120,
        )
    done = subprocess.run(
        [sys.executable, HERE / "chains.py", layout.top, tmp_path / "said"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.stdout == "checked\n", done.stderr
    errors = [line for line in (tmp_path / "said").read_text().splitlines() if "error" in line]
    assert len(errors) == 4
    assert all(str(layout.database) in line for line in errors)


READ_ONLY = """
import sys
from pathlib import Path
from pipeline.base.errors import UnfitError
from pipeline.store.database import Mode, open_database
from pipeline.store.layout import Layout, ensure_excluded
from pipeline.store.lock import RunLock
from pipeline.store.records import Records

layout = Layout(Path(sys.argv[1]), Path(sys.argv[1]) / ".git")
for what in (
    lambda: RunLock(layout).acquire(),
    lambda: open_database(layout.database, Mode.WRITE),
    lambda: ensure_excluded(layout),
):
    try:
        what()
    except UnfitError as error:
        print(error)
with Records(layout) as records:
    print(len(records.runs()))
"""


def test_a_read_only_file_system_is_said_and_can_be_read(tmp_path: Path, mount_point: Path) -> None:
    top = shlex.quote(str(mount_point))
    create = (
        "import sys; from pathlib import Path\n"
        "from pipeline.store.layout import Layout\n"
        "from pipeline.store.ledger import Ledger\n"
        "from pipeline.store.lock import RunLock\n"
        "from pipeline.model.record import RunRecord\n"
        "from pipeline.model.states import RunState\n"
        "layout = Layout(Path(sys.argv[1]), Path(sys.argv[1]) / '.git')\n"
        "with RunLock(layout) as lock, Ledger(layout, lock) as ledger:\n"
        "    ledger.create_run(RunRecord('r', 'k', RunState.PENDING, 'c'), None)\n"
    )
    (tmp_path / "create.py").write_text(create)
    (tmp_path / "look.py").write_text(READ_ONLY)
    scripts = shlex.quote(str(tmp_path))
    done = in_namespace(
        f"mount -t tmpfs none {top}\n"
        f"mkdir {top}/.git\n"
        f"{PYTHON} {scripts}/create.py {top}\n"
        f"mount -o remount,ro {top}\n"
        f"{PYTHON} {scripts}/look.py {top}\n"
    )

    assert done.returncode == 0, done.stderr
    locked, opened, excluded, count = done.stdout.splitlines()
    assert "run.lock: the file system is read-only." in locked
    assert str(mount_point / ".pipeline" / "state.db") in opened
    assert "info: the file system is read-only." in excluded
    assert count == "1"
