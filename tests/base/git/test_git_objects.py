import hashlib
import os
import stat
import subprocess
import sys
import threading
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.base.errors import BugError, UnfitError
from pipeline.base.git import MalformedObjectError, MissingObjectError, ObjectTooLargeError
from pipeline.base.git.loose import LooseObjects, object_id


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_what_is_written_here_is_what_git_writes(new_checkout, opened, object_format) -> None:
    checkout = new_checkout("formats", object_format)
    repo = opened(checkout.path)
    for data in (b"", b"x", b"\0\n" * 1000, os.urandom(200_000)):
        oid = repo.objects.write("blob", data)
        assert oid == checkout.git("hash-object", "--stdin", stdin=data).decode().strip()
        assert checkout.git("cat-file", "blob", oid) == data
        assert repo.objects.read(oid) == ("blob", data)
    checkout.fsck()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(data=st.binary(max_size=300))
def test_anything_comes_back_as_it_was(repo, data) -> None:
    oid = repo.objects.write("blob", data)
    assert repo.objects.info(oid) == ("blob", len(data))
    assert repo.objects.read_kind(oid, "blob") == data
    assert repo.objects.loose.read(oid) == ("blob", data)


def test_objects_from_packs_and_borrowed_repositories_are_read(checkout, opened, tmp_path) -> None:
    checkout.git("gc", "-q", "--prune=now")
    borrowed = tmp_path / 'borrower with "quotes" : and ünïcode'
    checkout.git("clone", "-q", "--shared", checkout.path, borrowed)
    for path in (checkout.path, borrowed):
        repo = opened(path)
        tree = repo.commit_tree(repo.resolve_commit("HEAD"))
        assert repo.objects.read(repo.trees.lookup(tree, b"src/app.py").oid)[1].startswith(b"print")
        with repo.scratch() as scratch:
            assert b"src/app.py" in scratch.trees.flatten(tree)
            assert scratch.apply_patch(tree, repo.diff_text(tree, repo.objects.empty_tree))


def test_an_object_that_comes_into_being_later_is_found(checkout, repo) -> None:
    oid = object_id("sha1", "blob", b"later\n")
    with pytest.raises(MissingObjectError):
        repo.objects.read(oid)
    assert not repo.objects.has(oid)
    checkout.git("hash-object", "-w", "--stdin", stdin=b"later\n")
    assert repo.objects.read(oid) == ("blob", b"later\n")
    assert repo.objects.has(oid)


def test_objects_stay_readable_while_git_repacks(checkout, repo) -> None:
    oids = [repo.objects.write("blob", b"%d" % n * 50) for n in range(50)]
    tree = repo.trees.edit(
        repo.objects.empty_tree,
        [(b"f%d" % n, _entry(oid)) for n, oid in enumerate(oids)],
    )
    checkout.git("update-ref", "refs/keep/it", checkout.says("commit-tree", "-m", "keep", tree))
    for oid in oids[:10]:
        repo.objects.info(oid)
    checkout.git("repack", "-a", "-d", "-q")
    checkout.git("prune-packed")
    assert not any(repo.objects.loose.has(oid) for oid in oids)
    for n, oid in enumerate(oids):
        assert repo.objects.read(oid) == ("blob", b"%d" % n * 50)


def _entry(oid):
    from pipeline.base.git import FILE, TreeEntry

    return TreeEntry(FILE, oid)


def test_a_limit_is_held_before_reading(repo) -> None:
    oid = repo.objects.write("blob", b"x" * 1000)
    assert repo.objects.read(oid, limit=1000)[1] == b"x" * 1000
    with pytest.raises(ObjectTooLargeError) as caught:
        repo.objects.read(oid, limit=999)
    assert (caught.value.size, caught.value.limit) == (1000, 999)
    assert repo.objects.size(oid) == 1000


