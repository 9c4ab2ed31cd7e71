"""The way without a subreaper ends what it has seen, and what carries its tag."""

import os
import signal

import pytest

from pipeline.base.process import Command, Ending, Stray
from pipeline.base.process.portable import run_portable


@pytest.fixture
def run_there(env, tmp_path):
    def start(*argv, **settings):
        return run_portable(Command(argv, tmp_path, env, timeout_s=60, **settings))

    return start


def test_detached_process_that_was_seen_is_ended(run_there, tmp_path, are_gone):
    script = "setsid sh -c 'echo $$ > pid; exec env -i sleep 600' & sleep 0.5"
    outcome = run_there("sh", "-c", script)
    pid = int((tmp_path / "pid").read_text())
    assert outcome.left_behind == (Stray(pid, "sleep"),)
    assert are_gone([pid])


def test_detached_process_with_the_tag_is_ended(run_there, tmp_path, are_gone):
    outcome = run_there("sh", "-c", "setsid -f sleep 600", tag="portable-tag-7")
    assert [stray.name for stray in outcome.left_behind] == ["sleep"]
    assert are_gone([stray.pid for stray in outcome.left_behind])


def test_inherited_streams_do_not_hold_us(run_there, daemon, tmp_path):
    outcome = run_there(*daemon(tmp_path / "pid", "keep"))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # it escapes here, see the module
    assert outcome.ending is Ending.EXITED
