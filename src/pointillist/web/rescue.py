"""What can still be read of a damaged store, put together with its newest snapshot."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pydantic import ValidationError

from pointillist.core import durable
from pointillist.core.errors import InputError
from pointillist.web.events import EVENT, Add, target
from pointillist.web.leaves import event_rows
from pointillist.web.schema import SUMMED, connect, count_again, newest, prepare, summed
from pointillist.web.snapshot import PARTS, copy_whole, opened, put_aside, snapshots

Row = Mapping[str, Any]


class Rescued(NamedTuple):
    """What a rescue brought back.

    Args:
        copied: events that a snapshot had.
        read: events beside them that the damaged file still gave.
        gaps: numbers up to the last event that neither gave.
        aside: where the damaged file is kept.
    """

    copied: int
    read: int
    gaps: int
    aside: Path


def rescue(store: Path, now: datetime) -> Rescued:
    """Make a whole store of the newest sound snapshot and of every event that the damaged file still gives.

    An event counts as read when its row is whole: of this form, by its own id, and about a mark that is
    there. Killed at any instant, the damaged file is where it was or put aside, never lost.

    Args:
        store: the damaged file; nobody may use it.
        now: names what is put aside.

    Raises:
        InputError: a server is using the store, or nothing of it can be read and there is no snapshot.
    """
    must = "no server may use the store while it is rescued"
    with durable.locked(store.parent, must, "End it with Ctrl+C."), durable.replacing(store) as temporary:
        copied = _begin(store, temporary)
        read = _add(store, temporary)
        if not copied and not read:
            fix = "There is no snapshot either: put a copy of yours back."
            raise InputError("some event must be readable", "none", fix, store)
        with closing(connect(temporary)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            count_again(connection)
            last = newest(connection)
        aside = put_aside(store, now)
    return Rescued(copied, read, last - copied - read, aside)


def _begin(store: Path, path: Path) -> int:
    """Copy the newest snapshot that is sound, if there is any; give the number of its events."""
    for snapshot in snapshots(store):
        with suppress(sqlite3.DatabaseError), closing(opened(snapshot)) as source:
            copy_whole(source, path)
            break
        path.unlink(missing_ok=True)
    prepare(path)
    with closing(connect(path)) as connection:
        _drop_changed(connection)
        return int(connection.execute("SELECT COUNT(*) FROM events").fetchone()[0])


def _drop_changed(connection: sqlite3.Connection) -> None:
    """Leave out what the disk has changed, and what takes back a mark that is then not there."""
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT * FROM events WHERE sum IS NOT NULL")
    changed = [(row["number"],) for row in rows if not _as_stored(dict(row))]
    connection.row_factory = None
    connection.executemany("DELETE FROM events WHERE number = ?", changed)
    drawn = "SELECT 1 FROM events drawn WHERE drawn.id = events.target AND drawn.kind = 'add'"
    connection.execute(f"DELETE FROM events WHERE NOT EXISTS ({drawn} AND drawn.image = events.image)")


def _add(store: Path, path: Path) -> int:
    """Add what the damaged file gives beside; it is read in a copy, since reading alone may change it."""
    with TemporaryDirectory(dir=store.parent, prefix=".rescue-") as scratch:
        twin = Path(scratch) / store.name
        for part in PARTS:
            with suppress(FileNotFoundError):
                shutil.copy2(f"{store}{part}", f"{twin}{part}")
        with closing(sqlite3.connect(twin)) as damaged, closing(connect(path)) as whole:
            # A file that was cut is shorter than it says; this alone makes SQLite read what is there.
            with suppress(sqlite3.DatabaseError):
                damaged.execute("PRAGMA writable_schema = ON")
            whole.execute("BEGIN")
            known = _without_gaps(whole)
            _add_tables(damaged, whole)
            read = sum(_add_event(whole, row) for row in _rows(damaged, "events", known))
            whole.execute("COMMIT")
        return read + _add_leaves(twin, path)


def _without_gaps(whole: sqlite3.Connection) -> int:
    """Give the number up to which every event is there."""
    there = "SELECT 0 AS number UNION ALL SELECT number FROM events"
    after = "SELECT 1 FROM events after WHERE after.number = there.number + 1"
    query = f"SELECT MIN(number) FROM ({there}) there WHERE NOT EXISTS ({after})"
    return int(whole.execute(query).fetchone()[0])


def _add_leaves(twin: Path, path: Path) -> int:
    """Add the events to which nothing leads any more, in order: what takes back a mark follows it."""
    rows = [row for row in event_rows(twin) if isinstance(row["number"], int)]
    with closing(connect(path)) as whole:
        whole.execute("BEGIN")
        read = sum(_add_event(whole, row) for row in sorted(rows, key=itemgetter("number")))
        whole.execute("COMMIT")
    return read


def _add_tables(damaged: sqlite3.Connection, whole: sqlite3.Connection) -> None:
    with suppress(sqlite3.DatabaseError):
        # Pages keep what they could not send under the project's id.
        for (project,) in damaged.execute("SELECT id FROM project").fetchall():
            whole.execute("UPDATE project SET id = ?", (project,))
    for table, columns in (
        ("images", ("name", "sha256", "height", "width", "file", "orientation")),
        ("classes", ("number", "name")),
        ("views", ("number", "body", "version")),
    ):
        for row in _rows(damaged, table, 0):
            with suppress(sqlite3.DatabaseError):
                _insert(whole, table, {name: row.get(name) for name in columns})


def _add_event(whole: sqlite3.Connection, row: Row) -> bool:
    try:
        event = EVENT.validate_json(row["body"])
    except (ValidationError, KeyError):
        return False
    if (event.id, event.kind, target(event)) != (row["id"], row["kind"], row["target"]):
        return False
    if not _as_stored(row):
        return False
    about = whole.execute("SELECT image FROM events WHERE id = ?", (row["target"],)).fetchone()
    if not isinstance(event, Add) and about != (row["image"],):
        return False
    view = whole.execute("SELECT number FROM views WHERE number = ?", (row.get("view"),)).fetchone()
    names = ("number", *SUMMED)
    others = {"view": view and view[0], "sum": row.get("sum")}
    try:
        return _insert(whole, "events", {name: row[name] for name in names} | others)
    except sqlite3.DatabaseError:
        return False


def _as_stored(row: Row) -> bool:
    """Say whether a row is as it was written, as far as its sum tells: old rows have none."""
    return row.get("sum") is None or row["sum"] == summed(row[name] for name in SUMMED)


def _insert(whole: sqlite3.Connection, table: str, row: Row) -> bool:
    marks = ", ".join("?" * len(row))
    done = whole.execute(
        f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
    )
    return done.rowcount > 0


def _rows(damaged: sqlite3.Connection, table: str, after: int) -> Iterator[Row]:
    """Read a table's rows in order, past what can't be read.

    Forwards to the first damage, back from the end to the last, and between the two row by row.
    """
    above = f"SELECT rowid AS _, * FROM {table} WHERE rowid > ? ORDER BY rowid"
    rows, damage = _run(damaged, above, after)
    yield from rows
    if not damage:
        return
    begin = rows[-1]["_"] if rows else after
    rows, _ = _run(damaged, f"{above} DESC", begin)
    end = rows[-1]["_"] if rows else _last(damaged, table) + 1
    for number in range(begin + 1, end):
        yield from _run(damaged, f"SELECT rowid AS _, * FROM {table} WHERE rowid = ?", number)[0]
    yield from reversed(rows)


def _run(damaged: sqlite3.Connection, query: str, about: int | str) -> tuple[list[Row], bool]:
    """Give rows until one can't be read, and whether there was such a one."""
    found: list[Row] = []
    try:
        cursor = damaged.execute(query, (about,))
        names = [column[0] for column in cursor.description]
        for values in cursor:
            found.append(dict(zip(names, values, strict=True)))
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return found, True
    return found, False


def _last(damaged: sqlite3.Connection, table: str) -> int:
    """Give the number of the last row that was ever written, as SQLite notes it beside the table."""
    rows, _ = _run(damaged, "SELECT seq FROM sqlite_sequence WHERE name = ?", table)
    return max((int(row["seq"]) for row in rows), default=0)
