"""What is saved of a slot comes back whole or not at all."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.git import TreeEntry
from pipeline.work.snapshot import directories_of, load_snapshot, make_snapshot, save_snapshot

ENTRIES = {
    b"a/b\nc": TreeEntry(0o100644, "1" * 40),
    b"a/\xff": TreeEntry(0o120000, "2" * 40),
    b"sub": TreeEntry(0o160000, "3" * 40),
}
SIGNATURES = {
    b"a/b\nc": (0o100644, 1, 2**40, 7, 3, 1_600_000_000_000_000_001, 1_600_000_000_000_000_002),
    b"a/\xff": (0o120777, 1, 5, 2**63 + 1, 0, 10, 1_700_000_000_000_000_000),
}


def snapshot(stamp: int = 1_700_000_000_010_000_000):
    return make_snapshot("a" * 40, ENTRIES, SIGNATURES, directories_of(ENTRIES), stamp)


def test_doubtful_is_what_was_written_just_before() -> None:
    assert snapshot().doubtful == {b"a/\xff"}
    assert snapshot(1_700_000_001_010_000_000).doubtful == frozenset()
    whole_seconds = snapshot(1_700_000_001_000_000_000)
    assert whole_seconds.doubtful == {b"a/\xff"}


def test_directories_and_gitlinks() -> None:
    assert snapshot().directories == {b"a", b"sub"}
    assert snapshot().gitlinks == {b"sub"}


def test_a_saved_snapshot_comes_back(tmp_path: Path) -> None:
    save_snapshot(tmp_path / "s", snapshot())
    assert load_snapshot(tmp_path / "s") == snapshot()
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_none_is_none(tmp_path: Path) -> None:
    assert load_snapshot(tmp_path / "none") is None
    (tmp_path / "link").symlink_to("s")
    save_snapshot(tmp_path / "s", snapshot())
    assert load_snapshot(tmp_path / "link") is None


@given(at=st.integers(0, 400), value=st.integers(0, 255), cut=st.booleans())
def test_damage_is_noticed(tmp_path_factory, at: int, value: int, cut: bool) -> None:
    path = tmp_path_factory.mktemp("s") / "s"
    save_snapshot(path, snapshot())
    data = bytearray(path.read_bytes())
    at %= len(data)
    if not cut and data[at] == value:
        return
    path.write_bytes(data[:at] if cut else bytes(data[:at]) + bytes([value]) + data[at + 1 :])
    assert load_snapshot(path) is None
