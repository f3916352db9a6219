"""Marks keep their classes, whatever becomes of the list of classes."""

import csv
import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from pointillist.core.annotation import Annotation, read_annotation, write_annotation
from pointillist.core.errors import InputError
from pointillist.core.marks import Dense, Mark, Points, Scribble
from pointillist.core.rng import numpy_rng
from pointillist.web.project import Project
from tests.web.app import served

TAB = str(uuid.uuid4())
BEFORE = ("skin", "lesion", "hair", "ruler")


def declare(root: Path, *classes: str, **more: Any) -> None:
    (root / "pointillist.yaml").write_text(json.dumps({"classes": classes, **more}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "images").mkdir(parents=True)
    for name in "abc":
        pixels = numpy_rng(0, name).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
    declare(root, *BEFORE)
    return root


def keys(client: TestClient) -> dict[str, str]:
    return {one["name"]: one["id"] for one in client.get("/api/project").json()["images"]}


def add(label: int, row: float = 2.0, **more: Any) -> dict[str, Any]:
    mark = Points(label=label, at=((row, 3.0),)).model_dump(mode="json")
    return {"kind": "add", "id": str(uuid.uuid4()), "sequence": 0, "mark": mark, **more}


def send(client: TestClient, image: str, *events: dict[str, Any]) -> Any:
    body = {"client": TAB, "events": list(events)}
    return client.post(f"/api/images/{keys(client)[image]}/events", json=body)


def labels(client: TestClient, image: str) -> list[int]:
    told = client.get(f"/api/images/{keys(client)[image]}/marks").json()
    return [one["mark"]["label"] for one in told["marks"]]


def stored(root: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(root / ".pointillist" / "annotations.sqlite")) as store:
        return store.execute("SELECT * FROM events ORDER BY number").fetchall()


@pytest.mark.parametrize(
    "after",
    [("hair", "skin", "ruler", "lesion"), ("skin", "nevus", "lesion", "hair", "ruler"), BEFORE[::-1]],
    ids=str,
)
def test_l10_marks_keep_their_classes_when_these_are_reordered_or_more(
    root: Path, after: tuple[str, ...]
) -> None:
    sent = [add(label, 2.0 + 3 * label) for label in (1, 2, 0, 3)]
    with served(root) as client:
        assert send(client, "a", *sent).status_code == 200
    before = stored(root)
    declare(root, *after)
    with served(root) as client:
        assert [after[label] for label in labels(client, "a")] == ["lesion", "hair", "skin", "ruler"]
        assert stored(root) == before, "events are only ever added to"
        again = [{**one, "called": BEFORE[one["mark"]["label"]]} for one in sent]
        assert send(client, "a", *again).status_code == 200, "what a page sends again is known"
        assert stored(root) == before
        assert send(client, "b", add(after.index("hair"))).status_code == 200
        folder = Path(client.post("/api/export", json={}).json()["folder"])
        key = keys(client)["a"]
        revision = client.get(f"/api/images/{key}/marks").json()["revision"]
        overlay = client.get(f"/api/images/{key}/overlay", params={"after": revision})
        assert overlay.status_code == 200
        shown = np.array(Image.open(Path(folder) / "masks" / "a.png"))
    for one in sent:
        ((row, col),) = one["mark"]["at"]
        assert after[shown[int(row), int(col)]] == BEFORE[one["mark"]["label"]]
    exported = read_annotation(folder / "annotations" / "a.json")
    assert [exported.classes[mark.label] for mark in exported.marks if not isinstance(mark, Dense)] == [
        "lesion",
        "hair",
        "skin",
        "ruler",
    ]
    rows = list(csv.DictReader((folder / "marks.csv").read_text().splitlines()))
    assert [row["class"] for row in rows] == ["lesion", "hair", "skin", "ruler", "hair"]
    declare(root, *BEFORE, "nevus")
    with served(root) as client:
        assert [BEFORE[label] for label in labels(client, "a") + labels(client, "b")] == [
            "lesion",
            "hair",
            "skin",
            "ruler",
            "hair",
        ]


def test_l10_a_class_with_marks_that_has_gone_is_refused_in_words(root: Path) -> None:
    with served(root) as client:
        send(client, "a", add(1), add(1), add(2))
        send(client, "b", add(1))
    before = stored(root)
    declare(root, "skin", "hair", "ruler", "melanoma")
    with pytest.raises(
        InputError, match=r"none called 'lesion', with 3 marks on 2 images. Restore .*renamed: {lesion: NEW"
    ):
        Project(root)
    assert stored(root) == before
    declare(root, "skin", "hair", "ruler", "melanoma", renamed={"lesion": "melanoma"})
    for _ in range(2):
        with served(root) as client:
            assert labels(client, "a") == [3, 3, 1]
    declare(root, "melanoma", "hair", "skin", "ruler")
    with served(root) as client:
        assert labels(client, "a") == [0, 0, 1], "said once, a new name is known"


def test_a_class_that_nobody_drew_may_go(root: Path) -> None:
    kept, back = add(2), add(1)
    with served(root) as client:
        undo = {"kind": "undo", "id": str(uuid.uuid4()), "sequence": 1, "of": back["id"]}
        assert send(client, "a", back, kept, undo).status_code == 200
    declare(root, "skin", "hair")
    with served(root) as client:
        told = client.get(f"/api/images/{keys(client)['a']}/marks").json()
        assert [one["mark"]["label"] for one in told["marks"]] == [1]
        assert told["undone"] == [], "what is on a class that has gone is not offered"
        redo = {"kind": "redo", "id": str(uuid.uuid4()), "sequence": 2, "of": back["id"]}
        assert "a class that has gone" in send(client, "a", redo).json()["error"]
    declare(root, "skin", "lesion", "hair")
    with served(root) as client:
        assert send(client, "a", redo).status_code == 200
        assert labels(client, "a") == [1, 2]


def test_l10_a_page_that_knows_other_classes_sends_by_name(root: Path) -> None:
    declare(root, "skin", "hair", "lesion")
    with served(root) as client:
        assert send(client, "a", add(1, called="lesion")).status_code == 200
        assert send(client, "a", add(3, called="hair")).status_code == 200
        assert labels(client, "a") == [2, 1]
        answer = send(client, "a", add(2, called="ruler"))
        assert answer.status_code == 422, "the page keeps it, and sends the others"
        assert "must be on one of the project's classes; got one on 'ruler'" in answer.json()["error"]
        assert labels(client, "a") == [2, 1]
    declare(root, "skin", "hair", "lesion", "scale", renamed={"ruler": "scale"})
    with served(root) as client:
        assert send(client, "a", add(2, called="ruler")).status_code == 200
        assert labels(client, "a") == [2, 1, 3]


def test_label_maps_keep_their_classes_too(root: Path) -> None:
    drawn = np.full((24, 32), 255, np.uint8)
    drawn[3], drawn[5], drawn[7] = 1, 2, 0
    marks: tuple[Mark, ...] = (Dense.from_map(drawn), Scribble(label=3, path=((9.0, 1.0), (9.0, 30.0))))
    old = Annotation(name="a", height=24, width=32, classes=BEFORE, marks=marks)
    write_annotation(root / "annotations" / "a.json", old)
    Project(root).store.close()
    before = stored(root)
    assert len(before) == 2
    after = ("skin", "ruler", "nevus", "hair", "lesion")
    declare(root, *after)
    project = Project(root)
    found = project.annotation("a")
    project.store.close()
    assert found is not None
    dense, scribble = found.marks
    assert isinstance(dense, Dense)
    assert isinstance(scribble, Scribble)
    shown = dense.to_map()
    assert [after[shown[row, 0]] for row in (3, 5, 7)] == ["lesion", "hair", "skin"]
    assert after[scribble.label] == "ruler"
    assert (shown == 255).sum() == (drawn == 255).sum()
    assert stored(root) == before, "the file beside the image was taken over already"
    declare(root, "skin", "nevus")
    with pytest.raises(
        InputError, match=r"'lesion', with 1 mark on 1 image; none called 'hair', .*; none called 'ruler'"
    ):
        Project(root)


def test_a_store_of_before_takes_its_labels_for_the_declared_order(root: Path) -> None:
    with served(root) as client:
        send(client, "a", add(2))
    with closing(sqlite3.connect(root / ".pointillist" / "annotations.sqlite")) as store:
        for statement in ("TABLE classes", "TABLE heads", "TRIGGER events_counted"):
            store.execute(f"DROP {statement}")
        store.execute("ALTER TABLE events DROP COLUMN sum")
        store.execute("PRAGMA user_version = 2")
        store.commit()
    Project(root).store.close()
    declare(root, "skin", "hair", "lesion", "ruler")
    with served(root) as client:
        assert labels(client, "a") == [1]
