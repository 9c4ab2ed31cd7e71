"""What an engine that dies at any moment leaves behind."""

import json
import random
import select
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from chains import check_acknowledged, check_chain

from pipeline.store.export import EventExport, event_line
from pipeline.store.layout import Layout
from pipeline.store.ledger import Ledger
from pipeline.store.lock import RunLock

MOVING = Path(__file__).with_name("moving.py")


def run_and_kill(layout: Layout, after_s: float) -> str:
    """Run the moving program, kill it, and return what it said."""
    command = [sys.executable, MOVING, layout.top, "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        said = b""
        until = time.monotonic() + after_s
        while (left := until - time.monotonic()) > 0:  # read on, or it would wait for the pipe
            if select.select([process.stdout], [], [], left)[0]:
                said += process.stdout.read1(65536)
        process.kill()
        said += process.stdout.read()
    return said.decode()


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_a_kill_and_nothing_is_torn(
    layout: Layout, seed: int
) -> None:
    said = run_and_kill(layout, random.Random(seed).uniform(0.02, 0.4))

    with RunLock(layout) as lock, Ledger(layout, lock) as ledger:
        assert lock.taken_over is not None
        assert ledger.notes == ()
        with closing(sqlite3.connect(layout.database)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        run = ledger.latest_run()
        assert run is not None
        check_acknowledged(ledger, run.run_id, said)
        check_chain(ledger, run.run_id)

        lines = b"".join(event_line(event) for event in ledger.events(run.run_id))
        file = layout.events_file(run.run_id)
        assert lines.startswith(file.read_bytes() if file.exists() else b"")
        EventExport(layout, ledger).catch_up(run.run_id)
        assert file.read_bytes() == lines
        assert [json.loads(line)["seq"] for line in lines.splitlines()] == [
            event.seq for event in ledger.events(run.run_id)
        ]
