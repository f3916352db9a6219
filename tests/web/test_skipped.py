"""What can't be shown, learnt or written keeps nobody from the rest, and is named in words."""

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from pointillist.core.marks import Dense, Mark, Points
from pointillist.datasets import Folder
from pointillist.web.events import Add
from pointillist.web.live import Live
from pointillist.web.project import Project
from pointillist.web.store import Store
from pointillist.web.training import News, Training
from tests.web.app import plain_folder, served

TAB = str(uuid.uuid4())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plain_folder(tmp_path / "mine")


def images(client: TestClient) -> dict[str, str]:
    return {one["name"]: one["id"] for one in client.get("/api/project").json()["images"]}


def points(label: int, row: float, col: float) -> Points:
    return Points(label=label, at=((row, col),))


def send(client: TestClient, key: str, *marks: Mark) -> Any:
    events = [
        {"kind": "add", "id": str(uuid.uuid4()), "sequence": 0, "mark": mark.model_dump(mode="json")}
        for mark in marks
    ]
    return client.post(f"/api/images/{key}/events", json={"client": TAB, "events": events})


def store_anyhow(root: Path, name: str, *marks: Mark) -> None:
    """Store marks that no server of today would take."""
    store = Store(root / ".pointillist" / "annotations.sqlite")
    store.append(name, TAB, [Add(id=uuid.uuid4().hex, sequence=0, mark=mark) for mark in marks]).result()
    store.close()


def wrong_map(root: Path, name: str) -> Dense:
    labels = np.full(Folder(root=root, size=None).read(name).image.shape[1:], 255, np.uint8)
    labels[1] = 9
    return Dense.from_map(labels)


@pytest.mark.parametrize("kind", ["points", "dense"])
def test_a_mark_on_no_class_blocks_its_image_alone(root: Path, kind: str) -> None:
    Project(root).store.close()
    bad, *good = Folder(root=root, size=None).names("train")[:3]
    store_anyhow(root, bad, points(3, 2, 2) if kind == "points" else wrong_map(root, bad))
    with served(root) as client:
        found = images(client)
        for name in good:
            assert send(client, found[name], points(0, 1, 1), points(1, 5, 5)).status_code == 200
        assert send(client, found[bad], points(1, 5, 5)).status_code == 200, "more may be drawn on it"
        assert client.get(f"/api/images/{found[good[0]]}/overlay").status_code == 200
        answer = client.get(f"/api/images/{found[bad]}/overlay")
        assert answer.status_code == 409
        told = client.post("/api/export", json={}).json()
        assert told["skipped"] == [bad]
        for words in (answer.json()["error"], told["why"][bad]):
            assert words.startswith(f"{bad}: ")
            assert not set("{}()<>") & set(words), "in words, not in Python's"
        if kind == "points":
            assert told["why"][bad] == (
                f"{bad}: every mark must be on one of the 2 classes, 0 to 1; got one on class 3. "
                "Take it back, or add the class that it is on to the end of classes in pointillist.yaml."
            )
        folder = Path(told["folder"])
        assert {path.stem for path in (folder / "annotations").iterdir()} == set(good)
        assert bad not in {path.stem for path in (folder / "masks").iterdir()}
        assert {path.stem for path in (folder / "masks").iterdir()} >= set(good)
        assert len(json.loads((folder / "marks.json").read_text())["annotations"]) == len(good)
        assert client.get(f"/api/images/{found[bad]}/thumbnail.webp").status_code == 200
        assert {one["name"] for one in client.get("/api/results").json()["images"]} == found.keys()


def test_a_training_leaves_it_out_and_says_so(root: Path) -> None:
    Project(root).store.close()
    bad, *good = Folder(root=root, size=None).names("train")[:3]
    store_anyhow(root, bad, points(3, 2, 2))
    for name in good:
        store_anyhow(root, name, points(0, 1, 1), points(1, 5, 5))
    project, told = Project(root), list[News]()
    training = Training(project, told.append)
    training.start()
    training.close()
    project.store.close()
    written = {path.stem for path in (project.home / "training-1" / "annotations").iterdir()}
    assert written == set(good)
    (notice,) = [one["message"] for one in told if one["type"] == "notice"]
    assert notice.startswith(f"Left out of the training: {bad}: every mark must be on one of the 2 classes")


def test_what_others_drew_is_learnt_beside_it(root: Path) -> None:
    Project(root).store.close()
    bad, good = Folder(root=root, size=None).names("train")[:2]
    store_anyhow(root, bad, points(3, 2, 2))
    store_anyhow(root, good, points(0, 1, 1), points(1, 5, 5))
    project = Project(root)
    live = Live(project)
    try:
        assert live.segment(good) is not None
    finally:
        live.close()
        project.store.close()
