"""Classes are named, coloured and added on the page; marks keep theirs, and nothing drawn is lost."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from pointillist.web.store import Store
from tests.web.app import plain_folder, served
from tests.web.test_server import TAB, add, images, point, send

LESION = {"name": "lesion", "was": "foreground", "colour": "#ff8800"}
SKIN = {"name": "skin", "was": "background", "colour": "#000000"}
HAIR = {"name": "hair", "was": None, "colour": "#00ff00"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = plain_folder(tmp_path / "mine")
    (found / "pointillist.yaml").write_text("# Ours.\nclasses: [background, foreground]\n")
    return found


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with served(root) as found:
        yield found


def change(client: TestClient, *classes: dict[str, Any]) -> Any:
    return client.post("/api/classes", json={"classes": list(classes)})


def told(client: TestClient) -> list[tuple[str, str]]:
    return [(one["name"], one["colour"]) for one in client.get("/api/project").json()["classes"]]


def test_classes_are_renamed_coloured_and_added_and_marks_stay_on_theirs(
    client: TestClient, root: Path
) -> None:
    (image, *_) = images(client)
    send(client, image["id"], add(point(1, 2, 3)), add(point(0, 20, 30)))
    assert change(client, SKIN, LESION, HAIR).status_code == 200
    assert told(client) == [("skin", "#000000"), ("lesion", "#ff8800"), ("hair", "#00ff00")]
    (same, *_) = images(client)
    assert (same["id"], same["marks"]) == (image["id"], 2)
    assert send(client, image["id"], add(point(2, 9, 9))).status_code == 200
    late = {"client": TAB, "events": [{**add(point(1, 5, 5)), "called": "foreground"}]}
    assert client.post(f"/api/images/{image['id']}/events", json=late).status_code == 200, "a page of before"
    marks = client.get(f"/api/images/{image['id']}/marks").json()["marks"]
    assert [mark["mark"]["label"] for mark in marks] == [1, 0, 2, 1]
    assert client.get(f"/api/images/{image['id']}/overlay").status_code == 200
    assert (root / "pointillist.yaml").read_text().startswith("# Ours.\n")
    mole = {**LESION, "name": "mole", "was": "lesion"}
    assert change(client, {**SKIN, "was": "skin"}, mole, {**HAIR, "was": "hair"}).status_code == 200
    declared = yaml.safe_load((root / "pointillist.yaml").read_text())
    assert declared["renamed"] == {"background": "skin", "foreground": "mole", "lesion": "mole"}
    with served(root) as again:
        assert [name for name, _ in told(again)] == ["skin", "mole", "hair"]


def test_a_name_can_be_given_back(client: TestClient, root: Path) -> None:
    assert change(client, {**SKIN, "name": "background"}, LESION).status_code == 200
    back = {"name": "foreground", "was": "lesion", "colour": "#ff8800"}
    assert change(client, {**SKIN, "name": "background"}, back).status_code == 200
    assert yaml.safe_load((root / "pointillist.yaml").read_text())["renamed"] == {"lesion": "foreground"}


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((LESION, SKIN), "in their order"),
        ((SKIN, HAIR), "in their order"),
        ((SKIN, HAIR, LESION), "must come last"),
        ((SKIN, {**LESION, "name": "skin"}), "must differ"),
        (({**SKIN, "name": "foreground"}, {**LESION, "name": "background"}), "another's name of before"),
        ((SKIN, {**LESION, "name": ""}), "name"),
        ((SKIN, {**LESION, "name": "void"}), "must differ"),
        ((SKIN, {**LESION, "name": "a\nb"}), "name"),
        ((SKIN, {**LESION, "colour": "red"}), "colour"),
        ((SKIN, LESION, *({**HAIR, "name": f"h{n}"} for n in range(300))), "classes"),
    ],
)
def test_what_can_not_be_is_refused_in_words_and_changes_nothing(
    client: TestClient, root: Path, classes: tuple[dict[str, Any], ...], words: str
) -> None:
    before = (root / "pointillist.yaml").read_text()
    answer = change(client, *classes)
    assert answer.status_code in (409, 422)
    assert words in answer.json()["error"]
    assert (root / "pointillist.yaml").read_text() == before
    assert [name for name, _ in told(client)] == ["background", "foreground"]


def test_where_the_folder_can_not_take_it_all_is_as_before(client: TestClient, root: Path) -> None:
    """An annotation that someone puts there meanwhile, on a class that nobody knows."""
    (image, *_) = images(client)
    send(client, image["id"], add(point(1, 2, 3)))
    before = (root / "pointillist.yaml").read_text()
    (root / "annotations").mkdir()
    wrong = {"name": image["name"], "height": 1, "width": 1, "classes": ["x", "y"], "marks": []}
    path = root / "annotations" / f"{image['name']}.json"
    path.write_text(json.dumps(wrong))
    answer = change(client, SKIN, LESION)
    shutil.rmtree(root / "annotations")
    assert answer.status_code == 409
    assert (root / "pointillist.yaml").read_text() == before


def test_what_waits_for_the_disk_while_classes_change_is_answered(root: Path) -> None:
    store = Store(root / ".pointillist" / "annotations.sqlite")
    store.close()
    with pytest.raises(Exception, match="closed"):
        store.append("a", "tab", []).result(timeout=5)
