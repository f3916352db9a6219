"""A project with many annotated images answers at once, and learns from all of them soon."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pointillist.core.known import Known
from pointillist.core.marks import Box, Points
from pointillist.core.shapes import IGNORE
from pointillist.data.draw import write_picture
from pointillist.propagate import FeatureForest
from pointillist.web import looks
from pointillist.web.events import Add
from pointillist.web.fewer import fewer
from pointillist.web.live import Live
from pointillist.web.looks import Looks, Seen, boxed
from pointillist.web.project import Project
from tests.web.app import plain_folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(plain_folder(tmp_path / "mine"))
    yield found
    found.store.close()


def draw(project: Project, names: list[str]) -> None:
    for name in names:
        for number in range(2):
            mark = Points(label=number, at=((10.0, 5.0 + 20 * number),))
            event = Add(id=uuid.uuid4().hex, sequence=number, mark=mark)
            project.store.append(name, "tab", [event]).result()


class Slow(Looks):
    """Takes its time over each image, as over a large one."""

    def _see(self, name: str) -> Seen:
        time.sleep(looks.READING_S)
        return super()._see(name)


def test_an_answer_waits_for_the_image_that_is_looked_at_and_the_others_come_later(project: Project) -> None:
    names = list(project.splits)
    draw(project, names)
    some = Slow(project, FeatureForest(classifier="extra-trees", side=64))
    first = some.reads(names[2])
    assert list(first) == [names[2]], "the others would take too long"
    read = set(first)
    while (name := some.catch_up()) is not None:
        assert name not in read, "each once"
        read.add(name)
    assert some.reads(names[2]).keys() == read == set(names)
    assert some.catch_up() is None


def test_an_image_that_can_not_be_read_is_not_tried_for_ever(project: Project) -> None:
    names = list(project.splits)
    draw(project, names)
    project.data.item(names[1]).image.write_bytes(b"torn")
    some = Looks(project, FeatureForest(classifier="extra-trees", side=64))
    caught = [some.catch_up() for _ in names]
    assert set(caught) == set(names)
    assert some.catch_up() is None
    assert some.reads(names[0]).keys() == set(names) - {names[1]}


def test_only_the_images_that_were_worked_on_last_teach(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LEARNT", 3)
    names = list(project.splits)
    draw(project, names)
    some = Looks(project, FeatureForest(classifier="extra-trees", side=64))
    assert list(some.teaching()) == names[:-4:-1], "the last first"
    while some.catch_up() is not None:
        pass
    assert some.reads(names[-1]).keys() == set(names[-3:])
    assert some.reads(names[0]).keys() == {names[0], *names[-3:]}, "and the one that is looked at"


def rows(*counts: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    return np.arange(len(labels), dtype=np.float32)[:, None], labels


def test_too_many_pixels_become_as_many_of_each_class_of_every_image() -> None:
    images = [rows(30, 40), rows(100, 2), rows(0, 50), rows(7, 100), rows(0, 0)]
    taken = fewer(images, 150)
    counts = [np.bincount(labels, minlength=2).tolist() for _, labels in taken]
    assert counts[0] == [30, 40], "of the first all"
    assert counts[1:] == [[23, 2], [0, 23], [7, 23], [0, 0]]
    assert sum(map(sum, counts)) <= 150
    for (found, labels), (all_found, all_labels) in zip(taken, images, strict=True):
        assert np.array_equal(labels, all_labels[found[:, 0].astype(int)]), "each with its own label"
        assert len(np.unique(found)) == len(found)
        assert len(all_found) >= len(found)
    assert 20 < float(taken[1][0][:23].mean()) < 80, "from all over what there is"


def test_all_pixels_are_learnt_where_there_are_few_and_one_of_each_class_where_there_are_too_many() -> None:
    images = [rows(3, 4), rows(5, 2)]
    assert all(found is given for found, given in zip(fewer(images, 14), images, strict=True))
    assert [len(labels) for _, labels in fewer(images, 1)] == [7, 2]


def box_known(labels: dict[tuple[int, int], int]) -> Known:
    known = Known.nothing(3, 30, 40)
    outside = np.zeros((30, 40), np.uint8)
    outside[5:25, 10:30] = IGNORE
    for place, label in labels.items():
        outside[place] = label
    return replace(known, labels=outside, boxes=np.array([[2, 5, 10, 25, 30]]))


def test_the_middle_of_a_box_is_its_object_until_a_mark_says_otherwise() -> None:
    guessed = boxed(box_known({(15, 19): 2})).labels
    assert 0.3 < (guessed[5:25, 10:30] == 2).mean() < 0.5, "half of its ellipse"
    assert guessed[15, 19] == 2
    assert (guessed[:5] == 0).all()
    assert guessed[6, 11] == IGNORE, "of its corners nothing is known"
    assert (boxed(box_known({(15, 19): 0})).labels == 2).sum() == 0, "of a ring the middle is not of it"
    assert (boxed(box_known({(6, 11): 0})).labels == 2).sum() > 100, "a mark in a corner says nothing of it"


def test_a_box_alone_shows_its_object(tmp_path: Path) -> None:
    root = tmp_path / "disc"
    rows, cols = np.mgrid[:90, :120]
    for number in range(2):
        disc = np.hypot(rows - 45, cols - 60 - 10 * number) < 25
        picture = np.where(disc[..., None], [150, 60, 50], [200, 190, 180]).astype(np.uint8)
        write_picture(root / "images" / f"{number}.png", picture)
    project = Project(root)
    mark = Box(label=1, top=20, left=35, bottom=71, right=86)
    project.store.append("0", "tab", [Add(id=uuid.uuid4().hex, sequence=0, mark=mark)]).result()
    live = Live(project)
    found = live.segment("0")
    assert found is not None
    disc = np.hypot(rows - 45, cols - 60) < 25
    both = 2 * ((found.labels == 1) & disc).sum() / ((found.labels == 1).sum() + disc.sum())
    assert both > 0.9
    live.close()
    project.store.close()
