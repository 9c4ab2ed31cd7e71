"""The process table says who is below whom, with and without the kernel's lists of children."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline.base.process.supervising.table import (
    HAS_CHILDREN_FILES,
    children,
    descendants,
    parents,
    signal_tree,
    stat_fields,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="supervisors need Linux")


@pytest.fixture
def tree(tmp_path, content_of):
    """A process with a child and a grandchild, the last in a session of its own."""
    script = """
        sh -c 'setsid sh -c "echo \\$\\$ > low; exec sleep 600" & echo $$ > middle; wait' & wait
    """
    process = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, start_new_session=True)
    pids = [process.pid, *(int(content_of(tmp_path / name)) for name in ("middle", "low"))]
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def test_both_ways_to_find_children_agree(tree):
    top, middle, low = tree
    assert HAS_CHILDREN_FILES
    assert children(top) == parents()[top] == [middle]
    assert children(middle) == parents()[middle] == [low]
    assert children(low) == []


def test_descendants_with_their_groups(tree):
    top, middle, low = tree
    assert sorted(descendants(top)) == sorted([(middle, top), (low, low)])
    assert descendants(top, without={middle}) == []
    assert children(2**30) == []


def test_signal_reaches_every_group(tree):
    top, middle, low = tree
    assert sorted(signal_tree(signal.SIGSTOP, top)) == sorted([(middle, top), (low, low)])
    for pid in tree:
        assert _is_stopped(pid)


def _is_stopped(pid):
    until = time.monotonic() + 20
    while (fields := stat_fields(pid)) and fields[0] != b"T" and time.monotonic() < until:
        time.sleep(0.01)
    return fields and fields[0] == b"T"
