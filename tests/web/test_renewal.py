"""A project is opened anew while people work: what they see and what they draw goes on, whatever happens."""

import errno
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from PIL import Image

from pointillist.data.declaration import Declaration, read_declaration
from pointillist.web.export import Exported
from tests.web.app import plain_folder, served, until
from tests.web.test_declare import HAIR, LESION, SKIN, change, told
from tests.web.test_server import add, images, point, send

SAME = {**SKIN, "name": "background"}, {**LESION, "name": "foreground"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = plain_folder(tmp_path / "mine")
    (found / "pointillist.yaml").write_text("classes: [background, foreground]\n")
    return found


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with served(root) as found:
        yield found


def described(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/project")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def heard(client: TestClient, lines: list[str]) -> threading.Thread:
    """Listen as a page does, until the server lets go."""

    def listen() -> None:
        with client.stream("GET", "/api/stream") as stream:
            for line in stream.iter_lines():
                lines.append(line)
                if "renewed" in line:
                    lines.extend(name for name, _ in told(client))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    until(lambda: any("generation" in line for line in lines))
    return thread


def test_who_hears_that_the_project_is_another_finds_the_new_one_and_listens_to_it(
    client: TestClient,
) -> None:
    before, lines, again = described(client)["generation"], list[str](), list[str]()
    listening = heard(client, lines)
    assert change(client, *SAME, HAIR).status_code == 200
    listening.join(10)
    assert not listening.is_alive(), "a page that went on to listen here would hear nothing more"
    assert [line for line in lines if line][-1] == "hair", "the new classes are there when they are told of"
    listening = heard(client, again)
    now = described(client)["generation"]
    assert now != before
    assert f'"generation": "{now}"' in again[2]
    image, *_ = images(client)
    send(client, image["id"], add(point(2, 1, 1)))
    until(lambda: any('"marks"' in line for line in again))
    assert change(client, *SAME, {**HAIR, "was": "hair", "name": "vessel"}).status_code == 200
    listening.join(10)


def writers() -> set[threading.Thread]:
    """Give the threads that write stores, those of other tests' among them."""
    return {thread for thread in threading.enumerate() if thread.name == "store"}


def failures() -> list[Exception]:
    return [
        OSError(errno.ENOSPC, "No space left on device", "/home/someone/secret"),
        sqlite3.OperationalError("disk I/O error"),
        RuntimeError("/home/someone/secret"),
    ]


@pytest.mark.parametrize("wrong", failures(), ids=lambda error: type(error).__name__)
def test_where_the_project_can_not_be_opened_anew_all_goes_on_and_the_next_look_tries_again(
    client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    before, stores = images(client), writers()
    picture = min((root / "images").iterdir())
    (root / "images" / "patient99-0.png").write_bytes(picture.read_bytes())

    def fail(*_: object) -> None:
        raise wrong

    with monkeypatch.context() as patch:
        patch.setattr("pointillist.web.project.take_over", fail)
        for _ in range(2):
            found = described(client)
            assert [one["id"] for one in found["images"]] == [one["id"] for one in before]
            assert "what was before is shown" in found["notice"]
            assert "secret" not in found["notice"]
            assert send(client, before[0]["id"], add(point(1, 2, 3))).status_code == 200
        assert writers() <= stores, "nothing is left half open"
    found = described(client)
    assert found["notice"] == ""
    assert {one["name"]: one["marks"] for one in found["images"]} == {
        **{one["name"]: 0 for one in before},
        before[0]["name"]: 2,
        "patient99-0": 0,
    }


def test_a_page_that_loads_itself_lets_nobody_look_for_other_files(client: TestClient, root: Path) -> None:
    before, picture = images(client), min((root / "images").iterdir())
    (root / "images" / "patient99-0.png").write_bytes(picture.read_bytes())
    itself = client.get("/api/project?look=false")
    assert [one["id"] for one in itself.json()["images"]] == [one["id"] for one in before]
    assert len(images(client)) == len(before) + 1


def test_who_looks_while_the_project_is_opened_anew_waits_for_nothing(
    client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, end = threading.Event(), threading.Event()

    def slowly(*_: object) -> None:
        begun.set()
        assert end.wait(60)

    before, picture = images(client), min((root / "images").iterdir())
    (root / "images" / "patient99-0.png").write_bytes(picture.read_bytes())
    monkeypatch.setattr("pointillist.web.project.take_over", slowly)
    with ThreadPoolExecutor(1) as others:
        first = others.submit(images, client)
        assert begun.wait(30)
        try:
            assert images(client) == before
            assert send(client, before[0]["id"], add(point(1, 2, 3))).status_code == 200
        finally:
            end.set()
        assert len(first.result()) == len(images(client)) == len(before) + 1


@pytest.mark.parametrize("wrong", failures()[:2], ids=lambda error: type(error).__name__)
def test_classes_that_a_full_disk_does_not_take_are_as_before_in_the_file_and_in_the_store(
    client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    image, *_ = images(client)
    send(client, image["id"], add(point(1, 2, 3)))
    before = (root / "pointillist.yaml").read_text()

    def fail(*_: object) -> None:
        raise wrong

    with monkeypatch.context() as patch:
        patch.setattr("pointillist.web.project.take_over", fail)
        assert change(client, SKIN, LESION, HAIR).status_code == 503
    assert (root / "pointillist.yaml").read_text() == before
    assert send(client, image["id"], add(point(1, 5, 5))).status_code == 200
    with served(root) as again:
        assert [name for name, _ in told(again)] == ["background", "foreground"]
        assert images(again)[0]["marks"] == 2


def test_of_two_people_who_change_classes_at_once_one_is_told_to_look_again(
    client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = read_declaration

    def slowly(root: Path) -> Declaration:
        found = reading(root)
        time.sleep(0.2)
        return found

    monkeypatch.setattr("pointillist.web.declare.read_declaration", slowly)
    wanted = [(*SAME, {**HAIR, "name": name}) for name in ("vessel", "nucleus")]
    with ThreadPoolExecutor(2) as people:
        answers = list(people.map(lambda classes: change(client, *classes), wanted))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    taken = "vessel" if answers[0].status_code == 200 else "nucleus"
    assert "changed meanwhile" in next(one for one in answers if one.status_code == 409).json()["error"]
    assert [name for name, _ in told(client)] == ["background", "foreground", taken]


def test_one_export_is_written_at_a_time_and_no_click_waits_for_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, end = threading.Event(), threading.Event()

    def export(*_: object) -> Exported:
        begun.set()
        assert end.wait(60)
        return Exported(3, 0, {})

    monkeypatch.setattr("pointillist.web.exporter.export", export)
    image, *_ = images(client)
    with ThreadPoolExecutor(1) as others:
        first = others.submit(client.post, "/api/export", json={})
        assert begun.wait(30)
        try:
            for _ in range(40):  # More than there are threads.
                answer = client.post("/api/export", json={})
                assert (answer.status_code, "one export" in answer.text) == (409, True)
            assert send(client, image["id"], add(point(1, 2, 3))).status_code == 200
            assert change(client, SKIN, LESION).status_code == 409, "it would be of neither"
        finally:
            end.set()
        assert first.result().status_code == 200
    assert client.post("/api/export", json={}).status_code == 200


def test_a_declaration_that_is_edited_by_hand_is_seen_when_the_page_is_loaded(
    client: TestClient, root: Path
) -> None:
    before, declared = described(client)["generation"], root / "pointillist.yaml"
    declared.write_text("classes: [background, foreground, hair]\n")
    assert change(client, *SAME).status_code == 409
    assert [name for name, _ in told(client)] == ["background", "foreground", "hair"]
    assert described(client)["generation"] != before
    assert change(client, SKIN, LESION, {**HAIR, "was": "hair"}).status_code == 200
    image, *_ = images(client)
    send(client, image["id"], add(point(2, 1, 1)))
    right = declared.read_text()
    for wrong in ("classes: [", "classes: [skin, lesion]"):
        declared.write_text(wrong)
        found = described(client)
        assert [one["name"] for one in found["classes"]] == ["skin", "lesion", "hair"]
        assert "pointillist.yaml: " in found["notice"]
        assert str(root) not in found["notice"]
        assert send(client, image["id"], add(point(2, 3, 3))).status_code == 200
    declared.write_text(right)
    assert described(client)["notice"] == ""


def test_a_label_map_that_can_t_be_used_is_named_and_keeps_nobody_from_working(
    client: TestClient, root: Path
) -> None:
    before, (_, image, *_) = images(client), images(client)
    wrong = root / "labels" / f"{image['name']}.png"
    wrong.parent.mkdir()
    labels = np.full((image["height"], image["width"]), 7, np.uint8)
    Image.fromarray(labels).save(wrong)
    for _ in range(2):
        found = described(client)
        assert [one["id"] for one in found["images"]] == [one["id"] for one in before]
        assert f"{wrong.name}: a mask must hold only" in found["notice"]
        assert send(client, image["id"], add(point(1, 1, 1))).status_code == 200
    labels[:], labels[0] = 255, 1
    Image.fromarray(labels).save(wrong)
    found = described(client)
    assert found["notice"] == ""
    assert {one["name"]: one["marks"] for one in found["images"]}[image["name"]] == 3


def test_a_new_class_takes_no_name_by_which_pages_may_still_send(client: TestClient, root: Path) -> None:
    assert change(client, SAME[0], LESION).status_code == 200
    lesion = {**LESION, "was": "lesion"}
    answer = change(client, SAME[0] | {"was": "background"}, lesion, {**HAIR, "name": "foreground"})
    assert answer.status_code == 409
    assert "another's name of before" in answer.json()["error"]
    assert yaml.safe_load((root / "pointillist.yaml").read_text())["classes"] == ["background", "lesion"]
