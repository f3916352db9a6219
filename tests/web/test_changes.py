"""Files that are added, moved or taken away while people annotate are seen when a page is loaded again."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pointillist.cli.annotate import _tell_skipped
from pointillist.web.project import Project
from pointillist.web.training import Training
from tests.web.app import plain_folder, served
from tests.web.test_server import add, point, send


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = plain_folder(tmp_path / "mine")
    for kind in ("masks", "regions"):
        shutil.rmtree(found / kind, ignore_errors=True)
    return found


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with served(root) as found:
        yield found


def described(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/project")
    assert answer.status_code == 200
    return dict(answer.json())


def images(client: TestClient) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in described(client)["images"]}


def first_file(root: Path) -> Path:
    return min((root / "images").iterdir())


def test_an_image_that_is_added_is_listed_and_takes_clicks(client: TestClient, root: Path) -> None:
    before = images(client)
    (name, *_) = before
    send(client, before[name]["id"], add(point(1, 2, 3)))
    shutil.copy(first_file(root), root / "images" / "patient99-0.png")
    after = images(client)
    assert set(after) == {*before, "patient99-0"}
    assert (after[name]["id"], after[name]["marks"]) == (before[name]["id"], 1)
    assert {after[name]["split"] == before[name]["split"] for name in before} == {True}
    assert send(client, after["patient99-0"]["id"], add(point(1, 2, 3))).status_code == 200
    assert images(client)["patient99-0"]["marks"] == 1


def test_an_annotation_that_is_added_is_taken_over(client: TestClient, root: Path, tmp_path: Path) -> None:
    (name, *_) = images(client)
    other = plain_folder(tmp_path / "other")
    with served(other) as elsewhere:
        send(elsewhere, images(elsewhere)[name]["id"], add(point(1, 2, 3)))
        elsewhere.post("/api/export", json={})
    (found,) = [path for path in other.rglob(f"{name}.json") if path.parent.name == "annotations"]
    (root / "annotations").mkdir()
    shutil.copy(found, root / "annotations" / found.name)
    assert images(client)[name]["marks"] == 1


def test_an_image_that_was_taken_away_is_named_and_keeps_its_marks(client: TestClient, root: Path) -> None:
    before = images(client)
    name = first_file(root).stem
    send(client, before[name]["id"], add(point(1, 2, 3)))
    aside = first_file(root).rename(root.parent / first_file(root).name)
    assert set(images(client)) == set(before) - {name}
    assert [one["name"] for one in described(client)["skipped"]] == [name]
    aside.rename(root / "images" / aside.name)
    assert images(client)[name]["marks"] == 1


def test_nothing_begins_anew_where_nothing_came_or_went(
    client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    opening = Project.__init__
    monkeypatch.setattr(Project, "__init__", lambda self, root: (opened.append(root), opening(self, root))[1])
    described(client)
    (root / "images" / "~lock.tmp").touch()
    described(client)
    assert opened == []
    shutil.copy(first_file(root), root / "images" / "patient99-0.png")
    described(client)
    described(client)
    assert opened == [root]


def test_a_training_goes_on_with_the_images_that_it_began_with(
    client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = images(client)
    with monkeypatch.context() as patch:
        patch.setattr(Training, "running", True)
        shutil.copy(first_file(root), root / "images" / "patient99-0.png")
        assert images(client).keys() == before.keys()
    assert "patient99-0" in images(client)


def test_files_that_can_t_be_used_leave_those_of_before(client: TestClient, root: Path) -> None:
    before = images(client)
    twin = root / "images" / f"{first_file(root).stem}.bmp"
    twin.touch()
    told = described(client)
    assert {one["name"] for one in told["images"]} == before.keys()
    assert "stems must differ" in told["notice"]
    assert str(root) not in told["notice"]
    (name, *_) = before
    assert send(client, before[name]["id"], add(point(1, 2, 3))).status_code == 200
    twin.unlink()
    assert described(client)["notice"] == ""


def test_an_annotation_that_can_t_be_taken_over_is_told_of_until_it_is_gone(
    client: TestClient, root: Path
) -> None:
    (name, *_), before = images(client), images(client)
    wrong = root / "annotations" / f"{name}.json"
    wrong.parent.mkdir()
    wrong.write_text("{}")
    for _ in range(2):
        found = described(client)
        assert f"{wrong.name}: " in found["notice"]
        assert str(root) not in found["notice"]
        assert {one["name"] for one in found["images"]} == before.keys()
        assert send(client, before[name]["id"], add(point(1, 2, 3))).status_code == 200
    wrong.unlink()
    assert described(client)["notice"] == ""
    assert images(client)[name]["marks"] == 2


def test_the_command_names_files_that_it_passes_over(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "images" / "IMG_0001.HEIC").touch()
    (root / "images" / "IMG_0002.HEIC").touch()
    project = Project(root)
    _tell_skipped(project)
    project.store.close()
    assert "2 files of no format that can be read: IMG_0001.HEIC, IMG_0002.HEIC." in capsys.readouterr().out
