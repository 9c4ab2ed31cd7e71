"""No process outlives its program, and none its engine: the fork server and its supervisors."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.base.process import Ending, Stray, find_tagged
from pipeline.base.process.forkserver import FORK_SERVER

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="supervisors need Linux")

ENGINE = """
import os, signal, sys, threading
from pathlib import Path
from pipeline.base.process import Command, run
# Whoever runs the tests in the background may have them ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
argv = tuple(sys.argv[1:])
run(Command(argv, Path.cwd(), {"PATH": os.environ["PATH"]}, timeout_s=600))
"""


def test_detached_daemon_with_a_clean_environment(run_here, daemon, tmp_path, are_gone):
    outcome = run_here(daemon(tmp_path / "pid"))
    pid = int((tmp_path / "pid").read_text())
    assert outcome.ending is Ending.EXITED
    assert outcome.left_behind == (Stray(pid, "sleep"),)
    assert are_gone([pid])


def test_daemon_is_gone_when_run_returns(run_here, daemon, tmp_path, alive):
    run_here(daemon(tmp_path / "pid"))
    assert not alive(int((tmp_path / "pid").read_text()))


def test_daemon_that_holds_the_streams_holds_nobody(run_here, daemon, tmp_path, are_gone):
    outcome = run_here(daemon(tmp_path / "pid", "keep"), timeout_s=30)
    assert outcome.ending is Ending.EXITED
    assert are_gone([int((tmp_path / "pid").read_text())])


def test_stream_held_outside_of_the_tree_holds_nobody(run_here, tmp_path, content_of):
    outcomes = []
    script = "echo $$ > pid; until [ -e go ]; do sleep 0.01; done; echo end"
    thread = threading.Thread(target=lambda: outcomes.append(run_here(script)))
    thread.start()
    pid = int(content_of(tmp_path / "pid"))
    with Path(f"/proc/{pid}/fd/1").open("wb"):
        (tmp_path / "go").touch()
        thread.join()
    assert outcomes[0].stdout_tail == b"end\n"


def test_daemon_under_a_program_that_is_timed_out(run_here, daemon, tmp_path, content_of, are_gone):
    trap = "trap '' TERM; \"$@\"; while :; do sleep 1; done"
    argv = ("sh", "-c", trap, "sh", *daemon(tmp_path / "pid"))
    outcome = run_here(argv, timeout_s=1.0, grace_s=0.3)
    pid = int(content_of(tmp_path / "pid"))
    assert outcome.ending is Ending.TIMEOUT
    assert are_gone([pid])


def test_daemon_that_ignores_term_is_told_of_after_a_timeout(run_here, tmp_path, content_of):
    script = """
        setsid -f sh -c 'trap "" TERM; echo $$ > pid; while :; do sleep 1; done'
        sleep 600
    """
    outcome = run_here(script, timeout_s=0.5, grace_s=0.3)
    pid = int(content_of(tmp_path / "pid"))
    assert pid in [stray.pid for stray in outcome.left_behind]


def test_processes_that_keep_forking_are_ended(run_here, python, tmp_path, are_gone):
    """Each hops to a new process id and a session of its own as fast as it can."""
    hop = """
import os, sys
for _ in range(6):
    if os.fork() == 0:
        while True:
            if os.fork():
                os._exit(0)
            os.setsid()
            os.putenv("x", "y")
