"""How events come onto the disk: many requests in one transaction, each of them whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeAlias

from pointillist.core.errors import InputError
from pointillist.web.events import Add, Redo, Undo, View, target
from pointillist.web.schema import SUMMED, summed

VERSION = version("pointillist")
AnyEvent: TypeAlias = Add | Undo | Redo


class RefusedError(InputError):
    """An event contradicts what is there, and would again. The page keeps it until a person decides."""


class Request:
    """Events of one image that wait for the disk."""

    def __init__(self, image: str, client: str, events: tuple[AnyEvent, ...], answer: Future[int]) -> None:
        self.image, self.client, self.events, self.answer = image, client, events, answer


def commit(connection: sqlite3.Connection, requests: Sequence[Request]) -> None:
    """Store all that can be stored in one transaction; answer when it is on the disk."""
    outcomes: Sequence[int | Exception]
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_outcome(connection, request) for request in requests]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        outcomes = [error] * len(requests)
    for request, outcome in zip(requests, outcomes, strict=True):
        if isinstance(outcome, Exception):
            request.answer.set_exception(outcome)
        else:
            request.answer.set_result(outcome)


def _outcome(connection: sqlite3.Connection, request: Request) -> int | RefusedError:
    """Store all of a request's events, or none."""
    # Of one that is refused nothing is there yet. Each statement less counts: after each, a thread that
    # computes may keep Python to itself for a while.
    alone = len(request.events) == 1 and request.events[0].view is None
    try:
        with nullcontext() if alone else _all_or_none(connection):
            return _insert(connection, request)
    except RefusedError as error:
        return error


@contextmanager
def _all_or_none(connection: sqlite3.Connection) -> Iterator[None]:
    """Take back, within a transaction, what was stored before an event was refused."""
    connection.execute("SAVEPOINT request")
    try:
        yield
    except RefusedError:
        connection.execute("ROLLBACK TO request")
        connection.execute("RELEASE request")
        raise
    connection.execute("RELEASE request")


def _insert(connection: sqlite3.Connection, request: Request) -> int:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    last: int | None = None
    for event in request.events:
        body, about = event.model_dump_json(), target(event)
        if not isinstance(event, Add):
            query = "SELECT 1 FROM events WHERE id = ? AND image = ? AND kind = 'add'"
            if connection.execute(query, (about, request.image)).fetchone() is None:
                raise RefusedError("only a mark of this image can be taken back", f"none, {about}", _RELOAD)
        view = None if event.view is None else _number(connection, event.view)
        values = (event.id, request.image, about, event.kind, request.client, event.sequence, body, now)
        row = dict(zip(SUMMED, values, strict=True))
        added = connection.execute(_ADD, row | {"view": view, "sum": summed(values)})
        if added.rowcount:
            last = added.lastrowid
            continue
        old = connection.execute("SELECT image, body FROM events WHERE id = ?", (event.id,)).fetchone()
        if old != (request.image, body):
            raise RefusedError("an event's id must be its own", f"that of another, {event.id}", _RELOAD)
    return revision(connection, request.image) if last is None else last


def revision(connection: sqlite3.Connection, image: str) -> int:
    """Give the number of the last event of an image; 0: there are none."""
    found = connection.execute("SELECT last FROM heads WHERE image = ?", (image,)).fetchone()
    return 0 if found is None else int(found[0])


def _number(connection: sqlite3.Connection, view: View) -> int:
    """Store what a screen showed, once for all the marks that were drawn on it."""
    row = (view.model_dump_json(), VERSION)
    connection.execute("INSERT OR IGNORE INTO views (body, version) VALUES (?, ?)", row)
    found = connection.execute("SELECT number FROM views WHERE body = ? AND version = ?", row).fetchone()
    return int(found[0])


_RELOAD = "Reload the page."
_COLUMNS = (*SUMMED, "view", "sum")
_ADD = (
    f"INSERT INTO events ({', '.join(_COLUMNS)}) SELECT {', '.join(f':{name}' for name in _COLUMNS)} "
    "WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = :id)"
)
