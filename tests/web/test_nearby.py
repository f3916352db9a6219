"""What an image's own labels say of the pixels around them: from the first clicks on, and where it helps."""

from pathlib import Path

import numpy as np
import pytest

from pointillist.annotate import next_clicks
from pointillist.core.known import Known
from pointillist.core.marks import Points
from pointillist.core.shapes import MaskArray
from pointillist.data.draw import draw_image, write_picture
from pointillist.datasets import Synthetic
from pointillist.web.events import Add
from pointillist.web.live import Live
from pointillist.web.nearby import breadth, mixed
from pointillist.web.project import Project


def known(labels: list[int], classes: int = 2) -> Known:
    return Known.from_labels(np.array([labels], np.uint8), classes)


def dice(labels: MaskArray, truth: MaskArray) -> float:
    return 2 * float(((labels == 1) & (truth == 1)).sum()) / float((labels == 1).sum() + (truth == 1).sum())


def test_one_click_on_each_class_shows_the_object(tmp_path: Path) -> None:
    shown = []
    for number, sample in enumerate(Synthetic(size=(240, 320), train=8).samples("train")):
        home = tmp_path / str(number)
        write_picture(home / "images" / "a.png", draw_image(sample.image))
        project = Project(home)
        live = Live(project)
        truth = sample.truth()
        clicks = [*next_clicks(truth, np.zeros_like(truth), 1), *next_clicks(truth, np.ones_like(truth), 1)]
        marks = [Points(label=label, at=((float(row), float(col)),)) for label, row, col in clicks]
        events = [Add(id=f"{i:032x}", sequence=i, mark=mark) for i, mark in enumerate(marks)]
        live.note(project.store.append("a", "tab", events).result())
        found = live.segment("a")
        live.close()
        project.store.close()
        assert found is not None
        shown.append(dice(found.labels, truth))
    assert min(shown) > 0.7
    assert np.mean(shown) > 0.84, "what the classifier learnt from two pixels alone gives .78"


def test_vessels_are_left_to_the_classifier_once_a_few_labels_tell() -> None:
    assert breadth([(2, None)]) == 1, "two labels tell nothing"
    assert breadth([(4, 0.3)]) < breadth([(4, 0.9)]) < 1
    assert breadth([(8, 0.5), (8, 0.5)]) == 0
    assert breadth([(8, 0.95), (8, 1.0), (1000, 0.9)]) > 0.9


def test_where_the_image_says_nothing_or_is_not_trusted_all_is_as_it_was_taught() -> None:
    taught = np.array([[[0.3, 0.6]], [[0.7, 0.4]]], np.float32)
    labels = known([0, 1])
    np.testing.assert_allclose(mixed(taught, np.zeros_like(taught), labels, 1.0, others=True), taught)
    sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    np.testing.assert_allclose(mixed(taught, sure, labels, 0.0, others=False), taught)
    np.testing.assert_allclose(mixed(taught, sure, labels, 1.0, others=False), (taught + sure) / 2)


@pytest.mark.parametrize("others", [False, True])
def test_few_labels_count_less_beside_what_other_images_taught(others: bool) -> None:
    taught = np.array([[[0.0, 0.5]], [[1.0, 0.5]]], np.float32)
    sure = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    one = mixed(taught, sure, known([0, 1, 255, 255]), 1.0, others)[0, 0, 0]
    many = mixed(taught, sure, known([0, 0, 0, 0, 1, 1, 1, 1]), 1.0, others)[0, 0, 0]
    assert many == pytest.approx(0.5)
    assert one == pytest.approx(0.2 if others else 0.5)


def test_a_class_that_is_not_labelled_here_stays_as_it_was_taught() -> None:
    taught = np.array([[[0.2, 0.1]], [[0.2, 0.1]], [[0.6, 0.8]]], np.float32)
    nearby = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]], np.float32)
    found = mixed(taught, nearby, known([0, 1], classes=3), 1.0, others=False)
    np.testing.assert_allclose(found[2], taught[2])
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    assert found[0, 0, 0] > found[1, 0, 0]