def test_large_objects_are_streamed(repo) -> None:
    data = os.urandom(3_500_000)
    oid = repo.objects.write("blob", data)
    pieces: list[bytes] = []
    assert repo.objects.stream(oid, pieces.append) == len(data)
    assert b"".join(pieces) == data
    assert len(pieces) == 4
    assert repo.objects.info(oid) == ("blob", len(data))


def test_a_sink_that_fails_does_not_spoil_later_reads(repo) -> None:
    oid = repo.objects.write("blob", os.urandom(3_000_000))

    def fail(_piece: bytes) -> None:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError):
        repo.objects.stream(oid, fail)
    other = repo.objects.write("blob", b"other")
    assert repo.objects.read(other) == ("blob", b"other")


def test_a_sink_that_misses_something_does_not_spoil_later_reads(repo) -> None:
    oid = repo.objects.write("blob", os.urandom(3_000_000))

    def miss(_piece: bytes) -> None:
        raise MissingObjectError("1" * 40)

    with pytest.raises(MissingObjectError):
        repo.objects.stream(oid, miss)
    other = repo.objects.write("blob", b"other")
    assert repo.objects.read(other) == ("blob", b"other")


def test_a_place_that_cannot_be_written_to_is_named(tmp_path) -> None:
    with pytest.raises(UnfitError, match="nowhere: No such file"):
        LooseObjects(tmp_path / "nowhere", "sha1").write("blob", b"x")


def test_only_kinds_of_objects_are_written(repo) -> None:
    with pytest.raises(ValueError, match="kind"):
        repo.objects.write("note", b"x")


def test_an_object_under_a_wrong_name_is_not_taken_over(repo) -> None:
    compressed = zlib.compress(b"blob 1\0x")
    with pytest.raises(MalformedObjectError, match="another id"):
        repo.objects.loose.adopt("1" * 40, compressed)
    with pytest.raises(MalformedObjectError, match="cut short"):
        repo.objects.loose.adopt(object_id("sha1", "blob", b"x"), compressed[:-2])
    assert repo.objects.loose.flush() == 0


def test_the_reading_git_may_die_at_any_time(repo) -> None:
    one, two = (repo.objects.write("blob", text) for text in (b"one", b"two"))
    assert repo.objects.read(one)[1] == b"one"
    os.kill(repo.objects._reader.pid, 9)
    assert repo.objects.read(two)[1] == b"two"


@pytest.mark.parametrize("oid", ["HEAD", "", "1" * 39, "1" * 41, "1" * 40 + "\ninfo HEAD", "-h"])
def test_what_is_no_object_id_never_reaches_git(repo, oid) -> None:
    for ask in (repo.objects.read, repo.objects.info, repo.objects.size, repo.objects.has):
        with pytest.raises(BugError):
            ask(oid)


def test_damaged_objects_are_told(repo) -> None:
    oid = repo.objects.write("blob", b"fine\n")
    path = repo.objects.loose.path_of(oid)
    path.chmod(0o644)
    path.write_bytes(b"not zlib")
    with pytest.raises(MalformedObjectError):
        repo.objects.loose.read(oid)
    with pytest.raises(UnfitError):
        repo.objects.read(oid)
    with pytest.raises(MalformedObjectError, match="is a blob"):
        repo.objects.read_kind(repo.objects.write("blob", b"x"), "commit")


@pytest.mark.parametrize("left", [b"", b"half", None])
def test_an_object_that_a_power_cut_spoilt_is_written_again(repo, left) -> None:
    data = b"content " * 100
    oid = object_id("sha1", "blob", data)
    path = repo.objects.loose.path_of(oid)
    path.parent.mkdir(exist_ok=True)
    whole = zlib.compress(b"blob %d\0" % len(data) + data)
    path.write_bytes(whole[:-9] if left is None else left)
    assert repo.objects.write("blob", data) == oid
    assert repo.objects.read(oid) == ("blob", data)


def test_an_object_that_was_pruned_meanwhile_is_written_again(repo) -> None:
    oid = repo.objects.write("blob", b"pruned")
    repo.objects.flush()
    repo.objects.loose.path_of(oid).unlink()
    assert repo.objects.write("blob", b"pruned") == oid
    assert repo.objects.loose.has(oid)


