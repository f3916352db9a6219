"""What goes wrong around a server while it runs, and costs no mark."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointillist.core.errors import InputError
from pointillist.core.marks import Points
from pointillist.web.events import Add
from pointillist.web.project import Project
from pointillist.web.store import Store
from tests.web.app import plain_folder, served
from tests.web.test_security import click


def rows(root: Path) -> int:
    with closing(sqlite3.connect(root / ".pointillist" / "annotations.sqlite")) as store:
        return int(store.execute("SELECT COUNT(*) FROM events").fetchone()[0])


def test_f19_images_that_go_away_while_the_server_runs_cost_no_mark(tmp_path: Path) -> None:
    root = plain_folder(tmp_path / "mine")
    with served(root) as client:
        first, second, *_ = client.get("/api/project").json()["images"]
        assert click(client, first["id"], 1, 1, 1).status_code == 200
        (root / "images").rename(tmp_path / "unmounted")
        told = client.get(f"/api/images/{first['id']}/marks")
        assert [one["mark"]["label"] for one in told.json()["marks"]] == [1]
        # Whose pixels were never seen can't be vouched for: the page keeps the click and says so.
        assert click(client, second["id"], 1, 1, 1).status_code in (409, 422)
        assert client.get(f"/api/images/{second['id']}/tiles/0/0_0.png").status_code == 409
        assert rows(root) == 1
        (tmp_path / "unmounted").rename(root / "images")
        assert click(client, second["id"], 1, 1, 1).status_code == 200
    (root / "images").rename(tmp_path / "unmounted")
    with pytest.raises(InputError):
        Project(root)
    (tmp_path / "unmounted").rename(root / "images")
    with served(root) as client:
        counts = {image["id"]: image["marks"] for image in client.get("/api/project").json()["images"]}
        assert counts[first["id"]] == counts[second["id"]] == 1
    assert rows(root) == 2


NOON = datetime(2026, 10, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "jump", [timedelta(days=-1), timedelta(hours=-1), timedelta(days=3650)], ids=["a day", "DST", "ahead"]
)
def test_f21_the_order_is_that_of_the_store_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    class Clock(datetime):
        times: Iterator[datetime] = iter([NOON, NOON + jump, NOON, NOON + 2 * jump])

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return next(cls.times)

    monkeypatch.setattr("pointillist.web.commit.datetime", Clock)
    store = Store(tmp_path / "clicks.sqlite")
    sent = [
        Add(id=f"{n:032x}", sequence=n, mark=Points(label=n % 2, at=((1.0, float(n)),))) for n in range(4)
    ]
    for number, event in enumerate(sent):
        assert store.append("a", "tab", [event]).result() == number + 1
    assert store.events("a") == (sent, 4)
    store.close()
    with closing(sqlite3.connect(tmp_path / "clicks.sqlite")) as connection:
        times = [at for (at,) in connection.execute("SELECT at FROM events ORDER BY number")]
    assert times != sorted(times), "the clock did jump"