import time
time.sleep(0.2)
"""
    outcome = run_here(python(hop), tag="hopping", timeout_s=60)
    assert outcome.ending is Ending.EXITED
    assert outcome.detail == ""
    assert find_tagged("hopping") == []


def test_growing_tree_is_ended(run_here):
    script = """
        trap '' TERM
        grow() { while :; do sleep 600 & sleep 0.02; done; }
        grow & setsid sh -c 'trap "" TERM; while :; do sleep 600 & sleep 0.02; done' & grow
    """
    outcome = run_here(script, tag="growing", timeout_s=0.4, grace_s=0.1)
    assert outcome.ending is Ending.TIMEOUT
    assert outcome.detail == ""
    assert find_tagged("growing") == []


def test_every_process_is_asked_once(run_here, tmp_path):
    """A second TERM means "at once" to many programs."""
    script = """
        sh -c 'trap "echo child >> asked" TERM; while :; do sleep 0.01; done' &
        trap "echo main >> asked" TERM; while :; do sleep 0.01; done
    """
    run_here(script, timeout_s=0.3, grace_s=0.3)
    assert sorted((tmp_path / "asked").read_text().split()) == ["child", "main"]


def test_concurrent_programs_keep_their_daemons(run_here, daemon, tmp_path, content_of, are_gone):
    script = """
        "$@"; until [ -e go ]; do sleep 0.01; done
        kill -0 $(cat slow) && echo alive
    """
    slow = []
    argv = ("sh", "-c", script, "sh", *daemon(tmp_path / "slow"))
    thread = threading.Thread(target=lambda: slow.append(run_here(argv)))
    thread.start()
    first = int(content_of(tmp_path / "slow"))
    quick = run_here(daemon(tmp_path / "quick"))
    (tmp_path / "go").touch()
    thread.join()
    second = int((tmp_path / "quick").read_text())
    assert slow[0].stdout_tail == b"alive\n"
    assert slow[0].left_behind == (Stray(first, "sleep"),)
    assert quick.left_behind == (Stray(second, "sleep"),)
    assert are_gone([first, second])


@pytest.mark.parametrize("victim", ["engine", "engine and fork server"])
def test_killed_engine_takes_its_programs_along(victim, daemon, tmp_path, content_of, are_gone):
    script = 'trap "" TERM; "$@"; echo $$ $PPID > pids; while :; do sleep 1; done'
    argv = ["sh", "-c", script, "sh", *daemon(tmp_path / "daemon")]
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, *argv], cwd=tmp_path)
    program, supervisor = map(int, content_of(tmp_path / "pids").split())
    forker = _parent(supervisor)
    assert _parent(forker) == engine.pid
    if victim != "engine":
        os.kill(forker, signal.SIGKILL)
    engine.kill()
    engine.wait()
    detached = int(content_of(tmp_path / "daemon"))
    assert are_gone([program, detached, supervisor, forker])


def test_interrupted_engine_takes_its_program_along(daemon, tmp_path, content_of, are_gone):
    script = 'trap "" TERM INT; "$@"; echo $$ > pid; while :; do sleep 1; done'
    argv = ["sh", "-c", script, "sh", *daemon(tmp_path / "daemon")]
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, *argv], cwd=tmp_path, stderr=subprocess.PIPE
    )
    program = int(content_of(tmp_path / "pid"))
    engine.send_signal(signal.SIGINT)
    _, said = engine.communicate()
    assert b"KeyboardInterrupt" in said
    assert are_gone([program, int((tmp_path / "daemon").read_text())])


def test_program_inherits_nothing_of_the_engine(run_here, python, tmp_path):
    secret = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        outcome = run_here(python("import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"))
        with_stdin = run_here(
            python("import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"), stdin=b"x"
        )
    finally:
        os.close(secret)
    assert outcome.stdout_tail == with_stdin.stdout_tail == b"['0', '1', '2', '3']\n"  # 3: listdir


def test_fork_server_holds_nothing_of_the_engine(run_here, server, tmp_path):
    secret = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(secret, True)
    try:
        run_here("true", server=server)
        time.sleep(0.2)  # it closes what it handed on, but nobody waits for that
        held = [path.readlink() for path in Path(f"/proc/{server.pid}/fd").iterdir()]
    finally:
        os.close(secret)
    assert tmp_path / "lock" not in held
    assert sum(str(target).startswith("socket:") for target in held) == 1
    assert {str(target) for target in held if not str(target).startswith("socket:")} == {
        "/dev/null"
    }


def test_descriptors_do_not_pile_up(run_here, server):
    run_here("true", server=server)
    folders = Path("/proc/self/fd"), Path(f"/proc/{server.pid}/fd")
    before = [len(list(folder.iterdir())) for folder in folders]
    for _ in range(20):
        run_here("true", server=server)
        run_here(("no-such-program",), server=server, stdin=b"x")
    after = [len(list(folder.iterdir())) for folder in folders]
    assert after[0] <= before[0]
    assert after[1] <= before[1]


def test_signals_and_session_are_fresh(run_here, python):
    source = """
