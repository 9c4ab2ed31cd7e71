"""A program's output is passed on as it comes; its reader decides about the pace, not the end."""

import os
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.process import CancelToken, Ending


@pytest.fixture
def pipe() -> Iterator[tuple[FileIO, int]]:
    """The reading end, and the number of the writing end."""
    reader, writer = os.pipe()
    with FileIO(reader) as reading, FileIO(writer, "w"):
        yield reading, writer


def test_both_streams_are_passed_on_and_logged(run_it, tmp_path):
    files = [tmp_path / name for name in ("out", "err", "out.log", "err.log")]
    with files[0].open("wb") as out, files[1].open("wb") as err:
        outcome = run_it(
            "printf one; printf two >&2; printf three",
            echo_stdout=out.fileno(),
            echo_stderr=err.fileno(),
            stdout_log=files[2],
            stderr_log=files[3],
        )
    assert outcome.exit_code == 0
    assert [file.read_bytes() for file in files] == [b"onethree", b"two"] * 2
    assert (outcome.stdout_tail, outcome.stderr_tail) == (b"onethree", b"two")


def test_output_comes_while_the_program_runs(run_it, pipe, tmp_path):
    reader, writer = pipe
    script = "echo ready; while [ ! -e go ]; do sleep 0.02; done; echo done"
    seen = []

    def answer() -> None:
        seen.append(reader.read(100))  # comes although the program has not ended
        (tmp_path / "go").touch()

    thread = threading.Thread(target=answer)
    thread.start()
    outcome = run_it(script, echo_stdout=writer)
    thread.join()
    assert (outcome.ending, seen) == (Ending.EXITED, [b"ready\n"])
    assert reader.read(100) == b"done\n"


def test_nothing_is_lost_for_a_slow_reader(run_it, pipe, python):
    reader, writer = pipe
    size = 3_000_000
    got = bytearray()

    def read() -> None:
        while len(got) < size:
            got.extend(reader.read(1000))

    thread = threading.Thread(target=read)
    thread.start()
    program = python("import sys; sys.stdout.write('0123456789' * 300000)")
    outcome = run_it(program, echo_stdout=writer)
    thread.join()
    assert (outcome.exit_code, outcome.output_bytes) == (0, size)
    assert bytes(got) == b"0123456789" * 300_000


def test_reader_that_does_not_read_does_not_stop_the_deadline(run_here, pipe):
    outcome = run_here("yes", echo_stdout=pipe[1], timeout_s=0.5, grace_s=0.2)
    assert outcome.ending is Ending.TIMEOUT
    assert outcome.output_bytes < 2_000_000  # it was held up, nothing was piled up


def test_output_of_an_ended_program_waits_for_its_reader_up_to_the_deadline(run_here, pipe):
    outcome = run_here("head -c 200000 /dev/zero", echo_stdout=pipe[1], timeout_s=1.0)
    assert outcome.ending in (Ending.EXITED, Ending.TIMEOUT)


def test_cancelling_does_not_wait_for_a_reader(run_here, pipe):
    token = CancelToken()
    timer = threading.Timer(0.3, token.cancel)
    timer.start()
    outcome = run_here("yes", echo_stdout=pipe[1], cancel=token, grace_s=0.2)
    assert outcome.ending is Ending.CANCELLED


def test_reader_that_has_gone_gives_the_program_a_broken_pipe(run_it, pipe):
    reader, writer = pipe
    reader.close()
    outcome = run_it(("yes",), echo_stdout=writer, output_limit=None)
    assert outcome.signal == 13 or outcome.exit_code == 1


def test_one_stream_without_reader_leaves_the_other_alone(run_it, pipe, tmp_path):
    reader, writer = pipe
    reader.close()
    with (tmp_path / "err").open("wb") as err:
        run_it("echo lost; sleep 0.1; echo kept >&2", echo_stdout=writer, echo_stderr=err.fileno())
    assert Path(err.name).read_bytes() == b"kept\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_place_that_cannot_be_written_is_named(run_here):
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(UnfitError, match="No space left"):
            run_here("echo x; sleep 600", echo_stdout=full)
    finally:
        os.close(full)


def test_descriptor_stays_open(run_it, pipe):
    run_it("true", echo_stdout=pipe[1])
    os.write(pipe[1], b"x")
