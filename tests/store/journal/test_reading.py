"""A journal is believed as a whole or not at all: whatever was done to it is named."""

import copy
from collections.abc import Callable, Iterator

import pytest
from forging import Batch, batches, commit, fit
from places import Place, begin, finish, judge, open_place, start

from pipeline.store.journal import JournalError, read

Edit = Callable[[list[Batch]], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all: commits are only added to it."""
    yield from open_place(tmp_path_factory.mktemp("reading") / "repository")


@pytest.fixture(scope="module")
def made(place: Place) -> list[Batch]:
    """Three batches of a run."""
    run_id = begin(place)
    writer = place.writer(run_id)
    attempt = start(place, run_id)
    writer.catch_up()
    finish(place, attempt)
    judge(place, run_id, "t1")
    writer.catch_up()
    start(place, run_id, "b")
    return batches(place, writer.catch_up())


@pytest.fixture
def chain(made: list[Batch]) -> list[Batch]:
    """The same, to be changed."""
    return copy.deepcopy(made)


def refused(place: Place, chain: list[Batch]) -> JournalError:
    head = commit(place, chain)
    with pytest.raises(JournalError) as raised:
        read(place.repo, head)
    assert raised.value.remedy and "at the commit " in raised.value.what
    return raised.value


def test_what_is_not_changed_is_read(place: Place, chain: list[Batch]) -> None:
    journal = read(place.repo, commit(place, chain))
    assert (journal.batches, journal.is_folded) == (3, False)
    fit(chain)
    assert read(place.repo, commit(place, chain)).rows == journal.rows


def lines(batch: Batch, folder: str) -> tuple[str, list[bytes]]:
    path = batch.only(folder)
    return path, batch.files[path].splitlines(keepends=True)


def drop_event(chain: list[Batch]) -> None:
    path = max(path for path in chain[1].files if path.startswith("events/"))
    new = path.replace(path[-14:-6], f"{int(path[-14:-6]) - 1:08d}")
    for batch in chain[1:]:
        batch.files[new] = b"".join(batch.files.pop(path).splitlines(keepends=True)[:-1])
    fit(chain)


def swap_events(chain: list[Batch]) -> None:
    path, rows = lines(chain[0], "events")
    for batch in chain:
        batch.files[path] = b"".join([rows[1], rows[0], *rows[2:]])
    fit(chain)


def everywhere(path: str, old: bytes, new: bytes) -> Edit:
    """Change a file in every batch that has it, and make the hashes fit."""

    def edit(chain: list[Batch]) -> None:
        count = 0
        for batch in chain:
            for name in [name for name in batch.files if name.startswith(path)]:
                if old in batch.files[name]:
                    batch.replace(name, old, new)
                    count += 1
        assert count
        fit(chain)

    return edit


def with_file(path: str, data: bytes = b"x\n", mode: int = 0) -> Edit:
    def edit(chain: list[Batch]) -> None:
        for batch in chain[1:]:
            batch.files[path] = data
            batch.modes |= {path: mode} if mode else {}
        fit(chain)

    return edit


def rename_text(chain: list[Batch]) -> None:
    for batch in chain[1:]:
        batch.files[f"patch_texts/{'7' * 64}"] = b"other\n"
    fit(chain)


def twice(table: bytes) -> Edit:
    def edit(chain: list[Batch]) -> None:
        for batch in chain[1:]:
            path = "ws/a.jsonl"
            rows = batch.files[path].splitlines(keepends=True)
            batch.files[path] += next(row for row in rows if b'"table":"%s"' % table in row)
        fit(chain)

    return edit


def without_text(chain: list[Batch]) -> None:
    for batch in chain[1:]:
        del batch.files[batch.only("patch_texts")]
    fit(chain)


def gone(chain: list[Batch]) -> None:
    del chain[2].files[chain[2].only("verdicts")]
    fit(chain)


def change_earlier(chain: list[Batch]) -> None:
    path = chain[0].only("events")
    chain[2].replace(path, b"It runs.", b"It ruins.")
    fit(chain)


FITTED: dict[str, tuple[Edit, str]] = {
    "event dropped": (drop_event, "does not follow number"),
    "events swapped": (swap_events, "out of its place"),
    "earlier slice changed": (change_earlier, "changed after it was written"),
    "file gone": (gone, "is gone"),
    "foreign name": (with_file("run.sh"), "not a journal's file"),
    "name that leads out": (with_file("logs/..x/y"), "not a journal's file"),
    "hidden name": (with_file("logs/-x"), "not a journal's file"),
    "link": (with_file("logs/l", b"/etc/passwd", 0o120000), "not a journal's file"),
    "program": (with_file("logs/l", mode=0o100755), "not a journal's file"),
    "unknown state": (
        everywhere("ws/", b'"state":"editing"', b'"state":"winning"'), "workstream_record.v1.json"
    ),
    "unknown event": (everywhere("events/", b"run_created", b"run_invented"), "event.v1.json"),
    "unknown column": (everywhere("ws/", b'"seq"', b'"sequ"'), "other columns"),
    "number too large": (
        everywhere("ws/", b'"returns":0', b'"returns":99999999999999999999'), "too large a number"
    ),
    "no number": (everywhere("ws/", b'"returns":0', b'"returns":NaN'), "no JSON"),
    "key twice": (
        everywhere("ws/", b'"returns":0', b'"returns":0,"returns":0'), "not written the way"
    ),
    "spaces": (everywhere("ws/", b'"returns":0', b'"returns": 0'), "not written the way"),
    "another workstream": (everywhere("ws/b", b'"ws_id":"b"', b'"ws_id":"c"'), "another workst"),
    "log that leads out": (everywhere("ws/a", b'top:.pipeline/', b'top:../'), "leads out"),
    "log of a check that leads out": (
        everywhere("verdicts/", b'top:.pipeline/', b'top:.pipeline/../../'), "leads out"
    ),
    "other patch": (rename_text, "another patch"),
    "no patch": (without_text, "the text of patch"),
    "attempt twice": (twice(b"step_attempts"), "twice"),
    "other key": (everywhere("verdicts/", b'\\"t1\\"', b'\\"t2\\"'), "another key"),
    "green from nowhere": (
        everywhere("verdicts/", b'"result":"passed"', b'"result":"unknown"'), "neither passed nor"
    ),
    "other plan": (everywhere("plan.json", b'"id":"a"', b'"id":"c"'), "not have the digest"),
    "other base": (
        everywhere("run.jsonl", b'"base_commit":"', b'"base_commit":"' + b"7" * 40 + b'","x":"'),
        "other columns",
    ),
    "branch of somebody": (
        everywhere("ws/a", b'"branch":"', b'"branch":"refs/heads/main'), "no branch of this run"
    ),
    "integration on a branch of somebody": (
        everywhere("run.jsonl", b'integration_branch":"', b'integration_branch":"refs/heads/main'),
        "no branch of this run",
    ),
    "unreadable error": (with_file("errors.jsonl", b"{}\n"), "a line is no row"),
}  # fmt: skip  # one case in a line or two reads better


@pytest.mark.parametrize("what", FITTED)
def test_forgery_whose_hashes_fit_is_refused(place: Place, chain: list[Batch], what: str) -> None:
    edit, why = FITTED[what]
    edit(chain)
    assert why in refused(place, chain).what


def of_format_2(chain: list[Batch]) -> None:
    for batch in chain:
        batch.set(format=2)


def other_previous(chain: list[Batch]) -> None:
    chain[2].set(previous="7" * 64)


def other_bytes(chain: list[Batch]) -> None:
    chain[1].replace("run.jsonl", b'"jobs":1', b'"jobs":2')
    chain[2].replace("run.jsonl", b'"jobs":1', b'"jobs":2')


def other_hash(chain: list[Batch]) -> None:
    files = {**chain[2].manifest()["files"]}  # type: ignore[dict-item]  # an object in JSON
    files[next(iter(files))] = "7" * 64
    chain[2].set(files=files)


def without_middle(chain: list[Batch]) -> None:
    del chain[1]


def first_replaced(chain: list[Batch]) -> None:
    """Only the first batch is made anew, hashes and all."""
    path = chain[0].only("events")
    for batch in chain:
        batch.replace(path, b"It runs.", b"It walks.")
    kept = [batch.manifest() for batch in chain[1:]]
    fit(chain)
    for batch, manifest in zip(chain[1:], kept, strict=True):
        batch.set(**manifest)


def of_another_run(chain: list[Batch]) -> None:
    """Every manifest says so, and its hashes fit; the rows do not."""
    for batch in chain:
        batch.set(run="01jd3v00000000000000000000")
    fit(chain)


def goes_further(chain: list[Batch]) -> None:
    chain[2].set(last_event=999)


def large_manifest(chain: list[Batch]) -> None:
    chain[2].set(files={"x": "7" * (17 << 20)})


CRUDE: dict[str, tuple[Edit, str]] = {
    "unknown format": (of_format_2, "it has the format 2"),
    "broken chain": (other_previous, "not the one that it was written after"),
    "other bytes": (other_bytes, "differ about 'run.jsonl'"),
    "other hash": (other_hash, "does not have the hash"),
    "batch missing": (without_middle, "batch 2 is missing"),
    "first batch replaced": (first_replaced, "not the one that it was written after"),
    "another run": (of_another_run, "belongs to another run"),
    "end that is not there": (goes_further, "should go up to event 999"),
    "large manifest": (large_manifest, "more than the limit"),
}


@pytest.mark.parametrize("what", CRUDE)
def test_crude_forgery_is_refused(place: Place, chain: list[Batch], what: str) -> None:
    edit, why = CRUDE[what]
    edit(chain)
    assert why in refused(place, chain).what.replace("b'", "'")


def test_first_batch_follows_the_base_or_nothing(place: Place, chain: list[Batch]) -> None:
    chain[0].parents = ()
    read(place.repo, commit(place, chain))
    chain[0].parents = (commit(place, chain),)
    assert "not the run's base" in refused(place, chain).what


def test_what_is_no_journal_is_refused(place: Place) -> None:
    blob = place.repo.objects.write("blob", b"x")
    place.repo.objects.flush()
    for commit_id in (place.base, blob, "7" * 40):
        with pytest.raises(JournalError, match=f"at the commit {commit_id[:12]}"):
            read(place.repo, commit_id)


def test_chain_that_is_a_merge_is_refused(place: Place, chain: list[Batch]) -> None:
    head = commit(place, chain)
    below, top = place.git("rev-parse", f"{head}^"), place.git("rev-parse", f"{head}^{{tree}}")
    merge = place.git(
        "-c", "user.name=x", "-c", "user.email=x", "commit-tree", "-m", "x", "-p", below,
        "-p", place.base, top,
    )  # fmt: skip
    with pytest.raises(JournalError, match="no single batch"):
        read(place.repo, merge)


def test_writer_goes_on_from_nothing_foreign(place: Place) -> None:
    run_id = begin(place)
    other = begin(place, "c")
    head = place.writer(run_id).catch_up()
    for commit_id, why in ((head, "it is that of the run"), (place.base, "are not a journal's")):
        place.git("update-ref", place.layout.journal_ref(other), commit_id)
        with pytest.raises(JournalError, match=f"{other}.*{why}"):
            place.writer(other).catch_up()


def test_objects_that_are_malformed_are_refused_as_a_journal(place: Place) -> None:
    tree = place.repo.objects.write("tree", b"100644 manifest.json\0short")
    who = b"a <a@localhost> 1 +0000"
    data = b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (tree.encode(), who, who)
    commit_id = place.repo.objects.write("commit", data)
    with pytest.raises(JournalError, match="malformed"):
        read(place.repo, commit_id)
