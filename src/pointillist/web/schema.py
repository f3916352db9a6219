"""The form of the store's file: its tables, and how a file of an earlier version becomes one of this."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from zlib import crc32

from pointillist.core.errors import InputError

APPLICATION = 0x504E5431  # "PNT1"
SCHEMA = 4
_FIRST = (
    """CREATE TABLE events (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, image TEXT NOT NULL,
        target TEXT NOT NULL, kind TEXT NOT NULL, client TEXT NOT NULL, sequence INTEGER NOT NULL,
        body TEXT NOT NULL, at TEXT NOT NULL) STRICT""",
    "CREATE INDEX events_of_image ON events (image, number)",
    "CREATE INDEX events_of_target ON events (target, number)",
    """CREATE TABLE images (
        name TEXT PRIMARY KEY, sha256 TEXT NOT NULL,
        height INTEGER NOT NULL, width INTEGER NOT NULL) STRICT""",
    "CREATE TABLE project (id TEXT NOT NULL) STRICT",
)
# What a mark that lies in a wrong place is put right by: the file, how it was turned, what was on the screen.
_SECOND = (
    "ALTER TABLE images ADD COLUMN file TEXT",
    "ALTER TABLE images ADD COLUMN orientation INTEGER",
    """CREATE TABLE views (
        number INTEGER PRIMARY KEY, body TEXT NOT NULL, version TEXT NOT NULL,
        UNIQUE (body, version)) STRICT""",
    "ALTER TABLE events ADD COLUMN view INTEGER REFERENCES views",
)
# A label is a class's number here, whatever order people declare their classes in.
# A click does not wait until a large image is decoded: its pixels' hash comes later.
_THIRD = (
    "CREATE TABLE classes (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    "ALTER TABLE images RENAME TO old_images",
    """CREATE TABLE images (
        name TEXT PRIMARY KEY, sha256 TEXT,
        height INTEGER NOT NULL, width INTEGER NOT NULL, file TEXT, orientation INTEGER) STRICT""",
    "INSERT INTO images SELECT name, sha256, height, width, file, orientation FROM old_images",
    "DROP TABLE old_images",
)
# What every image's last event is, and how many marks are on it: to ask millions of events takes seconds.
_COUNT = """
    INSERT INTO heads
    SELECT image, MAX(newest), SUM(kind != 'undo') FROM (
        SELECT image, kind, MAX(number) AS newest FROM events GROUP BY target) GROUP BY image"""
# A mark is added once; it comes and goes by what its last event before was.
_FOURTH = (
    """CREATE TABLE heads (
        image TEXT PRIMARY KEY, last INTEGER NOT NULL, marks INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    "CREATE INDEX heads_by_last ON heads (last)",
    """CREATE TRIGGER events_counted AFTER INSERT ON events BEGIN
        INSERT INTO heads SELECT NEW.image, NEW.number, CASE NEW.kind
            WHEN 'add' THEN 1 WHEN 'undo' THEN -(before != 'undo') ELSE before = 'undo' END
        FROM (SELECT (
            SELECT kind FROM events WHERE target = NEW.target AND number < NEW.number
            ORDER BY number DESC LIMIT 1) AS before)
        WHERE TRUE ON CONFLICT (image) DO UPDATE SET last = NEW.number, marks = marks + excluded.marks;
    END""",
    _COUNT,
    # What a row says, summed up: SQLite does not notice when a bit of it has changed.
    "ALTER TABLE events ADD COLUMN sum INTEGER",
)
_STEPS = (_FIRST, _SECOND, _THIRD, _FOURTH)
"""Of each version, what the one before it lacks."""
SUMMED = ("id", "image", "target", "kind", "client", "sequence", "body", "at")


def count_again(connection: sqlite3.Connection) -> None:
    """Count anew what is on each image, after events were stored in another order than they were made."""
    connection.execute("DELETE FROM heads")
    connection.execute(_COUNT)


def newest(connection: sqlite3.Connection) -> int:
    """Give the number of the last event; 0: there are none."""
    return int(connection.execute("SELECT COALESCE(MAX(number), 0) FROM events").fetchone()[0])


def summed(values: Iterable[object]) -> int:
    """Sum up what was stored of an event, the columns `SUMMED`: a number that another row hardly has.

    >>> row = ["0" * 16, "a", "0" * 16, "add", "tab", 1, "{}", "2026"]
    >>> summed(row) != summed([*row[:-1], "2027"])
    True
    """
    return crc32("\0".join(map(str, values)).encode())


def connect(path: Path) -> sqlite3.Connection:
    """Open a store's file; what is committed is on the disk.

    Raises:
        sqlite3.DatabaseError: it is damaged so that nothing of it can be read.
    """
    return flushing(sqlite3.connect(path, isolation_level=None, timeout=30))


def flushing(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Have a connection flush what it commits; close it where the file's tables can't be made out."""
    try:
        connection.execute("PRAGMA synchronous = FULL")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        connection.close()
        # SQLite's words cite the damaged page, in which Python finds no text.
        raise sqlite3.DatabaseError(str(error)) from error
    return connection


def prepare(path: Path) -> None:
    """Make the tables of a new file, bring those of an earlier version up to this one, check all others.

    An upgrade is one transaction: killed at any instant, the file is as it was or as it shall be.

    Raises:
        InputError: the file is no such store, or was made by a later version.
        sqlite3.DatabaseError: it is damaged.
    """
    with closing(connect(path)) as connection:
        version = checked(connection, path)
        # A snapshot that was put back is in no such mode either.
        connection.execute("PRAGMA journal_mode = WAL")
        if version == SCHEMA:
            return
        connection.execute("BEGIN IMMEDIATE")
        # Asked again: another process may have come first.
        version = checked(connection, path)
        for step in _STEPS[version:]:
            for statement in step:
                connection.execute(statement)
        if not version:
            connection.execute("INSERT INTO project VALUES (?)", (uuid.uuid4().hex,))
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute("COMMIT")
        # A new store's tables lie in the file itself, not in its log alone.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def checked(connection: sqlite3.Connection, path: Path) -> int:
    """Give the version of a store's file, 0 for an empty one.

    Raises:
        InputError: it is another database, or of a later version.
        sqlite3.DatabaseError: it is damaged.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if not tables:
        return 0
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if application != APPLICATION:
        must = "the file must be a store of annotations"
        raise InputError(must, "another database", "Move it away.", path)
    if version > SCHEMA:
        must = f"the store must have format {SCHEMA} or an earlier one"
        raise InputError(must, f"{version}, of a later version", "Update Pointillist.", path)
    if sound != "ok":
        raise sqlite3.DatabaseError(sound)
    return int(version)
