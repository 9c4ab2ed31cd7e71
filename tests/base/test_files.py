import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.files import (
    TEMP_PREFIX,
    as_unfit,
    make_directory,
    sha256,
    user_cache_dir,
    write_atomic,
)


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a longer content than the new one")

    write_atomic(path, b"new", durable=durable)

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_is_the_one_asked_for(tmp_path: Path) -> None:
    write_atomic(tmp_path / "private", b"", mode=0o600)

    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"kept")
    link.symlink_to(target)

    write_atomic(link, b"new")

    assert target.read_bytes() == b"kept"
    assert not link.is_symlink()


def test_a_refused_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(UnfitError) as caught:
        write_atomic(tmp_path / "taken", b"x")

    assert str(tmp_path / "taken") in caught.value.what
    assert caught.value.remedy
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_a_file_that_cannot_grow_is_said_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from pipeline.base.files import write_atomic\n"
        "from pipeline.base.errors import UnfitError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: write_atomic(Path(sys.argv[1]), b'x' * 1000)\n"
        "except UnfitError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )

    assert "may not grow" in done.stdout and str(path) in done.stdout
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_atomic(path, b"0" * 100_000)
    script = (
        "import sys; from pathlib import Path\n"
        "from pipeline.base.files import write_atomic\n"
        "for i in range(200): write_atomic(Path(sys.argv[1]), b'%d' % (i % 10) * 100_000,"
        " durable=False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, path]) as writer:
        while writer.poll() is None:
            seen = path.read_bytes()
            assert len(seen) == 100_000
            assert len(set(seen)) == 1
    assert writer.returncode == 0


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.ELOOP, "links")],
)
def test_errors_are_said_with_path_and_next_step(number: int, words: str) -> None:
    said = as_unfit(OSError(number, os.strerror(number)), Path("/some/where"), "create")

    assert said.what.startswith("Cannot create /some/where: ")
    assert words in said.what
    assert said.remedy


def test_a_directory_may_be_there_already(tmp_path: Path) -> None:
    assert make_directory(make_directory(tmp_path / "a" / "b")).is_dir()


def test_a_file_in_the_way_of_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(UnfitError, match="not a directory"):
        make_directory(tmp_path / "a" / "b")


def test_digests_are_sha256() -> None:
    assert sha256(b"x") == hashlib.sha256(b"x").hexdigest()


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other customs")
def test_the_cache_directory_follows_xdg() -> None:
    assert user_cache_dir({"HOME": "/h", "XDG_CACHE_HOME": "/c"}) == Path("/c")
    assert user_cache_dir({"HOME": "/h", "XDG_CACHE_HOME": "relative"}) == Path("/h/.cache")
    assert user_cache_dir({"HOME": "/h"}) == Path("/h/.cache")


def test_unfinished_files_can_be_told_by_their_names(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from pipeline.base.files import write_atomic\n"
        "os.fsync = lambda fd: os._exit(9)\n"
        "write_atomic(Path(sys.argv[1]), b'x')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "f"], check=False)

    assert done.returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(TEMP_PREFIX)
