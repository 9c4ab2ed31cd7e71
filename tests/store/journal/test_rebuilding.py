"""What is rebuilt from journals is what was lost: all rows of all tables, in their order."""

import sqlite3
import string
from contextlib import closing

import pytest
from journal_dumps import dump
from places import KEEP, Place, begin, fill, finish, judge, start

from pipeline.base.errors import UnfitError
from pipeline.base.git import RefLockedError
from pipeline.model.states import RunState
from pipeline.store.journal import JournalError, Standing, head_of, read, rebuild, standing, write
from pipeline.store.journal.lines import COLUMNS
from pipeline.store.spending import spending
from pipeline.store.verdicts import VerdictCache


def written(place: Place, *runs: str) -> list[str]:
    return [write(place.repo, place.layout, place.ledger, run, log_bytes=KEEP) for run in runs]


def take(place: Place, source: Place, *commits: str) -> tuple[str, ...]:
    """Fetch journals' commits by their refs, read them, and rebuild."""
    place.git("fetch", "--quiet", str(source.layout.top), "+refs/pipeline/*:refs/pipeline/*")
    journals = [read(place.repo, commit) for commit in commits]
    return rebuild(place.ledger, place.repo, place.layout, journals)


def test_columns_are_those_of_the_database(place: Place) -> None:
    with closing(sqlite3.connect(place.layout.database)) as database:
        for table, columns in COLUMNS.items():
            rows = database.execute(f"PRAGMA table_info({table})").fetchall()
            own = {name for _, name, *_ in rows} - {"number" if table == "verdicts" else ""}
            assert set(columns) == own, table


@pytest.mark.parametrize("order", [1, -1])
def test_rows_and_their_order_come_back(place: Place, other: Place, order: int) -> None:
    runs = fill(place)
    heads = written(place, *runs)
    assert set(take(other, place, *heads[::order])) == set(runs)
    assert dump(other.layout.top) == dump(place.layout.top)
    assert [r.run_id for r in other.ledger.runs()] == [*runs][::-1]
    assert spending(other.ledger) == spending(place.ledger)
    assert other.ledger.open_attempts() == place.ledger.open_attempts()
    for run_id in runs:
        ours, theirs = place.layout.events_file(run_id), other.layout.events_file(run_id)
        assert theirs.read_bytes().count(b"\n") == len(place.ledger.events(run_id))
        assert not ours.exists()


def test_verdicts_are_reused_as_before(place: Place, other: Place) -> None:
    runs = fill(place)
    take(other, place, *written(place, *runs))
    (digest,) = place.ledger.query(
        "SELECT digest FROM verdicts WHERE CAST(key AS TEXT) LIKE '%t2%'"
    )[0]
    for run_id in runs:
        found = VerdictCache(other.ledger, run_id).lookup(digest, b'{"tree":"t2"}')
        assert found is not None and found.stderr_log.startswith(str(other.layout.top))


def test_logs_keep_their_ends(place: Place, other: Place) -> None:
    runs = fill(place)
    take(other, place, *written(place, *runs))
    log = other.layout.tool_outputs(runs[0]) / "gate-t1.stderr"
    kept = log.read_bytes()
    assert len(kept) <= KEEP and kept.startswith(b"xxx") and kept.endswith(b"xxx")
    assert b"bytes are left out" in kept
    # What was shortened is the same when it is journaled anew, so that nothing is written.
    assert written(other, runs[0]) == [head_of(place.repo, place.layout, runs[0])[1]]


def test_a_run_goes_on_from_its_beginning(place: Place, other: Place) -> None:
    run_id = begin(place)
    first = start(place, run_id)
    (early,) = written(place, run_id)
    take(other, place, early)
    finish(place, first)
    (late,) = written(place, run_id)
    assert standing(other.ledger, read(place.repo, late)) is Standing.BEHIND
    assert take(other, place, late) == (run_id,)
    assert dump(other.layout.top) == dump(place.layout.top)
    assert take(other, place, late) == ()
    with pytest.raises(JournalError, match=f"{run_id}.*the database goes beyond"):
        take(other, place, early)


