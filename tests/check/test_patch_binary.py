import pytest
from own_cases import packed

from pipeline.check.patch_binary import Fragment, apply_fragment, read_binary
from pipeline.check.patch_lines import MalformedPatchError, PatchLines
from pipeline.model.patch import Reason


def read(data: bytes, limit: int = 1000) -> Fragment:
    return read_binary(PatchLines(data), max_bytes=limit).forward


def test_a_literal_is_the_file_itself() -> None:
    assert apply_fragment(b"old", read(b"literal 4\n" + packed(b"\0\1\2\3"))) == b"\0\1\2\3"


def test_a_delta_copies_and_inserts() -> None:
    delta = b"\x05\x06" + b"\x91\x01\x03" + b"\x03xyz"
    fragment = read(b"delta %d\n" % len(delta) + packed(delta))
    assert apply_fragment(b"abcde", fragment) == b"bcdxyz"


@pytest.mark.parametrize(
    "delta",
    [
        b"\x04\x06\x91\x01\x03\x03xyz",  # for another old size
        b"\x05\x07\x91\x01\x03\x03xyz",  # makes less than it says
        b"\x05\x05\x91\x01\x03\x03xyz",  # makes more than it says
        b"\x05\x03\x91\x04\x03",  # copies from behind the end
        b"\x05\x03\x05xyz",  # inserts what is not there
        b"\x05\x03\x00",  # an order without a meaning
        b"\x05\x03\x91\x01",  # cut short
    ],
)
def test_a_wrong_delta_gives_nothing(delta: bytes) -> None:
    assert apply_fragment(b"abcde", Fragment(delta, is_delta=True)) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"literal 5\n" + packed(b"\0\1\2\3"), Reason.FORMAT),
        (b"literal 3\n" + packed(b"\0\1\2\3"), Reason.FORMAT),
        (b"literal 2000\n" + packed(bytes(2000)), Reason.SIZE),
        (b"literal 4\n" + packed(bytes(4))[:-1], Reason.FORMAT),
        (b"literal 4\nDabc\n\n", Reason.FORMAT),
        (b"literal 4\n\n", Reason.FORMAT),
        (b"literal 04\n" + packed(bytes(4)), Reason.FORMAT),
        (b"mystery 4\n" + packed(bytes(4)), Reason.FORMAT),
        (b"delta 3\n" + packed(b"\x05\x80\x7f"), Reason.SIZE),
        (b"delta 1\n" + packed(b"\x80"), Reason.SIZE),
    ],
)
def test_damaged_or_growing_data_is_refused(data: bytes, reason: Reason) -> None:
    with pytest.raises(MalformedPatchError) as error:
        read(data)
    assert error.value.reason is reason


def test_data_of_many_lines_is_read_whole() -> None:
    content = bytes(n * n % 251 for n in range(900))
    assert read(b"literal 900\n" + packed(content)).data == content
