"""What can't be shown, learnt or written keeps nobody from the rest, and is named in words."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from pointillist.core.annotation import read_annotation
from pointillist.core.marks import Dense, Mark, Points
from pointillist.datasets import Folder
from pointillist.train.feed import steps_per_epoch
from pointillist.train.store import read_run
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
        assert [one["name"] for one in told["skipped"]] == [bad]
        for words in (answer.json()["error"], told["skipped"][0]["why"]):
            assert "class" in words
            assert not set("{}()<>") & set(words), "in words, not in Python's"
        if kind == "points":
            assert told["skipped"][0]["why"] == (
                "every mark must be on one of the 2 classes, 0 to 1; got one on class 3. "
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


def test_a_training_is_of_the_annotated_images_alone_and_none_that_is_torn_ends_it(root: Path) -> None:
    torn, bare, *good = Folder(root=root, size=None).names("train")[:4]
    with served(root) as client:
        found = images(client)
        for name in (torn, *good):
            assert send(client, found[name], points(0, 1, 1), points(1, 5, 5)).status_code == 200
    file_of(root, torn).write_bytes(b"no image")
    file_of(root, bare).write_bytes(b"no image either")
    project, told = Project(root), list[News]()
    training = Training(project, told.append)
    training.start()
    written, deadline = project.home / "training-1" / "run" / "run.json", time.monotonic() + 60
    while not written.is_file():
        assert training.running, told
        assert time.monotonic() < deadline
        time.sleep(0.1)
    training.close()
    project.store.close()
    (notice,) = [one["message"] for one in told if one["type"] == "notice"]
    assert notice.startswith(f"Left out of the training: {torn}: an image must be")
    run = read_run(written.parent)
    assert run.data.names("train") == tuple(good)
    assert run.data.names("val") == ()
    assert run.epochs * steps_per_epoch(run, len(good)) >= Folder.fewest_steps


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


def file_of(root: Path, name: str) -> Path:
    return Folder(root=root, size=None).item(name).image


def test_an_export_leaves_nothing_of_an_image_that_has_left_but_its_marks(root: Path) -> None:
    marked, bare, other, *_ = Folder(root=root, size=None).names("train")
    with served(root) as client:
        found = images(client)
        for name in (marked, other):
            assert send(client, found[name], points(0, 2, 3), points(1, 20, 30)).status_code == 200
        told = client.post("/api/export", json={}).json()
        assert told["masks"] == len(found)
        folder = Path(told["folder"])

    def written() -> dict[str, set[str]]:
        return {kind: {path.stem for path in (folder / kind).iterdir()} for kind in (*kinds, "annotations")}

    kinds = ("masks", "overlays", "geojson")
    before = written()
    (folder / "masks" / "mine.png").write_bytes(b"of someone")
    for name in (marked, bare):
        for path in root.glob(f"*/{name}.*"):
            path.unlink()
    with served(root) as client:
        client.post("/api/export", json={}).raise_for_status()
        zipped = ZipFile(BytesIO(client.get("/api/export.zip").content))
    left = found.keys() - {marked, bare}
    assert written() == {
        **{kind: before[kind] & left for kind in kinds},
        "masks": left | {"mine"},
        "annotations": {marked, other},
    }
    assert sum(name.startswith("export/masks/") for name in zipped.namelist()) == len(left) + 1


def test_f19_marks_on_an_image_that_is_gone_are_told_of_and_exported(root: Path) -> None:
    gone, back, *_ = Folder(root=root, size=None).names("train")
    with served(root) as client:
        found = images(client)
        assert client.get("/api/project").json()["skipped"] == []
        mark = points(1, 2, 3)
        assert send(client, found[gone], mark).status_code == 200
        event = {"kind": "add", "id": str(uuid.uuid4()), "sequence": 0, "mark": mark.model_dump(mode="json")}
        undo = {"kind": "undo", "id": str(uuid.uuid4()), "sequence": 1, "of": event["id"]}
        for one, exported in ((event, 2), (undo, 1)):
            body = {"client": TAB, "events": [one]}
            assert client.post(f"/api/images/{found[back]}/events", json=body).status_code == 200
            folder = Path(client.post("/api/export", json={}).json()["folder"])
            assert len(list((folder / "annotations").iterdir())) == exported, "none of what was taken back"
    before = read_annotation(folder / "annotations" / f"{gone}.json")
    file_of(root, gone).rename(root / "elsewhere")
    for path in (root / "masks").glob(f"{gone}.*"):
        path.unlink()
    project = Project(root)
    project.store.close()
    assert project.missing == (gone,)
    with served(root) as client:
        why = "its file is no longer there; its marks are kept. Put it back under this name."
        assert client.get("/api/project").json()["skipped"] == [{"name": gone, "why": why}]
        (folder / "annotations" / f"{gone}.json").unlink()
        told = client.post("/api/export", json={}).json()
        assert told["skipped"] == [{"name": gone, "why": why}]
        assert read_annotation(folder / "annotations" / f"{gone}.json") == before
        assert [row["image"] for row in csv.DictReader((folder / "marks.csv").read_text().splitlines())] == [
            gone
        ]
        assert [one["name"] for one in json.loads((folder / "marks.json").read_text())["annotations"]] == [
            gone
        ]


def test_images_that_can_not_be_shown_are_told_with_why(root: Path) -> None:
    names = Folder(root=root, size=None).names("train")
    file_of(root, names[0]).write_bytes(b"")
    file_of(root, names[1]).write_bytes(b"no picture")
    with served(root) as client:
        told = client.get("/api/project").json()
        assert {one["name"] for one in told["skipped"]} == set(names[:2])
        assert not {one["name"] for one in told["images"]} & set(names[:2])
        assert all(str(root) not in one["why"] and one["why"].endswith(".") for one in told["skipped"])


def test_a_name_of_a_foreign_store_leads_nowhere(root: Path) -> None:
    Project(root).store.close()
    store_anyhow(root, "../../away", points(1, 2, 2))
    project = Project(root)
    project.store.close()
    assert project.missing == ()


def test_f19_a_click_while_the_images_are_away_is_told_so_and_stored_when_they_are_back(root: Path) -> None:
    with served(root) as client:
        (key, *_) = images(client).values()
        (root / "images").rename(root / "away")
        for _ in range(2):
            answer = send(client, key, points(1, 2, 3))
            assert answer.status_code == 409, "the page keeps the click"
            assert "an image must be a readable regular file" in answer.json()["error"]
            assert str(root) not in answer.json()["error"]
        assert client.get(f"/api/images/{key}/tiles/0/0_0.png").status_code == 409
        (root / "away").rename(root / "images")
        assert send(client, key, points(1, 2, 3)).status_code == 200
        assert client.get(f"/api/images/{key}/size").status_code == 200


def test_f19_a_file_that_is_replaced_is_shown_and_learnt_anew_and_takes_no_click_on_the_one_before(
    root: Path,
) -> None:
    name, other, *_ = Folder(root=root, size=None).names("train")
    path = file_of(root, name)
    with served(root) as client:
        key = images(client)[name]

        def seen() -> tuple[Any, bytes, bytes]:
            tile = client.get(f"/api/images/{key}/tiles/5/0_0.png").content
            small = client.get(f"/api/images/{key}/thumbnail.webp").content
            return client.get(f"/api/images/{key}/size").json(), tile, small

        def add(file: str) -> Any:
            mark = {"kind": "points", "label": 1, "at": [[2.0, 3.0]], "radius": 0.0}
            event = {"kind": "add", "id": uuid.uuid4().hex, "sequence": 0, "mark": mark, "file": file}
            return client.post(f"/api/images/{key}/events", json={"client": TAB, "events": [event]})

        before = seen()
        with Image.open(path) as image:
            mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        mirrored.save(path)
        after = seen()
        assert all(one != another for one, another in zip(before, after, strict=True))
        answer = add(before[0]["file"])
        assert answer.status_code == 422
        assert "one that was put in its place since" in answer.json()["error"]
        os.utime(path)
        assert seen()[0] == after[0], "touched, it is the same"
        assert add(after[0]["file"]).status_code == 200
        path.write_bytes(file_of(root, other).read_bytes())
        refused = client.get(f"/api/images/{key}/size")
        assert refused.status_code == 409, "what is drawn on is not shown on another image"
        assert "must be the image that was annotated under its name" in refused.json()["error"]


def test_a_click_while_a_file_is_torn_does_not_hold_the_whole_one_for_another_image(root: Path) -> None:
    names = Folder(root=root, size=None).names("train")
    path = file_of(root, names[0])
    whole = path.read_bytes()
    with served(root) as client:
        key = images(client)[names[0]]
        assert client.get(f"/api/images/{key}/size").status_code == 200
        path.write_bytes(whole[: len(whole) // 2])
        assert send(client, key, points(1, 2, 3)).status_code == 200
        deadline = time.monotonic() + 30
        while any(thread.name == "pixels" for thread in threading.enumerate()):
            assert time.monotonic() < deadline, "its pixels are still being noted"
            time.sleep(0.05)
    path.write_bytes(whole)
    with served(root) as client:
        assert send(client, key, points(1, 4, 5)).status_code == 200
        assert {one["name"]: one["marks"] for one in client.get("/api/project").json()["images"]}[
            names[0]
        ] == 2


def test_it_is_told_on_the_terminal(root: Path) -> None:
    names = Folder(root=root, size=None).names("train")
    Project(root).store.close()
    store_anyhow(root, "gone", points(1, 2, 2))
    file_of(root, names[0]).write_bytes(b"")
    command = [sys.executable, "-m", "pointillist", "annotate", str(root), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(4)]
        server.send_signal(signal.SIGINT)
        assert server.wait(30) in (0, 130)
    assert said[2].startswith(f"1 image can't be read: {names[0]}. 'pointillist data check ")
    assert said[3].startswith("1 image with marks can't be found: gone. The marks are kept")
