"""A store of an earlier version becomes one of this, whatever kills it on its way."""

import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.web.commit import VERSION
from pointillist.web.events import Add, View
from pointillist.web.schema import APPLICATION, SCHEMA
from pointillist.web.store import Seen, Store

# As version 1 wrote it: never to be changed.
FIRST = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, image TEXT NOT NULL,
    target TEXT NOT NULL, kind TEXT NOT NULL, client TEXT NOT NULL, sequence INTEGER NOT NULL,
    body TEXT NOT NULL, at TEXT NOT NULL) STRICT;
CREATE INDEX events_of_image ON events (image, number);
CREATE INDEX events_of_target ON events (target, number);
CREATE TABLE images (
    name TEXT PRIMARY KEY, sha256 TEXT NOT NULL,
    height INTEGER NOT NULL, width INTEGER NOT NULL) STRICT;
CREATE TABLE project (id TEXT NOT NULL) STRICT;
INSERT INTO project VALUES ('the first');
INSERT INTO images VALUES ('a', 'pixels', 10, 20);
"""
VIEW = View(viewport=(800, 600.5), density=1.25, scale=3.5, origin=(-12.25, 4))


def click(number: int, view: View | None = None) -> Add:
    name = str(uuid.UUID(int=number + 1))
    return Add(id=name, sequence=number, mark=Points(label=1, at=((2.0, 3.0),)), view=view)


def old_store(path: Path) -> list[Add]:
    """Write a store as version 1 did."""
    sent = [click(number) for number in range(30)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(FIRST)
        for event in sent:
            body = (
                f'{{"id":"{event.id}","sequence":{event.sequence},"kind":"add","mark":'
                '{"kind":"points","label":1,"at":[[2.0,3.0]],"radius":0.0}}'
            )
            row = (event.id, "a", event.id, "add", "tab", event.sequence, body, "2026-01-01T00:00:00.000")
            columns = "id, image, target, kind, client, sequence, body, at"
            connection.execute(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
    return sent


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_f20_a_store_of_version_1_is_brought_up_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "clicks.sqlite"
    sent = old_store(path)
    store = Store(path)
    assert version(path) == SCHEMA
    assert store.project == "the first"
    assert store.events("a") == (sent, 30)
    assert (store.counts(), store.revisions()) == ({"a": 30}, {"a": 30})
    assert store.append("a", "tab", sent).result() == 30, "what is sent again is known by its old words"
    store.remember("a", Seen("file", 10, 20, 6), lambda: "pixels")
    store.append("a", "tab", [click(30, VIEW)]).result()
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM images").fetchall() == [("a", "pixels", 10, 20, "file", 6)]
        assert connection.execute("SELECT view FROM events").fetchall() == [(None,)] * 30 + [(1,)]


DYING = """
import os, sqlite3, sys
from pathlib import Path
from pointillist.web.schema import prepare

class Dying(sqlite3.Connection):
    left = 0
    def execute(self, *given):
        found = super().execute(*given)
        Dying.left -= 1
        if Dying.left == 0:
            os._exit(9)
        return found

connect = sqlite3.connect
sqlite3.connect = lambda *given, **more: connect(*given, **more, factory=Dying)
for after, path in enumerate(sys.argv[1:], 1):
    child = os.fork()
    if child == 0:
        Dying.left = after
        prepare(Path(path))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_f20_an_upgrade_that_is_killed_after_any_statement_loses_nothing(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.sqlite" for number in range(32)]
    (sent, *_) = [old_store(path) for path in paths]
    command = [sys.executable, "-c", DYING, *map(str, paths)]
    codes = [int(code) for code in subprocess.run(command, capture_output=True, check=True).stdout.split()]
    assert set(codes) == {9, 0}, "killed after every statement that there is"
    assert {version(path) for path in paths} == {1, SCHEMA}
    for path in paths:
        store = Store(path)
        assert store.events("a") == (sent, 30)
        assert version(path) == SCHEMA
        store.close()


def test_f20_an_earlier_version_says_that_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path / "clicks.sqlite").close()
    monkeypatch.setattr("pointillist.web.schema.SCHEMA", 1)
    with pytest.raises(InputError, match=f"got {SCHEMA}, of a later version. Update Pointillist"):
        Store(tmp_path / "clicks.sqlite")


def test_g02_what_was_on_the_screen_is_kept_beside_the_event_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "clicks.sqlite")
    store.append("a", "tab", [click(0, VIEW), click(1, VIEW), click(2)]).result()
    assert store.append("a", "tab", [click(0), click(1, VIEW)]).result() == 3, "the same events"
    assert store.events("a")[0] == [click(0), click(1), click(2)]
    store.close()
    with closing(sqlite3.connect(tmp_path / "clicks.sqlite")) as connection:
        query = "SELECT events.number, views.body, version FROM events JOIN views ON view = views.number"
        said = VIEW.model_dump_json()
        assert connection.execute(query).fetchall() == [(1, said, VERSION), (2, said, VERSION)]
