"""The store's copies: taken while it is written, kept by their age, put back by one command."""

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.web import snapshot
from pointillist.web.events import Add
from pointillist.web.store import Store
from tests.cli.command import pointillist
from tests.web.app import plain_folder

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def clicks(count: int) -> list[Add]:
    mark = Points(label=1, at=((2.0, 3.0),))
    return [Add(id=str(uuid.uuid4()), sequence=number, mark=mark) for number in range(count)]


def filled(home: Path) -> tuple[Path, list[Add]]:
    """Make a store whose first 300 events a snapshot has, and ten more."""
    path = home / "annotations.sqlite"
    store = Store(path)
    sent = clicks(310)
    store.append("a", "tab", sent[:300]).result()
    assert snapshot.take(path, NOON) == home / "snapshots" / "annotations-20260504T1200.sqlite"
    store.append("a", "tab", sent[300:]).result()
    store.close()
    return path, sent


def test_f18_a_snapshot_is_whole_private_and_taken_only_when_something_is_new(home: Path) -> None:
    path, _ = filled(home)
    (taken,) = snapshot.snapshots(path)
    assert snapshot.last(taken) == 300
    assert taken.stat().st_mode & 0o077 == 0
    assert taken.parent.stat().st_mode & 0o077 == 0
    assert list(taken.parent.iterdir()) == [taken], "one file, and nothing left over"
    later = snapshot.take(path, NOON + timedelta(hours=1))
    assert later is not None
    assert snapshot.last(later) == 310
    assert snapshot.take(path, NOON + timedelta(hours=2)) is None
    assert snapshot.snapshots(path) == [later, taken]


def test_f18_the_latest_24_stay_and_one_of_each_day_for_30_days(home: Path) -> None:
    path = home / "annotations.sqlite"
    store = Store(path)
    begin = NOON - timedelta(days=60)
    for number in range(61 * 4):
        store.append("a", "tab", clicks(1)).result()
        snapshot.take(path, begin + timedelta(hours=6 * number))
    store.close()
    names = [taken.name for taken in snapshot.snapshots(path)]
    assert names[:24] == [
        (begin + timedelta(hours=6 * (243 - back))).strftime("annotations-%Y%m%dT%H%M.sqlite")
        for back in range(24)
    ]
    days = [name[12:20] for name in names]
    assert len(set(days)) == 30
    assert len(names) == 24 + 30 - len(set(days[:24]))


def damage(path: Path, kind: str, rng: random.Random) -> None:
    whole = path.read_bytes()
    if kind == "page":
        start = 4096 * rng.randrange(len(whole) // 4096)
        path.write_bytes(whole[:start] + rng.randbytes(4096) + whole[start + 4096 :])
    elif kind == "zeros":
        start = 4096 * rng.randrange(len(whole) // 4096)
        path.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
    else:
        path.write_bytes(whole[: rng.randrange(len(whole))])


@pytest.mark.parametrize("kind", ["page", "zeros", "cut"])
def test_f18_a_damaged_store_is_told_and_one_command_brings_it_back(home: Path, kind: str) -> None:
    path, sent = filled(home)
    whole, rng = path.read_bytes(), random.Random(kind)
    for number in range(14):
        for part in ("-wal", "-shm"):
            Path(f"{path}{part}").unlink(missing_ok=True)
        path.write_bytes(whole)
        damage(path, kind, rng)
        broken = path.read_bytes()
        with pytest.raises(InputError, match="must be whole") as told:
            Store(path)
        (command,) = re.findall(r"pointillist annotate (\S+ --restore \S+)$", str(told.value))
        folder, _, name = command.split()
        assert (Path(folder), name) == (home.parent, "annotations-20260504T1200.sqlite")
        aside = snapshot.restore(path, snapshot.snapshots(path)[0], NOON + timedelta(seconds=number))
        assert aside.read_bytes() == broken
        store = Store(path)
        assert store.events("a") == (sent[:300], 300)
        store.append("a", "tab", sent[300:]).result()
        store.close()


def test_f18_a_deleted_log_is_told_where_a_snapshot_knows_more(home: Path, tmp_path: Path) -> None:
    path, sent = home / "annotations.sqlite", clicks(300)
    store = Store(path)
    store.append("a", "tab", sent[:100]).result()
    snapshot.take(path, NOON)
    store.append("a", "tab", sent[100:]).result()
    early = path.read_bytes()
    assert snapshot.take(path, NOON + timedelta(hours=1)) is not None
    store.close()
    # As a power cut leaves it, and someone who tidies up.
    path.write_bytes(early)
    with pytest.raises(InputError, match="got 100 events, where a snapshot has 300"):
        Store(path)
    snapshot.restore(path, snapshot.snapshots(path)[0], NOON)
    store = Store(path)
    assert store.events("a") == (sent, 300)
    store.close()


def test_f18_an_older_snapshot_may_be_put_back(home: Path) -> None:
    path, sent = filled(home)
    newer = snapshot.take(path, NOON + timedelta(hours=1))
    assert newer is not None
    snapshot.restore(path, snapshot.snapshots(path)[1], NOON)
    store = Store(path)
    assert store.events("a") == (sent[:300], 300)
    store.close()
    assert snapshot.last(newer.with_name(f"aside-{newer.name}")) == 310, "nothing is deleted"


def test_f18_a_damaged_snapshot_is_refused_and_the_store_stays(home: Path) -> None:
    path, sent = filled(home)
    (taken,) = snapshot.snapshots(path)
    taken.write_bytes(taken.read_bytes()[:9000])
    with pytest.raises(InputError, match="the snapshot must be whole"):
        snapshot.restore(path, taken, NOON)
    store = Store(path)
    assert store.events("a") == (sent, 310)
    store.close()


def test_f18_a_damaged_store_takes_no_snapshots_place(home: Path) -> None:
    path, _ = filled(home)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(sqlite3.DatabaseError):
        snapshot.take(path, NOON + timedelta(hours=1))
    (taken,) = snapshot.snapshots(path)
    assert snapshot.last(taken) == 300
    assert list(taken.parent.iterdir()) == [taken]


def test_f18_the_command_lists_and_restores_but_not_below_a_server(home: Path) -> None:
    root = plain_folder(home.parent)
    path, sent = filled(home)
    os.utime(snapshot.snapshots(path)[0], (0, 0))
    command = [sys.executable, "-m", "pointillist", "annotate", str(root), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        said = pointillist("annotate", root, "--restore", "list")
        assert "annotations-20260504T1200.sqlite  300 events" in said.out
        said = pointillist("annotate", root, "--restore", "annotations-20260504T1200.sqlite")
        assert said.code == 2
        assert "no server may use the store" in " ".join(said.err.split())
        while len(snapshot.snapshots(path)) < 2:  # Its last snapshot was old.
            time.sleep(0.1)
        os.kill(server.pid, signal.SIGKILL)
    assert [snapshot.last(taken) for taken in snapshot.snapshots(path)] == [310, 300]
    said = pointillist("annotate", root, "--restore", "yesterday")
    assert said.code == 2
    assert "annotations-20260504T1200.sqlite 300 events" in " ".join(said.err.split())
    said = pointillist("annotate", root, "--restore", "annotations-20260504T1200.sqlite")
    assert said.code == 0, said
    store = Store(path)
    assert store.events("a") == (sent[:300], 300)
    store.close()
    (aside,) = home.glob("annotations-aside-*.sqlite")
    shutil.rmtree(home / "snapshots")
    os.replace(aside, path)
    store = Store(path)
    assert store.events("a") == (sent, 310), "what was put aside is whole"
    store.close()
