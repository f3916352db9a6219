"""Where events are kept: SQLite, one writer, and an answer only when the disk has them."""

from __future__ import annotations

import os
import queue
import shlex
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pointillist.core.errors import InputError
from pointillist.web.classes import number_classes
from pointillist.web.commit import AnyEvent, RefusedError, Request, commit, revision
from pointillist.web.events import EVENT
from pointillist.web.schema import SUMMED, connect, newest, prepare, summed
from pointillist.web.snapshot import missing, snapshots

TOGETHER = 500
"""Requests that one commit may answer: a disk's flush takes as long for many as for one."""


class Seen(NamedTuple):
    """A file that people draw on: its SHA-256, its upright size, and the EXIF orientation that was undone."""

    file: str
    height: int
    width: int
    orientation: int


class Store:
    """The events of a project, in the order in which they were stored.

    Several threads may use it. A single one writes: whatever waits while the disk flushes goes into the next
    commit together. An event is answered only after its commit (WAL, ``synchronous=FULL``); one that comes
    again is known by its id, and stored once.

    Args:
        path: of the file; made when it is not there, readable by its owner only.

    Raises:
        InputError: the file is no such store, damaged, or was made by a later version.

    Source: rules 4 and 5 of this project's reliability matrix.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._queue: queue.Queue[Request | None] = queue.Queue()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._check()
        self._reading = threading.local()
        self._closing, self._closed = threading.Lock(), False
        self._counting, self._counted = threading.Lock(), 0
        self._counts: Mapping[str, int] = {}
        self._writer = threading.Thread(target=self._write, name="store", daemon=True)
        self._writer.start()

    def append(self, image: str, client: str, events: Sequence[AnyEvent]) -> Future[int]:
        """Store events of one image; the answer is the number of the last one, once the disk has all.

        The future raises `RefusedError` for an event that takes back what nobody drew there, or that bears
        the id of another one; then none of these events is stored.
        """
        answer: Future[int] = Future()
        # A page that closes while the disk flushes cancels its wait: the answer must not notice.
        answer.set_running_or_notify_cancel()
        with self._closing:
            if self._closed:  # Another is opened in its place: whoever asks again finds that.
                answer.set_exception(sqlite3.ProgrammingError("the store is closed"))
            else:
                self._queue.put(Request(image, client, tuple(events), answer))
        return answer

    def events(self, image: str) -> tuple[list[AnyEvent], int]:
        """Read an image's events in order, and the number of the last; 0: there are none.

        Raises:
            InputError: the disk has changed one of them.
        """
        query = f"SELECT number, sum, {', '.join(SUMMED)} FROM events WHERE image = ? ORDER BY number"
        events, last, body = [], 0, SUMMED.index("body")
        for last, sum_, *values in self._reader().execute(query, (image,)):
            if sum_ is not None and sum_ != summed(values):
                raise _damaged(self.path, f"event {last}, which is no longer as it was stored")
            events.append(EVENT.validate_json(values[body]))
        return events, last

    @cached_property
    def project(self) -> str:
        """The project's own id, made with the store: names of images may be those of another project."""
        return str(self._reader().execute("SELECT id FROM project").fetchone()[0])

    def drawn_by(self, image: str, client: str) -> frozenset[str]:
        """Give the ids of the marks that a client drew on an image, those taken back included."""
        query = "SELECT id FROM events WHERE image = ? AND kind = 'add' AND client = ?"
        return frozenset(row[0] for row in self._reader().execute(query, (image, client)))

    def classes(self, declared: Sequence[str], renamed: Mapping[str, str], file: Path) -> dict[str, int]:
        """Give the number by which events know each class; see `number_classes`.

        Raises:
            InputError: a name with marks has gone.
        """
        with closing(connect(self.path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            numbers = number_classes(connection, declared, renamed, file)
            connection.execute("COMMIT")
        return numbers

    def class_names(self) -> dict[int, str]:
        """Give what each class is called, by its number."""
        return dict(self._reader().execute("SELECT number, name FROM classes").fetchall())

    def call_classes(self, names: Mapping[int, str]) -> None:
        """Call classes as before, by their numbers, as far as the disk takes it; others keep their names."""
        with suppress(sqlite3.Error), closing(connect(self.path)) as connection:
            query = "UPDATE classes SET name = :name WHERE number = :number AND name != :name"
            connection.executemany(
                query, [{"number": number, "name": name} for number, name in names.items()]
            )

    def revision(self, image: str) -> int:
        """Give the number of the last event of an image; 0: there are none."""
        return revision(self._reader(), image)

    def newest(self) -> int:
        """Give the number of the last event of all; 0: there are none."""
        return newest(self._reader())

    def revisions(self, most: int = -1) -> dict[str, int]:
        """Give the number of the last event of each image that has any.

        Args:
            most: of so many images alone, those that were worked on last; negative: of all.

        Returns:
            Them by the images' names, the last first.
        """
        query = "SELECT image, last FROM heads ORDER BY last DESC LIMIT ?"
        return dict(self._reader().execute(query, (most,)).fetchall())

    def images(self) -> Iterator[str]:
        """Give the names of the images that have any event, as they are read."""
        return (name for (name,) in self._reader().execute("SELECT image FROM heads"))

    def counts(self) -> Mapping[str, int]:
        """Count the marks that are on each image; images without any are left out."""
        with self._counting:
            # Of what has changed since alone: of a large project all take a fifth of a second.
            query = "SELECT image, marks, last FROM heads WHERE last > ? ORDER BY last"
            counts: dict[str, int] | None = None
            for image, marks, last in self._reader().execute(query, (self._counted,)):
                self._counted = last
                # Others may still read the one before, and of a large project a copy is 10 MB.
                counts = dict(self._counts) if counts is None else counts
                if marks:
                    counts[image] = marks
                else:
                    counts.pop(image, None)
            if counts is not None:
                self._counts = counts
            return self._counts

    def marks(self) -> int:
        """Count the marks that are on all images."""
        query = "SELECT COALESCE(SUM(marks), 0) FROM heads"
        return int(self._reader().execute(query).fetchone()[0])

    def remember(self, name: str, seen: Seen, pixels: Callable[[], str]) -> None:
        """Note once which file was annotated under a name.

        Args:
            name: of the image.
            seen: its file.
            pixels: gives the SHA-256 of the decoded pixels; asked only of another file than was annotated, to
                tell whether it shows the same.

        Raises:
            RefusedError: other pixels were annotated: clicks would land elsewhere.
        """
        with closing(connect(self.path)) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO images VALUES (?, NULL, ?, ?, ?, ?)",
                (name, seen.height, seen.width, seen.file, seen.orientation),
            )
            query = "SELECT sha256, file, height, width FROM images WHERE name = ?"
            sha256, file, *size = connection.execute(query, (name,)).fetchone()
            if file == seen.file:
                return
            unseen = file is None and sha256 is None
            if size != [seen.height, seen.width] or not (unseen or sha256 == pixels()):
                fix = "Put the old file back, or annotate the new one under another name."
                raise RefusedError("this must be the image that was annotated under its name", "another", fix)
            connection.execute(
                "UPDATE images SET file = ?, orientation = ? WHERE name = ? AND file IS NULL",
                (seen.file, seen.orientation, name),
            )

    def note_pixels(self, name: str, file: str, sha256: str) -> None:
        """Note the SHA-256 of the pixels of a file that was annotated, once they are decoded."""
        with closing(connect(self.path)) as connection:
            where = "WHERE name = ? AND file = ? AND sha256 IS NULL"
            connection.execute(f"UPDATE images SET sha256 = ? {where}", (sha256, name, file))

    def forget_file(self, name: str, file: str) -> None:
        """Take back which file was annotated: it turned out to be unreadable, and will be put right."""
        with closing(connect(self.path)) as connection:
            where = "WHERE name = ? AND file = ? AND sha256 IS NULL"
            connection.execute(f"UPDATE images SET file = NULL {where}", (name, file))

    def pixels_wanted(self, name: str) -> bool:
        """Say whether an image was annotated whose pixels have not been noted."""
        query = "SELECT 1 FROM images WHERE name = ? AND sha256 IS NULL"
        return self._reader().execute(query, (name,)).fetchone() is not None

    def file(self, name: str) -> str | None:
        """Give the SHA-256 of the file that was annotated under a name; None: it is not known."""
        found = self._reader().execute("SELECT file FROM images WHERE name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def size(self, name: str) -> tuple[int, int] | None:
        """Give height and width of an image as it was annotated; None: nobody has."""
        query = "SELECT height, width FROM images WHERE name = ?"
        found: tuple[int, int] | None = self._reader().execute(query, (name,)).fetchone()
        return found

    def close(self) -> None:
        """Store what waits, and end."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._writer.join()

    def _check(self) -> None:
        try:
            prepare(self.path)
            wrong = missing(self.path)
        except sqlite3.DatabaseError as error:
            wrong = str(error)
        if wrong:
            raise _damaged(self.path, wrong)

    def _reader(self) -> sqlite3.Connection:
        if not hasattr(self._reading, "connection"):
            self._reading.connection = connect(self.path)
            # Forty threads may read, each would keep 2 MB of a large store, and the system keeps its file.
            self._reading.connection.execute("PRAGMA cache_size = -256")
        connection: sqlite3.Connection = self._reading.connection
        return connection

    def _write(self) -> None:
        connection = connect(self.path)
        ended = False
        while not ended:
            waiting = [self._queue.get()]
            while len(waiting) < TOGETHER and not self._queue.empty():
                waiting.append(self._queue.get())
            ended = None in waiting
            commit(connection, [request for request in waiting if request is not None])
        connection.close()


def _damaged(path: Path, what: str) -> InputError:
    folder = shlex.quote(str(path.parent.parent))
    fix = f"Keep what can be read of it: pointillist annotate {folder} --rescue"
    if found := snapshots(path):
        fix += f"; or put the newest snapshot back: pointillist annotate {folder} --restore {found[0].name}"
    return InputError("the store of annotations must be whole", what, fix, path)
