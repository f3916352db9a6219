"""Copies of the store, taken each hour while there is something new, and how one is put back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from pointillist.core import durable
from pointillist.core.beside import beside
from pointillist.core.errors import InputError
from pointillist.web.schema import checked, connect, flushing, newest

FOLDER = "snapshots"
HOUR_S = 3600.0
LATEST = 24
"""Snapshots that are kept, whatever their age; of the days before them the last one each."""
DAYS = 30
_NAME = "annotations-%Y%m%dT%H%M.sqlite"
PARTS = ("", "-wal", "-shm")
"""What SQLite keeps beside the file belongs to it."""


def snapshots(store: Path) -> list[Path]:
    """List a store's snapshots, the newest first."""
    return sorted((store.parent / FOLDER).glob("annotations-*T*.sqlite"), reverse=True)


def take(store: Path, now: datetime) -> Path | None:
    """Copy a store while others may write to it; None: the newest snapshot has it all.

    The copy is whole and checked before it gets its name; older ones than are to be kept go.

    Raises:
        sqlite3.DatabaseError: the store is damaged; what was taken before stays.
    """
    (store.parent / FOLDER).mkdir(exist_ok=True, mode=0o700)
    durable.delete_leftovers(store.parent / FOLDER)
    with closing(connect(store)) as source:
        before = next(iter(snapshots(store)), None)
        if newest(source) == (0 if before is None else last(before)):
            return None
        path = store.parent / FOLDER / now.strftime(_NAME)
        with durable.replacing(path) as temporary:
            copy_whole(source, temporary)
        # What was copied is on the disk: it need not lie in the write-ahead log alone any more.
        source.execute("PRAGMA wal_checkpoint(PASSIVE)")
    for old in _passed(snapshots(store), path):
        old.unlink(missing_ok=True)
    return path


def last(path: Path) -> int:
    """Give the number of the last event of a snapshot; -1: it can't be read."""
    try:
        with closing(opened(path)) as copy:
            return newest(copy)
    except sqlite3.Error:
        return -1


def missing(store: Path) -> str:
    """Say what a store lacks that a snapshot of it has; empty: nothing.

    Of a write-ahead log that was deleted SQLite knows nothing: it shows an older state as the last.
    """
    known = max(map(last, snapshots(store)), default=0)
    with closing(connect(store)) as connection:
        found = newest(connection)
    return f"{found} events, where a snapshot has {known}" if known > found else ""


def restore(store: Path, snapshot: Path, now: datetime) -> Path:
    """Put a snapshot back in the store's place; give the name under which what was there is kept.

    Snapshots that have more events are put aside too.

    Raises:
        InputError: the snapshot is damaged, or a server is using the store.
    """
    must = "no server may use the store while a snapshot is put back"
    with durable.locked(store.parent, must, "End it with Ctrl+C."):
        with durable.replacing(store) as temporary:
            try:
                with closing(opened(snapshot)) as source:
                    checked(source, snapshot)
                    copy_whole(source, temporary)
            except sqlite3.DatabaseError as error:
                must, fix = "the snapshot must be whole", "Take another one."
                raise InputError(must, str(error), fix, snapshot) from None
            aside = put_aside(store, now)
        for other in snapshots(store):
            if last(other) > last(snapshot):
                os.replace(other, other.with_name(f"aside-{other.name}"))
    return aside


def put_aside(store: Path, now: datetime) -> Path:
    """Keep a store, which nobody uses, under another name; give the name. Its log goes, its file stays."""
    aside = store.with_name(now.strftime("annotations-aside-%Y%m%dT%H%M%S.sqlite"))
    for part in PARTS:
        with (
            suppress(FileNotFoundError),
            durable.replacing(Path(f"{aside}{part}")) as temporary,
        ):
            shutil.copy2(f"{store}{part}", temporary)
    # A log of the old file must not be applied to the new one. What it holds goes into the old file, where
    # that is sound: killed here, nothing is missing.
    if store.is_file():
        with suppress(sqlite3.Error), closing(connect(store)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for part in PARTS[1:]:
        Path(f"{store}{part}").unlink(missing_ok=True)
    return aside


@contextmanager
def keeping(store: Path) -> Iterator[None]:
    """Take snapshots while a server uses a store: at once when the last is an hour old, then each hour."""
    with beside(partial(_keep, store), "snapshots"):
        yield


def _keep(store: Path, ended: threading.Event) -> None:
    while True:
        now = datetime.now(UTC)
        before = next(iter(snapshots(store)), None)
        age = HOUR_S if before is None else now.timestamp() - before.stat().st_mtime
        if not 0 <= age < HOUR_S:
            # A full disk or a damaged store must not end the server: clicks tell of it themselves.
            with suppress(sqlite3.Error, OSError):
                take(store, now)
            age = 0.0
        if ended.wait(HOUR_S - age):
            return


def opened(snapshot: Path) -> sqlite3.Connection:
    """Open a snapshot to read.

    Raises:
        sqlite3.DatabaseError: it is damaged so that nothing of it can be read.
    """
    # Nobody writes to a snapshot: SQLite need not leave files of its own beside it.
    name = quote(snapshot.absolute().as_posix())
    return flushing(sqlite3.connect(f"file:{name}?immutable=1", uri=True))


def copy_whole(source: sqlite3.Connection, path: Path) -> None:
    """Copy a store into a new file that its owner alone may read, and check it.

    Raises:
        sqlite3.DatabaseError: what was copied is damaged.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        (sound,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise sqlite3.DatabaseError(sound)


def _passed(newest_first: Sequence[Path], written: Path) -> list[Path]:
    """List what is to go: all but the latest, the last of each day before them, and what was just written."""
    days: dict[str, Path] = {}
    for path in newest_first:
        days.setdefault(path.name.partition("T")[0], path)
    kept = {written, *newest_first[:LATEST], *list(days.values())[:DAYS]}
    return [path for path in newest_first if path not in kept]