def test_a_run_that_two_carried_on_is_refused_and_nothing_changes(
    place: Place, other: Place
) -> None:
    run_id = begin(place)
    take(other, place, *written(place, run_id))
    for one in (place, other):
        one.ledger.move_run(run_id, RunState.RUNNING, RunState.CANCELLED, "Enough.")
    (theirs,) = written(place, run_id)
    fresh = begin(place, "x")
    before = dump(other.layout.top)
    other.git("fetch", "--quiet", str(place.layout.top), "+refs/pipeline/*:refs/incoming/*")
    journals = [read(place.repo, commit) for commit in (*written(place, fresh), theirs)]
    with pytest.raises(JournalError, match=f"run {run_id} .* other events") as raised:
        rebuild(other.ledger, other.repo, other.layout, journals)
    assert raised.value.remedy
    assert dump(other.layout.top) == before
    with pytest.raises(JournalError, match="go on differently"):
        other.git("update-ref", other.layout.journal_ref(run_id), theirs)
        written(other, run_id)


def test_older_runs_come_before_newer_ones(place: Place, other: Place) -> None:
    """Who reads the runs takes the last row for the newest."""
    old = begin(place)
    new = begin(other)
    take(other, place, *written(place, old))
    assert [run.run_id for run in other.ledger.runs()] == [new, old]
    other.ledger.move_run(old, RunState.RUNNING, RunState.CANCELLED, "It takes events still.")


def test_writing_again_writes_nothing(place: Place) -> None:
    runs = fill(place)
    heads = written(place, *runs)
    assert written(place, *runs) == heads
    writer = place.writer(runs[0])
    assert [writer.catch_up(), writer.catch_up(is_whole=False)] == [heads[0]] * 2


def test_batches_of_a_run_that_goes_on_tell_the_same(place: Place, other: Place) -> None:
    """Also what replaces the newest verdict, and so has its number."""
    run_id = begin(place)
    writer = place.writer(run_id)
    attempt = start(place, run_id)
    fill_one = [lambda: finish(place, attempt), lambda: start(place, run_id, number=2)]
    for step in (*fill_one, *[lambda: judge(place, run_id, "t1")] * 3):
        writer.catch_up(is_whole=False)
        step()
        place.ledger.record_error("x", "y", "z", {}, run_id=run_id)
        start_of_nothing = place.ledger.update_run
        start_of_nothing(run_id, {"reason": "x"})
    head = writer.catch_up()
    assert read(place.repo, head).batches > 2
    take(other, place, head)
    assert dump(other.layout.top) == dump(place.layout.top)


def test_a_writing_that_was_cut_off_converges(place: Place) -> None:
    """Objects are there and the ref is not: whoever comes next does it again, to the same end."""
    run_id = begin(place)
    writer = place.writer(run_id)
    first = writer.catch_up()
    finish(place, start(place, run_id))
    lock = place.repo.common_dir / f"{place.layout.journal_ref(run_id)}.lock"
    lock.touch()
    place.repo.refs.lock_wait_ms = 0
    with pytest.raises(RefLockedError):
        writer.catch_up()
    assert head_of(place.repo, place.layout, run_id)[1] == first
    lock.unlink()
    assert written(place, run_id) == [writer.catch_up()]
    assert read(place.repo, writer.catch_up()).batches == 2
    assert place.git("fsck", "--strict", "--no-dangling") == ""


def test_same_database_gives_the_same_commits(place: Place, other: Place) -> None:
    run_id = begin(place)
    finish(place, start(place, run_id))
    (head,) = written(place, run_id)
    place.git("update-ref", "-d", place.layout.journal_ref(run_id))
    assert written(place, run_id) == [head]
    parents = place.git("rev-list", "--parents", head).split()
    assert parents[1] == place.base


def test_disk_that_refuses_moves_nothing(place: Place) -> None:
    """The ref may not name what is not on disk for good; the database is as it was."""
    run_id = begin(place, string.ascii_lowercase + string.digits)
    packs = place.repo.common_dir / "objects" / "pack"
    packs.rename(packs.with_name("away"))
    packs.write_text("in the way")
    writer = place.writer(run_id)
    with pytest.raises(UnfitError, match="pack"):
        writer.catch_up()
    assert head_of(place.repo, place.layout, run_id)[1] is None
    packs.unlink()
    packs.with_name("away").rename(packs)
    assert read(place.repo, writer.catch_up()).batches == 1
    assert len(list(packs.glob("*.pack"))) == 1


def test_database_from_before_an_upgrade_is_journaled(place: Place) -> None:
    runs = fill(place)
    with closing(sqlite3.connect(place.layout.database)) as database:
        database.executescript("DROP TABLE publications; DROP TABLE reviews;")
    for head in written(place, *runs):
        journal = read(place.repo, head)
        assert journal.rows["events"]
        assert not journal.rows["publications"] and not journal.rows["reviews"]
