"""What is kept of a damaged store: a snapshot's events, and all that can be read since."""

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.web.events import Add, Undo
from pointillist.web.rescue import rescue
from pointillist.web.snapshot import snapshots
from pointillist.web.store import Store
from tests.cli.command import pointillist
from tests.web.test_snapshot import NOON, clicks, damage, filled

PAGE = 4096


def closed_log(path: Path) -> None:
    """Bring the log into the file, as after an hour's work."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def long_store(home: Path) -> tuple[Path, list[Add]]:
    path, sent = home / "annotations.sqlite", clicks(3000)
    store = Store(path)
    store.append("a", "tab", sent).result()
    store.close()
    closed_log(path)
    return path, sent


def those(sent: list[Add], found: list[Add]) -> list[Add]:
    """Give those of the sent events, in their order, whose ids were found."""
    ids = {event.id for event in found}
    return [event for event in sent if event.id in ids]


def read_back(path: Path) -> list[Add]:
    store = Store(path)
    found, _ = store.events("a")
    store.close()
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["page", "zeros", "cut"])
def test_f18_a_rescue_never_gives_less_than_the_snapshot_and_never_a_false_event(
    home: Path, kind: str
) -> None:
    path, sent = filled(home)
    closed_log(path)
    whole, rng = path.read_bytes(), random.Random(kind)
    brought = 0
    for number in range(14):
        path.write_bytes(whole)
        damage(path, kind, rng)
        broken = path.read_bytes()
        done = rescue(path, NOON + timedelta(seconds=number))
        assert done.copied == 300
        assert done.aside.read_bytes() == broken
        found = read_back(path)
        assert len(found) == 300 + done.read
        assert those(sent, found) == found
        brought += done.read
    # The latest events lie at the end, which a cut takes.
    assert kind == "cut" or brought > 0, "what was drawn since comes back where its page is whole"


def pages_of(whole: bytes, kind: int) -> list[int]:
    """List the file's pages that hold rows (13) or the numbers of such pages (5); not the first page."""
    return [number for number in range(1, len(whole) // PAGE) if whole[PAGE * number] == kind]


def without(path: Path, whole: bytes, page: int) -> None:
    path.write_bytes(whole[: PAGE * page] + bytes(PAGE) + whole[PAGE * (page + 1) :])


def test_f18_without_a_snapshot_all_comes_back_but_what_lay_on_the_lost_page(home: Path) -> None:
    path, sent = long_store(home)
    whole = path.read_bytes()
    rows = pages_of(whole, 13)
    lost = []
    for number, page in enumerate((*rows[-1:], *random.Random(0).sample(rows, 12))):
        without(path, whole, page)
        with pytest.raises(InputError, match="--rescue"):
            Store(path)
        done = rescue(path, NOON + timedelta(seconds=number))
        found = read_back(path)
        assert (done.copied, done.read) == (0, len(found))
        assert those(sent, found) == found
        lost.append(len(sent) - len(found))
    assert max(lost) < 30
    assert sum(lost) > 0


@pytest.mark.parametrize("lost", ["root", "first", "both"])
def test_f18_without_a_snapshot_all_comes_back_though_nothing_leads_to_it(home: Path, lost: str) -> None:
    path, sent = long_store(home)
    (root,) = pages_of(path.read_bytes(), 5)
    for page in {"root": (root,), "first": (0,), "both": (0, root)}[lost]:
        without(path, path.read_bytes(), page)
    with pytest.raises(InputError, match="--rescue"):
        Store(path)
    done = rescue(path, NOON)
    assert (done.read, done.gaps) == (3000, 0)
    assert not [entry for entry in home.iterdir() if entry.is_dir()], "nothing to work in is left"
    assert read_back(path) == sent


def test_f18_words_of_sqlite_that_are_no_text_are_words_of_damage(home: Path) -> None:
    path, sent = long_store(home)
    whole = path.read_bytes()
    broken = whole.replace(b"events_of_target", b"events\xee\xff\xfe\xff\xee\xfftarg", 1)
    assert broken != whole
    path.write_bytes(broken)
    with pytest.raises(InputError, match="--rescue"):
        Store(path)
    rescue(path, NOON)
    assert read_back(path) == sent


def test_f18_of_a_file_that_was_cut_in_half_the_first_half_comes_back(home: Path) -> None:
    path, sent = long_store(home)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    done = rescue(path, NOON)
    assert done.read > 1000
    found = read_back(path)
    assert those(sent, found) == found


def test_f18_where_nothing_can_be_read_the_store_stays_and_words_say_so(home: Path) -> None:
    path, _ = long_store(home)
    whole = path.read_bytes()
    broken = whole[:PAGE] + random.Random(2).randbytes(len(whole) - PAGE)
    path.write_bytes(broken)
    with pytest.raises(InputError, match="some event must be readable"):
        rescue(path, NOON)
    assert path.read_bytes() == broken
    assert {entry.name for entry in home.iterdir()} <= {path.name, ".holder", ".lock"}


CHANGES = {
    "place": "body = replace(body, '[[2.0,3.0]]', '[[2.0,7.0]]')",
    "image": "image = 'b'",
    "author": "client = 'other'",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("number", "spoilt"), [(305, {"store"}), (120, {"snapshot"}), (120, {"store", "snapshot"})]
)
def test_f18_what_the_disk_changed_inside_an_event_is_noticed_and_put_right_where_it_can(
    home: Path, change: str, number: int, spoilt: set[str]
) -> None:
    path, sent = filled(home)
    (copy,) = snapshots(path)
    for name, file in (("store", path), ("snapshot", copy)):
        if name in spoilt:
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                connection.execute(f"UPDATE events SET {change} WHERE number = {number}")
    store = Store(path)
    if lost := "store" in spoilt:
        with pytest.raises(InputError, match=f"event {number}, which is no longer as it was stored"):
            store.events("b" if "image" in change else "a")
    store.close()
    assert rescue(path, NOON).gaps == lost
    assert read_back(path) == [event for event in sent if not lost or event != sent[number - 1]]
    store = Store(path)
    assert store.counts() == {"a": 310 - lost}
    store.close()


def test_f18_what_takes_back_a_lost_mark_is_not_read(home: Path) -> None:
    path, sent = long_store(home)
    store = Store(path)
    undone = [Undo(id=f"{number:032x}", sequence=9000 + number, of=sent[number].id) for number in range(3000)]
    store.append("a", "tab", undone).result()
    store.close()
    closed_log(path)
    whole = path.read_bytes()
    for number, page in enumerate(random.Random(1).sample(pages_of(whole, 13), 5)):
        without(path, whole, page)
        rescue(path, NOON + timedelta(seconds=number))
        found = read_back(path)
        drawn = {event.id for event in found if event.kind == "add"}
        assert {event.of for event in found if event.kind == "undo"} <= drawn  # type: ignore[attr-defined]
        assert 5800 < len(found) < 6000


def test_f18_what_the_log_alone_has_is_read_too(home: Path, tmp_path: Path) -> None:
    path, sent = home / "annotations.sqlite", clicks(700)
    store = Store(path)
    store.append("a", "tab", sent[:600]).result()
    closed_log(path)
    store.append("a", "tab", sent[600:]).result()
    copy = tmp_path / "copy" / path.name
    copy.parent.mkdir()
    for part in ("", "-wal"):
        shutil.copy2(f"{path}{part}", f"{copy}{part}")
    store.close()
    whole = copy.read_bytes()
    without(copy, whole, pages_of(whole, 13)[8])
    done = rescue(copy, NOON)
    found = read_back(copy)
    assert 650 < len(found) == done.read < 700
    assert found[-100:] == sent[600:]


def test_f18_a_page_that_waits_for_its_server_knows_the_rescued_project(home: Path) -> None:
    path, _ = long_store(home)
    before = Store(path)
    project = before.project
    before.append("b", "tab", [Add(id="b" * 32, sequence=1, mark=Points(label=0, at=((1.0, 1.0),)))]).result()
    before.close()
    closed_log(path)
    whole = path.read_bytes()
    without(path, whole, pages_of(whole, 13)[20])
    rescue(path, NOON)
    after = Store(path)
    assert after.project == project
    assert after.append("b", "tab", clicks(1)).result() == 3002, "numbers go on where they were"
    after.close()


def test_f18_the_command_rescues_and_says_what_it_kept(home: Path) -> None:
    path, _ = filled(home)
    closed_log(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-PAGE])
    said = pointillist("annotate", home.parent, "--rescue", "--restore", "list")
    assert said.code == 2
    said = pointillist("annotate", home.parent, "--rescue")
    assert said.code == 0, said
    told = " ".join(said.out.split())
    assert "300 of the newest snapshot" in told
    assert "What was there is kept" in told
    assert len(read_back(path)) >= 300
    said = pointillist("annotate", home.parent / "elsewhere", "--rescue")
    assert said.code == 2
    assert "must find a store" in " ".join(said.err.split())
