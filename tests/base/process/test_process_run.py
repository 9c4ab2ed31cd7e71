"""What holds for a program however it is run: its end, its limits, its surroundings."""

import os
import signal
import threading
from pathlib import Path

import pytest

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.process import (
    Beat,
    CancelToken,
    Command,
    Ending,
    Stray,
    run,
    shell_argv,
)


@pytest.mark.parametrize("code", [0, 1, 77, 125, 255])
def test_exit_code_passes_through(run_it, code):
    outcome = run_it(f"echo out; echo err >&2; exit {code}")
    assert (outcome.ending, outcome.exit_code, outcome.signal) == (Ending.EXITED, code, None)
    assert (outcome.stdout_tail, outcome.stderr_tail) == (b"out\n", b"err\n")
    assert outcome.output_bytes == 8
    assert outcome.left_behind == ()


def test_signal_that_was_not_ours(run_it):
    outcome = run_it("kill -SEGV $$")
    assert (outcome.ending, outcome.exit_code, outcome.signal) == (
        Ending.SIGNALLED,
        None,
        signal.SIGSEGV,
    )


def test_missing_program(run_it):
    outcome = run_it(("no-such-program", "x"))
    assert outcome.ending is Ending.MISSING
    assert outcome.exit_code is None
    assert outcome.detail == "The program no-such-program was not found."


def test_missing_program_with_a_path(run_it):
    outcome = run_it(("./no-such-program",))
    assert outcome.ending is Ending.MISSING
    assert "./no-such-program was not found" in outcome.detail


def test_missing_directory_is_not_a_missing_program(run_it, tmp_path):
    outcome = run_it(("true",), cwd=tmp_path / "gone")
    assert outcome.ending is Ending.MISSING
    assert str(tmp_path / "gone") in outcome.detail
    assert "directory" in outcome.detail


def test_program_that_may_not_be_executed(run_it, tmp_path):
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    outcome = run_it(("./tool",))
    assert outcome.ending is Ending.MISSING
    assert "may not be executed" in outcome.detail


def test_script_whose_interpreter_is_missing(run_here, tmp_path):
    (tmp_path / "tool").write_text("#!/no/such/interpreter\n")
    (tmp_path / "tool").chmod(0o755)
    outcome = run_here(("./tool",))
    assert outcome.ending is Ending.MISSING
    assert "interpreter" in outcome.detail


def test_script_without_a_first_line(run_it, tmp_path):
    (tmp_path / "tool").write_text("echo no\n")
    (tmp_path / "tool").chmod(0o755)
    outcome = run_it(("./tool",))
    assert outcome.ending is Ending.MISSING
    assert "#!" in outcome.detail


