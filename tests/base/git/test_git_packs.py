"""Objects written as a pack are what git reads, whole and under their ids."""

import hashlib
import stat
import subprocess

import pytest

from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository
from pipeline.base.git.packs import ObjectBatch, write_pack


def git(where, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=where, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture(params=["sha1", "sha256"])
def top(tmp_path, request):
    git(tmp_path, "init", "--quiet", f"--object-format={request.param}", "place")
    return tmp_path / "place"


def blobs(count: int) -> list[bytes]:
    return [b"%d\n" % number * (1 + number * number) for number in range(count)]


def batch(top) -> ObjectBatch:
    return ObjectBatch(top / ".git" / "objects", git(top, "rev-parse", "--show-object-format"))


def test_many_objects_are_one_pack_that_git_finds_sound(top):
    many = batch(top)
    wanted = {many.write("blob", data): data for data in blobs(200)}
    tree = many.write(
        "tree",
        b"".join(
            b"100644 %03d\0%s" % (number, bytes.fromhex(oid)) for number, oid in enumerate(wanted)
        ),
    )
    many.flush()
    (pack,) = (top / ".git" / "objects" / "pack").glob("*.pack")
    git(top, "verify-pack", str(pack.with_suffix(".idx")))
    git(top, "fsck", "--strict", "--no-dangling")
    assert git(top, "count-objects", "-v").splitlines()[0] == "count: 0"
    assert len(git(top, "ls-tree", tree).splitlines()) == 200
    assert stat.S_IMODE(pack.stat().st_mode) & 0o222 == 0
    with Repository.discover(top) as repo:
        assert {oid: repo.objects.read(oid) for oid in wanted} == {
            oid: ("blob", data) for oid, data in wanted.items()
        }


def test_reader_that_was_open_before_sees_them(top):
    with Repository.discover(top) as repo:
        assert not repo.objects.has(hashlib.new(repo.object_format, b"none").hexdigest())
        many = batch(top)
        oids = [many.write("blob", data) for data in blobs(60)]
        many.flush()
        assert all(repo.objects.has(oid) for oid in oids)


def test_few_objects_are_loose_and_none_is_there_before_the_flush(top):
    few = batch(top)
    oid = few.write("blob", b"one\n")
    with pytest.raises(subprocess.CalledProcessError):
        git(top, "cat-file", "-e", oid)
    few.flush()
    assert git(top, "cat-file", "blob", oid) == "one"
    assert not list((top / ".git" / "objects" / "pack").iterdir())


def test_refusal_of_the_disk_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "pack").write_text("in the way")
    with pytest.raises(UnfitError, match="pack"):
        write_pack(tmp_path / "pack", "sha1", {"7" * 40: ("blob", b"")})
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]