import os
fields = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(fields["SigBlk"], os.getsid(0) == os.getpid() == os.getpgrp())
"""  # noqa: E501  # one line of the program
    outcome = run_here(python(source))
    assert outcome.stdout_tail == b"0000000000000000 True\n"
    ignored = run_here("grep SigIgn /proc/self/status").stdout_tail.split()[1]
    standard = (1 << 31) - 1  # the C library itself ignores two real-time signals of its own
    assert int(ignored, 16) & standard == 0


def test_killed_fork_server_is_started_again(run_here, server, are_gone):
    assert run_here("exit 1", server=server).exit_code == 1
    first = server.pid
    os.kill(first, signal.SIGKILL)
    assert run_here("exit 2", server=server).exit_code == 2
    assert server.pid != first
    assert are_gone([first])


def test_request_that_a_killed_fork_server_had_not_taken_is_made_again(run_here, server, tmp_path):
    run_here("true", server=server)
    first = server.pid
    os.kill(first, signal.SIGSTOP)
    outcomes = []
    thread = threading.Thread(
        target=lambda: outcomes.append(run_here("echo once >> count", server=server))
    )
    thread.start()
    time.sleep(0.2)  # the request waits in the stopped server's socket
    os.kill(first, signal.SIGKILL)
    thread.join()
    assert outcomes[0].exit_code == 0
    assert (tmp_path / "count").read_text() == "once\n"


def test_program_outlives_its_fork_server(run_here, server, tmp_path, content_of):
    outcomes = []
    script = "echo $$ > pid; until [ -e go ]; do sleep 0.01; done; exit 5"
    thread = threading.Thread(target=lambda: outcomes.append(run_here(script, server=server)))
    thread.start()
    content_of(tmp_path / "pid")
    os.kill(server.pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    thread.join()
    assert outcomes[0].exit_code == 5


def test_what_a_killed_supervisor_leaves_is_ended(run_here, server, daemon, tmp_path, are_gone):
    script = '"$@"; echo $$ > pid; kill -9 $PPID; while :; do sleep 1; done'
    argv = ("sh", "-c", script, "sh", *daemon(tmp_path / "daemon"))
    outcome = run_here(argv, server=server)
    assert outcome.ending is Ending.SIGNALLED
    assert "watched over" in outcome.detail
    assert are_gone([int((tmp_path / name).read_text()) for name in ("pid", "daemon")])


def test_what_killed_watchers_leave_is_found_by_its_tag(run_here, server, tmp_path, are_gone):
    script = """
        echo $$ > pid
        kill -9 $(cut -d' ' -f4 /proc/$PPID/stat) $PPID
        while :; do sleep 1; done
    """
    outcome = run_here(script, server=server, tag="watchers-killed")
    assert outcome.ending is Ending.SIGNALLED
    assert are_gone([int((tmp_path / "pid").read_text())])


def test_program_cannot_stop_its_supervisor(run_here, server, are_gone, tmp_path):
    script = "echo $$ > pid; kill -STOP $PPID; while :; do sleep 1; done"
    outcome = run_here(script, server=server, timeout_s=1.0, grace_s=0.2)
    assert outcome.ending is Ending.TIMEOUT
    assert are_gone([int((tmp_path / "pid").read_text())])


def test_supervisor_is_deaf_to_polite_signals(run_here):
    script = "for name in TERM INT HUP QUIT; do kill -$name $PPID; done; sleep 0.05; exit 8"
    assert run_here(script).exit_code == 8


def test_many_at_once(run_here):
    wrong = []

    def work(number):
        for turn in range(20):
            outcome = run_here(f"echo {number}.{turn}; exit {turn}")
            if (outcome.exit_code, outcome.stdout_tail) != (turn, f"{number}.{turn}\n".encode()):
                wrong.append(outcome)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_supervisor_stays(run_here, server, are_gone):
    pids = [int(run_here("echo $PPID", server=server).stdout_tail) for _ in range(5)]
    assert are_gone(pids)
    forker = server.pid
    server.close()
    assert are_gone([forker])


def test_server_ahead_of_its_use(run_here, server):
    server.start()
    forker = server.pid
    assert run_here("echo $PPID", server=server).exit_code == 0
    assert server.pid == forker
    assert FORK_SERVER.pid != forker


def test_output_of_any_size_takes_little_memory(tmp_path):
    source = """
import os, sys
from pathlib import Path
from pipeline.base.process import Command, run

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def flood(mib):
    script = f"echo begin; head -c {mib << 20} /dev/zero; echo; echo end"
    return run(Command(("sh", "-c", script), Path.cwd(), {"PATH": os.environ["PATH"]},
                       stdout_log=Path("log"), log_limit=4 << 20, output_limit=None))

flood(0)
before = peak_kib()
outcome = flood(256)
assert outcome.output_bytes == (256 << 20) + 11, outcome.output_bytes
assert outcome.stdout_tail.endswith(bytes(1000) + b"\\nend\\n"), outcome.stdout_tail[-10:]
log = Path("log").read_bytes()
assert log.startswith(b"begin\\n" + bytes(1000))
assert log.endswith(bytes(1000) + b"\\nend\\n")
assert len(log) < (4 << 20) + 100
print(peak_kib() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, check=True, capture_output=True
    )
    assert int(done.stdout) < 32 * 1024


def _parent(pid: int) -> int:
    content = Path(f"/proc/{pid}/stat").read_bytes()
    return int(content.rpartition(b")")[2].split()[1])
