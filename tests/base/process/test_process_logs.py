"""A capped log keeps the first and the last bytes of any stream, however it is cut in pieces."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.errors import UnfitError
from pipeline.base.process.logs import CappedLog, Sink


def _expected(stream: bytes, limit: int) -> bytes:
    if len(stream) <= limit:
        return stream
    head = limit // 2
    tail = limit - head
    line = b"\n[... %d bytes were cut here ...]\n" % (len(stream) - limit)
    return stream[:head] + line + stream[len(stream) - tail :]


@given(
    sizes=st.lists(st.integers(1, 40), max_size=20), limit=st.integers(0, 60), again=st.booleans()
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_head_and_tail_of_any_stream(tmp_path: Path, sizes, limit, again):
    stream = bytes(number % 251 for number in range(sum(sizes)))
    path = tmp_path / "log"
    log = CappedLog(path, limit)
    start = 0
    for size in sizes:
        log.write(stream[start : start + size])
        start += size
    log.close()
    if again:
        log.close()
    assert path.read_bytes() == _expected(stream, limit)


def test_file_never_grows_much_beyond_its_limit(tmp_path):
    log = CappedLog(tmp_path / "log", 1000)
    for _ in range(1000):
        log.write(b"x" * 333)
        assert (tmp_path / "log").stat().st_size <= 1000
    log.close()
    assert (tmp_path / "log").stat().st_size < 1100


def test_older_log_is_replaced(tmp_path):
    (tmp_path / "log").write_bytes(b"old" * 100)
    with Sink(tmp_path / "log", 1000) as sink:
        sink.write(b"new")
    assert (tmp_path / "log").read_bytes() == b"new"


def test_log_without_output_is_an_empty_file(tmp_path):
    with Sink(tmp_path / "log", 1000):
        pass
    assert (tmp_path / "log").read_bytes() == b""


def test_folder_in_the_place_of_a_log(tmp_path):
    with pytest.raises(UnfitError, match=f"{tmp_path} cannot be written: Is a directory"):
        CappedLog(tmp_path, 1000)


@pytest.mark.parametrize("size", [1, 1000, 65_536, 65_537, 300_000])
def test_tail_is_the_last_64_kib(size):
    stream = bytes(number * 7 % 251 for number in range(400_000))
    with Sink(None, 0) as sink:
        for start in range(0, len(stream), size):
            sink.write(stream[start : start + size])
    assert sink.tail == stream[-65_536:]
    assert sink.size == len(stream)
