"""A click that was acknowledged is stored once, whatever is killed, repeated or wrong."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import Future
from pathlib import Path

import pytest

from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.web.commit import RefusedError
from pointillist.web.events import Add, Redo, Undo, replay
from pointillist.web.store import Seen, Store


def click(sequence: int = 0, label: int = 1, row: float = 2.0) -> Add:
    return Add(id=str(uuid.uuid4()), sequence=sequence, mark=Points(label=label, at=((row, 3.0),)))


def back(of: Add) -> Undo:
    return Undo(id=str(uuid.uuid4()), sequence=1, of=of.id)


def again(of: Add) -> Redo:
    return Redo(id=str(uuid.uuid4()), sequence=2, of=of.id)


def test_events_come_back_in_order_and_tell_what_is_drawn(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "clicks.sqlite")
    first, second = click(0), click(1)
    assert store.append("a", "tab", [first, second]).result() == 2
    assert store.append("b", "tab", [click(2)]).result() == 3
    undo = back(first)
    assert store.append("a", "tab", [undo]).result() == 4
    assert store.events("a") == ([first, second, undo], 4)
    assert store.events("nobody clicked") == ([], 0)
    assert store.counts() == {"a": 1, "b": 1}
    store.close()
    reopened = Store(tmp_path / "new" / "clicks.sqlite")
    assert reopened.events("a") == ([first, second, undo], 4)
    reopened.close()


def test_a_mark_put_back_takes_its_old_place() -> None:
    one, two = click(0), click(1, label=0)
    state = replay([one, two, back(one)])
    assert list(state.marks) == [two.id]
    assert list(state.undone) == [one.id]
    assert list(replay([one, two, back(one), back(one), again(one)]).marks) == [one.id, two.id]
    assert list(replay([one, again(one), back(one), back(two)]).marks) == []


def test_what_is_counted_is_what_is_drawn_whatever_was_taken_and_put_back(tmp_path: Path) -> None:
    rng, store = random.Random(0), Store(tmp_path / "clicks.sqlite")
    drawn: dict[str, list[Add]] = {"a": [], "b": [], "c": []}
    for _ in range(60):
        name = rng.choice(list(drawn))
        mine = drawn[name]
        events: list[Add | Undo | Redo] = [rng.choice((back, again))(rng.choice(mine)) for _ in mine[:3]]
        mine.append(click())
        revision = store.append(name, "tab", [*events, mine[-1], *rng.sample(events, len(events))]).result()
        assert store.revision(name) == store.newest() == revision
        assert list(store.revisions(1)) == [name], "the last that was worked on"
        there = {one: len(replay(store.events(one)[0]).marks) for one in drawn}
        assert store.counts() == {one: count for one, count in there.items() if count}
        assert store.marks() == sum(there.values())
        assert store.revisions() == {one: store.events(one)[1] for one in drawn if drawn[one]}
    store.close()


def test_what_comes_again_is_stored_once(tmp_path: Path) -> None:
    """A client that got no answer sends again: also beside others' events, and in another order."""
    store = Store(tmp_path / "clicks.sqlite")
    events = [click(n) for n in range(20)]
    batches = [events[n : n + 5] for n in range(0, 20, 5)] * 3
    random.Random(0).shuffle(batches)
    answers: list[Future[int]] = [store.append("a", "tab", batch) for batch in batches]
    assert max(answer.result() for answer in answers) == 20
    assert sorted(event.id for event in store.events("a")[0]) == sorted(event.id for event in events)
    store.close()


def test_what_contradicts_the_store_is_refused_and_the_rest_of_a_commit_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "clicks.sqlite")
    known = click()
    store.append("a", "tab", [known]).result()
    wrong = {
        "only a mark of this image": [click(), back(click())],
        "an event's id must be its own": [
            known.model_copy(update={"mark": Points(label=0, at=((1.0, 1.0),))})
        ],
    }
    good = click()
    answers = {must: store.append("a", "tab", events) for must, events in wrong.items()}
    kept = store.append("a", "tab", [good])
    for must, answer in answers.items():
        with pytest.raises(RefusedError, match=must):
            answer.result()
    with pytest.raises(RefusedError, match="only a mark of this image"):
        store.append("b", "tab", [back(known)]).result()
    kept.result()
    assert store.events("a")[0] == [known, good]
    store.close()


