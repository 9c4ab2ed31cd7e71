"""The database's version: what it is, whether we may touch it, and bringing it up to date."""

import sqlite3
from pathlib import Path

from pipeline.base.clock import now
from pipeline.base.errors import UnfitError
from pipeline.base.files import sha256
from pipeline.base.resources import migrations

APPLICATION_ID = 0x67695050
"""What marks an SQLite file as ours."""


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a database, 0 for an empty one; changes nothing.

    Raises ``UnfitError`` where it is not ours, newer than this program, or was made by other
    migrations than this program knows.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise UnfitError(
            f"{path} is a database of another program.", remedy="Move it away, then try again."
        )
    known = migrations()
    if version > len(known):
        raise UnfitError(
            f"The database {path} has version {version}; this git-pipeline knows {len(known)}.",
            remedy="Upgrade git-pipeline.",
        )
    if version:
        _check_digests(connection, path, {n: sha256(text.encode()) for n, _, text in known})
    return int(version)


def _check_digests(connection: sqlite3.Connection, path: Path, known: dict[int, str]) -> None:
    for number, name, digest in connection.execute(
        "SELECT version, name, digest FROM schema_meta ORDER BY version"
    ):
        if known.get(number) != digest:
            raise UnfitError(
                f"The database {path} was made by another form of migration {name}.",
                remedy="Use the git-pipeline that made it, or move the database away.",
            )


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, each migration in one transaction with its record."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, name, text in migrations()[version:]:
        # The names come from our own files and match a narrow pattern; a script takes no values.
        script = f"""
            BEGIN IMMEDIATE;
            {text};
            INSERT INTO schema_meta VALUES
                ({number}, '{name}', '{sha256(text.encode())}', '{now()}');
            PRAGMA application_id = {APPLICATION_ID};
            PRAGMA user_version = {number};
            COMMIT;
        """  # noqa: S608 - as the comment above says
        try:
            connection.executescript(script)
        except BaseException:
            connection.rollback()
            raise
