import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pipeline.base.errors import BugError, UnfitError
from pipeline.base.files import sha256
from pipeline.base.resources import migrations
from pipeline.store.database import Mode, Opened, database_error, open_database
from pipeline.store.migrate import APPLICATION_ID


@contextmanager
def writing(path: Path) -> Iterator[Opened]:
    opened = open_database(path, Mode.WRITE)
    assert opened is not None
    with closing(opened.connection):
        yield opened


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state dir" / "state?#%.db"


@pytest.fixture
def made(path: Path) -> Path:
    """A database with something in it, closed in order."""
    with writing(path) as opened:
        opened.connection.execute("INSERT INTO plans VALUES ('d', x'00')")
    return path


def test_a_new_database_is_ours_and_up_to_date(made: Path) -> None:
    with closing(sqlite3.connect(made)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        recorded = connection.execute("SELECT version, name, digest FROM schema_meta").fetchall()

    assert recorded == [(n, name, sha256(text.encode())) for n, name, text in migrations()]


def test_a_commit_is_synchronised_and_the_log_is_kept_apart(path: Path) -> None:
    with writing(path) as opened:
        for pragma, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}.items():
            assert opened.connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_all_tables_are_strict(made: Path) -> None:
    with closing(sqlite3.connect(made)) as connection:
        tables = connection.execute("PRAGMA table_list").fetchall()

    assert {t[1] for t in tables if t[2] == "table" and not t[1].startswith("sqlite_")} == {
        t[1] for t in tables if t[5]
    }


def test_opening_it_again_changes_nothing(made: Path) -> None:
    before = contents(made.parent)
    with writing(made) as opened:
        assert opened.notes == ()

    assert contents(made.parent) == before


def test_a_reader_creates_nothing(path: Path) -> None:
    assert open_database(path, Mode.READ) is None
    assert not path.parent.exists()


def test_a_reader_cannot_write(made: Path) -> None:
    opened = open_database(made, Mode.READ)
    assert opened is not None
    with closing(opened.connection), pytest.raises(sqlite3.OperationalError, match="readonly"):
        opened.connection.execute("DELETE FROM plans")


def test_a_reader_works_while_a_writer_is_live(made: Path) -> None:
    with writing(made) as opened:
        opened.connection.execute("BEGIN IMMEDIATE")
        opened.connection.execute("INSERT INTO plans VALUES ('e', x'00')")
        reader = open_database(made, Mode.READ)
        assert reader is not None
        with closing(reader.connection):
            count = "SELECT count(*) FROM plans"
            assert reader.connection.execute(count).fetchone() == (1,)
            opened.connection.execute("COMMIT")
            assert reader.connection.execute(count).fetchone() == (2,)


def test_a_database_that_is_just_being_created_reads_as_none(path: Path) -> None:
    path.parent.mkdir()
    path.touch()

    assert open_database(path, Mode.READ) is None


@pytest.mark.parametrize("mode", list(Mode))
def test_a_newer_database_is_refused_and_left_alone(made: Path, mode: Mode) -> None:
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = contents(made.parent)

    with pytest.raises(UnfitError, match="version 99") as caught:
        open_database(made, mode)

    assert "Upgrade git-pipeline" in caught.value.remedy
    after = contents(made.parent)
    assert after[made.name] == before[made.name]
    if mode is Mode.WRITE:  # SQLite gives a reader an empty log
        assert after == before


@pytest.mark.parametrize("mode", list(Mode))
def test_other_migrations_than_ours_are_refused(made: Path, mode: Mode) -> None:
    with closing(sqlite3.connect(made)) as connection, connection:
        connection.execute("UPDATE schema_meta SET digest = 'other'")

    with pytest.raises(UnfitError, match="another form of migration"):
        open_database(made, mode)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_database_of_another_program_is_refused_and_left_alone(path: Path, mode: Mode) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()

    with pytest.raises(UnfitError, match="another program"):
        open_database(path, mode)

    assert path.read_bytes() == before


def test_a_half_made_database_is_finished(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE schema_meta (x)")  # cut off before the commit

    with writing(path) as opened:
        assert opened.notes == ()
        assert opened.connection.execute("SELECT count(*) FROM schema_meta").fetchone() == (
            len(migrations()),
        )


def test_garbage_is_moved_aside_and_named(path: Path) -> None:
    path.parent.mkdir()
    garbage = b"this is no database at all, but quite long enough to be looked at" * 100
    path.write_bytes(garbage)

    with writing(path) as opened:
        (note,) = opened.notes

    aside = next(p for p in path.parent.iterdir() if ".corrupt-" in p.name)
    assert aside.read_bytes() == garbage
    assert str(aside) in note and str(path) in note


def test_a_damaged_page_is_found_and_the_logs_move_along(made: Path) -> None:
    with writing(made) as opened:
        opened.connection.executemany(
            "INSERT INTO plans VALUES (?, ?)", [(f"{i:05}", b"x" * 500) for i in range(500)]
        )
        opened.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        opened.connection.execute("INSERT INTO plans VALUES ('z', x'01')")
        copy = made.with_name("killed.db")
        for suffix in ("", "-wal"):
            shutil.copy(str(made) + suffix, str(copy) + suffix)
    data = bytearray(copy.read_bytes())
    data[-4096:] = b"\xff" * 4096
    data[-5 * 4096 : -4 * 4096] = b"\xff" * 4096
    copy.write_bytes(data)

    with writing(copy) as opened:
        assert len(opened.notes) == 1
        assert opened.connection.execute("SELECT count(*) FROM plans").fetchone() == (0,)

    names = {p.name.rpartition("Z")[2] for p in copy.parent.iterdir() if ".corrupt-" in p.name}
    assert {"", "-wal"} <= names


def test_a_reader_says_that_it_is_damaged_and_what_helps(made: Path) -> None:
    made.write_bytes(b"garbage" * 1000)

    with pytest.raises(UnfitError, match="damaged") as caught:
        open_database(made, Mode.READ)

    assert "pipeline run" in caught.value.remedy
    assert made.read_bytes() == b"garbage" * 1000


def test_damage_that_was_met_at_work_is_looked_for_at_the_next_opening(made: Path) -> None:
    # Damage that only the thorough check finds: an index that lacks a row.
    with closing(sqlite3.connect(made)) as connection, connection:
        connection.execute(
            "INSERT INTO runs SELECT 'r','k','s','','','','','',1,'','','',0,0,0,0,'','',NULL"
        )
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, '(key)', '(state)')"
            " WHERE name = 'runs_by_key'"
        )
    with writing(made) as opened:
        assert opened.notes == ()  # the quick check does not see it

    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    assert isinstance(database_error(error, made), UnfitError)

    with writing(made) as opened:
        assert len(opened.notes) == 1
    with writing(made) as opened:
        assert opened.notes == ()


def test_a_log_without_its_database_is_moved_aside(made: Path) -> None:
    log = made.with_name(made.name + "-wal")
    log.write_bytes(b"of another life")
    made.unlink()

    with writing(made) as opened:
        assert "main file is missing" in opened.notes[0]

    assert any(p.read_bytes() == b"of another life" for p in made.parent.glob("*corrupt*"))


def test_a_directory_in_its_place_is_named(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(UnfitError) as caught:
        open_database(path, Mode.WRITE)

    assert str(path) in caught.value.what
    assert caught.value.remedy


def test_a_wrong_statement_is_our_bug(made: Path) -> None:
    with writing(made) as opened, pytest.raises(sqlite3.OperationalError) as caught:
        opened.connection.execute("SELECT nothing FROM plans")

    assert isinstance(database_error(caught.value, made), BugError)