def test_many_threads_write_and_read_without_a_lock_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "clicks.sqlite")
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for n in range(25):
                store.append(name, name, [click(n)]).result()
                assert len(store.events(name)[0]) == n + 1
                store.counts()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"image {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert store.counts() == {f"image {n}": 25 for n in range(8)}
    store.close()


CLICKER = """
import sys, uuid
from pathlib import Path
from pointillist.core.marks import Points
from pointillist.web.events import Add
from pointillist.web.store import Store
store = Store(Path(sys.argv[1]))
n = 0
while True:
    event = Add(id=str(uuid.uuid4()), sequence=n, mark=Points(label=1, at=((1.0, 1.0),)))
    store.append("a", "tab", [event]).result()
    print(event.id, flush=True)
    n += 1
"""


def test_f16_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for number in range(5):
        command = [sys.executable, "-c", CLICKER, str(tmp_path / "clicks.sqlite")]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        acknowledged.add(writer.stdout.readline().strip())
        time.sleep(0.05 * (number + 1))
        os.kill(writer.pid, signal.SIGKILL)
        # A line that the kill cut short was never acknowledged.
        acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
        writer.stdout.close()
        writer.wait()
    store = Store(tmp_path / "clicks.sqlite")
    stored = [event.id for event in store.events("a")[0]]
    store.close()
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    assert len(acknowledged) > 5


def test_an_image_that_was_replaced_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "clicks.sqlite")
    seen, other = Seen("f" * 64, 10, 20, 1), Seen("e" * 64, 10, 20, 1)

    def decoded() -> str:
        raise AssertionError("what is known by its file is not decoded")

    assert not store.pixels_wanted("a")
    store.remember("a", seen, decoded)
    assert store.pixels_wanted("a")
    store.remember("a", seen, decoded)
    assert store.size("a") == (10, 20)
    with pytest.raises(RefusedError, match="this must be the image that was annotated"):
        store.remember("a", other, lambda: "0" * 64)
    store.note_pixels("a", "e" * 64, "1" * 64)
    assert store.pixels_wanted("a"), "those of another file are not noted"
    store.note_pixels("a", "f" * 64, "0" * 64)
    assert not store.pixels_wanted("a")
    store.remember("a", other, lambda: "0" * 64)
    for wrong in (other, Seen("e" * 64, 20, 10, 1)):
        with pytest.raises(RefusedError, match="this must be the image that was annotated"):
            store.remember("a", wrong, lambda: "1" * 64)
    store.close()


def test_s25_only_the_owner_reads_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "own" / "clicks.sqlite")
    store.append("a", "tab", [click()]).result()
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "own").iterdir()} == {0}
    store.close()


def test_f18_f20_damaged_foreign_and_later_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "clicks.sqlite"
    store = Store(path)
    for n in range(200):
        store.append("a", "tab", [click(n)])
    store.append("a", "tab", [click(200)]).result()
    store.close()
    whole = path.read_bytes()
    for start in range(4096, len(whole), 8192):
        path.write_bytes(whole[:start] + os.urandom(4096) + whole[start + 4096 :])
        with pytest.raises(InputError, match="must be whole"):
            Store(path)
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match="must be whole"):
        Store(path)
    for pragma, match in (
        ("application_id = 7", "another database"),
        ("user_version = 9", "of a later version"),
    ):
        path.write_bytes(whole)
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA {pragma}")
        connection.close()
        with pytest.raises(InputError, match=match):
            Store(path)


def test_who_stops_waiting_for_the_disk_takes_nothing_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "clicks.sqlite")
    sent = [click(number) for number in range(50)]
    for answer in [store.append("a", "tab", [one]) for one in sent]:
        answer.cancel()
    assert store.append("a", "tab", [click(99)]).result(timeout=30) == 51
    assert store.events("a")[0][:50] == sent
    store.close()