def test_an_old_object_is_made_young_when_it_is_written_again(repo) -> None:
    oid = repo.objects.write("blob", b"old")
    path = repo.objects.loose.path_of(oid)
    os.utime(path, (1, 1))
    repo.objects.write("blob", b"old")
    assert path.stat().st_mtime > 1


def test_permissions_follow_the_objects_directory(tmp_path) -> None:
    for mode, file_mode in ((0o755, 0o444), (0o700, 0o400), (0o2775, 0o444)):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        loose = LooseObjects(folder, "sha1")
        path = loose.path_of(loose.write("blob", b"x"))
        assert stat.S_IMODE(path.stat().st_mode) == file_mode
        assert stat.S_IMODE(path.parent.stat().st_mode) == mode


def test_flush_forces_each_file_and_each_directory_once(tmp_path) -> None:
    """Watched from outside: the calls that reach the kernel."""
    if subprocess.run(["which", "strace"], capture_output=True, check=False).returncode:
        pytest.skip("strace is not installed")
    code = (
        "import sys; from pathlib import Path; from pipeline.base.git.loose import LooseObjects\n"
        "loose = LooseObjects(Path(sys.argv[1]), 'sha1')\n"
        "oids = [loose.write('blob', b'%d' % n) for n in range(3)]; loose.write('blob', b'1')\n"
        "loose.flush(); loose.flush(); print(' '.join(oids))\n"
    )
    log = tmp_path / "strace"
    folder = tmp_path / "objects"
    folder.mkdir()
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-y",
            "-o",
            log,
            "-e",
            "trace=fsync,rename",
            sys.executable,
            "-c",
            code,
            folder,
        ],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"strace cannot trace here: {done.stderr!r}")
    oids = done.stdout.decode().split()
    lines = [line for line in log.read_text().splitlines() if "(" in line]
    synced = [line.split("<", 1)[1].split(">", 1)[0] for line in lines if "fsync(" in line]
    files = {str(folder / oid[:2] / oid[2:]) for oid in oids}
    fans = {str(folder / oid[:2]) for oid in oids}
    assert sorted(synced) == sorted([*files, *fans, str(folder)])
    assert set(synced[:3]) == files
    assert synced[-1] == str(folder)


def test_nothing_half_written_is_ever_seen_under_an_objects_name(tmp_path) -> None:
    loose = LooseObjects(tmp_path, "sha1")
    data = os.urandom(300_000)
    oid = hashlib.sha1(b"blob 300000\0" + data).hexdigest()
    seen: list[bytes] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            try:
                seen.append(loose.read(oid)[1])
            except MissingObjectError:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        loose.write("blob", data)
        loose.path_of(oid).unlink()
    stop.set()
    watcher.join()
    assert all(found == data for found in seen)


def test_many_threads_and_processes_write_the_same_objects(checkout, repo, opened) -> None:
    other = opened(checkout.path)
    failed: list[BaseException] = []

    def work(objects, shift: int) -> None:
        try:
            for n in range(60):
                data = b"object %d" % ((n + shift) % 40)
                oid = objects.write("blob", data)
                assert objects.read(oid) == ("blob", data)
                if n % 20 == 0:
                    objects.flush()
        except Exception as problem:  # noqa: BLE001 - told below, on the main thread
            failed.append(problem)

    threads = [
        threading.Thread(target=work, args=((repo, other)[n % 2].objects, n)) for n in range(6)
    ]
    code = (
        "import sys; from pathlib import Path; from pipeline.base.git.loose import LooseObjects\n"
        "loose = LooseObjects(Path(sys.argv[1]), 'sha1')\n"
        "for _ in range(5): [loose.write('blob', b'object %d' % n) for n in range(40)]\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, repo.common_dir / "objects"])
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert child.wait() == 0
    assert not failed
    checkout.fsck()
    left = list((repo.common_dir / "objects").rglob("tmp_obj_*"))
    assert left == []