def test_program_is_looked_for_in_the_given_path(run_here, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tool").write_text(f"#!/bin/sh\necho {name}\n")
    (tmp_path / "b" / "tool").chmod(0o755)  # that of "a" may not be executed: exec goes on
    outcome = run_here(("tool",), env={"PATH": f"{tmp_path}/none:{tmp_path}/a:b"})
    assert outcome.stdout_tail == b"b\n"


def test_timeout_lets_the_program_clean_up(run_it):
    outcome = run_it("trap 'echo bye; exit 9' TERM; while :; do sleep 0.01; done", timeout_s=0.3)
    assert outcome.ending is Ending.TIMEOUT
    assert outcome.exit_code == 9
    assert outcome.stdout_tail == b"bye\n"


def test_timeout_ends_a_tree_that_ignores_term(run_it, tmp_path, are_gone):
    script = """
        trap '' TERM
        sh -c 'echo $$ >> pids; while :; do sleep 1; done' &
        setsid sh -c 'echo $$ >> pids; while :; do sleep 1; done' &
        echo $$ >> pids
        while :; do sleep 1; done
    """
    outcome = run_it(script, timeout_s=0.5, grace_s=0.2)
    assert (outcome.ending, outcome.signal) == (Ending.TIMEOUT, signal.SIGKILL)
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert are_gone(pids)


def test_stopped_program_is_ended(run_it):
    assert run_it("kill -STOP $$", timeout_s=0.2, grace_s=0.2).ending is Ending.TIMEOUT


def test_idle_program_is_ended(run_it):
    outcome = run_it("echo begun; sleep 600", idle_timeout_s=0.3)
    assert outcome.ending is Ending.IDLE
    assert outcome.stdout_tail == b"begun\n"


def test_program_that_goes_on_writing_is_not_idle(run_it):
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 0.1; echo $i >&2; done"
    assert run_it(script, idle_timeout_s=0.6).ending is Ending.EXITED


def test_cancel_from_another_thread(run_it, tmp_path, content_of, are_gone):
    token = CancelToken()
    outcomes = []
    script = "echo $$ > pid; sleep 600"
    thread = threading.Thread(target=lambda: outcomes.append(run_it(script, cancel=token)))
    thread.start()
    pid = int(content_of(tmp_path / "pid"))
    token.cancel()
    thread.join()
    assert outcomes[0].ending is Ending.CANCELLED
    assert are_gone([pid])


def test_one_token_cancels_many(run_here):
    token = CancelToken()
    outcomes = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(run_here("sleep 600", cancel=token)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    token.cancel()
    for thread in threads:
        thread.join()
    assert [outcome.ending for outcome in outcomes] == [Ending.CANCELLED] * 4


def test_cancelled_before_the_start(run_it):
    token = CancelToken()
    token.cancel()
    assert run_it("sleep 600", cancel=token).ending is Ending.CANCELLED


def test_flood_is_ended(run_it):
    outcome = run_it("yes", output_limit=1_000_000)
    assert outcome.ending is Ending.FLOODED
    assert outcome.output_bytes > 1_000_000
    assert len(outcome.stdout_tail) == 64 * 1024


def test_output_up_to_the_limit_is_no_flood(run_it):
    outcome = run_it("head -c 100000 /dev/zero", output_limit=100_000)
    assert (outcome.ending, outcome.output_bytes) == (Ending.EXITED, 100_000)


def test_any_bytes_without_a_newline(run_it, tmp_path):
    log = tmp_path / "log"
    outcome = run_it(r"printf 'a\000\377\376\r\n\303'", stdout_log=log)
    assert outcome.stdout_tail == b"a\0\xff\xfe\r\n\xc3"
    assert log.read_bytes() == outcome.stdout_tail


def test_streams_are_kept_apart(run_it, tmp_path):
    out, err = tmp_path / "out", tmp_path / "err"
    run_it("echo one; echo two >&2", stdout_log=out, stderr_log=err)
    assert (out.read_bytes(), err.read_bytes()) == (b"one\n", b"two\n")


def test_long_log_keeps_head_and_tail(run_it, tmp_path):
    log = tmp_path / "log"
    outcome = run_it("seq 1 200000", stdout_log=log, log_limit=10_000)
    whole = "".join(f"{number}\n" for number in range(1, 200_001)).encode()
    assert outcome.output_bytes == len(whole)
    cut = b"\n[... %d bytes were cut here ...]\n" % (len(whole) - 10_000)
    assert log.read_bytes() == whole[:5_000] + cut + whole[-5_000:]


def test_log_that_cannot_be_written(run_it, tmp_path):
    with pytest.raises(UnfitError, match="no-folder"):
        run_it("true", stdout_log=tmp_path / "no-folder" / "log")


def test_full_disk_ends_the_program(run_here, tmp_path, are_gone):
    with pytest.raises(UnfitError, match="/dev/full"):
        run_here("echo $$ > pid; yes", stdout_log=Path("/dev/full"))
    assert are_gone([int((tmp_path / "pid").read_text())])


def test_stdin(run_it):
    data = bytes(range(256)) * 8000
    outcome = run_it("cat | cksum; cat", stdin=data)
    assert outcome.stdout_tail.split()[1] == b"%d" % len(data)


def test_stdin_that_nobody_reads(run_it):
    assert run_it("exit 4", stdin=b"x" * 2_000_000).exit_code == 4


def test_stdin_is_empty_by_default(run_it):
    assert run_it("cat; echo end").stdout_tail == b"end\n"


def test_environment_is_exactly_the_given_one(run_it, python):
    given = {"PATH": os.environ["PATH"], "ODD": "a=b\nc", "EMPTY": "", "UMLAUT": "ü\udcff"}
    source = "print(open('/proc/self/environ', 'rb').read())"
    outcome = run_it(python(source), env=given)
    expected = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in given.items())
    assert outcome.stdout_tail == repr(expected).encode() + b"\n"


def test_tag_is_in_the_environment(run_it, env):
    outcome = run_it("echo $PIPELINE_PROCESS_TAG", tag="run-7:x")
    assert outcome.stdout_tail == b"run-7:x\n"
    assert "PIPELINE_PROCESS_TAG" not in env


def test_directory_and_arguments(run_it, tmp_path):
    folder = tmp_path / "ein Ordner\nü"
    folder.mkdir()
    script = 'pwd; for word; do echo "<$word>"; done'
    outcome = run_it(("sh", "-c", script, "sh", "a b", "", "ü", "*"), cwd=folder)
    assert outcome.stdout_tail == f"{folder}\n<a b>\n<>\n<ü>\n<*>\n".encode()


def test_arguments_as_bytes_and_large(run_here):
    outcome = run_here(("sh", "-c", 'printf "%s" "$1"; echo ${#2}', "sh", b"\xff", b"x" * 100_000))
    assert outcome.stdout_tail == b"\xff100000\n"


def test_large_request(run_here):
    words = tuple("x" * 100_000 for _ in range(10))
    assert run_here(("sh", "-c", "echo $#", "sh", *words)).stdout_tail == b"10\n"


@pytest.mark.parametrize(
    "values",
    [{"argv": ("a\0b",)}, {"argv": ()}, {"argv": ("",)}, {"env": {"A": "\0"}}, {"env": {"A=": ""}}],
)
def test_command_that_no_system_can_run(values, tmp_path):
    with pytest.raises(InputError):
        run(Command(**{"argv": ("true",), "cwd": tmp_path, "env": {}, **values}))


def test_beats(run_it):
    beats = []
    run_it("echo 12345; sleep 0.5", on_beat=beats.append, beat_s=0.1)
    assert len(beats) >= 2
    assert all(isinstance(beat, Beat) for beat in beats)
    assert beats[-1].output_bytes == 6
    assert beats[0].elapsed_s < beats[-1].elapsed_s


def test_listener_that_raises_costs_nothing(run_it):
    def fail(beat):
        raise RuntimeError("listener")

    assert run_it("sleep 0.3; exit 3", on_beat=fail, beat_s=0.05).exit_code == 3


def test_background_child_that_ends_promptly_is_no_stray(run_it):
    assert run_it("sleep 0.01 & exit 0").left_behind == ()


def test_pipeline_that_ends_from_the_left_is_no_stray(run_here):
    assert run_here("sleep 0.005 | cat & exit 0").left_behind == ()


def test_background_child_that_stays_is_a_stray(run_it, are_gone):
    outcome = run_it("sleep 600 & echo $!; sleep 0.3")
    pid = int(outcome.stdout_tail)
    assert outcome.ending is Ending.EXITED
    assert outcome.left_behind == (Stray(pid, "sleep"),)
    assert are_gone([pid])


def test_cpu_and_memory_are_told(run_here, python):
    outcome = run_here(python("x = bytearray(50_000_000)\nfor i in range(2_000_000): pass"))
    assert 0.01 < outcome.cpu_s < 30
    assert 48_000 < outcome.max_rss_kib < 200_000
    assert outcome.duration_s > 0


def test_cpu_of_a_detached_process_counts(run_here, python):
    spin = "import time\nwhile time.process_time() < 0.3: pass\nopen('done', 'w')"
    script = 'setsid -f "$@"; until [ -e done ]; do sleep 0.02; done'
    assert run_here(("sh", "-c", script, "sh", *python(spin))).cpu_s > 0.29


def test_shell_string():
    assert shell_argv("a | b") == ("sh", "-c", "a | b")


def test_run_is_one_of_them(tmp_path, env):
    assert run(Command(("sh", "-c", "exit 6"), tmp_path, env)).exit_code == 6


def test_token_can_be_waited_for():
    token = CancelToken()
    assert not token.is_cancelled
    assert not token.wait(0)
    threading.Timer(0.01, token.cancel).start()
    assert token.wait(30)
    token.cancel()
    assert token.is_cancelled


def test_token_closes_its_descriptors():
    before = len(list(Path("/proc/self/fd").iterdir()))
    tokens = [CancelToken() for _ in range(10)]
    assert len({token.fileno() for token in tokens}) == 10
    del tokens
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
