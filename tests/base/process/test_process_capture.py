"""Short trusted children: everything that they write, their exit, their cost."""

import signal

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.process import capture, engine_git_cpu_s


def test_both_streams_and_the_code(tmp_path, env):
    done = capture(["sh", "-c", "echo out; echo err >&2; pwd >&2; exit 3"], cwd=tmp_path, env=env)
    assert (done.code, done.out) == (3, b"out\n")
    assert done.err == f"err\n{tmp_path}\n".encode()


def test_git_answers(tmp_path, env):
    assert capture(["git", "--version"], cwd=tmp_path, env=env).out.startswith(b"git version ")


def test_large_exchange_does_not_block(tmp_path, env):
    data = bytes(range(256)) * 20_000
    done = capture(["sh", "-c", "tee /dev/stderr"], cwd=tmp_path, env=env, stdin=data)
    assert done.out == done.err == data


def test_input_that_nobody_reads(tmp_path, env):
    done = capture(["sh", "-c", "exec <&-; echo $?"], cwd=tmp_path, env=env, stdin=b"x" * 3_000_000)
    assert (done.code, done.out) == (0, b"0\n")


def test_no_input_is_the_end_of_file(tmp_path, env):
    assert capture(["cat"], cwd=tmp_path, env=env).out == b""


def test_environment_is_the_given_one(tmp_path):
    assert capture(["/usr/bin/env"], cwd=tmp_path, env={"A": "b"}).out == b"A=b\n"


def test_child_that_a_signal_ended(tmp_path, env):
    assert capture(["sh", "-c", "kill -9 $$"], cwd=tmp_path, env=env).code == -signal.SIGKILL


def test_child_that_closes_its_streams_early(tmp_path, env):
    script = "exec >&- 2>&-; sleep 0.1; exit 4"
    assert capture(["sh", "-c", script], cwd=tmp_path, env=env).code == 4


def test_missing_program_is_named(tmp_path, env):
    with pytest.raises(UnfitError, match="no-such-git was not found") as raised:
        capture(["no-such-git", "x"], cwd=tmp_path, env=env)
    assert raised.value.remedy


def test_missing_directory_is_named(tmp_path, env):
    with pytest.raises(UnfitError, match="gone: there is no such directory"):
        capture(["true"], cwd=tmp_path / "gone", env=env)


@pytest.mark.parametrize("script", ["wait", "exec >&- 2>&-; wait", "trap '' TERM; wait"])
def test_child_that_does_not_end_is_killed(script, tmp_path, env, are_gone):
    with pytest.raises(UnfitError, match=r"sh did not end within 0\.3 s"):
        capture(
            ["sh", "-c", f"sleep 600 & echo $$ $! > pids; {script}"],
            cwd=tmp_path,
            env=env,
            timeout_s=0.3,
        )
    assert are_gone(map(int, (tmp_path / "pids").read_text().split()))


def test_grandchild_with_the_streams_does_not_hold_us(tmp_path, env):
    script = "echo done; sleep 600 & echo $! > pid"
    done = capture(["sh", "-c", script], cwd=tmp_path, env=env, timeout_s=60)
    capture(["kill", (tmp_path / "pid").read_text().strip()], cwd=tmp_path, env=env)
    assert (done.code, done.out) == (0, b"done\n")


def test_interrupt_of_the_terminal_does_not_reach_it(tmp_path, env):
    out = capture(["sh", "-c", "ps -o sid= -p $$; echo $$"], cwd=tmp_path, env=env).out.split()
    assert out[0] == out[1]


def test_cpu_time_is_counted(tmp_path, env):
    before = engine_git_cpu_s()
    script = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
    capture(["sh", "-c", script], cwd=tmp_path, env=env)
    assert engine_git_cpu_s() - before > 0.01
